"""Signed ranks, held to scipy's Wilcoxon test and to counting by hand."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from manyfit.stats.signed_ranks import differences, signed_rank_interval, signed_rank_p

INF = math.inf


@pytest.mark.parametrize("n", [5, 12, 30])
def test_p_value_without_ties_follows_scipys_exact_wilcoxon_test(n: int) -> None:
    d = np.random.default_rng(n).normal(0.4, 1.0, size=n)

    # 1e-12: both count the same signs, scipy by another order of additions.
    assert signed_rank_p(d) == pytest.approx(scipy_stats.wilcoxon(d, method="exact").pvalue, rel=1e-12)


@pytest.mark.parametrize(
    "d", [[1.0, -1.0, 2.0, 2.0, 0.0], [INF, INF, -1.0, 3.0, -INF], [0.0, 0.0, 1.0, 1.0, INF]]
)
def test_p_value_with_ties_zeros_and_divergence_is_a_count_over_all_signs(d: list[float]) -> None:
    x = np.array(d)
    rank = scipy_stats.rankdata(np.abs(x))
    kept = rank[x != 0]
    sums = np.array([np.dot(signs, kept) for signs in itertools.product((0, 1), repeat=len(kept))])
    found = rank[x > 0].sum()

    by_hand = min(1.0, 2 * min(np.mean(sums <= found), np.mean(sums >= found)))

    assert signed_rank_p(x) == pytest.approx(by_hand, rel=1e-12)


def test_interval_is_what_the_test_does_not_reject() -> None:
    d = np.random.default_rng(0).normal(0.3, 1.0, size=11)

    found = signed_rank_interval(d, scope="seeds")

    shifts = np.linspace(-1, 1.5, 251)
    kept = shifts[[scipy_stats.wilcoxon(d - shift, method="exact").pvalue > 0.05 for shift in shifts]]
    step = shifts[1] - shifts[0]
    assert (found.low, found.high) == pytest.approx((kept[0], kept[-1]), abs=step)


def test_interval_with_divergence_is_what_the_test_does_not_reject() -> None:
    d = np.array([INF, 0.3, -0.2, 0.9, 0.1, -0.4, 0.5, -INF, 0.7, 1.2, -0.1])

    found = signed_rank_interval(d, scope="seeds")

    shifts = np.linspace(-2, 2, 801) + 1e-6  # off the averages themselves, where there are ties
    kept = shifts[[signed_rank_p(d - shift) > 0.05 for shift in shifts]]
    assert (found.low, found.high) == pytest.approx((kept[0], kept[-1]), abs=0.006)


def test_estimate_is_the_middle_of_all_averages_of_two() -> None:
    # Averages of two of 1, 2, 6: 1, 1.5, 2, 3.5, 4, 6.
    assert signed_rank_interval([1.0, 2.0, 6.0], scope="seeds").estimate == 2.75


def test_five_pairs_can_not_reject_at_all() -> None:
    found = signed_rank_interval([-1.0, -2.0, -3.0, -4.0, -5.0], scope="seeds")

    assert (found.low, found.high) == (-INF, INF)  # 2 in 32 is more than 5 %


def test_two_diverged_networks_are_a_tie() -> None:
    assert differences([INF, math.nan, 1.0, INF], [INF, INF, INF, 3.0]).tolist() == [0.0, 0.0, -INF, INF]


def test_one_that_always_diverges_is_infinitely_worse() -> None:
    found = signed_rank_interval([INF] * 8, scope="seeds")

    assert (found.low, found.estimate, found.high) == (INF, INF, INF)


def test_overlap_widens_the_interval() -> None:
    d = np.random.default_rng(1).normal(-1.0, 0.4, size=15)

    plain = signed_rank_interval(d, scope="splits")
    corrected = signed_rank_interval(d, scope="splits", overlap=0.25)

    assert corrected.low < plain.low < plain.high < corrected.high


@pytest.mark.parametrize("n", [40, 100])
def test_many_pairs_by_students_t_are_close_to_the_exact_ones(n: int) -> None:
    d = np.random.default_rng(n).normal(0.2, 1.0, size=n)

    exact = signed_rank_interval(d, scope="seeds")
    found = signed_rank_interval(d, scope="seeds", overlap=1e-12)  # overlap that changes nothing but the way

    # Student's t in place of the exact distribution moves an end by less than 0.01 standard deviations at these n.
    assert (found.low, found.high) == pytest.approx((exact.low, exact.high), abs=0.01)


def test_interval_covers_as_often_as_it_says() -> None:
    random = np.random.default_rng(2)
    hits = [
        signed_rank_interval(random.standard_t(3, size=15), scope="seeds").contains(0.0) for _ in range(2000)
    ]

    # Exact, but sums of ranks are whole numbers: 0.9521 at n = 15. Standard error 0.0048, three of them.
    assert np.mean(hits) == pytest.approx(0.952, abs=0.0145)
