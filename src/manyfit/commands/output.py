"""What commands print for other programs."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any


def print_json(value: Any) -> None:
    """Print one line of strict JSON: what is not a finite number is null, because JSON has no word for it."""
    print(json.dumps(strict(value), ensure_ascii=False, allow_nan=False, default=str))


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
