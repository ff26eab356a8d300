"""Questions, one file each: they plan populations, read their runs, and state a result with its uncertainty.

The folders hold what a question is made of: `_frame` is under all, each other one serves the questions that it is named for.
"""

from manyfit.questions._diagnosis.also import again_lines as again_lines
from manyfit.questions._diagnosis.also import also_lines as also_lines
from manyfit.questions._diagnosis.also import also_table as also_table
from manyfit.questions._diagnosis.also import has_number as has_number
from manyfit.questions._frame.base import INTERRUPTED as INTERRUPTED
from manyfit.questions._frame.base import Fit as Fit
from manyfit.questions._frame.base import Interrupted as Interrupted
from manyfit.questions._frame.base import Question as Question
from manyfit.questions._frame.base import Rounds as Rounds
from manyfit.questions._frame.base import ask as ask
from manyfit.questions._frame.base import question as question
from manyfit.questions._frame.base import registry as registry
from manyfit.questions._frame.given import GivenRows as GivenRows
from manyfit.questions._frame.measure import Measure as Measure
from manyfit.questions._frame.measure import OfLoss as OfLoss
from manyfit.questions._frame.measure import OfMetric as OfMetric
from manyfit.questions._frame.measure import measure_for as measure_for
from manyfit.questions._frame.measure import said as said
from manyfit.questions._frame.recipe import default_recipe as default_recipe
from manyfit.questions._frame.rows import ArrayRows as ArrayRows
from manyfit.questions._frame.rows import RowSource as RowSource
from manyfit.questions._frame.rows import Split as Split
from manyfit.questions._frame.rows import TableRows as TableRows
from manyfit.questions._frame.task import Replicate as Replicate
from manyfit.questions._frame.task import Task as Task
from manyfit.questions._frame.words import interval_text as interval_text
from manyfit.registry import discover

discover(__name__, __path__)
