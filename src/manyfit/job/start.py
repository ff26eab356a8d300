"""`mf.train`: from whatever holds a table to a model, and into a folder if one is named."""

from __future__ import annotations

import dataclasses
import inspect
import json
import time as clocks
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from manyfit.answers import write_answer
from manyfit.data import Dataset, examples, load
from manyfit.engines.interrupt import Interrupt
from manyfit.errors import Gathered, Problem, RunError, UsageError
from manyfit.job.main import Job
from manyfit.job.narrator import Narrator
from manyfit.job.options import BUDGET, MARGIN, Options
from manyfit.job.plan import Plan
from manyfit.metrics import metric_for, registry
from manyfit.model import Model, load_model
from manyfit.model.artefact import FOLDER, TEXT
from manyfit.render.document import report
from manyfit.runs import RunFolder
from manyfit.runs.header import FILE as HEADER
from manyfit.space import Space
from manyfit.text import Text

_LOADING = set(inspect.signature(load).parameters) - {"source", "target", "seed"}


def train(
    source: Any,
    target: Any = None,
    *,
    budget: float = BUDGET,
    seed: int = 0,
    metric: str | None = None,
    margin: float = MARGIN,
    max_width: int | None = None,
    out: str | Path | None = None,
    force: bool = False,
    resume: bool = False,
    engine: str = "auto",
    threads: int | None = None,
    ensemble: str = "same",
    space: Space | None = None,
    plan: Plan | None = None,
    narrator: Narrator | None = None,
    loading: Mapping[str, Any] | None = None,
    task: str | None = None,
    drop: Sequence[str] | str = (),
    weights: Any = None,
    class_weights: Any = None,
    group: Any = None,
    time: Any = None,
    test: Any = None,
    mute: Sequence[str] = (),
) -> Model:
    """Train networks for a table and say the truth about them: the main job.

    Args:
        source: Path, DataFrame, arrays, or the name of an embedded example; whatever `mf.load` takes, or what it gave.
        target: Column to predict.
        budget: Seconds of wall time. They size the plan; the plan, not the clock, decides the result.
        seed: Root of all random streams.
        metric: What decides: "rmse", "mae", "r2"; "log_loss", "accuracy", "auc", "brier".
        margin: Share of the best score within which results count as the same.
        max_width: Widest hidden layer that is tried.
        out: Folder for the model and the run; None keeps them in memory.
        force: Replace an older run folder of that name.
        resume: Go on with the job in that folder, if it was killed: what it had finished is not trained again, and the result has
            the bits that it would have had. A job that came to its end is read.
        engine: "auto", or an engine by name.
        threads: Threads; all cores by default.
        ensemble: How confirmed networks are put together.
        space: What is searched, in place of the default.
        plan: A plan to repeat exactly.
        narrator: Who is told what happens; by default the terminal, on stderr.
        loading: More arguments of `mf.load`.
        task: As in `mf.load`, like all that follow.
        drop: Columns to leave out.
        weights: Column of row weights.
        class_weights: "balanced", or a weight for each class.
        group: Column whose groups are never parted.
        time: Column that orders the rows.
        test: A table of test rows.
        mute: Codes of findings that are not shown and decide nothing, such as "overfitting" or "unstable".

    Returns:
        The model; `model.facts` holds what was found.

    Raises:
        DataError: If the table can't be read or used.
        UsageError: If an option makes no sense.
        RunError: If the folder is taken or can't be written.

    Example:
        >>> import manyfit as mf
        >>> model = mf.train("iris", budget=2)                                   # doctest: +SKIP
        >>> model.predict("iris")[:2]                                            # doctest: +SKIP
        array(['setosa', 'setosa'], dtype=object)
    """
    began = clocks.perf_counter()
    if narrator is None:
        from manyfit.render.terminal import Terminal

        narrator = Terminal()
    roles = {
        "task": task,
        "drop": drop,
        "weights": weights,
        "class_weights": class_weights,
        "group": group,
        "time": time,
        "test": test,
    }
    request = Request(
        source,
        target,
        {**roles, **(loading or {})},
        Options(budget, seed, metric, margin, max_width, ensemble, engine, threads, space, plan, tuple(mute)),
        Path(out) if out is not None else None,
        force,
        resume,
    )
    if (model := request.finished()) is not None:
        return model
    job = request.begin(narrator, began=began)
    model = job.run()
    if job.folder is not None:
        keep(model, job)
        narrator.say("wrote", folder=job.folder.path)
    return model


@dataclass(frozen=True, eq=False)
class Request:
    """Everything that somebody asks of a main job, before any of it is looked at.

    source, target: As `train` takes them.
    loading: What `load` takes.
    options: How the job is to be done.
    out: Folder for the model and the run; None keeps them in memory.
    force: Whether an older run folder of that name is replaced.
    resume: Whether the job in that folder is gone on with, if there is one.
    """

    source: Any
    target: Any = None
    loading: Mapping[str, Any] = field(default_factory=dict)
    options: Options = Options()
    out: Path | None = None
    force: bool = False
    resume: bool = False

    def finished(self) -> Model | None:
        """The model that the folder holds already, when a finished job is to be gone on with."""
        if not self.resume or self.out is None or not (self.out / HEADER).exists():
            return None
        return load_model(self.out) if RunFolder.open(self.out).state == "finished" else None

    def begin(
        self,
        narrator: Narrator,
        *,
        began: float,
        gathered: Gathered | None = None,
        is_rehearsal: bool = False,
    ) -> Job:
        """Look at the options, the place and the table, and make a job of them.

        Args:
            narrator: Who is told.
            began: Second at which the clock began.
            gathered: Problems that were found before.
            is_rehearsal: Whether nothing will be trained, so that no folder is needed.

        Raises:
            DataError, UsageError, RunError: If something is wrong; everything that is, at once.
        """
        gathered = gathered or Gathered()
        request, folder = self, None
        is_blind = bool(gathered.errors)  # a file that names the table could not be read
        if self.resume and self.out is None:
            hint = Text("Name the folder: out= (--out).", "请指明文件夹：out=（--out）。")
            rule = Text("needs a folder to go on with", "需要一个可以接着做的文件夹")
            gathered.errors.append(UsageError(Problem("resume", rule, hint=hint)))
            is_blind = True  # the folder would name the table
        with gathered:
            self.options.check()
        with gathered:
            if self.resume and self.out is not None and (self.out / HEADER).exists():
                is_blind, folder = True, RunFolder.open(self.out)
                request, is_blind = self._going_on(folder), False
            elif self.out is not None and not is_rehearsal:
                folder = RunFolder.create(self.out, plan={}, seed=self.options.seed, force=self.force)
        if request.source is None and not is_blind:
            known = ", ".join(examples())
            hint = Text(
                f"Name a file, or one of the embedded examples: {known}.", f"请指明文件，或一个内置示例：{known}。"
            )
            problem = Problem("manyfit train", Text("needs a table", "需要一张表"), hint=hint)
            gathered.errors.append(UsageError(problem))
        data = None
        if request.source is not None:
            with gathered:
                data = request._table()
                if request.options.metric is None or registry.get(request.options.metric) is not None:
                    metric_for(data.task, request.options.metric)
        gathered.raise_all(Text("what was asked for", "所要求的内容"))
        assert data is not None, "without a table there was a problem"
        if folder is not None and folder.exists:
            _refuse_other_table(folder, data)
        narrator.found(data)
        above = self.out.parent if self.out is not None else None
        if above is not None and not is_rehearsal and not above.exists():
            narrator.say("new_folder", folder=str(above))
        opened = opened_before(self.out, data, request.options.seed) if self.out is not None else 0
        job = Job(data, request.options, narrator=narrator, folder=folder, began=began, opened=opened)
        if not is_rehearsal:
            job.asked = request._plain(data)
        return job

    def _table(self) -> Dataset:
        if isinstance(self.source, Dataset):
            return self.source
        return load(self.source, self.target, seed=self.options.seed, **self.loading)

    def _going_on(self, folder: RunFolder) -> Request:
        """The same request with what a killed job was asked for filled in.

        Raises:
            RunError: If the folder holds no main job.
            UsageError: If something else is asked for now.
        """
        header = folder.header
        if "space" not in header or "job" not in header:
            rule = Text("holds no main job that could be gone on with", "里面没有可以接着做的主任务")
            raise RunError(Problem(str(folder.path), rule))
        job, plan = dict(header["job"]), Plan.from_dict(header["plan"])
        was = Options(
            job.get("budget", BUDGET),
            plan.seed,
            plan.metric,
            plan.margin,
            job.get("max_width"),
            plan.ensemble,
            mute=tuple(job.get("mute", ())),
        )
        usual, found = Options(), []
        for name in ("seed", "metric", "margin", "max_width", "ensemble", "mute"):
            now, then = getattr(self.options, name), getattr(was, name)
            if now not in (getattr(usual, name), then):
                hint = Text("Leave it out, or begin anew: --force.", "请不要给出，或重新开始：--force。")
                found.append(Problem(name, _began(then), str(now), hint=hint))
        if self.options.plan is not None and self.options.plan != plan:
            found.append(Problem("plan", _began(plan.hash)))
        if found:
            raise UsageError(found, Text(f"resuming {folder.path}", f"接着做 {folder.path} 的要求中"))
        options = dataclasses.replace(
            was,
            budget=self.options.budget if self.options.budget != usual.budget else was.budget,
            engine=self.options.engine,
            threads=self.options.threads,
        )
        loading = {name: value for name, value in job.items() if name in _LOADING}
        given = {name: value for name, value in self.loading.items() if value not in (None, (), [], {})}
        return dataclasses.replace(
            self,
            source=job.get("source") if self.source is None else self.source,
            target=job.get("target") if self.target is None else self.target,
            loading={**loading, **given},
            options=options,
        )

    def _plain(self, data: Dataset) -> dict[str, Any]:
        """What a repetition needs to know, as TOML can hold it."""
        plain = {
            "source": str(self.source) if isinstance(self.source, (str, Path)) else None,
            "target": self.target if isinstance(self.target, str) else data.target.name,
            "budget": self.options.budget,
            "max_width": self.options.max_width,
            "mute": list(self.options.mute),
            **{name: value for name, value in self.loading.items() if _is_plain(value)},
        }
        return {name: value for name, value in plain.items() if value not in (None, (), [], {})}


def keep(model: Model, job: Job) -> None:
    """Write a finished job's model and report into its run folder, and what was realised of its plan.

    A Ctrl-C that comes too late to end any training must not cost the result: it is waited out, a second one is not.
    """
    assert job.folder is not None and job.space is not None
    with Interrupt():
        path = job.folder.begin()
        model.save(path, force=True)
        if model.answer is not None:
            write_answer(model.answer, path)
            report(model, path / "report.html", lang=getattr(job.narrator, "lang", "en"))
        job.folder.amend(
            state="finished",
            plan_hash=model.facts["plan_hash"],
            planned_hash=model.facts["planned_hash"],
            interrupted=model.facts["interrupted"] or None,
            seconds=model.facts["seconds"],
            sizing=None,
            plan=model.facts["plan"],
        )
        job.trainer.log.forget_weights()


def _began(with_: object) -> Text:
    return Text(f"must be {with_}, with which this job began", f"必须是 {with_}，任务开始时用的就是它")


def _refuse_other_table(folder: RunFolder, data: Dataset) -> None:
    if folder.header.get("fingerprint") != data.fingerprint:
        hint = Text(
            "Give the same file with the same options, or begin anew: --force.",
            "请给出同一个文件和同样的选项，或重新开始：--force。",
        )
        rule = Text(
            f"must be the table with which the job in {folder.path} began",
            f"必须是 {folder.path} 中的任务开始时用的那张表",
        )
        raise RunError(Problem(data.name, rule, hint=hint))


def opened_before(path: str | Path, data: Dataset, seed: int) -> int:
    """How often the model that a folder holds has looked at the test rows of this table.

    Training again in its place, after having seen its score, is no first look any more.
    """
    file = Path(path) / FOLDER / TEXT
    try:
        facts = json.loads(file.read_text("utf-8"))["facts"]
        is_same = (facts["fingerprint"], facts["seed"]) == (data.fingerprint, seed)
        return int(facts["openings"]) if is_same else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _is_plain(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return all(_is_plain(part) for part in value)
    return isinstance(value, (str, int, float, bool, Path)) or (
        isinstance(value, Mapping) and all(_is_plain(part) for part in value.values())
    )
