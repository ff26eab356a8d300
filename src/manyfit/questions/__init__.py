"""Questions, one file each: they plan populations, read their runs, and state a result with its uncertainty."""

from manyfit.questions._base import Question as Question
from manyfit.questions._base import Split as Split
from manyfit.questions._base import Task as Task
from manyfit.questions._base import ask as ask
from manyfit.questions._base import question as question
from manyfit.questions._base import registry as registry
from manyfit.registry import discover

discover(__name__, __path__)
