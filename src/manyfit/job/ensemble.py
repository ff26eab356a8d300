"""From confirmed recipes to a model: which are averaged, and what out-of-fold rows say about its confidence."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from manyfit.data import Target
from manyfit.errors import ManyfitError, Problem
from manyfit.job.confirm import Confirmed
from manyfit.metrics import LogLoss
from manyfit.model import Calibration, tempered
from manyfit.model.model import LEVELS
from manyfit.stats import LEVEL, Finding, Interval, judge, mean_interval
from manyfit.text import Text

Floats = NDArray[np.float64]
SCOPE = "folds and seeds"
TOP = 8
DOUBT = 0.18
"""Logarithm of the temperature that is still believed without evidence: between 0.84 and 1.2. The rows that teach it chose the
recipes too, and look better than new ones: with a doubt of 0.5 the log loss of easy tables (wine, iris) grew by a fifth."""
HOTTEST = 5.0
"""Temperatures are looked for between 1/5 and 5."""


class Standing(NamedTuple):
    """A confirmed recipe against the best one: the difference of their scores (as losses), and what it amounts to."""

    difference: Interval
    finding: Finding


def against_best(confirmed: Confirmed, margin: float) -> dict[int, Standing]:
    """Every confirmed recipe against the best one, paired by fold and seed.

    Args:
        confirmed: What was measured.
        margin: Share of the best score within which recipes are the same.

    Returns:
        By index of the recipe, the best first; the best itself is not among them.
    """
    order = confirmed.order
    best = confirmed.pairs[order[0]]
    scale = margin * abs(float(best.mean()))

    def standing(scores: Floats) -> Standing:
        wide, narrow = (
            mean_interval(scores - best, scope=SCOPE, level=level, overlap=confirmed.overlap)
            for level in (LEVEL, 2 * LEVEL - 1)
        )
        return Standing(wide, judge(wide, narrow, scale))

    return {r: standing(confirmed.pairs[r]) for r in order[1:]}


def choose(confirmed: Confirmed, margin: float, way: str) -> list[int]:
    """The recipes whose networks are averaged, the best first.

    Args:
        confirmed: What was measured.
        margin: Share of the best score within which recipes are the same.
        way: "same" takes the best and those that are not shown to be worse, eight at most; "top" the best eight.
            (Greedy selection by out-of-fold rows, Caruana et al. 2004, and the best prefix of the ranking were tried by
            the benchmark on tables: no better on average, the same on large tables and a lottery on small ones.)

    Raises:
        ManyfitError: If every confirmed network diverged.
    """
    order = confirmed.order
    if not order:
        n = confirmed.n_diverged
        rule = Text(
            f"found no recipe whose networks all trained: {n} diverged", f"没有一个配方的网络全部训练成功：{n} 个发散"
        )
        hint = Text("Scale the inputs or search again.", "请缩放输入，或重新搜索。")
        raise ManyfitError(Problem(Text("confirmation", "确认"), rule, hint=hint))
    if way == "top":
        return order[:TOP]
    found = against_best(confirmed, margin)
    level = [r for r, standing in found.items() if standing.finding is not Finding.WORSE]
    return [order[0], *level][:TOP]


def held_out(confirmed: Confirmed) -> NDArray[np.bool_]:
    """[N] which development rows were ever held out; all of them unless the rows are ordered in time."""
    mask = np.zeros(len(confirmed.table.development), dtype=bool)
    for fold in confirmed.folds:
        mask[np.searchsorted(confirmed.table.development, fold.held)] = True
    return mask


def out_of_fold(confirmed: Confirmed, recipes: list[int]) -> Floats:
    """[N] or [N, C] what the chosen recipes say of each development row, averaged over the networks that have not seen it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # rows that no fold held out stay NaN
        return np.mean(
            [np.nanmean(confirmed.predictions[r].astype(np.float64), axis=0) for r in recipes], axis=0
        )


def calibrate(
    target: Target, y: NDArray[np.floating], predicted: Floats, weights: Floats | None = None
) -> Calibration:
    """Learn confidence from rows that the predicting networks have not seen.

    Args:
        target: What is predicted.
        y: [N] truth.
        predicted: [N] numbers or [N, C] probabilities.
        weights: [N] weights of the rows.

    Returns:
        For classes the temperature that gives the lowest log loss; for numbers the half widths that cover as many of
        these rows as the level says, a little more so that it holds for a new row (split conformal, Lei et al. 2018).
    """
    if target.task == "regression":
        errors = np.sort(np.abs(y - predicted))
        n = len(errors)
        widths = {}
        for level in LEVELS:
            place = int(np.ceil(level * (n + 1))) - 1
            if place < n:
                widths[level] = float(errors[place])
        return Calibration(widths=widths)

    def loss(log_temperature: float) -> float:
        # few rows must not make the model sure of itself: a temperature far from 1 costs as much as a few rows weigh
        doubt = (log_temperature / DOUBT) ** 2 / (2 * len(y))
        return LogLoss.score(y, tempered(predicted, float(np.exp(log_temperature))), weights) + doubt

    limit = float(np.log(HOTTEST))
    best = minimize_scalar(loss, bounds=(-limit, limit), method="bounded", options={"xatol": 1e-3})
    return Calibration(temperature=float(np.exp(best.x)) if best.fun < loss(0.0) else 1.0)
