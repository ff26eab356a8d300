"""An answer made again from what a folder holds: its plan, its stored rounds, and the data they were trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from manyfit.answers import Answer
from manyfit.asking.inquiry import Inquiry, data_fingerprint, prepare, read_knobs
from manyfit.asking.task import task_of
from manyfit.errors import Problem, RunError
from manyfit.runs import RunFolder


def ask_again(folder: str | Path, data: Any = None, **changes: Any) -> Answer:
    """Answer a question again from its stored runs, without training.

    Args:
        folder: What a question wrote.
        data: The data it was asked about; read again from where it came by default.
        **changes: Settings of the question that change what is said, not what was trained, such as `margin`.

    Raises:
        RunError: If the folder holds no question, the data differ, or a round is missing or would now hold other networks.

    Example:
        >>> ask_again("digits.learning-rate-1a2b", margin=0.5)                   # doctest: +SKIP
    """
    kept = RunFolder.open(folder)
    return stored(kept, data, **changes).ask(kept, is_stored=True)


def stored(kept: RunFolder, data: Any = None, **changes: Any) -> Inquiry:
    """The inquiry that a folder holds.

    Raises:
        RunError: If it holds none, or the data differ.
    """
    plan = kept.plan
    name = plan.get("question")
    if not isinstance(name, str):
        raise RunError(
            Problem(
                str(kept.path), "holds no question", hint="manyfit list questions names those that write one."
            )
        )
    origin = dict(kept.header.get("origin", {}))
    known = origin.pop("source", None)
    source = known if data is None else data
    if source is None:
        raise RunError(
            Problem(str(kept.path), "does not say where its data came from", hint="Hand them over: data=…")
        )
    target = origin.pop("target", None)
    task = task_of(
        source,
        target,
        recipe=plan["recipe"],
        metric=plan.get("metric"),
        rows=plan.get("rows"),
        seed=kept.seed,
        loading=origin,
    )
    if data_fingerprint(task) != plan.get("data"):
        hint = "Hand over the table that was asked about, or ask anew."
        raise RunError(Problem(str(kept.path), "was asked about other data", hint=hint))
    values = {**read_knobs(name, plan.get("knobs", {})), **changes}
    return prepare(name, task, values, metric=plan.get("metric"), origin=kept.header.get("origin", {}))
