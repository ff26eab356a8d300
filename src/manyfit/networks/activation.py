"""Activations: what a hidden unit does with its sum. Each is a function of (xp, z), with xp numpy or torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any


def identity(xp: Any, z: Any) -> Any:
    """a = z: a network of these is linear."""
    return z


def relu(xp: Any, z: Any) -> Any:
    """a = z where z > 0, else 0. Its derivative at 0 is 0."""
    if hasattr(xp, "relu"):  # torch's own, in a third of the time
        return xp.relu(z)
    return xp.where(z <= 0, xp.zeros_like(z), z)  # this way round NaN stays NaN, and −∞ becomes 0


def tanh(xp: Any, z: Any) -> Any:
    """a = tanh z, between −1 and 1."""
    return xp.tanh(z)


def sigmoid(xp: Any, z: Any) -> Any:
    """a = 1 / (1 + exp(−z)), between 0 and 1; written through tanh, which can't overflow."""
    return 0.5 * xp.tanh(0.5 * z) + 0.5


ACTIVATIONS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {function.__name__: function for function in (identity, relu, tanh, sigmoid)}
)
