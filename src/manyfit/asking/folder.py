"""An answer made again from what a folder holds: its plan, its stored rounds, and the data they were trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from manyfit.answers import Answer
from manyfit.asking.inquiry import Inquiry, data_fingerprint, prepare, read_knobs
from manyfit.asking.task import task_of
from manyfit.errors import Problem, RunError
from manyfit.runs import RunFolder
from manyfit.text import Text


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
        hint = Text(
            "manyfit list questions names those that write one.", "manyfit list questions 列出能写入的提问。"
        )
        raise RunError(Problem(str(kept.path), Text("holds no question", "里面没有提问"), hint=hint))
    origin = dict(kept.header.get("origin", {}))
    known = origin.pop("source", None)
    source = known if data is None else data
    if source is None:
        rule = Text("does not say where its data came from", "没有写明数据来自哪里")
        hint = Text("Hand them over: data=…", "请直接给出：data=…")
        raise RunError(Problem(str(kept.path), rule, hint=hint))
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
        hint = Text(
            "Hand over the table that was asked about, or ask anew.", "请给出当时提问所用的表，或重新提问。"
        )
        rule = Text("was asked about other data", "问的是别的数据")
        raise RunError(Problem(str(kept.path), rule, hint=hint))
    values = {**read_knobs(name, plan.get("knobs", {})), **changes}
    return prepare(name, task, values, metric=plan.get("metric"), origin=kept.header.get("origin", {}))
