"""The contract of a schedule."""

from __future__ import annotations

from typing import Any

import numpy as np

from manyfit.recipe import Recipe
from manyfit.schedules import registry
from manyfit.schedules.warmup import Warmup
from manyfit.testing.knobs import check_knobs


def check_schedule(rule: type[Any]) -> None:
    """Hold a schedule to the contract, at each of its `examples`.

    It is declared and registered; its recipe survives a round trip; its table has one finite number ≥ 0 for each update, whatever
    the number of epochs (a fraction, or 0) and of steps; some update has a rate above 0; the same call gives the same bits; after
    a warm-up it begins at its own beginning.

    Args:
        rule: The class.

    Raises:
        AssertionError: If something does not hold.
    """
    check_knobs(rule, registry)
    for example in rule.examples:
        schedule = rule(**example)
        recipe = Recipe(schedule=schedule)
        assert Recipe.from_dict(recipe.to_dict()) == recipe, f"{schedule} does not survive to_dict and from_dict"
        for n_epochs, steps_per_epoch in ((0, 3), (1, 1), (1, 7), (5, 1), (4, 3), (20, 10), (2.5, 4)):
            table = schedule.table(n_epochs, steps_per_epoch)
            said = f"{schedule}.table({n_epochs}, {steps_per_epoch})"
            assert table.shape == (round(n_epochs * steps_per_epoch),), f"{said} has shape {table.shape}"
            assert table.dtype == np.float64, f"{said} is {table.dtype}, not float64"
            assert np.isfinite(table).all() and (table >= 0).all(), f"{said} must be finite and ≥ 0"
            assert n_epochs == 0 or table.max() > 0, f"{said} never trains"
            assert np.array_equal(table, schedule.table(n_epochs, steps_per_epoch)), f"{said} differs from call to call"
        after = Warmup(1.5) >> schedule
        assert not list(Recipe(schedule=after).problems()), f"{schedule} can't follow a warm-up"
        assert np.array_equal(after.table(4, 2)[3:], schedule.table(2.5, 2)), f"{schedule} begins elsewhere after a warm-up"
