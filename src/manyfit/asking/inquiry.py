"""One question asked about one task: its resolved plan, its rounds trained and kept, its answer.

The plan and the data decide the answer, the clock none: the same plan on the same data is the same inquiry, and goes on in the
folder where it was left.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from manyfit.answers import Answer, write_answer
from manyfit.data import Dataset
from manyfit.engines.choose import fit
from manyfit.engines.interrupt import Interrupt
from manyfit.errors import Problem, RecipeError, RunError, UsageError
from manyfit.hyper import Choice, Knob, is_range, knobs, problems_of
from manyfit.population import Population
from manyfit.questions import ArrayRows, Interrupted, Question, TableRows, Task, ask, registry
from manyfit.registry import name_of
from manyfit.render.document import report
from manyfit.runs import Fate, Ledger, Run, RunFolder, fingerprint
from manyfit.runs.header import FILE as HEADER
from manyfit.runs.header import new_header
from manyfit.runs.ledger import Cursor
from manyfit.space import range_from, range_to_dict
from manyfit.text import Text

HASH = 4
"""Digits of a plan's hash that are shown."""


@dataclass(frozen=True)
class Standing:
    """Where a round stands: networks that have come to their end, in all, in training, diverged; seconds left."""

    stage: str
    done: int
    total: int
    alive: int
    diverged: int
    best: float
    left_s: float


class Narrator(Protocol):
    """Who is told what happens."""

    def found(self, data: Dataset) -> None:
        """What was found in the table."""
        ...

    def say(self, key: str, **facts: Any) -> None:
        """A sentence of the phrase book, filled with facts."""
        ...

    def progress(self, progress: Any) -> None:
        """A round has moved on."""
        ...

    def close(self) -> None:
        """Nothing more comes."""
        ...


class Silent:
    """A narrator that tells nothing."""

    def found(self, data: Dataset) -> None:
        """Nothing."""

    def say(self, key: str, **facts: Any) -> None:
        """Nothing."""

    def progress(self, progress: Any) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


@dataclass(frozen=True, eq=False)
class Inquiry:
    """A question about a task, resolved.

    question: What is asked.
    task: What about.
    metric: What was said to decide, or None.
    origin: Where the data came from, plain values, so that it can be read again.
    """

    question: Question
    task: Task
    metric: str | None = None
    origin: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """The question's name, as in `compare`."""
        return name_of(self.question)

    @property
    def plan(self) -> dict[str, Any]:
        """All that decides the answer, plain values."""
        rows = self.task.rows
        return {
            "question": self.name,
            "knobs": plain_knobs(self.question),
            "recipe": self.task.recipe.to_dict(),
            "metric": self.metric,
            "rows": rows.most if isinstance(rows, TableRows) else None,
            "data": data_fingerprint(self.task),
        }

    @property
    def hash(self) -> str:
        """What the plan is called: the same networks have the same. Nothing for a module that can't be written down."""
        try:
            return str(new_header(self.plan, self.task.seed)["plan_hash"])[:HASH]
        except RecipeError:
            return ""

    def ask(
        self,
        folder: RunFolder | None = None,
        *,
        engine: str = "auto",
        threads: int | None = None,
        narrator: Narrator | None = None,
        is_stored: bool = False,
    ) -> Answer:
        """Train what the question plans and answer it. Rounds that the folder holds are read, not trained.

        Args:
            folder: Where rounds are kept; None keeps nothing.
            engine: "auto", or an engine by name.
            threads: All cores by default.
            narrator: Who is told.
            is_stored: Refuse to train: everything must be in the folder.

        Raises:
            Interrupted: If Ctrl-C came before there was anything to answer with.
            RunError: If `is_stored` and a round is not there whole.
        """
        told: Narrator = narrator or Silent()
        runs: list[Run] = []
        with Interrupt() as interrupt:

            def fit_round(population: Population) -> Run:
                kept = None if folder is None else _round_for(folder, population)
                if is_stored:
                    _refuse_unstored(kept)
                watch = _Watch(population, told, len(runs))
                run = fit(
                    population,
                    engine=engine,
                    threads=threads,
                    folder=kept,
                    resume=kept is not None,
                    watchers=[watch, interrupt],
                )
                runs.append(run)
                if interrupt.is_set and bool((run.fate == Fate.CUT).any()):
                    raise Interrupted(run)
                return run

            try:
                answer = ask(self.question, self.task.named(self.name), fit=fit_round)
            finally:
                told.close()
        seconds = float(sum(run.seconds for run in runs))
        return dataclasses.replace(answer, plan=self.hash, seconds=seconds)

    def extended(self, n: int) -> Inquiry:
        """The same inquiry with so many replicates more: another look, which must have been declared.

        Raises:
            UsageError: If the question takes no more replicates, or no more were declared.
        """
        grown = getattr(self.question, "extended", None)
        if grown is None:
            name = self.name.replace("_", "-")
            raise UsageError(Problem("--add", Text(f"is not known to {name}", f"不适用于 {name}")))
        return dataclasses.replace(self, question=grown(n))

    def open(self, path: str | Path, *, force: bool = False, before: Inquiry | None = None) -> RunFolder:
        """The folder in which this inquiry is kept: the one it was left in, or a new one.

        Args:
            path: Where.
            force: Whether a run folder of another plan may be replaced.
            before: An inquiry that this one goes on from: its folder is taken over, with its rounds.

        Raises:
            RunError: If something else is there.
        """
        path = Path(path)
        plan = self.plan
        if (path / HEADER).exists():
            found = RunFolder.open(path)
            here = found.header.get("plan_hash")
            if here == new_header(plan, self.task.seed)["plan_hash"]:
                return found
            if before is not None and here == new_header(before.plan, self.task.seed)["plan_hash"]:
                found.amend(**{key: new_header(plan, self.task.seed)[key] for key in ("plan", "plan_hash")})
                return found
            if not force:
                hint = Text("Give another name (-o), or replace it (--force).", "请换一个名字（-o），或替换它（--force）。")
                rule = Text("holds another question, plan or table", "里面是别的提问、计划或表")
                raise RunError(Problem(str(path), rule, hint=hint))
        return RunFolder.create(path, plan=plan, seed=self.task.seed, force=force)

    def keep(self, answer: Answer, folder: RunFolder, lang: str | None = None) -> None:
        """Write the answer and its report beside its rounds, and into `run.toml` where the data came from."""
        path = folder.begin()
        write_answer(answer, path)
        report(answer, path / "report.html", lang=lang)
        is_whole = all(kept.state == "finished" for kept in folder.rounds)
        folder.amend(
            state="finished" if is_whole else "cut", origin=self.origin, seconds=round(answer.seconds, 3)
        )


def prepare(name: str, task: Task, values: Mapping[str, Any], **more: Any) -> Inquiry:
    """An inquiry with a question's settings by name.

    Args:
        name: The question.
        task: What about.
        values: Settings; those that are not given keep their defaults.
        **more: As `Inquiry` takes them.

    Raises:
        UsageError: If a setting is out of bounds; all problems at once.
    """
    kind = registry.find(name)
    declared = knobs(kind)
    made = kind(**{key: _as_declared(value, declared.get(key)) for key, value in values.items()})
    found = list(problems_of(made, name.replace("_", "-")))
    if found:
        raise UsageError(found, "these options")
    return Inquiry(made, task, **more)


def _as_declared(value: Any, knob: Knob | None = None) -> Any:
    """Several values as a tuple, or as the choice among them; what varies by path as `PATH=VALUE,VALUE` or `PATH=LOW..HIGH`."""
    if knob is not None and knob.kind == "range" and isinstance(value, (list, tuple, np.ndarray)) and len(value):
        return Choice(tuple(np.asarray(value).tolist()))
    if isinstance(value, Mapping):
        return tuple(f"{path}={_values_text(given)}" for path, given in value.items())
    return tuple(value) if isinstance(value, list) else value


def _values_text(given: Any) -> str:
    """Several values with commas between them, or the ends of a range."""
    if is_range(given) and not isinstance(given, Choice):
        return f"{given.low!r}..{given.high!r}"
    return ",".join(map(_setting_text, given.options if isinstance(given, Choice) else given))


def _setting_text(value: Any) -> str:
    return "-".join(map(str, value)) if isinstance(value, (tuple, list)) else str(value)


def plain_knobs(question: Question) -> dict[str, Any]:
    """A question's settings as TOML holds them; those that are None are left out.

    Example:
        >>> plain_knobs(registry.find("diagnose")(level=0.9))["level"]
        0.9
    """
    found = {name: getattr(question, name) for name in knobs(question)}
    return {
        name: range_to_dict(value) if is_range(value) else list(value) if isinstance(value, tuple) else value
        for name, value in found.items()
        if value is not None
    }


def read_knobs(name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """What `plain_knobs` wrote."""
    declared = knobs(registry.find(name))
    return {
        key: range_from(value) if declared[key].kind == "range" else value
        for key, value in values.items()
        if key in declared
    }


def data_fingerprint(task: Task) -> str:
    """Which data it is."""
    rows = task.rows
    if isinstance(rows, TableRows):
        return rows.data.fingerprint[:16]
    if isinstance(rows, ArrayRows):
        split = rows.split(0, 0, "all")
        return fingerprint.of_data({"all": rows.encoded(split, task.recipe.loss.target).view})[:16]
    return ""


def _round_for(folder: RunFolder, population: Population) -> RunFolder:
    """The round in which these networks are kept, or the next free one."""
    wanted = fingerprint.of_population(population)
    rounds = folder.rounds if folder.exists else []
    for kept in rounds:
        if kept.header.get("population", {}).get("hash") == wanted:
            return kept
    return folder.round(1 + max((int(kept.path.name) for kept in rounds), default=-1))


def _refuse_unstored(kept: RunFolder | None) -> None:
    """Refuse a round that would have to be trained."""
    if kept is None or kept.state != "finished" or not kept.has_checkpoint:
        where = Text("the folder", "该文件夹") if kept is None else str(kept.path)
        hint = Text("Ask the question anew, with training.", "请重新提问，并训练。")
        rule = Text("holds no finished round of these networks", "里面没有这些网络的完整一轮")
        raise RunError(Problem(where, rule, hint=hint))


class _Watch:
    """Tells where a round stands, between segments."""

    def __init__(self, population: Population, narrator: Narrator, number: int) -> None:
        self.narrator = narrator
        self.number = number
        self.steps = np.array(
            [
                m.recipe.epochs * max(-(-len(m.rows.train) // (m.recipe.batch_size or len(m.rows.train))), 1)
                for m in population.members
            ]
        )
        self.began: float | None = None

    def __call__(self, ledger: Ledger) -> None:
        import time

        now = time.perf_counter()
        self.began = now if self.began is None else self.began
        ended = ledger.fate != Fate.TRAINING
        done = float(np.where(ended, self.steps, ledger.cursor[:, Cursor.STEP]).sum())
        share = done / max(float(self.steps.sum()), 1.0)
        finite = ledger.held_loss[np.isfinite(ledger.held_loss)]
        self.narrator.progress(
            Standing(
                "round",
                int(ended.sum()),
                len(ended),
                int((~ended).sum()),
                int((ledger.fate == Fate.DIVERGED).sum()),
                float(finite.min()) if finite.size else float("nan"),
                (now - self.began) * (1 - share) / share if share > 0 else float("nan"),
            )
        )
