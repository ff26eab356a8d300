"""The contracts, public: hold your own optimizer, schedule, loss, corruption, attack or engine to what manyfit's own are held to.

Each check takes what it checks, returns nothing, and raises an AssertionError that says what does not hold.

Example:
    >>> from manyfit.optimizers.sgd import SGD
    >>> check_optimizer(SGD)
"""

from manyfit.testing.attack import check_attack as check_attack
from manyfit.testing.corruption import check_corruption as check_corruption
from manyfit.testing.engine import check_engine as check_engine
from manyfit.testing.knobs import check_knobs as check_knobs
from manyfit.testing.loss import check_loss as check_loss
from manyfit.testing.optimizer import check_optimizer as check_optimizer
from manyfit.testing.penalty import check_penalty as check_penalty
from manyfit.testing.schedule import check_schedule as check_schedule
