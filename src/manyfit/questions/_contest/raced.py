"""The race of tuned options: the loss over the steps, and when each of them comes to a target."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Cell, Curves, Figure, Section, Series, Table, Text
from manyfit.questions._contest.meeting import Found, arrivals

Floats = NDArray[np.float64]

NEAR = 1.1
"""The target of the race: this many times the lowest median loss that the reference reaches."""
MOST_DRAWN = 8
"""Options that one picture can tell apart."""


def race_section(found: Found) -> list[Section]:
    """Curves, and when each option reaches a target; nothing where options have losses of their own, which can't be compared."""
    if any(path.split(".")[0] == "loss" for option in found.options for path in option.settings):
        return []
    target = race_target(found)
    if not math.isfinite(target):
        return []
    came = arrivals(found.races, target)
    order = found.verdict.order
    rows: list[tuple[Cell, ...]] = []
    for k in order:
        rows.append(
            (
                found.options[k].name,
                f"{100 * came[k].share:.0f} %",
                f"{came[k].steps:,.0f}" if math.isfinite(came[k].steps) else "–",
                f"{1000 * came[k].seconds:.3g}" if math.isfinite(came[k].seconds) else "–",
            )
        )
    head = (
        Text("", ""),
        Text("reach it", "达到者"),
        Text("after steps", "步数"),
        Text("after ms", "毫秒"),
    )
    shown = f"{target:.3g}"
    reference = found.options[found.verdict.reference].name
    table = Table(
        head,
        tuple(rows),
        Text(f"Time to a held-out loss of {shown}", f"达到留出损失 {shown} 的时间"),
    )
    fastest = min((k for k in order if came[k].share >= 0.5), key=lambda k: came[k].steps, default=None)
    few = Text("", "")
    if fastest is not None and came[fastest].share < 1:
        share = f"{100 * came[fastest].share:.0f} %"
        few = Text(f", median of the {share} of its networks that reach it", f"（其 {share} 的网络达到，取其中位数）")
    statement = (
        ()
        if fastest is None
        else (
            Text(
                f"{found.options[fastest].name} is the first to come to a held-out loss of {shown}: "
                f"after {came[fastest].steps:,.0f} steps{few.en}.",
                f"{found.options[fastest].name} 最先达到留出损失 {shown}：{came[fastest].steps:,.0f} 步{few.zh}。",
            ),
        )
    )
    measured = Text(
        f"The target is {NEAR:g} times the lowest median loss of {reference}. Rates were tuned for the score at the end, "
        "not for speed. Milliseconds are of one core for one network, among others of its kind.",
        f"目标为 {reference} 最低中位损失的 {NEAR:g} 倍。学习率按最终分数而非速度调整。"
        "毫秒指与同类网络一起训练时，单核上一个网络的用时。",
    )
    return [Section(Text("The race", "赛跑"), statement, (_race_figure(found),), (table,), (measured,))]


def race_target(found: Found) -> float:
    """The loss that options race to: a bit above the lowest that the reference reaches in the middle."""
    middle = _middle(found.races[found.verdict.reference].curves)
    seen = middle[np.isfinite(middle)]
    return NEAR * float(seen.min()) if seen.size else math.nan


def _middle(curves: Floats) -> Floats:
    """[T] median over networks; those that ended without a number count as infinite."""
    return np.median(np.nan_to_num(curves, nan=np.inf), axis=1)


def _race_figure(found: Found) -> Figure:
    series = []
    for k in found.verdict.order[:MOST_DRAWN]:
        race = found.races[k]
        curves = np.nan_to_num(race.curves, nan=np.inf)
        low, middle, high = np.quantile(curves, [0.1, 0.5, 0.9], axis=1, method="nearest")
        seen = np.isfinite(middle) & (middle > 0)
        steps = float(np.median(race.a_step)) * (1 + np.flatnonzero(seen))
        if seen.any():
            high = np.where(np.isfinite(high), high, np.nan)
            series.append(
                Series(found.options[k].name, steps.astype(float), middle[seen], low[seen], high[seen])
            )
    return Curves(
        Text("Held-out loss, median and 80 % of networks", "留出损失：中位数与 80 % 的网络"),
        tuple(series),
        Text("steps", "步数"),
        Text("held-out loss", "留出损失"),
        y_log=True,
    )
