"""Which settings matter: how much worse a forest foretells held-out trials once a setting is shuffled.

Trials are resampled; a forest learns the rank of the score from the settings of those drawn, and foretells those that were not.
Ranks, so that networks that diverged are the worst and no more. What a setting does alone and together with others counts.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from manyfit.stats import LEVEL, Interval

Floats = NDArray[np.float64]

N_RESAMPLES = 60
TREES = 12
SHUFFLES = 4
FEWEST = 12
"""Trials that it takes at least."""


class Importance(NamedTuple):
    """What a forest says.

    of: For each setting, the share of the variance of ranks that it is behind, alone and with others: half of what the squared
        error gains once it is shuffled.
    known: Share of the variance of ranks of held-out trials that the forest foretells.
    """

    of: tuple[Interval, ...]
    known: Interval


def importance(
    settings: Floats, scores: Floats, *, scope: str, level: float = LEVEL, seed: int = 0
) -> Importance | None:
    """How much each setting matters; None for too few trials, or where all of them are alike.

    Args:
        settings: [n, J] where each trial lies in the range of each setting.
        scores: [n] scores, lower is better; infinite where a network diverged.
        scope: What the trials are drawn from.
        level: Confidence level.
        seed: Of the resamples.

    References:
        Breiman 2001, Random Forests, section 10, https://doi.org/10.1023/A:1010933404324
        Hutter, Hoos & Leyton-Brown 2014, An Efficient Approach for Assessing Hyperparameter Importance,
        https://proceedings.mlr.press/v32/hutter14.html
    """
    from sklearn.ensemble import RandomForestRegressor  # a second, for this question alone

    n, n_settings = settings.shape
    rank = rankdata(np.where(np.isfinite(scores), scores, np.inf)) / n
    if n < FEWEST or np.ptp(rank) == 0:
        return None
    random = np.random.Generator(np.random.Philox(seed))
    lost, known = [], []
    for number in range(N_RESAMPLES):
        drawn = random.integers(0, n, size=n)
        out = np.setdiff1d(np.arange(n), drawn)
        spread = float(((rank[out] - rank[drawn].mean()) ** 2).mean())
        if len(out) < 3 or spread == 0:
            continue
        forest = RandomForestRegressor(TREES, min_samples_leaf=2, random_state=number)
        forest.fit(settings[drawn], rank[drawn])
        tables = [settings[out]]
        for j in range(n_settings):
            for _ in range(SHUFFLES):
                table = settings[out].copy()
                table[:, j] = random.permutation(table[:, j])
                tables.append(table)
        foretold = forest.predict(np.concatenate(tables)).reshape(len(tables), -1)
        error = ((foretold - rank[out]) ** 2).mean(1) / spread
        known.append(1 - error[0])
        # Two independent values differ by twice their variance: half of it is the setting's share.
        lost.append((error[1:].reshape(n_settings, SHUFFLES).mean(1) - error[0]) / 2)
    if not lost:
        return None
    shares = np.array(lost)
    of = tuple(_interval(shares[:, j], n, scope, level) for j in range(n_settings))
    return Importance(of, _interval(np.array(known), n, scope, level))


def _interval(values: Floats, n: int, scope: str, level: float) -> Interval:
    low, high = np.quantile(values, [0.5 - level / 2, 0.5 + level / 2])
    return Interval(
        float(values.mean()), float(low), float(high), level, n, scope, "shuffled in held-out trials"
    )
