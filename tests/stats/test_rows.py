"""Intervals over rows and groups of rows."""

from __future__ import annotations

import numpy as np

from manyfit.stats import bootstrap_rows


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
