"""Aggregates over runs and tasks, held to what rliable says of the same scores and the same resamples."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import optimize

from manyfit.stats import (
    improvement,
    interquartile_mean,
    profile,
    stratified_draws,
    stratified_interval,
)
from manyfit.stats.interval import widened

OTHERS = json.loads((Path(__file__).parent / "golden" / "others.json").read_text())
"""Made by golden/make.py from these same scores."""
A = np.random.RandomState(0).normal(1.0, 0.5, size=(6, 4))
B = np.random.RandomState(1).normal(1.2, 0.5, size=(9, 4))
B[0, 0] = A[0, 0]


def test_interquartile_mean_is_that_of_rliable() -> None:
    assert interquartile_mean(A) == pytest.approx(OTHERS["iqm"], rel=1e-12)


def test_interval_is_that_of_rliable_on_the_same_resamples() -> None:
    random = np.random.RandomState(2)  # what rliable drew from the global generator
    draws = np.stack([random.choice(6, (6, 4), replace=True) for _ in range(OTHERS["reps"])])
    # rliable's interval is not widened for few runs; this is the level whose widened one is its 0.95.
    level = optimize.brentq(lambda x: widened(x, A.size) - 0.95, 0.5, 0.95, xtol=1e-14)

    found = stratified_interval(interquartile_mean, A, scope="seeds", level=level, draws=draws)

    assert (found.low, found.high) == pytest.approx(OTHERS["iqm_interval"], rel=1e-9)


def test_chance_of_improvement_is_that_of_rliable() -> None:
    assert improvement(B, A) == pytest.approx(OTHERS["improvement_of_b"], rel=1e-12)


def test_profile_is_that_of_rliable() -> None:
    assert profile(A, OTHERS["taus"]).tolist() == pytest.approx(OTHERS["profile"], rel=1e-12)


def test_chance_of_improvement_counts_pairs() -> None:
    # Of 2 × 3 pairs: 1 beats all of 2, 3, 4; 3 beats 4 and ties 3.
    assert improvement([1.0, 3.0], [2.0, 3.0, 4.0]) == pytest.approx((3 + 1 + 0.5) / 6, rel=1e-12)


def test_run_that_diverged_is_beaten_by_all_that_did_not() -> None:
    assert improvement([1.0, 2.0], [math.inf, math.nan]) == 1.0
    assert improvement([math.inf], [math.inf]) == 0.5


def test_interquartile_mean_of_too_many_diverged_runs_is_infinite() -> None:
    assert interquartile_mean([1.0, 2.0, 3.0, math.inf]) == 2.5
    assert interquartile_mean([1.0, 2.0, math.inf, math.inf]) == math.inf


def test_runs_are_resampled_within_their_task() -> None:
    scores = np.array([[0.0, 100.0], [1.0, 101.0], [2.0, 102.0]])

    found = stratified_interval(lambda x: float(x[:, 1].min() - x[:, 0].max()), scores, scope="seeds")

    assert found.low >= 98.0  # a run of the first task never stands in for one of the second


def test_two_tables_may_differ_in_their_runs() -> None:
    found = stratified_interval(improvement, A, B, scope="seeds", n_resamples=300)

    assert found.low < improvement(A, B) < found.high


def test_single_run_has_no_interval() -> None:
    found = stratified_interval(interquartile_mean, [[1.0, 2.0]], scope="seeds")

    assert (found.low, found.high) == (-math.inf, math.inf)


def test_draws_of_a_seed_are_the_same() -> None:
    assert (
        stratified_draws(4, 3, n_resamples=9, seed=1) == stratified_draws(4, 3, n_resamples=9, seed=1)
    ).all()
