"""`mf.compare`, `mf.learning_rate`, …: a function for each question, its arguments read off the question's own declarations."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from manyfit.answers import Answer
from manyfit.asking.inquiry import Narrator, prepare
from manyfit.asking.task import task_of
from manyfit.data import Dataset
from manyfit.errors import Problem, UsageError, did_you_mean
from manyfit.hyper import knobs
from manyfit.questions import Interrupted, registry
from manyfit.recipe import Recipe
from manyfit.text import Text

EXAMPLE = "digits"
"""What a question is asked about when nothing is said and it names nothing itself."""


def ask_about(
    name: str,
    source: Any = None,
    target: Any = None,
    *,
    values: Mapping[str, Any],
    recipe: Recipe | Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    metric: str | None = None,
    rows: int | None = None,
    seed: int = 0,
    engine: str = "auto",
    threads: int | None = None,
    out: str | Path | None = None,
    force: bool = False,
    narrator: Narrator | None = None,
    loading: Mapping[str, Any] | None = None,
) -> Answer:
    """Ask a question about data: what every question's function does.

    Args:
        name: The question.
        source: A path, a DataFrame, arrays, an embedded example by name, or a `Dataset`; by default the question's own example.
        target: Column to predict.
        values: The question's own settings.
        recipe: The recipe in question; by default a plain one that fits the task.
        settings: Values by dotted path, set upon it: `{"optimizer": "sgd", "network.hidden": (32, 32)}`.
        epochs: Passes over the training rows.
        metric: What decides; by default the percentage of errors, or RMSE.
        rows: Most development rows that are used; all by default.
        seed: Root of all randomness.
        engine: "auto", or an engine by name.
        threads: All cores by default; the number changes no result.
        out: Folder for the answer, its report and its runs; None keeps them in memory.
        force: Replace an older run folder of that name.
        narrator: Who is told what happens; by default the terminal, on stderr.
        loading: More arguments of `mf.load`.

    Returns:
        The answer.

    Raises:
        DataError: If the data can't be read or used.
        UsageError: If an option makes no sense.
        RunError: If the folder is taken or can't be written.
        KeyboardInterrupt: If Ctrl-C came before there was anything to answer with.
    """
    if narrator is None:
        from manyfit.render.terminal import Terminal

        narrator = Terminal()
    source = example_of(name) if source is None else source
    task = task_of(
        source,
        target,
        recipe=recipe,
        settings=settings,
        epochs=epochs,
        metric=metric,
        rows=rows,
        seed=seed,
        loading=loading,
    )
    inquiry = prepare(name, task, values, metric=metric, origin=origin_of(source, target, loading or {}))
    narrate(inquiry.task, narrator)
    folder = None if out is None else inquiry.open(out, force=force)
    try:
        answer = inquiry.ask(folder, engine=engine, threads=threads, narrator=narrator)
    except Interrupted as stop:
        raise KeyboardInterrupt(*stop.args) from stop
    if folder is not None:
        inquiry.keep(answer, folder, getattr(narrator, "lang", None))
        narrator.say("question.wrote", folder=folder.path)
    return answer


@cache
def function_of(name: str) -> Callable[..., Answer]:
    """The function of a question.

    Args:
        name: The question, as in "learning_rate".

    Raises:
        UnknownNameError: If there is no such question.

    Example:
        >>> list(inspect.signature(function_of("diagnose")).parameters)[:3]
        ['source', 'target', 'replicates']
    """
    kind = registry.find(name)
    declared = knobs(kind)
    common = {
        key: parameter
        for key, parameter in inspect.signature(ask_about).parameters.items()
        if key not in ("name", "source", "target", "values", "loading")
    }
    known = {*declared, *common, *LOADING}

    def asked(source: Any = None, target: Any = None, **options: Any) -> Answer:
        unknown = [
            Problem("", Text(f"unknown argument {key!r} of {name}", f"{name} 没有参数 {key!r}"), hint=did_you_mean(key, known))
            for key in options
            if key not in known
        ]
        if unknown:
            raise UsageError(unknown, "these arguments")
        values = {key: value for key, value in options.items() if key in declared}
        loading = {key: value for key, value in options.items() if key in LOADING}
        rest = {key: value for key, value in options.items() if key in common}
        return ask_about(name, source, target, values=values, loading=loading, **rest)

    keyword = inspect.Parameter.KEYWORD_ONLY
    asked.__name__ = asked.__qualname__ = name
    asked.__module__ = "manyfit"
    asked.__doc__ = _document(kind, declared)
    asked.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter("source", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None),
            inspect.Parameter("target", inspect.Parameter.POSITIONAL_OR_KEYWORD, default=None),
            *(inspect.Parameter(key, keyword, default=knob.default) for key, knob in declared.items()),
            *common.values(),
            *(inspect.Parameter(key, keyword, default=None) for key in LOADING),
        ]
    )
    return asked


LOADING = (
    "task",
    "drop",
    "keep",
    "kinds",
    "weights",
    "class_weights",
    "group",
    "time",
    "test",
    "duplicates",
    "encoding",
    "delimiter",
    "header",
)
"""Arguments of `mf.load` that every question's function takes as well."""


def example_of(name: str) -> str:
    """The embedded example that a question is asked about when nothing is said."""
    return str(getattr(registry.find(name), "example", EXAMPLE))


def origin_of(source: Any, target: Any, loading: Mapping[str, Any]) -> dict[str, Any]:
    """Where data came from and how they were read, as far as it can be written down."""
    is_place = isinstance(source, (str, Path)) and str(source) != "-"
    origin = {"source": str(source) if is_place else None, "target": target, **loading}
    return {key: value for key, value in origin.items() if value is not None and _is_plain(value)}


def narrate(task: Any, narrator: Narrator) -> None:
    """Say what was found in the table."""
    data = getattr(task.rows, "data", None)
    if isinstance(data, Dataset):
        narrator.found(data)


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return all(_is_plain(part) for part in value.values())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return all(_is_plain(part) for part in value)
    return isinstance(value, (str, int, float, bool, Path))


def _document(kind: Any, declared: Mapping[str, Any]) -> str:
    """The question's own words, then its settings, then what all questions take."""
    shared = inspect.getdoc(ask_about) or ""
    arguments = shared.split("Args:\n")[1].split("\n\nReturns:")[0].splitlines()
    own = [f"    {key}: {knob.doc}" for key, knob in declared.items()]
    kept = [line for line in arguments if line.split(":")[0].strip() not in ("name", "values", "loading")]
    head = [line for line in kept if line.split(":")[0].strip() in ("source", "target")]
    rest = [line for line in kept if line not in head]
    more = [f"    {', '.join(LOADING)}: As in `mf.load`."]
    text = inspect.getdoc(kind) or ""
    body = text.split("\n\nExample:")[0]
    tail = shared[shared.index("\n\nReturns:") :].lstrip("\n")
    return textwrap.dedent("\n".join([body, "", "Args:", *head, *own, *rest, *more, "", tail]))
