"""Shares and their differences."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from manyfit.stats import divergence, mcnemar_p, proportion_interval, share_difference


def test_share_of_no_rows_is_unknown() -> None:
    interval = proportion_interval(0, 0, scope="rows")

    assert (interval.low, interval.high) == (0.0, 1.0)


@pytest.mark.parametrize(("successes", "n"), [(0, 7), (3, 11), (500, 501), (9, 9)])
def test_share_has_wilsons_interval(successes: int, n: int) -> None:
    found = proportion_interval(successes, n, scope="rows", level=0.9)

    expected = scipy_stats.binomtest(successes, n).proportion_ci(0.9, method="wilson")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_difference_of_shares_covers_as_often_as_it_says() -> None:
    random = np.random.default_rng(0)
    hits = 0
    for _ in range(2000):
        both = random.uniform(size=60) < 0.3
        x = both | (random.uniform(size=60) < 0.1)
        y = both | (random.uniform(size=60) < 0.05)
        hits += share_difference(x, y, scope="rows").contains(0.7 * (0.1 - 0.05))

    # Bonett and Price report 0.94 to 0.98 for sixty pairs; standard error 0.005 besides.
    assert 0.93 <= hits / 2000 <= 0.985


def test_mcnemars_test_is_exact() -> None:
    # 1 against 5 of six that disagree: 2 · (1 + 6) / 64.
    assert mcnemar_p([1, 0, 0, 0, 0, 0, 1], [0, 1, 1, 1, 1, 1, 1]) == pytest.approx(14 / 64, rel=1e-12)
    assert mcnemar_p([1, 0], [1, 0]) == 1.0


def test_every_diverged_network_counts() -> None:
    assert divergence([1.0, np.nan, np.inf, 2.0], scope="seeds").estimate == 0.5
