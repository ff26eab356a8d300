"""Update rules, one file each. A new file in this folder that holds an `@rule` class is a new optimizer everywhere."""

from manyfit.optimizers._base import Optimizer as Optimizer
from manyfit.optimizers._base import State as State
from manyfit.optimizers._base import registry as registry
from manyfit.optimizers._base import rule as rule
from manyfit.registry import discover

discover(__name__, __path__)
