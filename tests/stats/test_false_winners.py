"""The same recipe under several labels, from tuning to Holm's procedure: how often does one of them win?

Streams are disjoint: nothing is shared that would make the labels alike by construction. Trials differ in truth (one rate is
better than another) as much as they differ by chance.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import pytest

import manyfit as mf
from manyfit.population import Member, Population, Rows, View
from manyfit.rng import Streams
from manyfit.stats import (
    Comparison,
    Finding,
    Looks,
    as_family,
    paired,
    paired_look,
    paired_ratios,
    picks,
    tuned_scores,
)

TRIALS = 8
"""Trials of one tuning."""
CLAIMS = (Finding.BETTER, Finding.WORSE)


def allowed(n: int) -> float:
    """False winners in n trials: 5 %, plus three standard errors; 123 or 124 of 2,000."""
    return 0.05 * n + 3 * (0.05 * 0.95 * n) ** 0.5


def has_winner(comparisons: Sequence[Comparison]) -> bool:
    return any(each.finding in CLAIMS for each in as_family(comparisons))


def simulated(random: np.random.Generator, n_labels: int, n: int, *, fates: float = 0.0) -> np.ndarray:
    """[labels, n] fresh scores of what each replicate's tuning picked, of one recipe under several labels."""
    truth = random.normal(size=(n_labels, n, TRIALS))
    search, fresh = (truth + random.normal(size=truth.shape) for _ in range(2))
    for scores in (search, fresh):
        scores[random.uniform(size=scores.shape) < fates] = np.inf
    return np.array([tuned_scores(s, f) for s, f in zip(search, fresh, strict=True)])


def false_winners(n_trials: int, n_labels: int, seed: int, *, fates: float = 0.0) -> int:
    random = np.random.default_rng(seed)
    wrong = 0
    for _ in range(n_trials):
        scores = simulated(random, n_labels, 10, fates=fates)
        found = [paired(a, b, scope="replicates", margin=0.1) for a, b in itertools.combinations(scores, 2)]
        wrong += has_winner(found)
    return wrong


def false_winners_with_looks(n_trials: int, n_labels: int, seed: int) -> int:
    """Five looks, at 5, 10, … 25 replicates; the first one that finds a winner counts."""
    random = np.random.default_rng(seed)
    pairs = list(itertools.combinations(range(n_labels), 2))
    wrong = 0
    for _ in range(n_trials):
        scores = simulated(random, n_labels, 25)
        looks = dict.fromkeys(pairs, Looks(most=25))
        for n in range(5, 26, 5):
            found = []
            for i, j in pairs:
                each, looks[i, j] = paired_look(scores[i, :n], scores[j, :n], looks[i, j], scope="replicates")
                found.append(each)
            if has_winner(found):
                wrong += 1
                break
    return wrong


@pytest.mark.parametrize("n_labels", [2, 4])
def test_same_recipe_rarely_wins_against_itself(n_labels: int) -> None:
    assert false_winners(150, n_labels, 1) <= allowed(150)


def test_same_recipe_that_diverges_now_and_then_rarely_wins_against_itself() -> None:
    assert false_winners(300, 2, 2, fates=0.15) <= allowed(300)


def test_same_recipe_rarely_wins_against_itself_with_five_looks() -> None:
    assert false_winners_with_looks(120, 2, 3) <= allowed(120)


def test_one_tuning_for_all_replicates_makes_false_winners() -> None:
    random = np.random.default_rng(4)
    wrong = 0
    for _ in range(300):
        truth = random.normal(size=(2, TRIALS))
        best = (truth + random.normal(size=truth.shape)).argmin(1)
        a, b = (truth[i, best[i]] + random.normal(size=10) for i in range(2))
        wrong += paired(a, b, scope="seeds").finding in CLAIMS

    assert wrong > 2 * allowed(300)  # why tuning is a part of the replicate


@pytest.mark.slow
@pytest.mark.parametrize("n_labels", [2, 4])
def test_same_recipe_wins_at_most_123_times_in_2000(n_labels: int) -> None:
    assert false_winners(2000, n_labels, 10 + n_labels) <= 123


@pytest.mark.slow
def test_same_recipe_wins_at_most_123_times_in_2000_with_five_looks() -> None:
    assert false_winners_with_looks(2000, 2, 22) <= 123


@pytest.mark.slow
@pytest.mark.native
def test_trained_networks_of_one_recipe_rarely_win_against_themselves() -> None:
    """Two labels, 250 trials: in each, 8 replicates tune among 3 rates and meet on fresh seeds and fresh rows."""
    n_trials, n_labels, n, rates = 250, 2, 8, (0.003, 0.01, 0.03)
    random = np.random.default_rng(5)
    recipes = [
        mf.Recipe(mf.Dense((6,)), epochs=12, batch_size=10).set("optimizer.lr", rate) for rate in rates
    ]
    shape = (n_trials, n_labels, n)

    def trained(stage: int, chosen: np.ndarray) -> np.ndarray:
        """[*shape, m] held-out loss of the recipes chosen, each replicate on 20 rows of its own, scored on 60 others."""
        members = []
        X = random.uniform(-2, 2, size=(80 * chosen[..., 0].size, 1))
        view = View(X, np.sin(2 * X) + 0.3 * random.normal(size=X.shape))
        for number, place in enumerate(np.ndindex(shape)):
            rows = 80 * number + np.arange(80)
            for which in chosen[place].tolist():
                # Every network of every label has streams of its own.
                streams = Streams.of(6, stage, number * len(rates) + which)
                members.append(Member(recipes[which], streams, Rows(rows[:20], rows[20:])))
        return mf.fit(Population(tuple(members), {"all": view})).score.reshape(chosen.shape)

    search = trained(1, np.broadcast_to(np.arange(len(rates)), (*shape, len(rates))))
    picked = picks(search.reshape(-1, len(rates))).reshape(*shape, 1)
    fresh = trained(2, picked)[..., 0]

    wrong = sum(has_winner([paired_ratios(a, b, scope="seeds and rows", margin=0.01)]) for a, b in fresh)

    assert len(np.unique(picked)) > 1  # tuning had something to pick from
    assert wrong <= allowed(n_trials)
