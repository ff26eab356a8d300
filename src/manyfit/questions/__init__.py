"""Questions, one file each: they plan populations, read their runs, and state a result with its uncertainty."""

from manyfit.questions._base import INTERRUPTED as INTERRUPTED
from manyfit.questions._base import Fit as Fit
from manyfit.questions._base import Interrupted as Interrupted
from manyfit.questions._base import Question as Question
from manyfit.questions._base import Rounds as Rounds
from manyfit.questions._base import ask as ask
from manyfit.questions._base import question as question
from manyfit.questions._base import registry as registry
from manyfit.questions._measure import Measure as Measure
from manyfit.questions._measure import OfLoss as OfLoss
from manyfit.questions._measure import OfMetric as OfMetric
from manyfit.questions._measure import measure_for as measure_for
from manyfit.questions._measure import said as said
from manyfit.questions._recipe import default_recipe as default_recipe
from manyfit.questions._rows import ArrayRows as ArrayRows
from manyfit.questions._rows import GivenRows as GivenRows
from manyfit.questions._rows import RowSource as RowSource
from manyfit.questions._rows import Split as Split
from manyfit.questions._rows import TableRows as TableRows
from manyfit.questions._task import Replicate as Replicate
from manyfit.questions._task import Task as Task
from manyfit.registry import discover

discover(__name__, __path__)
