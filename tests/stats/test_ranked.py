"""Ranks over replicates, held to scipy's and to Demšar's example."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from manyfit.stats import chances_of_best, ranking, ranks, ranks_within


def test_diverged_options_rank_worst() -> None:
    assert ranks([[1.0, math.nan], [2.0, math.inf]]).tolist() == [1.0, 2.0]


def test_options_that_tie_share_their_ranks() -> None:
    assert ranks_within([[2.0, 2.0, 1.0], [math.inf, math.nan, 0.0]]).tolist() == [
        [2.5, 2.5, 1.0],
        [2.5, 2.5, 1.0],
    ]


def test_p_value_is_iman_and_davenports_form_of_friedmans() -> None:
    scores = np.random.default_rng(0).normal([0.0, 0.3, 0.6, 0.2], 1.0, size=(9, 4))
    statistic = scipy_stats.friedmanchisquare(*scores.T).statistic
    f = 8 * statistic / (9 * 3 - statistic)

    assert ranking(scores, scope="data sets").p == pytest.approx(scipy_stats.f.sf(f, 3, 24), rel=1e-9)


def test_critical_difference_is_that_of_demsars_table() -> None:
    # Demšar 2006, section 3.2.2: 4 classifiers on 14 data sets, q = 2.569 at 0.05: 1.25.
    scores = np.random.default_rng(1).normal(size=(14, 4))

    assert ranking(scores, scope="data sets").critical_difference == pytest.approx(1.25, abs=0.005)


def test_options_that_never_differ_are_alike() -> None:
    assert ranking(np.ones((5, 3)), scope="seeds").p == 1.0
    assert ranking([[1.0, 2.0]], scope="seeds").critical_difference == math.inf


def test_options_that_always_stand_in_one_order_are_not() -> None:
    assert ranking([[1.0, 2.0, 3.0]] * 4, scope="seeds").p == 0.0


def test_chance_to_be_best_is_shared_by_ties_and_never_goes_to_what_diverged() -> None:
    chances = chances_of_best(
        [[1.0, 1.0, 5.0], [2.0, math.nan, 1.0], [math.inf, 3.0, math.inf]], scope="seeds"
    )

    assert [share.estimate for share in chances] == pytest.approx([0.5 / 3, 1.5 / 3, 1 / 3], rel=1e-12)
    assert all(share.method == "Wilson" for share in chances)
