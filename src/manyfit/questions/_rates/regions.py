"""The chapter's words for the regions of the rate, each only where it is shown; and how sure the width of the good basin is.

A word says two things: what the training did, and that the region is worse for it. The first is seen in the training loss. The
second must be shown on the pairs, for all regions together; where it is not, the word is that it can't be told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.questions._rates.response import Basin, Response, around, median, stretches
from manyfit.stats import LEVEL, Interval
from manyfit.stats.interval import t_quantile, widened

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

FALLS = 0.02
"""A training loss that loses more than this share in the last quarter of the training still falls."""
RISES = 0.1
"""Share of epochs with a rising training loss, beyond that at the best rate, which is called oscillating."""
N_RESAMPLES = 1000
N_DRAWS = 4000
"""Draws behind the ends of an interval: of five regions at 95 %, twenty lie beyond each end."""


class Region(NamedTuple):
    """Neighboring rates of which one thing is said.

    rates: Places of the rates, rising.
    word: "right", "small", "oscillates", "overfits", "worse" (no sign of why), "diverges", or "open" where they are neither right
        nor shown to be worse.
    minus: Their mean score minus that of the right ones, paired, good for all regions together; None for the right ones
        themselves, and where networks diverged.
    """

    rates: tuple[int, ...]
    word: str
    minus: Interval | None


def regions_of(
    response: Response,
    basin: Basin,
    *,
    level: float = LEVEL,
    scope: str = "seeds and splits",
    overlap: float = 0.0,
) -> tuple[Region, ...]:
    """The regions of the rate, rising: a pure function of a response.

    Args:
        response: What networks did.
        basin: What was read from it.
        level: Confidence of all regions together.
        scope: What varies between pairs.
        overlap: As in `mean_interval`.
    """
    words = _seen(response, basin)
    parts = stretches(words)
    asked = [part for part in parts if words[part[0]] not in ("right", "diverges")]
    apart = dict(zip(map(tuple, asked), _apart(response, basin, asked, level, scope, overlap), strict=True))
    found = []
    for part in map(tuple, parts):
        minus, word = apart.get(part), words[part[0]]
        found.append(Region(part, "open" if minus is not None and minus.low <= 0 else word, minus))
    return tuple(found)


def _seen(response: Response, basin: Basin) -> list[str]:
    """[R] what the training did at each rate that is not right."""
    best, falls, rises = basin.best, basin.falls, basin.rises
    ended = np.array([median(of_rate) for of_rate in response.loss[-1]]) if len(response.loss) else basin.mean
    words = []
    for r, diverged in enumerate(basin.p_diverge):
        if diverged > 0 or not np.isfinite(basin.mean[r]):
            words.append("diverges")
        elif basin.good[r]:
            words.append("right")
        elif r < best:
            words.append("small" if falls[r] > FALLS and ended[r] > ended[best] else "worse")
        elif ended[r] <= ended[best]:
            words.append("overfits")
        else:
            words.append("oscillates" if rises[r] >= rises[best] + RISES else "worse")
    return words


def _apart(
    response: Response,
    basin: Basin,
    parts: Sequence[Sequence[int]],
    level: float,
    scope: str,
    overlap: float,
    seed: int = 0,
) -> list[Interval]:
    """How far the mean of each part lies above that of the basin, pair by pair.

    The basin is where the scores came out lowest, so that beside it others look worse even where all are alike: Student's
    interval would say so in a third of such cases. So its half width is that of scores drawn alike, as noisy as those of each
    rate, in which the basin is looked for in the same way.
    """
    if not parts:
        return []
    places = np.flatnonzero(np.isfinite(basin.mean))
    score, n, inside = response.score[places], response.score.shape[1], basin.good[places]
    which = [np.isin(places, part) for part in parts]
    mean, error = _students(score, inside, which)
    centered = score - score.mean(1, keepdims=True)
    centered = centered - np.median(centered, axis=0)  # what a pair does to all rates alike
    noise = np.sqrt(np.square(centered).sum(1, keepdims=True) / (n - 1))
    random = np.random.Generator(np.random.Philox(seed))
    null = np.empty((N_DRAWS, len(parts)))
    for k in range(N_DRAWS):
        drawn = noise * random.normal(size=score.shape)
        middle = drawn.mean(1)
        best = int(np.argmin(middle))
        by, of = _students(drawn, around(middle <= middle[best] + basin.margin, best), which)
        null[k] = np.divide(by, of, out=np.full(len(parts), -np.inf), where=of > 0)
    at = 1 - (1 - level) / max(len(parts), 1)
    times = np.maximum(np.quantile(null, 0.5 + at / 2, axis=0, method="higher"), t_quantile(at, n - 1))
    half = times * error * np.sqrt(1 + overlap * n)
    method = "Student t, for a basin that was looked for"
    return [
        Interval(float(m), float(m - h), float(m + h), level, n, scope, method)
        for m, h in zip(mean, half, strict=True)
    ]


def _students(score: Floats, inside: Bools, parts: Sequence[Bools]) -> tuple[Floats, Floats]:
    """Mean and standard error of each part's difference to what is inside; NaN for parts that lie inside themselves."""
    base = score[inside].mean(0)
    left = [part & ~inside for part in parts]
    d = np.array([score[part].mean(0) - base if part.any() else np.full_like(base, np.nan) for part in left])
    return d.mean(1), d.std(axis=1, ddof=1) / np.sqrt(score.shape[1])


def width_of(
    response: Response,
    margin: float | None,
    share: float,
    *,
    level: float = LEVEL,
    scope: str = "seeds and splits",
    seed: int = 0,
) -> Interval:
    """How wide the good basin is, as a factor from its lowest to its highest rate; pairs are resampled.

    Args:
        response: What networks did.
        margin, share: As in `read`.
        level: Confidence level.
        scope: What varies between pairs.
        seed: Of the resamples.
    """
    n = response.score.shape[1]
    random = np.random.Generator(np.random.Philox(seed))
    drawn = random.integers(0, n, size=(N_RESAMPLES, n))
    widths = _widths(response, response.score[:, drawn].mean(2).T, margin, share)
    whole = _widths(response, response.score.mean(1)[None], margin, share)
    if not len(whole) or not len(widths):
        return Interval(np.nan, 0.0, np.inf, level, n, scope, "none: networks diverge at every rate")
    at = widened(level, n)
    low, high = np.quantile(widths, [0.5 - at / 2, 0.5 + at / 2], method="nearest")
    return Interval(float(whole[0]), float(low), float(high), level, n, scope, "bootstrap of pairs")


def _widths(response: Response, means: Floats, margin: float | None, share: float) -> Floats:
    """Width of the basin of each row of means; rows in which everything diverged are left out."""
    found = []
    for mean in means[np.isfinite(means).any(1)]:
        best = int(np.argmin(mean))
        within = share * abs(float(mean[best])) if margin is None else margin
        places = np.flatnonzero(around(mean <= mean[best] + within, best))
        found.append(response.rates[places[-1]] / response.rates[places[0]])
    return np.array(found)
