"""Tables and pictures of a search, and what they are made from."""

from __future__ import annotations

import dataclasses
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Bars, Cloud, Curves, Series, Table, Text
from manyfit.hyper import Choice, LogRange
from manyfit.questions._contest.meeting import best_after
from manyfit.questions._frame.task import Task
from manyfit.questions._frame.words import rate_text, spaced
from manyfit.questions._search.importance import Importance, importance
from manyfit.questions._search.searched import Searched
from manyfit.questions._search.trials import Confirmed, Trials, edges_of, settings_of
from manyfit.recipe import Recipe
from manyfit.registry import name_of
from manyfit.stats import tuning_curve

Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class Told:
    """All that is told.

    found: What was searched.
    trials: What was tried.
    confirmed: What became of the best.
    level: Confidence level.
    is_random: Whether trials were drawn alike, so that their order says nothing.
    is_whole: Whether no round was interrupted.
    """

    found: Searched
    trials: Trials
    confirmed: Confirmed
    level: float
    is_random: bool
    is_whole: bool

    @cached_property
    def importance(self) -> Importance | None:
        """How much each setting matters."""
        settings = settings_of(self.found, self.trials.recipes)
        return importance(settings, self.trials.mean, scope="trials", level=self.level)

    @property
    def winner(self) -> Recipe | None:
        """The recipe that won; None where all diverged."""
        places = self.confirmed.finalists
        return self.trials.recipes[places[0]] if places else None

    @cached_property
    def edges(self) -> list[tuple[str, str, Any]]:
        """Where the winner lies at an edge that the evidence points beyond."""
        return [] if self.winner is None else edges_of(self.found, self.trials, self.winner)

    @property
    def ranked(self) -> list[int]:
        """Settings by importance, the one that matters most first."""
        found = self.importance
        places = range(len(self.found.paths))
        return list(places) if found is None else sorted(places, key=lambda j: -found.of[j].estimate)


def short(path: str) -> str:
    """A setting without the part of the recipe it belongs to.

    Example:
        >>> short("optimizer.lr"), short("l2.strength"), short("epochs")
        ('lr', 'l2', 'epochs')
    """
    head, _, last = path.rpartition(".")
    return head if last == "strength" else last


def value_text(value: Any) -> str:
    """A value as people write it.

    Example:
        >>> value_text((64, 64)), value_text(0.00316), value_text("relu"), value_text(None)
        ('64-64', '3.2e-3', 'relu', 'none')
    """
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return "-".join(map(str, value)) or "none"
    if isinstance(value, float):
        return rate_text(value)
    return name_of(value) if dataclasses.is_dataclass(value) else str(value)


def settings_text(found: Searched, recipe: Recipe) -> str:
    """What varies in a search, as one recipe has it."""
    return ", ".join(f"{short(path)} {value_text(recipe.get(path))}" for path in found.paths)


def share_text(value: float) -> str:
    """A share as percent.

    Example:
        >>> share_text(0.664), share_text(-0.001), share_text(-0.02)
        ('66 %', '0 %', '−2 %')
    """
    return f"{round(100 * value):d} %".replace("-", "−")


def finalists_table(task: Task, told: Told) -> Table:
    confirmed, trials = told.confirmed, told.trials
    rows = []
    for place, i in enumerate(confirmed.finalists):
        inside = confirmed.among is None or confirmed.among.included[place]
        rows.append(
            (
                settings_text(told.found, trials.recipes[i]),
                float(trials.mean[i]),
                float(confirmed.met[place]) if confirmed.among is not None else "–",
                Text("yes", "是") if inside else Text("", ""),
            )
        )
    head = (
        Text("recipe", "配方"),
        Text(f"{task.measure.label.en} in the search", spaced(f"搜索中的{task.measure.label.zh}")),
        Text("on fresh pairs", "在新的种子与划分上"),
        Text("may be the best", "可能最佳"),
    )
    return Table(head, tuple(rows), Text("The best recipes", "最好的配方"))


def settings_table(told: Told) -> Table:
    found = told.importance
    rows = []
    for j in told.ranked:
        path = told.found.paths[j]
        winner = "–" if told.winner is None else value_text(told.winner.get(path))
        share = "–" if found is None else share_text(found.of[j].estimate)
        ends = "–" if found is None else f"[{share_text(found.of[j].low)}, {share_text(found.of[j].high)}]"
        rows.append((path, _tried(told.found, path), winner, share, ends))
    head = (
        Text("setting", "设置"),
        Text("tried", "试过"),
        Text("winner", "胜者"),
        Text("importance", "重要性"),
        Text("interval", "区间"),
    )
    return Table(head, tuple(rows), Text("Settings", "设置"))


def _tried(found: Searched, path: str) -> str:
    if path in found.shared:
        return ", ".join(map(value_text, found.shared[path]))
    values = found.space.ranges[path]
    if isinstance(values, Choice):
        return ", ".join(map(value_text, values.options))
    return f"{value_text(values.low)} – {value_text(values.high)}"


def importance_figure(told: Told) -> Bars:
    found = told.importance
    assert found is not None
    of = [found.of[j] for j in told.ranked]
    return Bars(
        Text("How much each setting matters", "各设置的重要性"),
        tuple(short(told.found.paths[j]) for j in told.ranked),
        np.array([100 * each.estimate for each in of]),
        np.array([100 * each.low for each in of]),
        np.array([100 * each.high for each in of]),
        Text("% of the variance of ranks", "名次方差的 %"),
        reference=0.0,
    )


def is_drawn(told: Told, j: int) -> bool:
    """Whether a setting is a number with a range."""
    path = told.found.paths[j]
    return path not in told.found.shared and not isinstance(told.found.space.ranges[path], Choice)


def trials_figure(task: Task, told: Told, j: int) -> Cloud:
    path = told.found.paths[j]
    seen = np.flatnonzero(np.isfinite(told.trials.mean))
    by = next(iter(told.found.shared), "")
    kinds = tuple(value_text(told.trials.recipes[i].get(by)) if by else "" for i in seen)
    score = told.trials.mean[seen]
    return Cloud(
        Text(f"Score of every recipe over {short(path)}", f"每个配方的分数随 {short(path)} 的变化"),
        np.array([float(told.trials.recipes[i].get(path)) for i in seen]),
        score,
        kinds,
        Text(short(path), short(path)),
        task.measure.label,
        x_log=isinstance(told.found.space.ranges[path], LogRange),
        y_log=bool(len(score)) and float(score.min()) > 0 and float(score.max()) > 20 * float(score.min()),
    )


def over_trials_figure(task: Task, told: Told) -> Curves:
    """The expected best of k trials as the search sees it, and on other pairs; or the best so far."""
    series = []
    if told.is_random:
        curve = tuning_curve(told.trials.mean, scope="trials", level=told.level)
        series.append(_finite(Text("as the search sees it", "搜索所见"), curve.mean, curve.low, curve.high))
        series.append(_finite(Text("on other pairs", "在其他种子与划分上"), best_after(told.trials.score.T)))
    else:
        series.append(_finite(Text("best so far", "至今最佳"), np.minimum.accumulate(told.trials.mean)))
    return Curves(
        Text("Expected best after so many trials", "若干次尝试后最佳者的期望"),
        tuple(series),
        Text("trials", "尝试次数"),
        task.measure.label,
        x_log=True,
    )


def _finite(name: Text, middle: Floats, low: Floats | None = None, high: Floats | None = None) -> Series:
    seen = np.flatnonzero(np.isfinite(middle))
    if low is None or high is None:
        return Series(name, 1.0 + seen.astype(np.float64), middle[seen])
    high = np.where(np.isfinite(high), high, np.nan)
    return Series(name, 1.0 + seen.astype(np.float64), middle[seen], low[seen], high[seen])
