"""Calibration: the error counted by hand, temperatures that have not seen the rows they are judged on."""

import numpy as np
import pytest

from manyfit.data import Target
from manyfit.job.trust import Bins, cross_tempered, trust
from manyfit.model import tempered

TARGET = Target("y", "binary", ("no", "yes"), "string")


def sure(shares, right):
    """Rows whose decided class has these probabilities, and which of them are right."""
    p = np.array(shares)
    return np.stack([p, 1 - p], axis=1), np.where(right, 0, 1)


def test_error_is_how_far_groups_are_from_their_word():
    # ten rows at 0.9 of which six are right, ten at 0.6 of which five are right: |0.6 − 0.9| / 2 + |0.5 − 0.6| / 2
    p, y = sure([0.9] * 10 + [0.6] * 10, [True] * 6 + [False] * 4 + [True] * 5 + [False] * 5)

    assert Bins(p, y, 2).error(np.ones((1, 20)))[0] == pytest.approx(0.2)


def test_rows_that_were_drawn_twice_count_twice():
    p, y = sure([0.8] * 10 + [0.8] * 10, [True] * 10 + [False] * 10)
    counts = np.repeat([[2.0, 1.0]], 10, axis=0).T.reshape(1, 20)

    assert Bins(p, y, 1).error(counts)[0] == pytest.approx(abs(2 / 3 - 0.8))


def test_groups_hold_about_equally_many_rows():
    draw = np.random.default_rng(0)
    p, y = sure(draw.uniform(0.5, 1, 103), draw.random(103) < 0.7)
    _, _, n = Bins(p, y, 10).curve()

    assert n.sum() == 103
    assert n.min() >= 10 and n.max() <= 11


def over_sure(n=4000):
    """Probabilities of an honest forecaster, then made too sure by a temperature of 1/3."""
    draw = np.random.default_rng(4)
    honest = draw.uniform(0.05, 0.95, n)
    y = (draw.random(n) < honest).astype(np.int64)
    return tempered(np.stack([1 - honest, honest], axis=1), 1 / 3), y, draw.integers(0, 5, n)


def test_temperature_found_on_other_folds_makes_over_sure_probabilities_honest():
    raw, y, fold = over_sure()
    found = trust(y, raw, cross_tempered(TARGET, y, raw, fold), 3.0)

    assert found.before.low > 0.1
    assert found.after.estimate < 0.03
    assert found.change.high < 0


def test_no_row_has_a_say_in_its_own_temperature():
    raw, y, fold = over_sure(600)
    flipped = y.copy()
    flipped[fold == 2] = 1 - flipped[fold == 2]

    before, after = (cross_tempered(TARGET, labels, raw, fold) for labels in (y, flipped))

    np.testing.assert_array_equal(before[fold == 2], after[fold == 2])
    assert not np.array_equal(before[fold == 1], after[fold == 1])


def test_rows_of_a_single_fold_stay_as_they_are():
    raw, y, _ = over_sure(50)

    np.testing.assert_array_equal(cross_tempered(TARGET, y, raw, np.zeros(50, dtype=int)), raw)
