"""What hidden sums are normalized by. Each is a function of (xp, z, gain, shift), with xp numpy or torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

EPS = 1e-5
"""Added to the variance, so that a layer whose sums agree is no division by 0; torch's default."""


def layer(xp: Any, z: Any, gain: Any, shift: Any) -> Any:
    """Each row's sums [B, O] brought to mean 0 and variance 1 over the units, then scaled and shifted by [O] numbers each.

    Example:
        >>> import numpy as np
        >>> layer(np, np.array([[1.0, 3.0]]), np.array([1.0, 2.0]), np.array([0.0, 0.5])).round(3).tolist()
        [[-1.0, 2.5]]
    """
    centered = z - z.mean(-1)[..., None]
    variance = (centered * centered).mean(-1)[..., None]
    return gain * (centered / xp.sqrt(variance + EPS)) + shift


NORMS: Mapping[str, Callable[[Any, Any, Any, Any], Any]] = MappingProxyType({"layer": layer})
