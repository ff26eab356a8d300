"""What confirmation measured, read as pairs of fold and seed."""

import numpy as np
from job.tables import numbers

from manyfit.job.confirm import Confirmed
from manyfit.job.rows import Table
from manyfit.recipe import Recipe


def confirmed(scores: list[list[list[float]]], held: list[list[list[float]]]) -> Confirmed:
    """Recipes with scores [R, F, S] and held-out losses."""
    table = Table(numbers(), 0)
    return Confirmed(table, (), (), [Recipe()] * len(scores), scores=np.array(scores), held_losses=np.array(held))


def test_fold_that_does_not_define_the_metric_is_left_out_for_all():
    found = confirmed([[[1.0, 2.0], [np.nan, np.nan]], [[3.0, 4.0], [np.nan, np.nan]]], [[[9.0, 9.0]] * 2] * 2)

    assert found.pairs.tolist() == [[1.0, 2.0], [3.0, 4.0]]
    assert found.order == [0, 1]


def test_loss_decides_where_the_metric_never_says_anything():
    found = confirmed([[[np.nan, np.nan]]] * 2, [[[2.0, 2.0]], [[1.0, 1.0]]])

    assert found.order == [1, 0]


def test_diverged_recipe_is_not_in_the_order():
    found = confirmed([[[1.0, np.inf]], [[2.0, 2.0]]], [[[1.0, np.inf]], [[2.0, 2.0]]])

    assert found.order == [1]
