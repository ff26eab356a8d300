"""What counts as the same."""

from __future__ import annotations

import math


def margin_of(margin: float | None, share: float, score: float) -> float:
    """The margin that was asked for, else a share of a score; 0, so that nothing counts as the same, where that is not finite.

    Example:
        >>> margin_of(0.5, 0.01, 3.0), margin_of(None, 0.01, -300.0), margin_of(None, 0.01, math.inf)
        (0.5, 3.0, 0.0)
    """
    if margin is not None:
        return margin
    return share * abs(score) if math.isfinite(score) else 0.0
