"""The best of k trials: equal to trying all subsets, unbiased, and with intervals that hold."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from manyfit.errors import UsageError
from manyfit.stats import expected_best, tuning_curve, winner_chances

SCORES = np.array([0.7, 0.2, 0.9, 0.2, 0.5, 0.4])


@pytest.mark.parametrize("k", [1, 2, 4, 6])
def test_best_of_k_is_averaged_over_all_subsets(k: int) -> None:
    by_hand = np.mean([min(subset) for subset in itertools.combinations(SCORES, k)])

    assert expected_best(SCORES, k) == pytest.approx(by_hand, rel=1e-12)


def test_winners_score_elsewhere_is_averaged_over_all_subsets() -> None:
    elsewhere = np.array([1.0, 2.0, 3.0, 6.0, 5.0, 4.0])
    winners = [
        np.mean([elsewhere[i] for i in subset if SCORES[i] == min(SCORES[list(subset)])])
        for subset in itertools.combinations(range(6), 3)
    ]

    assert expected_best(SCORES, 3, elsewhere) == pytest.approx(np.mean(winners), rel=1e-12)


def test_chances_to_win_add_up_to_one_and_ties_share() -> None:
    chances = winner_chances(SCORES, 3)

    assert chances.sum() == pytest.approx(1.0, rel=1e-12)
    assert chances[1] == chances[3] == chances.max()


def test_best_of_k_is_unbiased_where_counting_with_putting_back_is_not() -> None:
    random = np.random.default_rng(0)
    found = [expected_best(random.uniform(size=12), 6) for _ in range(4000)]

    # The least of 6 uniform numbers is 1/7 on average. Standard error 0.0014; three of them.
    assert np.mean(found) == pytest.approx(1 / 7, abs=0.0042)


def test_diverged_trials_count_only_while_they_can_win() -> None:
    scores = [1.0, math.inf, 2.0, math.nan]

    assert expected_best(scores, 2) == math.inf  # both of two may have diverged
    assert expected_best(scores, 3) == pytest.approx(0.75 * 1.0 + 0.25 * 2.0, rel=1e-12)


def test_curve_falls_and_diverged_trials_leave_its_median_finite() -> None:
    random = np.random.default_rng(1)
    scores = np.where(random.uniform(size=40) < 0.2, math.inf, random.uniform(size=40))

    curve = tuning_curve(scores, scope="trials")

    assert len(curve.mean) == 20
    assert curve.mean[0] == math.inf and math.isfinite(curve.mean[-1])
    assert np.isfinite(curve.median).all() and (np.diff(curve.median) <= 0).all()
    assert (curve.median_low <= curve.median).all() and (curve.median <= curve.median_high).all()


@pytest.mark.parametrize("k", [1, 4, 10])
def test_interval_of_the_median_covers_at_least_what_it_says(k: int) -> None:
    random = np.random.default_rng(2)
    truth = 1 - 0.5 ** (1 / k)  # the median of the least of k uniform numbers
    hits = 0
    for _ in range(200):
        curve = tuning_curve(random.uniform(size=30), k, scope="trials", n_resamples=2)
        hits += curve.median_low[-1] <= truth <= curve.median_high[-1]

    # Exact, and never below 0.95. Standard error 0.0155; three of them.
    assert hits / 200 >= 0.95 - 0.047


def test_interval_of_the_mean_covers_most_of_the_time_up_to_half_of_the_trials() -> None:
    random = np.random.default_rng(3)
    hits = np.zeros(3)
    for i in range(400):
        curve = tuning_curve(random.uniform(size=40), 20, scope="trials", n_resamples=300, seed=i)
        for j, k in enumerate((1, 5, 20)):
            hits[j] += curve.low[k - 1] <= 1 / (k + 1) <= curve.high[k - 1]

    # The bootstrap knows of no better score than the best one seen: 0.936, 0.925, 0.817 were
    # measured with 3,000 other curves. Three standard errors of 400 below that.
    assert (hits / 400 >= np.array([0.899, 0.885, 0.759])).all()


def test_more_trials_than_there_are_can_not_be_asked_for() -> None:
    with pytest.raises(UsageError, match="1 to the number of trials, 6"):
        winner_chances(SCORES, 7)
