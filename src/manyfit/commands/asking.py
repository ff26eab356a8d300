"""`manyfit compare`, `manyfit learning-rate`, …: a command for each question, its options read off its declarations."""

from __future__ import annotations

import ast
import inspect
import pkgutil
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

STDIN = "@stdin"
_QUESTION = Group("The question")
_TRAINING = Group("The training")
_OUTPUT = Group("What comes out")

_TYPES: dict[str, Any] = {"number": float, "whole number": int, "switch": bool, "texts": list[str]}


def commands() -> dict[str, str]:
    """The questions' commands with a line of help each, found without importing anything that trains.

    Example:
        >>> commands()["diagnose"]
        'Underfitting, gap without harm, or overfitting, each remedy tried.'
    """
    folder = Path(__file__).parents[1] / "questions"
    names = [module.name for module in pkgutil.iter_modules([str(folder)]) if not module.name.startswith("_")]
    found = {name: _help(folder / f"{name}.py", name) for name in names}
    found |= {entry.name: "" for entry in metadata.entry_points(group="manyfit.questions")}
    return {name.replace("_", "-"): text for name, text in sorted(found.items())}


def command_for(name: str, like: Callable[..., None]) -> Callable[..., None]:
    """The command of a question: a typed function with its settings, and those that all questions take.

    Args:
        name: The question.
        like: A command whose options of tables it takes as well.
    """
    from manyfit.hyper import knobs
    from manyfit.questions import registry

    kind = registry.find(name)
    declared = knobs(kind)
    own = [
        _option(
            key, _TYPES.get(knob.kind, str), _QUESTION, _with_default(knob), negative=knob.kind == "switch"
        )
        for key, knob in sorted(declared.items(), key=lambda item: item[0] not in kind.__annotations__)
        if knob.kind != "record"
    ]
    if hasattr(kind, "extended"):
        own.append(
            _option(
                "add", int, _QUESTION, "Replicates to add to the stored run in -o: another declared look."
            )
        )
    source = inspect.Parameter(
        "source",
        inspect.Parameter.POSITIONAL_OR_KEYWORD,
        default=None,
        annotation=Annotated[str | None, Parameter(help=_SOURCE)],
    )
    table = _table_options(like)

    def asked(source: str | None = None, **options: Any) -> None:
        from manyfit.commands.inquire import run

        values = {key: options.pop(key) for key in declared if options.get(key) is not None}
        loading = {key: options.pop(key, None) for key in [p.name for p in table] if key != "target"}
        run(name, "-" if source == STDIN else source, values, loading, **options)

    parameters = [source, *own, *table, *_common()]
    asked.__name__ = name
    asked.__doc__ = inspect.getdoc(kind).split("\n\nExample:")[0]  # type: ignore[union-attr]
    asked.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    asked.__annotations__ = {p.name: p.annotation for p in parameters}
    return asked


_SOURCE = (
    "CSV, TSV, Parquet or Arrow file, - for stdin, .npz with X and y, or an embedded example; by default the question's own."
)


def _common() -> list[inspect.Parameter]:
    whole, text = int, str
    return [
        _option("recipe", text, _TRAINING, "The recipe in question, in a .toml or .json file."),
        _option(
            "set",
            list[str],
            _TRAINING,
            "PATH=VALUE in the recipe: optimizer=sgd, network.hidden=32,32, network=nets:Net for a torch module; again for more.",
        ),
        _option("epochs", whole, _TRAINING, "Passes over the training rows."),
        _option(
            "metric", text, _TRAINING, "What decides: accuracy, log_loss, auc, brier; rmse, mae, r2; loss."
        ),
        _option("rows", whole, _TRAINING, "Most development rows that are used; all by default."),
        _option("seed", whole, _TRAINING, "Root of all randomness; 0 by default."),
        _option("engine", text, _TRAINING, "auto, native, stacked or reference."),
        _option("threads", whole, _TRAINING, "All cores by default; the number changes no result."),
        _option(
            "config", text, _TRAINING, "A run.toml: repeats the plan in it; flags given here come first."
        ),
        _switch("dry_run", _TRAINING, "Say what would be done, and stop."),
        _option("out", text, _OUTPUT, "Folder for the answer; NAME.QUESTION-PLAN by default.", "-o"),
        _switch("force", _OUTPUT, "Replace an older run folder of that name."),
        _switch("json", _OUTPUT, "The answer as JSON on stdout."),
        _switch("quiet", _OUTPUT, "Say only warnings on stderr.", "-q"),
        _option("lang", Literal["en", "zh"], _OUTPUT, "Language; the locale's by default."),
    ]


def _table_options(like: Callable[..., None]) -> list[inspect.Parameter]:
    """The options of a command that say how a table is read: the same ones everywhere."""
    signature = inspect.signature(like, eval_str=True)
    return [p for p in signature.parameters.values() if _group_of(p) == "The table"]


def _group_of(parameter: inspect.Parameter) -> str:
    declared = next(
        (m for m in getattr(parameter.annotation, "__metadata__", ()) if isinstance(m, Parameter)), None
    )
    groups = () if declared is None or declared.group is None else declared.group
    first = groups[0] if isinstance(groups, tuple) and groups else groups
    return first.name if isinstance(first, Group) else ""


def _option(
    name: str, kind: Any, group: Group, text: str, short: str | None = None, *, negative: bool = False
) -> inspect.Parameter:
    names = (f"--{name.replace('_', '-')}", *([short] if short else []))
    more: Mapping[str, Any] = {} if negative else {"negative": ""}
    annotation = Annotated[kind | None, Parameter(names, group=group, help=text, **more)]  # type: ignore[valid-type]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)


def _switch(name: str, group: Group, text: str, short: str | None = None) -> inspect.Parameter:
    names = (f"--{name.replace('_', '-')}", *([short] if short else []))
    annotation = Annotated[bool, Parameter(names, group=group, help=text, negative="")]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=False, annotation=annotation)


def _with_default(knob: Any) -> str:
    default = knob.default
    if default is None or default == ():
        return str(knob.doc)
    said = ",".join(map(str, default)) if isinstance(default, tuple) else f"{default}"
    return f"{knob.doc} Default {said}."


def _help(file: Path, name: str) -> str:
    """The first line of a question's docstring, read from its file without running it."""
    wanted = name.replace("_", "")
    try:
        tree = ast.parse(file.read_text("utf-8"))
    except (OSError, SyntaxError):
        return ""
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name.lower() == wanted:
            return (ast.get_docstring(node) or "").splitlines()[0] if ast.get_docstring(node) else ""
    return ""
