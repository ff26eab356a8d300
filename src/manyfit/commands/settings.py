"""`--recipe FILE` and `--set PATH=VALUE`: how commands are told of a recipe."""

from __future__ import annotations

import json
import sys
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from manyfit.errors import Problem, RunError, UsageError
from manyfit.text import Text


def recipe_in(path: str) -> Mapping[str, Any]:
    """The plain values of the recipe in a file.

    Raises:
        RunError: If it can't be read, or holds none.
    """
    file = Path(path)
    try:
        text = file.read_text(encoding="utf-8")
        fields = json.loads(text) if file.suffix.lower() == ".json" else tomllib.loads(text)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RunError(Problem(path, Text(f"can't be read: {reason}", f"无法读取：{reason}"))) from error
    except ValueError as error:
        rule = Text(f"must hold a recipe in TOML or JSON: {error}", f"必须是 TOML 或 JSON 写的配方：{error}")
        raise RunError(Problem(path, rule)) from error
    return fields.get("recipe", fields)


def find_modules_here() -> None:
    """Let a network's factory be found in the current folder too, after all that is installed: `nets:ConvNet` of nets.py."""
    if "" not in sys.path:
        sys.path.append("")


def pairs_of(texts: Sequence[str], option: str = "--set") -> list[tuple[str, str]]:
    """PATH=VALUE as pairs.

    Raises:
        UsageError: If there is no path or no sign.
    """
    return [_pair(text, option) for text in texts]


def _pair(text: str, option: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign):
        hint = Text(f"For example {option} optimizer.lr=0.01.", f"例如 {option} optimizer.lr=0.01。")
        raise UsageError(Problem(option, Text("must be PATH=VALUE", "必须写作 PATH=VALUE"), repr(text), hint=hint))
    return name.strip(), value.strip()
