"""The set of options that may be the best holds the best one as often as it says, and leaves out what is known to be worse."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from manyfit.errors import UsageError
from manyfit.stats import confidence_set

OTHERS = json.loads((Path(__file__).parent / "golden" / "others.json").read_text())
"""Made by golden/make.py from these same losses."""


def planted(n: int, means: np.ndarray, seed: int, *, shared: float = 3.0) -> np.ndarray:
    """[n, K] losses with noise of deviation 1 that differs between options, and of `shared` that does not."""
    random = np.random.default_rng(seed)
    return means + shared * random.normal(size=(n, 1)) + random.normal(size=(n, len(means)))


def test_p_values_are_those_of_arch_where_replicates_are_many() -> None:
    losses = np.random.RandomState(3).normal(size=(400, 6)) + np.array([0.0, 0.02, 0.1, 0.15, 0.3, 0.5])

    found = confidence_set(losses, scope="seeds", n_resamples=4000)

    # Two bootstraps of 4,000 differ by up to 0.033 (three standard errors of their difference); the standard errors that
    # vary here add less than 0.01 at 400 replicates.
    assert found.p == pytest.approx(OTHERS["set_p_values"], abs=0.04)


@pytest.mark.parametrize(("n", "n_options"), [(5, 16), (10, 4)])
def test_options_that_are_alike_all_stay_in_95_of_100_samples(n: int, n_options: int) -> None:
    kept = np.mean(
        [
            all(
                confidence_set(planted(n, np.zeros(n_options), seed), scope="seeds", n_resamples=300).included
            )
            for seed in range(150)
        ]
    )

    # Standard error 0.0178 among 150; three of them below 0.95.
    assert kept >= 0.95 - 0.053


@pytest.mark.slow
@pytest.mark.parametrize(("n", "n_options"), [(5, 2), (10, 2), (20, 2), (50, 2), (5, 16), (20, 16), (10, 40)])
def test_set_holds_what_it_says_whatever_the_number_of_options(n: int, n_options: int) -> None:
    kept = np.mean(
        [
            all(
                confidence_set(planted(n, np.zeros(n_options), seed), scope="seeds", n_resamples=500).included
            )
            for seed in range(400)
        ]
    )

    # Standard error 0.0109 among 400; three of them. The way in which standard errors vary is that of normal losses.
    assert kept >= 0.95 - 0.033


def test_planted_best_is_found_and_what_is_worse_is_left_out() -> None:
    means = np.array([2.0, 1.0, 0.0, 1.0, 2.0, 4.0])

    found = confidence_set(planted(20, 3 * means, 0), scope="seeds")

    assert found.options == (2,)
    assert found.p[2] == 1.0
    assert max(found.p[:2] + found.p[3:]) <= 0.05


def test_planted_tie_stays_a_tie() -> None:
    means = np.array([0.0, 0.0, 5.0, 5.0])

    assert confidence_set(planted(20, means, 1), scope="seeds").options == (0, 1)


def test_noisy_bad_option_does_not_keep_clear_ones_in() -> None:
    losses = planted(10, np.array([0.0, 3.0, 100.0]), 2)
    losses[:, 2] += 200 * np.random.default_rng(2).normal(size=10) ** 2

    found = confidence_set(losses, scope="seeds")

    assert not found.included[1]  # told from the first, whatever the third does


def test_options_that_always_diverge_leave_and_the_others_are_compared_by_their_losses() -> None:
    losses = planted(12, np.array([0.0, 4.0, 0.0, 0.0]), 3)
    losses[:, 2:] = math.inf

    found = confidence_set(losses, scope="seeds")

    assert found.options == (0,)
    assert found.method.startswith("ranks")


def test_option_that_diverged_once_is_not_thrown_out_for_it() -> None:
    losses = planted(10, np.zeros(3), 4)
    losses[0, 1] = math.nan

    assert confidence_set(losses, scope="seeds").options == (0, 1, 2)


def test_everything_that_diverged_is_alike() -> None:
    found = confidence_set(np.full((6, 3), math.inf), scope="seeds")

    assert found.included == (True, True, True)


def test_ranks_keep_options_that_diverge_alike_as_often_as_they_say() -> None:
    random = np.random.default_rng(5)
    kept = 0
    for seed in range(100):
        losses = planted(8, np.zeros(5), seed)
        losses[random.uniform(size=losses.shape) < 0.3] = math.inf
        kept += all(confidence_set(losses, scope="seeds", n_resamples=300).included)

    # Standard error 0.0218 among 100; three of them below 0.95.
    assert kept / 100 >= 0.95 - 0.066


def test_equal_columns_are_no_difference() -> None:
    losses = np.repeat(np.arange(5.0)[:, None], 3, axis=1)

    assert confidence_set(losses, scope="seeds").p == (1.0, 1.0, 1.0)


def test_single_replicate_and_single_option_keep_everything() -> None:
    assert confidence_set([[1.0, 2.0]], scope="seeds").included == (True, True)
    assert confidence_set([[1.0], [2.0]], scope="seeds").included == (True,)
    assert confidence_set([[math.inf], [2.0]], scope="seeds").included == (True,)


def test_losses_need_two_axes() -> None:
    with pytest.raises(UsageError, match="replicates, options"):
        confidence_set([1.0, 2.0], scope="seeds")
