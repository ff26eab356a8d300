"""`mf.train`: from whatever holds a table to a model, and into a folder if one is named."""

from __future__ import annotations

import json
import time as clocks
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from manyfit.answers import write_answer
from manyfit.data import Dataset, load
from manyfit.job.main import Job
from manyfit.job.narrator import Narrator
from manyfit.job.options import BUDGET, MARGIN, Options
from manyfit.job.plan import Plan
from manyfit.model import Model
from manyfit.model.artefact import FOLDER, TEXT
from manyfit.render.document import report
from manyfit.runs import RunFolder
from manyfit.space import Space


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
    options = Options(budget, seed, metric, margin, max_width, ensemble, engine, threads, space, plan).check()
    folder = RunFolder.create(out, plan={}, seed=seed, force=force) if out is not None else None
    roles = {
        "task": task,
        "drop": drop,
        "weights": weights,
        "class_weights": class_weights,
        "group": group,
        "time": time,
        "test": test,
    }
    loading = {**roles, **(loading or {})}
    data = source if isinstance(source, Dataset) else load(source, target, seed=seed, **loading)
    narrator.found(data)
    opened = opened_before(out, data, seed) if out is not None else 0
    job = Job(data, options, narrator=narrator, folder=folder, began=began, opened=opened)
    model = job.run()
    if folder is not None:
        keep(model, job, folder, source, target, loading)
        narrator.say("wrote", folder=folder.path)
    return model


def keep(
    model: Model, job: Job, folder: RunFolder, source: Any, target: Any, loading: Mapping[str, Any]
) -> None:
    """Write the model into its run folder, and into `run.toml` all that a repetition needs."""
    path = folder.begin()
    model.save(path, force=True)
    if model.answer is not None:
        write_answer(model.answer, path)
        report(model, path / "report.html", lang=getattr(job.narrator, "lang", "en"))
    options = job.options
    assert job.space is not None
    plain = {
        "source": str(source) if isinstance(source, (str, Path)) else None,
        "target": target if isinstance(target, str) else job.data.target.name,
        "budget": options.budget,
        "max_width": options.max_width,
        **{name: value for name, value in loading.items() if _is_plain(value)},
    }
    folder.amend(
        state="finished",
        seed=options.seed,
        plan_hash=model.facts["plan_hash"],
        fingerprint=job.data.fingerprint,
        seconds=model.facts["seconds"],
        job={name: value for name, value in plain.items() if value not in (None, (), [], {})},
        plan=model.facts["plan"],
        space=job.space.to_dict(),
    )


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
