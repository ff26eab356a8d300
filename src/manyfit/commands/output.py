"""What commands print for other programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manyfit.errors import Problem, RunError
from manyfit.text import Text


def print_json(value: Any) -> None:
    """Print one line of strict JSON: what is not a finite number is null, because JSON has no word for it."""
    print(json.dumps(strict(value), ensure_ascii=False, allow_nan=False, default=str))


def refuse_taken(path: Path, *, force: bool = False) -> None:
    """Notice before any work that a file can't be written, or would replace another.

    Raises:
        RunError: If so.
    """
    from manyfit.runs.files import refuse_unwritable  # with its room, which not every command needs

    if path.is_dir() or (path.exists() and not force):
        rule = Text("is a folder", "是文件夹") if path.is_dir() else Text("must not exist yet", "不能已经存在")
        hint = Text("Give another name (--out); --force replaces a file.", "请换一个名字（--out）；--force 可替换文件。")
        raise RunError(Problem(str(path), rule, hint=hint))
    refuse_unwritable(path)


def strict(value: Any) -> Any:
    """The same value with None in place of NaN and infinity.

    Example:
        >>> strict({"low": float("-inf"), "n": [1, 2.5]})
        {'low': None, 'n': [1, 2.5]}
    """
    if isinstance(value, Mapping):
        return {str(key): strict(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [strict(part) for part in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
