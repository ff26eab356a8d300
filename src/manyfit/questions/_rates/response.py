"""The response to the learning rate: what networks did at every rate, and the good basin."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.questions._frame.task import Task
from manyfit.runs import Run
from manyfit.stats import confidence_set, margin_of

Floats = NDArray[np.float64]

DECADES = 2.0
"""How far beyond an edge the range is widened."""


class Response(NamedTuple):
    """What networks did at every rate. R rates, n pairs of seed and split, T epochs.

    rates: [R] rising.
    score: [R, n] on rows that no network has seen; infinite where it diverged.
    diverged: [R, n].
    loss: [T, R, n] training loss of each epoch; NaN after a network's end.
    """

    rates: Floats
    score: Floats
    diverged: NDArray[np.bool_]
    loss: Floats

    def joined(self, other: Response) -> Response:
        """The two together, rates in order."""
        order = np.argsort(np.concatenate([self.rates, other.rates]), kind="stable")
        return Response(
            np.concatenate([self.rates, other.rates])[order],
            np.concatenate([self.score, other.score])[order],
            np.concatenate([self.diverged, other.diverged])[order],
            np.concatenate([self.loss, other.loss], axis=1)[:, order],
        )

    def repeated(self, other: Response) -> Response:
        """The two together, the same rates on more pairs."""
        return Response(
            self.rates,
            np.concatenate([self.score, other.score], axis=1),
            np.concatenate([self.diverged, other.diverged], axis=1),
            np.concatenate([self.loss, other.loss], axis=2),
        )


class Basin(NamedTuple):
    """What a response says. Indices are into its rates.

    best: The rate with the best mean score.
    chosen: The middle of the good basin.
    good: [R] whether the mean score lies within the margin of the best, with no worse rate between; no network diverged.
    candidates: [R] whether it is among the rates of which, at the confidence level, one is the best.
    mean: [R] mean score; infinite where any network diverged.
    p_diverge: [R] share of networks that diverged.
    falls: [R] median share of the training loss that is lost in the last quarter of the training.
    rises: [R] mean share of the epochs of the second half in which the training loss rose.
    margin: What counts as the same.
    edge: "lowest" or "highest" where the good basin reaches the end of what was tried, else empty.
    """

    best: int
    chosen: int
    good: NDArray[np.bool_]
    candidates: NDArray[np.bool_]
    mean: Floats
    p_diverge: Floats
    falls: Floats
    rises: Floats
    margin: float
    edge: str


def response_of(task: Task, run: Run, rates: Sequence[float]) -> Response:
    """The response that a run shows, whose networks are every rate on every pair in this order."""
    shape = (len(rates), -1)
    return Response(
        np.array(rates),
        task.scores(run).reshape(shape),
        run.diverged.reshape(shape),
        run.loss.reshape(len(run.loss), *shape),
    )


def read(
    response: Response,
    margin: float | None,
    share: float,
    *,
    level: float = 0.95,
    scope: str = "seeds and splits",
    overlap: float = 0.0,
) -> Basin:
    """What a response says: the best rate, the good basin, and the candidates.

    Args:
        response: What networks did.
        margin: What counts as the same; None for a share of the best score.
        share: That share.
        level: Confidence level of the candidates.
        scope: What varies between pairs.
        overlap: As in `mean_interval`.
    """
    mean = response.score.mean(1)
    p_diverge = response.diverged.mean(1)
    falls, rises = _falls(response.loss), _rises(response.loss)
    if not np.isfinite(mean).any():
        none = np.zeros(len(mean), dtype=bool)
        calm = int(np.argmin(p_diverge))
        return Basin(calm, calm, none, ~none, mean, p_diverge, falls, rises, math.nan, "lowest")
    best = int(np.argmin(mean))
    within = margin_of(margin, share, float(mean[best]))
    good = around(mean <= mean[best] + within, best)
    nearness = np.where(good, 1 - (mean - mean[best]) / within if within > 0 else 1.0, 0.0)
    nearness[best] = max(nearness[best], 1e-9)
    middle = float(np.average(np.log(response.rates), weights=np.maximum(nearness, 0)))
    places = np.flatnonzero(good)
    chosen = int(places[np.argmin(np.abs(np.log(response.rates[places]) - middle))])
    among = confidence_set(response.score.T, scope=scope, level=level, overlap=overlap)
    candidates = np.array(among.included)
    edge = "highest" if good[-1] else "lowest" if good[0] else ""
    return Basin(best, chosen, good, candidates, mean, p_diverge, falls, rises, within, edge)


def beyond(rates: Floats, edge: str, decades: float = DECADES) -> list[float]:
    """Rates beyond an edge, so many decades in the steps of the others."""
    step = math.log10(float(rates[-1] / rates[0])) / max(len(rates) - 1, 1) or 0.25
    n = max(round(decades / step), 1)
    sign, start = (1, rates[-1]) if edge == "highest" else (-1, rates[0])
    return sorted(float(f"{start * 10 ** (sign * step * k):.6g}") for k in range(1, n + 1))


def rate_width(ratio: float) -> str:
    """How wide a basin is, as a factor.

    Example:
        >>> rate_width(31.6), rate_width(1.0), rate_width(2.51)
        ('×32', '×1', '×2.5')
    """
    return f"×{ratio:.1f}".replace(".0", "") if ratio < 9.95 else f"×{ratio:.0f}"


def around(is_good: NDArray[np.bool_], place: int) -> NDArray[np.bool_]:
    """The stretch of true values around a place."""
    found = np.zeros_like(is_good)
    for step in (1, -1):
        at = place
        while 0 <= at < len(is_good) and is_good[at]:
            found[at] = True
            at += step
    return found


def _falls(loss: Floats) -> Floats:
    """[R] median over networks of the share of the training loss that the last quarter of the epochs takes away; NaN for none."""
    n_epochs = len(loss)
    if n_epochs < 2:
        return np.full(loss.shape[1], np.nan)
    before, last = loss[min(3 * n_epochs // 4, n_epochs - 1) - 1], loss[-1]
    with np.errstate(divide="ignore", invalid="ignore"):
        shares = 1 - last / before
    return np.array([median(of_rate) for of_rate in shares])


def _rises(loss: Floats) -> Floats:
    """[R] mean over networks of the share of the second half's epochs in which the training loss rose."""
    if len(loss) < 2:
        return np.full(loss.shape[1], np.nan)
    half = loss[len(loss) // 2 - (len(loss) < 4) :]
    known = np.isfinite(half[1:]) & np.isfinite(half[:-1])
    with np.errstate(invalid="ignore"):
        up = (half[1:] > half[:-1]) & known
    counts = known.sum((0, 2))
    return np.where(counts > 0, up.sum((0, 2)) / np.maximum(counts, 1), np.nan)


def median(values: Floats) -> float:
    """Median of what is finite; NaN for nothing."""
    finite = values[np.isfinite(values)]
    return float(np.median(finite)) if finite.size else math.nan


def stretches(values: Sequence[object], wanted: object = None) -> list[list[int]]:
    """Places of neighbors with the same value, in order; only those with the value wanted, if one is."""
    found: list[list[int]] = []
    for place, value in enumerate(values):
        if place and values[place - 1] == value:
            found[-1].append(place)
        else:
            found.append([place])
    return [run for run in found if wanted is None or values[run[0]] == wanted]
