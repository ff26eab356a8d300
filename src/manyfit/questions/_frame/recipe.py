"""The recipe that a question is asked about when nothing is said: fixed and plain, so that an answer can be talked about."""

from __future__ import annotations

import math

from manyfit.losses import registry as losses
from manyfit.networks import Dense
from manyfit.optimizers.adam import Adam
from manyfit.recipe import Recipe
from manyfit.schedules.constant import Constant

LOSSES = {"regression": "mse", "binary": "bce", "multiclass": "cross_entropy"}
WIDTH = 64
STEPS = 720
"""Updates that a network gets: enough for tables of a few thousand rows to settle, few enough to train hundreds."""
EPOCHS = (5, 200)


def default_recipe(task: str, n_train: int) -> Recipe:
    """One hidden layer of 64 units, Adam, batches that grow with the table, and as many epochs as make about 720 updates.

    Args:
        task: "regression", "binary" or "multiclass".
        n_train: Training rows.

    Example:
        >>> recipe = default_recipe("multiclass", 1150)
        >>> recipe.network.hidden, recipe.batch_size, recipe.epochs
        ((64,), 32, 20)
    """
    batch_size = int(min(max(2 ** round(math.log2(max(n_train, 1) / 40)), 16), 256))
    steps = max(math.ceil(n_train / batch_size), 1)
    epochs = min(max(round(STEPS / steps), EPOCHS[0]), EPOCHS[1])
    return Recipe(
        Dense((WIDTH,)),
        losses.find(LOSSES[task])(),
        Adam(),
        Constant(),
        batch_size=batch_size,
        epochs=epochs,
    )
