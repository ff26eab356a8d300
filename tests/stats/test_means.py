"""Intervals of means cover what they claim."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats as scipy_stats

from manyfit.stats import above_zero, mean_interval, mean_p
from manyfit.stats.interval import widened


@pytest.mark.parametrize("n", [5, 10, 20])
def test_interval_of_a_mean_covers_the_truth_in_95_of_100_samples(n: int) -> None:
    samples = np.random.default_rng(n).normal(3.0, 2.0, size=(5000, n))

    covered = np.mean([mean_interval(sample, scope="seeds").contains(3.0) for sample in samples])

    # Asked for: 95 ± 1 %. Standard error of a share of 0.95 among 5,000: 0.003.
    assert covered == pytest.approx(0.95, abs=0.01)


def covered_by_bootstrap(n: int, n_samples: int) -> float:
    samples = np.random.default_rng(n).normal(3.0, 2.0, size=(n_samples, n))
    found = [mean_interval(sample, scope="seeds", seed=i) for i, sample in enumerate(samples)]
    assert {each.method for each in found} == {"BCa bootstrap"}
    return float(np.mean([each.contains(3.0) for each in found]))


def test_bootstrap_interval_of_thirty_values_covers_the_truth() -> None:
    # Standard error 0.0109 among 400; three of them.
    assert covered_by_bootstrap(30, 400) == pytest.approx(0.95, abs=0.033)


@pytest.mark.slow
def test_bootstrap_interval_of_fifty_values_covers_the_truth_in_95_of_100_samples() -> None:
    # Asked for: 95 ± 1 %. Without `widened` it is 0.942, which one run in four would put outside.
    assert covered_by_bootstrap(50, 5000) == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("n", [5, 30, 400])
def test_widened_level_undoes_what_a_bootstrap_of_few_values_lacks(n: int) -> None:
    # A bootstrap of normal values has nearly normal means, of the deviation with n in the place of n − 1.
    half = scipy_stats.norm.ppf(0.5 + widened(0.95, n) / 2) * math.sqrt((n - 1) / n)

    assert half == pytest.approx(scipy_stats.t.ppf(0.975, n - 1), rel=1e-9)


def test_interval_of_a_loss_turns_into_that_of_a_score() -> None:
    loss = mean_interval([0.1, 0.2, 0.3], scope="seeds")

    assert loss.negated().negated() == loss
    assert (loss.negated().low, loss.negated().estimate) == (-loss.high, -loss.estimate)


def test_two_sided_p_value_follows_scipy() -> None:
    x = np.random.default_rng(1).normal(-0.4, 1, size=9)

    assert mean_p(x) == pytest.approx(scipy_stats.ttest_1samp(x, 0).pvalue, rel=1e-12)
    assert mean_p([2.0]) == mean_p([np.inf, 1.0]) == 1.0


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


def test_mean_above_zero_follows_scipy_and_overlap_makes_it_less_sure() -> None:
    x = np.random.default_rng(0).normal(0.5, 1, size=12)

    assert above_zero(x) == pytest.approx(scipy_stats.ttest_1samp(x, 0, alternative="greater").pvalue)
    assert above_zero(x, overlap=0.25) > above_zero(x)
    assert above_zero([1.0, 1.0]) == 0.0
    assert above_zero([np.inf, 1.0]) == above_zero([1.0]) == 1.0
