"""Plans reach the power they promise."""

from __future__ import annotations

import numpy as np
import pytest

from manyfit.stats import NEVER, Finding, mean_interval, paired, replicates_needed, replicates_to_tell


def test_replicates_needed_reach_the_power_they_promise() -> None:
    n = replicates_needed(1.0, 0.8)
    samples = np.random.default_rng(4).normal(0.8, 1.0, size=(4000, n))

    seen = np.mean([mean_interval(sample, scope="seeds").low > 0 for sample in samples])

    # The power is exact, n a whole number: from 0.80 to 0.83 here. Standard error 0.0063, three of them.
    assert 0.8 - 0.019 <= seen <= 0.83 + 0.019


def test_replicates_to_tell_show_equality_where_there_is_none() -> None:
    n = replicates_to_tell(1.0, 0.8)
    samples = np.random.default_rng(5).normal(0.0, 1.0, size=(1000, n))

    seen = np.mean(
        [paired(d, np.zeros(n), scope="seeds", margin=0.8).finding is Finding.SAME for d in samples]
    )

    # Each of two tests was given half of what may go wrong, so a little more than 0.8. Standard error 0.0126.
    assert 0.8 - 0.038 <= seen <= 0.88


@pytest.mark.parametrize(("sd", "difference", "n"), [(1.0, 1.0, 10), (1.0, 0.5, 34), (2.0, 0.5, 128)])
def test_replicates_needed_are_those_of_tables(sd: float, difference: float, n: int) -> None:
    # Cohen 1988, one-sample t, α = 0.05 two-sided, power 0.80: effect sizes 1, 0.5, 0.25.
    assert replicates_needed(sd, difference) == n


def test_overlap_that_drowns_the_difference_asks_for_no_number() -> None:
    # Even infinitely many replicates leave a standard error of 0.5.
    assert replicates_needed(1.0, 1.0, overlap=0.25) == NEVER
    assert replicates_needed(1.0, 0.0) == NEVER
    assert replicates_needed(0.0, 1.0) == 0
    assert replicates_needed(1.0, 1.0, overlap=0.01) > replicates_needed(1.0, 1.0)
