"""What a job says in the terminal: sentences and a bar on stderr, never a word on stdout. Plain lines where nobody watches."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

from manyfit.render.numbers import compact
from manyfit.render.phrases import language, say

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress as Bar

    from manyfit.data import Dataset, Note

PLAIN_EVERY_S = 10.0
"""Seconds between two lines of progress where there is no terminal."""


class Terminal:
    """A narrator that writes to stderr: a live bar on a terminal, a line now and then in a log.

    Args:
        lang: "en" or "zh"; by default the locale's.
        stream: Where to.
        quiet: Say nothing but warnings.
        clock: Where the time comes from.
    """

    def __init__(
        self,
        lang: str | None = None,
        *,
        stream: TextIO | None = None,
        quiet: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.lang = language(lang)
        self.stream = stream or sys.stderr
        self.quiet = quiet
        self._clock = clock
        self._bar: Bar | None = None
        self._task: Any = None
        self._stage = ""
        self._next_line = 0.0

    def found(self, data: Dataset) -> None:
        """What was found in the table, warnings in yellow."""
        first, *rest = data.describe(self.lang)
        if not self.quiet:
            self._line(first)
        for line in rest:
            is_warning = line.startswith("!")
            if is_warning or not self.quiet:
                self._line(f"  {line}", "yellow" if is_warning else "")

    def say(self, key: str, **facts: Any) -> None:
        """A sentence about what has been done."""
        self.close()
        if self.quiet:
            return
        teller = getattr(self, f"_{key}", None)
        if teller is not None:
            teller(**facts)
        else:
            self._line(say(key, self.lang, **{k: _plain(v) for k, v in facts.items()}))

    def progress(self, progress: Any) -> None:
        """Move the bar on; where there is none, write a line every ten seconds."""
        if self.quiet or progress.stage == "measure":
            return
        facts = {
            "done": f"{progress.done:,}",
            "total": f"{progress.total:,}",
            "alive": f"{progress.alive:,}",
            "diverged": progress.diverged,
            "best": compact(progress.best),
            "left": f"{progress.left_s:.0f}",
        }
        if self._console.is_terminal:
            self._show(progress, say("progress", self.lang, **facts))
        elif self._clock() >= self._next_line:
            first, self._next_line = self._next_line == 0.0, self._clock() + PLAIN_EVERY_S
            if not first:
                self._line(
                    f"{say(f'stage.{progress.stage}', self.lang)}  {say('progress', self.lang, **facts)}"
                )

    def warn(self, text: str) -> None:
        """A sentence that is said even to who wants quiet."""
        self.close()
        self._line(f"! {text}", "yellow")

    def note(self, note: Note) -> None:
        """What was done about odd cells or columns of new rows."""
        if note.is_warning:
            self.warn(note.say(self.lang))
        elif not self.quiet:
            self._line(note.say(self.lang))

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    @property
    def _console(self) -> Console:
        from rich.console import Console

        return Console(file=self.stream, highlight=False, soft_wrap=True)

    def _line(self, text: str, style: str = "") -> None:
        self._console.print(text, style=style or None, markup=False)

    def _show(self, progress: Any, text: str) -> None:
        from rich.progress import BarColumn, Progress, TextColumn

        if self._bar is None or self._stage != progress.stage:
            self.close()
            columns = (
                TextColumn("{task.description:11}"),
                BarColumn(bar_width=24),
                TextColumn("{task.fields[text]}"),
            )
            self._bar = Progress(*columns, console=self._console, transient=True)
            self._bar.start()
            self._task = self._bar.add_task(
                say(f"stage.{progress.stage}", self.lang), total=progress.total, text=text
            )
            self._stage = progress.stage
        self._bar.update(self._task, completed=progress.done, total=progress.total, text=text)

    # What needs more than its facts filled in

    def _split(self, n_test: int, n_dev: int, folds: int = 5, by_time: bool = False) -> None:
        key = "split.time" if by_time else "split"
        self._line("  " + say(key, self.lang, n_test=f"{n_test:,}", n_dev=f"{n_dev:,}", folds=folds))

    def _first(self, best: float, metric: str, seconds: float) -> None:
        if math.isnan(best):  # no network came to the end of an epoch
            return
        self._line(say("first", self.lang, best=compact(best), metric=metric, seconds=f"{seconds:.1f}"))

    def _plan(self, plan: Any, budget: float | None) -> None:
        key = "plan" if budget is not None else "plan.repeat"
        rungs = self._count("rung", len(plan.rungs))
        facts = {
            "hash": plan.hash,
            "recipes": self._count("recipe", plan.rungs[0].recipes),
            "rungs": rungs,
            "networks": f"{plan.n_networks:,}",
        }
        self._line(say(key, self.lang, seconds=f"{min(plan.about_s or 1e9, budget or 0):.0f}", **facts))

    def _searched(self, search: Any, seconds: float, plan: Any = None) -> None:
        ladder = "→".join(f"{tried.rung.recipes}" for tried in search.rungs)
        planned = "→".join(f"{rung.recipes}" for rung in plan.rungs) if plan is not None else ladder
        if planned != ladder and not search.paid_out:
            ladder = say("searched.of", self.lang, done=ladder, planned=planned)
        diverged = ""
        if search.diverged:
            rates = [rate for rate, _ in search.diverged]
            lowest = min(rates)
            tried = [float(recipe.optimizer.lr) for recipe in search.rungs[0].recipes] if search.rungs else []
            above = sum(rate >= lowest for rate in tried)
            # only where the rate tells the diverged ones from the others it is worth a word
            is_sharp = len(search.diverged) >= 3 and above <= 2 * len(search.diverged)
            key = "diverged.above" if is_sharp else "diverged"
            diverged = say(key, self.lang, n=len(search.diverged), lr=f"{lowest:.1g}")
        self._line(say("searched", self.lang, seconds=f"{seconds:.0f}", ladder=ladder, diverged=diverged))
        if search.paid_out:
            self._line(say("paid_out", self.lang))
        if search.interrupted:
            self._line(say("interrupted", self.lang), "yellow")

    def _confirmed(self, confirmed: Any, chosen: list[int], plan: Any) -> None:
        recipes, seeds = self._count("recipe", len(confirmed.recipes)), self._count("seed", plan.seeds)
        self._line(say("confirmed", self.lang, recipes=recipes, folds=plan.folds, seeds=seeds))
        n_networks = len(confirmed.networks(chosen))
        if n_networks == 1:
            self._line(say("averaged.alone", self.lang))
        elif len(chosen) == 1:
            self._line(say("averaged.one", self.lang, networks=n_networks))
        elif plan.ensemble == "same":
            self._line(say("averaged.same", self.lang, n=len(chosen), margin=percent(plan.margin)))
        else:
            self._line(say("averaged", self.lang, n=len(chosen), networks=n_networks))
        if confirmed.interrupted:
            self._line(say("interrupted", self.lang), "yellow")

    def _testing(self) -> None:
        if self._console.is_terminal:
            self._line(say("testing", self.lang), "dim")

    def _count(self, word: str, n: int) -> str:
        return say(word if n == 1 else f"{word}s", self.lang, n=n)


def percent(share: float) -> str:
    """A share as percent, without needless decimals.

    Example:
        >>> percent(0.01), percent(0.125)
        ('1 %', '12.5 %')
    """
    return f"{100 * share:.3g} %"


def _plain(value: Any) -> Any:
    return f"{value:,}" if isinstance(value, int) else compact(value) if isinstance(value, float) else value
