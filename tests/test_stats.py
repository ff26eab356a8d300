"""Intervals that cover what they claim, and findings that don't claim too much."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from manyfit.errors import UsageError
from manyfit.stats import (
    Finding,
    above_zero,
    benjamini_hochberg,
    bootstrap_rows,
    holm,
    mean_interval,
    paired,
    proportion_interval,
    ranks,
    replicates_needed,
)


@pytest.mark.parametrize("n", [5, 10, 20])
def test_interval_of_a_mean_covers_the_truth_in_95_of_100_samples(n: int) -> None:
    samples = np.random.default_rng(n).normal(3.0, 2.0, size=(5000, n))

    covered = np.mean([mean_interval(sample, scope="seeds").contains(3.0) for sample in samples])

    # Standard error of a share of 0.95 among 5,000: 0.003; three of them.
    assert covered == pytest.approx(0.95, abs=0.01)


@pytest.mark.slow
def test_bootstrap_interval_of_fifty_values_covers_the_truth() -> None:
    samples = np.random.default_rng(0).normal(3.0, 2.0, size=(1000, 50))

    covered = np.mean(
        [mean_interval(sample, scope="seeds", seed=i).contains(3.0) for i, sample in enumerate(samples)]
    )

    # Standard error 0.007 among 1,000; the bootstrap of 50 values is known to be a little short (about 0.94).
    assert covered == pytest.approx(0.945, abs=0.02)


def test_interval_of_a_mean_equals_scipys_t_interval() -> None:
    values = np.random.default_rng(0).normal(size=7)

    interval = mean_interval(values, scope="seeds")

    expected = scipy_stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert (interval.low, interval.high) == pytest.approx((expected.low, expected.high), rel=1e-12)


def test_interval_of_overlapping_folds_is_wider_by_nadeau_and_bengios_factor() -> None:
    values = np.random.default_rng(0).normal(size=15)

    plain = mean_interval(values, scope="splits")
    corrected = mean_interval(values, scope="splits", overlap=0.25)

    assert (corrected.high - corrected.low) / (plain.high - plain.low) == pytest.approx(
        math.sqrt((1 / 15 + 0.25) * 15), rel=1e-12
    )


def test_interval_of_one_value_knows_nothing() -> None:
    interval = mean_interval([1.0], scope="seeds")

    assert (interval.low, interval.high) == (-math.inf, math.inf)


def test_interval_of_equal_values_is_a_point() -> None:
    interval = mean_interval([2.0] * 40, scope="seeds")

    assert (interval.low, interval.estimate, interval.high) == (2.0, 2.0, 2.0)


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


def test_replicates_needed_reach_the_power_they_promise() -> None:
    n = replicates_needed(1.0, 0.8)
    samples = np.random.default_rng(4).normal(0.8, 1.0, size=(4000, n))

    seen = np.mean([mean_interval(sample, scope="seeds").low > 0 for sample in samples])

    # The formula is the usual approximation, good to a few points at n near 15.
    assert seen == pytest.approx(0.8, abs=0.04)


def test_holm_equals_scipys_step_down_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_bootstrap_over_rows_covers_the_mean() -> None:
    random = np.random.default_rng(5)
    hits = 0
    for i in range(300):
        errors = random.exponential(size=80)
        interval = bootstrap_rows(lambda w, e=errors: w @ e / w.sum(1), 80, n_resamples=500, seed=i)
        hits += interval.contains(1.0)

    # Skewed values at n = 80: the percentile interval is known to fall a little short of 95 %.
    assert 0.89 <= hits / 300 <= 0.98


def test_bootstrap_over_groups_is_wider_than_over_rows_when_rows_of_a_group_agree() -> None:
    group = np.repeat(np.arange(10), 20)
    errors = np.random.default_rng(6).normal(size=10)[group]

    rows = bootstrap_rows(lambda w: w @ errors / w.sum(1), 200)
    groups = bootstrap_rows(lambda w: w @ errors / w.sum(1), 200, blocks=group)

    assert groups.high - groups.low > 3 * (rows.high - rows.low)


def test_share_of_no_rows_is_unknown() -> None:
    interval = proportion_interval(0, 0, scope="rows")

    assert (interval.low, interval.high) == (0.0, 1.0)


def test_diverged_options_rank_worst() -> None:
    assert ranks([[1.0, math.nan], [2.0, math.inf]]).tolist() == [1.0, 2.0]


def test_benjamini_hochberg_follows_scipy() -> None:
    p = np.random.default_rng(0).uniform(size=20) ** 3

    np.testing.assert_allclose(benjamini_hochberg(p), scipy_stats.false_discovery_control(p))


def test_mean_above_zero_follows_scipy_and_overlap_makes_it_less_sure() -> None:
    x = np.random.default_rng(0).normal(0.5, 1, size=12)

    assert above_zero(x) == pytest.approx(scipy_stats.ttest_1samp(x, 0, alternative="greater").pvalue)
    assert above_zero(x, overlap=0.25) > above_zero(x)
    assert above_zero([1.0, 1.0]) == 0.0
    assert above_zero([np.inf, 1.0]) == above_zero([1.0]) == 1.0
