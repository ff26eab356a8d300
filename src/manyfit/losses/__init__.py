"""Losses, one file each: how far one network's outputs are from the targets. A new file with an `@rule` class is a new loss."""

from manyfit.losses._base import Loss as Loss
from manyfit.losses._base import Target as Target
from manyfit.losses._base import registry as registry
from manyfit.losses._base import rule as rule
from manyfit.losses.bce import BCE as BCE
from manyfit.losses.cross_entropy import CrossEntropy as CrossEntropy
from manyfit.losses.custom import Custom as Custom
from manyfit.losses.huber import Huber as Huber
from manyfit.losses.mae import MAE as MAE
from manyfit.losses.mse import MSE as MSE
from manyfit.registry import discover

discover(__name__, __path__)
