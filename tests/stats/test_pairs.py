"""Findings that don't claim too much."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from manyfit.errors import UsageError
from manyfit.stats import Finding, paired, paired_ratios, paired_shares


def test_same_recipe_under_two_labels_is_rarely_called_different() -> None:
    random = np.random.default_rng(1)
    pairs = random.normal(size=(2000, 2, 10))

    wrong = sum(paired(a, b, scope="seeds").finding in (Finding.BETTER, Finding.WORSE) for a, b in pairs)

    # 5 % of 2,000 is 100, standard deviation 9.7: at most 123 in 99 of 100 repeats.
    assert wrong <= 123


def test_small_difference_is_called_the_same_within_the_margin() -> None:
    random = np.random.default_rng(2)
    shared = random.normal(size=20)

    comparison = paired(shared + 0.01 * random.normal(size=20), shared, scope="seeds", margin=0.1)

    assert comparison.finding is Finding.SAME
    assert comparison.gain > 10  # the pairs share nearly all their noise


def test_real_but_tiny_difference_is_still_the_same_within_the_margin() -> None:
    comparison = paired(
        np.arange(10.0) + 0.01 + 1e-4 * np.arange(10), np.arange(10.0), scope="seeds", margin=0.1
    )

    assert comparison.difference.low > 0
    assert comparison.finding is Finding.SAME


def test_noisy_comparison_says_how_many_more_pairs_it_needs() -> None:
    random = np.random.default_rng(3)

    comparison = paired(random.normal(size=5), random.normal(size=5), scope="seeds", margin=0.5)

    assert comparison.finding is Finding.UNKNOWN
    assert comparison.more > 5


def test_diverged_network_makes_the_comparison_unknown_not_wrong() -> None:
    comparison = paired([1.0, math.inf, 1.0], [2.0, 2.0, 2.0], scope="seeds", margin=0.1)

    assert comparison.finding is Finding.UNKNOWN


def test_unequal_numbers_of_pairs_are_refused() -> None:
    with pytest.raises(UsageError, match="as many values of a as of b"):
        paired([1.0, 2.0], [1.0], scope="seeds")


def test_option_that_diverges_often_is_worse_whatever_it_scores_else() -> None:
    diverges = [0.5, math.inf] * 6

    comparison = paired(diverges, [1.0] * 12, scope="seeds", margin=0.1)

    # Six better by 0.5, six infinitely worse: ranks 3.5 × 6 against 9.5 × 6.
    assert comparison.finding is Finding.UNKNOWN
    assert comparison.diverged is not None
    assert comparison.diverged[0].estimate == 0.5 and comparison.diverged[1].estimate == 0.0

    assert paired([1.05, math.inf] * 6, [1.0] * 12, scope="seeds").finding is Finding.WORSE


def test_close_networks_are_not_the_same_when_one_recipe_diverges_more() -> None:
    random = np.random.default_rng(7)
    base = random.normal(1.0, 0.2, size=40)
    close = base + 0.001 * random.normal(size=40)
    safe = paired(np.where(np.arange(40) < 1, math.inf, close), base, scope="seeds", margin=0.05)
    unsafe = paired(np.where(np.arange(40) < 8, math.inf, close), base, scope="seeds", margin=0.05)

    assert safe.finding is Finding.SAME  # one of forty is what chance does
    assert unsafe.finding is not Finding.SAME
    assert unsafe.p_same == 1.0


def test_same_recipe_that_diverges_now_and_then_is_rarely_called_different() -> None:
    random = np.random.default_rng(8)
    scores = random.normal(size=(500, 2, 12))
    scores[random.uniform(size=scores.shape) < 0.2] = math.inf

    wrong = sum(paired(a, b, scope="seeds").finding in (Finding.BETTER, Finding.WORSE) for a, b in scores)

    # Exact tests err at most as often as they say: 5 % of 500, plus three standard errors of 4.9.
    assert wrong <= 39


def test_ratio_of_losses_is_found_where_sizes_differ_from_pair_to_pair() -> None:
    random = np.random.default_rng(9)
    size = np.exp(3 * random.normal(size=10))
    b = size * np.exp(0.02 * random.normal(size=10))
    a = 0.9 * size * np.exp(0.02 * random.normal(size=10))

    comparison = paired_ratios(a, b, scope="data sets", margin=0.01)

    assert comparison.finding is Finding.BETTER
    assert comparison.difference.contains(-0.1)
    assert paired(a, b, scope="data sets", margin=0.01).finding is Finding.UNKNOWN


def test_ratio_is_the_same_both_ways_round() -> None:
    random = np.random.default_rng(10)
    a, b = np.exp(random.normal(size=(2, 8)))

    there, back = paired_ratios(a, b, scope="s"), paired_ratios(b, a, scope="s")

    assert 1 + there.difference.low == pytest.approx(1 / (1 + back.difference.high), rel=1e-12)
    assert there.p == pytest.approx(back.p, rel=1e-12)


def test_loss_of_zero_is_better_than_any_other() -> None:
    comparison = paired_ratios([0.0] * 8, [0.1] * 8, scope="seeds", margin=0.01)

    assert comparison.finding is Finding.BETTER
    assert comparison.difference.estimate == -1.0
    assert comparison.diverged is None


def test_losses_below_zero_have_no_ratio() -> None:
    with pytest.raises(UsageError, match="needs losses ≥ 0"):
        paired_ratios([1.0, -1.0], [1.0, 2.0], scope="seeds")


def test_p_value_says_the_same_as_the_interval() -> None:
    random = np.random.default_rng(11)
    for a, b in random.normal(size=(200, 2, 9)):
        comparison = paired(a, b, scope="seeds", margin=0.8)
        excludes = comparison.difference.low > 0 or comparison.difference.high < 0

        assert (comparison.p < 0.05) == excludes
        assert (comparison.p_same < 0.05) == (comparison.finding is Finding.SAME)


def test_shares_of_pairs_are_told_apart_by_those_that_disagree() -> None:
    a = np.array([1] * 2 + [0] * 18 + [1] * 30 + [0] * 50)
    b = np.array([0] * 2 + [1] * 18 + [1] * 30 + [0] * 50)

    comparison = paired_shares(a, b, scope="test rows")

    assert comparison.difference.estimate == pytest.approx(-0.16)
    assert comparison.p == pytest.approx(scipy_stats.binomtest(2, 20).pvalue, rel=1e-12)
    assert comparison.finding is Finding.BETTER


def test_equal_shares_of_many_rows_are_the_same_within_a_point() -> None:
    a = np.zeros(4000)
    a[:30] = 1
    comparison = paired_shares(a, np.roll(a, 15), scope="test rows", margin=0.01)

    assert comparison.finding is Finding.SAME
    assert comparison.p_same < 0.05


def test_shares_that_are_not_shares_are_refused() -> None:
    with pytest.raises(UsageError, match="needs 0 or 1"):
        paired_shares([0.5, 1.0], [0.0, 1.0], scope="test rows")
