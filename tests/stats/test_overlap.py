"""What replicates share: data that come back are averaged first, shared rows widen every interval."""

from __future__ import annotations

import numpy as np
import pytest

from manyfit.stats import (
    NEVER,
    Finding,
    Looks,
    Overlap,
    confidence_set,
    mean_interval,
    mean_p,
    paired,
    paired_look,
    paired_ratios,
    signed_rank_interval,
)

RANDOM = np.random.default_rng(3)
A, B = RANDOM.normal(1.0, 0.3, 12), RANDOM.normal(1.4, 0.3, 12)


def by_turns(values: np.ndarray, k: int) -> np.ndarray:
    return values.reshape(-1, k).mean(0)


def test_replicates_on_the_same_data_are_averaged_first():
    whole, means = (
        mean_interval(A, scope="s", overlap=Overlap(turns=3)),
        mean_interval(by_turns(A, 3), scope="s"),
    )

    assert (whole.low, whole.high, whole.n) == (means.low, means.high, 3)
    assert mean_p(A, overlap=Overlap(turns=3)) == mean_p(by_turns(A, 3))


def test_unequal_turns_leave_every_data_set_one_value():
    assert Overlap(turns=3).pooled(np.array([1.0, 2.0, 3.0, 5.0])).tolist() == [3.0, 2.0, 3.0]


def test_one_data_set_and_data_sets_enough_leave_values_as_they_are():
    for turns in (0, 1, 12, 40):
        assert Overlap(turns=turns).pooled(A) is A


def test_comparison_counts_data_sets():
    whole = paired(A, B, scope="s", margin=0.1, overlap=Overlap(turns=4))
    means = paired(by_turns(A, 4), by_turns(B, 4), scope="s", margin=0.1)

    assert whole.difference == means.difference
    assert (whole.p, whole.p_same, whole.sd) == (means.p, means.p_same, means.sd)


def test_ratios_are_averaged_as_logarithms():
    whole = paired_ratios(A, B, scope="s", overlap=Overlap(turns=4)).difference
    means = paired_ratios(*(np.exp(by_turns(np.log(x), 4)) for x in (A, B)), scope="s").difference

    assert (whole.n, whole.low, whole.high) == (4, pytest.approx(means.low), pytest.approx(means.high))


def test_a_divergence_is_the_worst_of_its_data_set_and_counts_once_among_trainings():
    a = A.copy()
    a[5] = np.inf
    found = paired(a, B, scope="s", overlap=Overlap(turns=4))

    assert found.difference == signed_rank_interval(by_turns(a, 4) - by_turns(B, 4), scope="s")
    assert found.diverged is not None
    assert (found.diverged[0].estimate, found.diverged[0].n) == (pytest.approx(1 / 12), 12)


def test_no_more_pairs_are_promised_than_there_are_data_sets():
    turns = Overlap(turns=4), Overlap(turns=4, has_more=True)
    few, given = (paired(A[::-1], A, scope="s", margin=0.05, overlap=of) for of in turns)

    assert few.finding is Finding.UNKNOWN and few.more == NEVER
    assert 0 < given.more < NEVER


def test_looks_count_replicates_and_intervals_data_sets():
    looks = Looks(most=12, overlap=Overlap(turns=3), taken=(6,))
    found, after = paired_look(A, B, looks, scope="s")

    assert after.taken == (6, 12) and found.difference.n == 3


def test_means_of_replicates_share_more_than_single_ones():
    # corr of two replicates ρ; of two means over m of them m ρ / (1 + (m − 1) ρ): the correction is m times that of one
    rho, m = 0.2, 4
    of_means = m * rho / (1 + (m - 1) * rho)
    assert float(Overlap.of_shared(rho).of_means(m)) == pytest.approx(of_means / (1 - of_means))
    assert Overlap(0.1, turns=3).of_means(4) == 0.1


def test_spread_that_groups_add_of_their_own_is_no_spread_of_replicates():
    random = np.random.default_rng(1)
    values = random.normal(size=(4000, 4))
    tuned = values + 2.0 * random.normal(size=(4000, 1))

    assert float(Overlap(0.1).of_groups(values)) == pytest.approx(0.4, rel=0.05)
    # (1 − 1/4) · 1 / (4 + 1/4)
    assert float(Overlap(0.1).of_groups(tuned)) == pytest.approx(0.1 * (1 + 0.75 / 4.25), rel=0.02)
    assert float(Overlap(0.1).of_groups(np.where(values > 3, np.inf, values))) == pytest.approx(0.4)


def test_confidence_set_keeps_more_where_replicates_share_rows():
    losses = RANDOM.normal(size=(12, 5)) * 0.3 + [0.0, 0.2, 0.3, 0.4, 0.5]
    sizes = [len(confidence_set(losses, scope="s", overlap=c).options) for c in (0.0, 0.5, 5.0)]

    assert sizes == sorted(sizes) and sizes[0] < sizes[-1] == 5
    assert confidence_set(losses, scope="s", overlap=Overlap(turns=4)).n == 4


def test_mean_of_stretches_that_share_rows_is_covered():
    """Scores of windows of white noise at places of their own: without the correction 37 % of intervals miss."""
    random, misses = np.random.default_rng(0), {0.0: 0, 1.0: 0}
    n_rows, size, trials = 600, 30, 600
    starts = np.arange(200, n_rows - size + 1)
    pairs = np.abs(starts[:, None] - starts[None])
    rho = np.maximum(1 - pairs / size, 0)[pairs > 0].mean()
    for _ in range(trials):
        sums = np.concatenate([[0.0], np.cumsum(random.normal(size=n_rows))])
        at = random.choice(starts, 40, replace=False)
        values = (sums[at + size] - sums[at]) / size
        for share in misses:
            misses[share] += not mean_interval(
                values, scope="s", overlap=Overlap.of_shared(share * rho)
            ).contains(0.0)

    assert misses[0.0] > 0.25 * trials
    assert misses[1.0] < 0.085 * trials  # 0.05 and four standard errors
