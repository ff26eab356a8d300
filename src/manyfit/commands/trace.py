"""`manyfit trace`."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from manyfit.commands.settings import pairs_of, recipe_in
from manyfit.data import load
from manyfit.errors import Problem, UsageError
from manyfit.hyper import read_value
from manyfit.recipe import Recipe
from manyfit.render.phrases import language
from manyfit.runs.files import refuse_unwritable
from manyfit.tape import Trace, trace
from manyfit.tape.chain import COMPOSITES
from manyfit.tape.source import default_recipe
from manyfit.tape.text import Piece, text_of
from manyfit.text import Text

STYLES = {
    "title": "bold",
    "head": "bold",
    "symbol": "cyan",
    "formula": "",
    "numbers": "dim",
    "result": "bold",
    "note": "dim italic",
    "plain": "",
}
WIDTH = 100
"""Columns where there is no terminal to ask."""


def run(
    source: str | None,
    options: Mapping[str, Any],
    *,
    weight: str | None = None,
    recipe: str | None = None,
    settings: Sequence[str] | None = None,
    report: str | None = None,
    as_json: bool = False,
    lang: str | None = None,
) -> None:
    """Trace one step and print it."""
    lang = language(lang)
    if report is not None:
        refuse_unwritable(Path(report))
    given = dict(options)
    if weight is not None:
        given["weight"] = _weight(weight)
    pairs = pairs_of(settings or ())
    if source in COMPOSITES:
        fields = {field.name for field in dataclasses.fields(Recipe)}
        given["values"] = {
            name: _number(name, value) for name, value in pairs if name.split(".")[0] not in fields
        }
        pairs = [(name, value) for name, value in pairs if name not in given["values"]]
        unused = [name for name, _ in pairs if name.split(".")[0] != "optimizer"]
        if unused:
            hint = Text(
                "It has a network of its own; optimizer=adam, optimizer.lr=0.1 and x=2 are what can be set.",
                "它有自己的网络；可以设的有 optimizer=adam、optimizer.lr=0.1 和 x=2。",
            )
            rule = Text(f"has no meaning for {source!r}", f"对 {source!r} 没有意义")
            raise UsageError([Problem(f"--set {name}", rule, hint=hint) for name in unused])
        given = {name: value for name, value in given.items() if name != "seed"}
        base = default_recipe("regression").set("optimizer.lr", 0.5) if recipe is None else _base(recipe, "")
        given["recipe"] = _changed(base, pairs)
        told = trace(source, **given)
    else:
        data = load(
            "line" if source is None else source, given.pop("target"), seed=given["seed"], leaks=False
        )
        told = trace(data, _changed(_base(recipe, data.task), pairs), **given)
    if report is not None:
        from manyfit.render.document import report as write

        write(told.answer, report, lang=lang)
    if as_json:
        print(told.to_json())
    else:
        _print(told, lang)
    sys.stdout.flush()


def _base(path: str | None, task: str) -> Recipe:
    """The recipe in a file, else the small one that fits the task."""
    return default_recipe(task) if path is None else Recipe.from_dict(recipe_in(path))


def _changed(recipe: Recipe, pairs: Sequence[tuple[str, str]]) -> Recipe:
    """A recipe with settings from the command line, rules before their values."""
    for name, value in sorted(pairs, key=lambda pair: pair[0].count(".")):
        recipe = recipe.set(name, read_value(name, value))
    return recipe


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        rule = Text("must be a number", "必须是数")
        raise UsageError(Problem(f"--set {name}", rule, repr(text))) from error


def _weight(text: str) -> tuple[Any, ...]:
    """LAYER,UNIT,INPUT as numbers; what is no number is left for `trace` to refuse.

    Example:
        >>> _weight("1,2,3"), _weight("2,1,b")
        ((1, 2, 3), (2, 1, 'b'))
    """
    return tuple(int(part) if part.strip().isdigit() else part.strip() for part in text.split(","))


def _print(told: Trace, lang: str) -> None:
    """Colors on a terminal, plain text elsewhere."""
    from rich.console import Console
    from rich.text import Text as Rich

    console = Console(file=sys.stdout, highlight=False, soft_wrap=True)
    width = shutil.get_terminal_size((WIDTH, 24)).columns if console.is_terminal else WIDTH
    for line in text_of(told.account, lang, max(width, 40), told.digits):
        console.print(_styled(line, Rich), markup=False)


def _styled(line: Sequence[Piece], make: Any) -> Any:
    text = make()
    for piece in line:
        text.append(piece.text, STYLES[piece.kind])
    text.rstrip()
    return text
