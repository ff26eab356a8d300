"""Confidence sequences hold at all numbers of values at once."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate
from scipy import stats as scipy_stats

from manyfit.errors import UsageError
from manyfit.stats import Finding, mean_interval, paired_sequence, sequence_interval
from manyfit.stats.sequence import _SPREAD, t_bound


def test_p_value_is_one_over_the_likelihood_ratio_by_quadrature() -> None:
    d = np.random.default_rng(0).normal(1.2, 1.0, size=12)
    n, t = 12, float(d.mean() / d.std(ddof=1) * math.sqrt(12))
    law = scipy_stats.norm(0.0, math.sqrt(_SPREAD / 20))

    # Student's t of an effect drawn from the normal law, over that of no effect.
    mixed = integrate.quad(
        lambda effect: scipy_stats.nct.pdf(t, n - 1, effect * math.sqrt(n)) * law.pdf(effect), -4, 4
    )[0]
    expected = scipy_stats.t.pdf(t, n - 1) / mixed

    # 1e-6: what the quadrature is good for.
    assert paired_sequence(d, np.zeros(12), scope="seeds").p == pytest.approx(expected, rel=1e-6)


def test_interval_leaves_out_zero_at_the_level_of_the_p_value() -> None:
    d = np.random.default_rng(1).normal(0.9, 1.0, size=15)
    p = paired_sequence(d, np.zeros(15), scope="seeds").p

    assert sequence_interval(d, scope="seeds", level=1 - p).low == pytest.approx(0.0, abs=1e-12)


def test_sequence_ever_leaves_out_the_mean_in_five_of_a_hundred_at_most() -> None:
    random = np.random.default_rng(2)
    values = random.normal(3.0, 2.0, size=(1500, 200))
    n = np.arange(1, 201)
    mean = np.cumsum(values, axis=1) / n
    square = np.cumsum(values**2, axis=1) - n * mean**2
    bound = np.array([t_bound(k) if k > 1 else math.inf for k in n])
    with np.errstate(invalid="ignore", divide="ignore"):
        half = bound * np.sqrt(square / (n - 1) / n)
    left_out = (np.abs(mean - 3.0) > half).any(axis=1)

    # At most 0.05 for ever, less up to 200 values. Standard error 0.0056; three of them.
    assert left_out.mean() <= 0.05 + 0.017


def test_sequence_is_wider_than_an_interval_for_one_look() -> None:
    d = np.random.default_rng(3).normal(size=25)
    once, always = mean_interval(d, scope="s"), sequence_interval(d, scope="s")

    assert 1.3 < (always.high - always.low) / (once.high - once.low) < 2


def test_few_values_bound_nothing() -> None:
    assert sequence_interval([1.0, 2.0, 3.0], scope="s").high == math.inf
    assert sequence_interval([1.0], scope="s").estimate == 1.0
    assert sequence_interval([2.0] * 9, scope="s").low == 2.0


def test_comparison_finds_better_same_and_how_many_more() -> None:
    random = np.random.default_rng(4)
    base = random.normal(size=30)

    clear = paired_sequence(base - 3 + random.normal(size=30), base, scope="s", margin=0.1)
    alike = paired_sequence(base + 0.01 * random.normal(size=30), base, scope="s", margin=0.1)
    noisy = paired_sequence(base[:9] + random.normal(size=9), base[:9], scope="s", margin=0.5)

    assert (clear.finding, alike.finding, noisy.finding) == (Finding.BETTER, Finding.SAME, Finding.UNKNOWN)
    assert alike.p_same < 0.05 < clear.p_same == 1.0
    assert noisy.more > 9


def test_diverged_networks_are_sent_to_declared_looks() -> None:
    with pytest.raises(UsageError, match="paired_look"):
        paired_sequence([1.0, math.inf], [1.0, 1.0], scope="s")
