"""How much options ask for the right rate: the score over the rate, and what more trials of tuning would buy."""

from __future__ import annotations

import numpy as np

from manyfit.answers import Cell, Curves, Figure, Section, Series, Table, Text
from manyfit.questions._contest.meeting import Found, paid_by_trials
from manyfit.questions._contest.raced import MOST_DRAWN
from manyfit.questions._frame.task import Task
from manyfit.questions._frame.words import span_text
from manyfit.questions._rates.response import rate_width


def sensitivity_section(found: Found, task: Task) -> Section:
    """The score over the rate, what tuning with fewer trials would give, and the rates that were picked."""
    return Section(
        Text("Sensitivity to the rate", "对学习率的敏感度"),
        (_sensitive(found),),
        (_sensitivity(found, task), _tuning_figure(found, task)),
        (_tuning_table(found),),
    )


def _sensitive(found: Found) -> Text:
    widths = []
    for response, basin in zip(found.tuning, found.basins, strict=True):
        places = np.flatnonzero(basin.good)
        widths.append(float(response.rates[places[-1]] / response.rates[places[0]]) if len(places) else 0.0)
    widest, narrowest = int(np.argmax(widths)), int(np.argmin(widths))
    names = [option.name for option in found.options]
    most = rate_width(widths[widest])
    least = rate_width(widths[narrowest]) if widths[narrowest] else "–"
    if most == least:
        return Text(f"All ask for the right rate alike ({most}).", f"各选项对学习率同样敏感（{most}）。")
    return Text(
        f"{names[widest]} asks least for the right rate ({most}), {names[narrowest]} most ({least}).",
        f"{names[widest]} 对学习率最不敏感（{most}），{names[narrowest]} 最敏感（{least}）。",
    )


def _sensitivity(found: Found, task: Task) -> Figure:
    series = []
    for k in found.verdict.order[:MOST_DRAWN]:
        response = found.tuning[k]
        low, middle, high = np.quantile(response.score, [0.1, 0.5, 0.9], axis=1, method="nearest")
        seen = np.isfinite(middle)
        if seen.any():
            series.append(
                Series(
                    found.options[k].name,
                    response.rates[seen],
                    middle[seen],
                    low[seen],
                    np.where(np.isfinite(high), high, np.nan)[seen],
                )
            )
    values = np.concatenate([each.middle for each in series]) if series else np.ones(1)
    return Curves(
        Text("Score over the rate, median and 80 % of networks", "分数随学习率的变化：中位数与 80 % 的网络"),
        tuple(series),
        Text("learning rate", "学习率"),
        task.measure.label,
        x_log=True,
        y_log=bool(values.min() > 0 and values.max() > 20 * values.min()),
    )


def _tuning_figure(found: Found, task: Task) -> Figure:
    paid = {
        k: paid_by_trials(found.tuning[k].score.T, found.level) for k in found.verdict.order[:MOST_DRAWN]
    }
    known = [each.mean[np.isfinite(each.mean)] for each in paid.values()]
    values = np.concatenate(known) if any(len(each) for each in known) else np.ones(1)
    is_log = bool(values.min() > 0 and values.max() > 20 * values.min())
    series = []
    for k, each in paid.items():
        seen = np.isfinite(each.mean)
        if seen.any():
            trials, low = np.flatnonzero(seen) + np.float64(1), each.low[seen]
            low = np.where(low > 0, low, np.nan) if is_log else low
            series.append(Series(found.options[k].name, trials, each.mean[seen], low, each.high[seen]))
    return Curves(
        Text("Expected score after tuning with k trials, with its interval", "k 次试验调参后的期望分数及其区间"),
        tuple(series),
        Text("trials", "试验次数"),
        task.measure.label,
        y_log=is_log,
    )


def _tuning_table(found: Found) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for k in found.verdict.order:
        response, basin, race = found.tuning[k], found.basins[k], found.races[k]
        places = np.flatnonzero(basin.good)
        good = (
            span_text(float(response.rates[places[0]]), float(response.rates[places[-1]]))
            if len(places)
            else "–"
        )
        share = found.verdict.diverged[k]
        rows.append(
            (
                found.options[k].name,
                span_text(float(race.rates.min()), float(race.rates.max())),
                good,
                f"{100 * share.estimate:.0f} % [{100 * max(share.low, 0.0):.0f}, {100 * min(share.high, 1.0):.0f}]",
                f"{100 * float(race.diverged.mean()):.0f} %",
            )
        )
    head = (
        Text("", ""),
        Text("rates picked", "选中的学习率"),
        Text("good rates", "好的学习率"),
        Text("trials that diverged", "发散的试验"),
        Text("picks that diverged", "选中后发散"),
    )
    return Table(head, tuple(rows), Text("Tuning", "调参"))
