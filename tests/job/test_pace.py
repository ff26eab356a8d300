"""How fast networks train: a guess at first, then what was seen."""

import dataclasses

import numpy as np
import pytest
from job.tables import PLAN

from manyfit.job.confirm import fitted
from manyfit.job.pace import Pace
from manyfit.job.plan import NETWORK_S, Size
from manyfit.job.search import Search, Tried
from manyfit.job.training import Trainer
from manyfit.recipe import Recipe
from manyfit.samplers.halving import Rung

SIZE = Size(1000, 250, 10, 1)
RECIPE = Recipe(batch_size=32, epochs=50)


def test_what_was_seen_for_long_outweighs_the_guess():
    pace = Pace(SIZE, 1e9)
    guessed = pace.seconds([RECIPE])
    for _ in range(5):
        pace.took([RECIPE] * 100, 100 * 10 * guessed)

    assert pace.seconds([RECIPE]) == pytest.approx(10 * guessed, rel=0.1)


def test_pace_without_a_guess_is_what_was_seen():
    pace = Pace(SIZE)
    assert not pace.is_known

    pace.took([RECIPE] * 10, 10 * (1.0 + NETWORK_S))

    assert pace.seconds([RECIPE] * 3) == pytest.approx(3 * (1.0 + NETWORK_S))
    assert pace.fitting([RECIPE] * 5, 3.5) == 3
    assert pace.fitting([RECIPE] * 5, 100.0) == 5


def test_fewer_rows_take_less_time():
    pace = Pace(SIZE, 1e9)

    assert pace.seconds([RECIPE], 250) < 0.5 * pace.seconds([RECIPE])


def searched(seconds_each: float) -> Search:
    pace = Pace(SIZE)
    pace.took([RECIPE] * 20, 20 * seconds_each)
    recipes = [RECIPE.set("optimizer.lr", lr) for lr in (1e-3, 2e-3, 3e-3, 4e-3)]
    return Search(
        pace,
        rungs=[Tried(Rung(4, 50, 1000), [0, 1, 2, 3], recipes, np.arange(4.0))],
    )


def test_confirmation_is_fitted_into_the_time_that_trainings_really_take():
    plan = dataclasses.replace(PLAN, epochs=50, finalists=4, seeds=3)
    fits = {each: fitted(plan, searched(each), Trainer(), seconds=25.0) for each in (0.01, 0.5, 5.0)}

    assert fits[0.01] == plan  # 4 recipes on 5 folds and 3 seeds take 0.6 s
    assert fits[0.5] != plan
    assert (fits[5.0].epochs, fits[5.0].seeds) < (38, 3)
    for each in (0.5, 5.0):
        done = fits[each]
        networks = done.finalists * done.folds * done.seeds
        assert networks * each * done.epochs / 50 <= 26.0
