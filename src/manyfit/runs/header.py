"""`run.toml`: what a run folder says about itself, readable by people and by `--config`."""

from __future__ import annotations

import platform
import tomllib
from collections.abc import Mapping
from enum import Enum
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

from manyfit.errors import Problem, RunError
from manyfit.runs import fingerprint
from manyfit.runs.files import replacing
from manyfit.text import Text

FILE = "run.toml"
SCHEMA = 1
"""Raised when an older reader would misread a newer folder."""


def new_header(plan: Mapping[str, Any], seed: int) -> dict[str, Any]:
    """The header of a folder in which nothing has been trained yet."""
    resolved = plain(plan)
    return {
        "schema": SCHEMA,
        "seed": int(seed),
        "plan_hash": fingerprint.of_plan(resolved, int(seed)),
        "versions": versions(),
        "plan": resolved,
    }


def versions() -> dict[str, str]:
    """Versions of what training stands on."""
    return {
        "manyfit": metadata.version("manyfit"),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "machine": f"{platform.system()} {platform.machine()}",
    }


def read_header(folder: Path) -> dict[str, Any]:
    """What a run folder says about itself.

    Raises:
        RunError: If there is no run folder, or one of a newer schema, or one that can't be read.
    """
    path = folder / FILE
    try:
        header = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        rule = Text("must be a run folder, and does not exist", "必须是运行文件夹，却不存在")
        if folder.is_dir():
            rule = Text("holds no run.toml: it is not a run folder", "里面没有 run.toml：不是运行文件夹")
        raise RunError(Problem(str(folder), rule)) from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RunError(Problem(str(path), Text(f"can't be read: {error}", f"无法读取：{error}"))) from error
    schema = header.get("schema")
    if not isinstance(schema, int) or not 1 <= schema <= SCHEMA:
        hint = Text(
            "It was written by another version of manyfit: update it.", "它由另一版 manyfit 写成：请更新。"
        )
        rule = Text(f"must be 1 to {SCHEMA}", f"必须是 1 到 {SCHEMA}")
        raise RunError(
            Problem(f"{path} schema", rule, repr(schema), hint=hint if isinstance(schema, int) else "")
        )
    return header


def write_header(folder: Path, header: Mapping[str, Any]) -> None:
    """Write `run.toml`, whole or not at all."""
    text = tomli_w.dumps(header)
    with replacing(folder / FILE) as aside:
        aside.write_text(text, "utf-8")


def plain(value: Any) -> Any:
    """The value as TOML can hold it; entries that are None are left out.

    Example:
        >>> plain({"widths": (32, np.int64(8)), "clip": None, "rate": np.float64(0.5)})
        {'widths': [32, 8], 'rate': 0.5}

    Raises:
        RunError: If it holds something that is not a plain value.
    """
    if isinstance(value, Mapping):
        return {str(key): plain(part) for key, part in value.items() if part is not None}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, (np.generic, np.ndarray)):
        return value.tolist()
    if isinstance(value, Enum):
        return plain(value.value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, (str, bool, int, float)):
        return value
    raise RunError(
        Problem("plan", "must hold plain values only (texts, numbers, lists, tables)", repr(value))
    )
