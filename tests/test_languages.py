"""Chinese readers are first-class: what a user can be told is had in both languages."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import manyfit

ROOT = Path(manyfit.__file__).parent
ROOMS = ("asking", "cli.py", "commands", "data", "hyper.py", "job", "model", "questions", "recipe.py", "registry.py", "render")
"""What stands between a reader and a command line; engines may complain in English to whoever calls them."""


def files(room: str) -> list[Path]:
    place = ROOT / room
    return [place] if place.is_file() else sorted(place.rglob("*.py"))


def said(tree: ast.AST) -> Iterator[ast.expr]:
    """What is said in a file when something is wrong: arguments of problems, and what is called a rule or a hint."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", getattr(node.func, "attr", "")) in ("Problem", "raise_all"):
            yield from [*node.args, *(each.value for each in node.keywords)]
        if isinstance(node, ast.Assign) and {getattr(each, "id", "") for each in node.targets} & {"rule", "hint"}:
            yield node.value


def is_english_only(node: ast.expr) -> bool:
    """Whether it is a literal with words in a row: a name, a number or an option needs no translation."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    words = "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
    return bool(re.search("[A-Za-z']+ [A-Za-z']+", words)) and not words.startswith(("--", "manyfit "))


@pytest.mark.parametrize("room", ROOMS)
def test_no_problem_is_told_in_english_alone(room):
    found = [
        f"{file.name}:{node.lineno}"
        for file in files(room)
        for node in said(ast.parse(file.read_text("utf-8")))
        if is_english_only(node)
    ]

    assert found == []
