"""Activations: what a hidden unit does with its sum. Each is a function of (xp, z), with xp numpy or torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from scipy.special import erf

LEAK = 0.01
"""Slope of the leaky relu below 0, torch's default."""


def identity(xp: Any, z: Any) -> Any:
    """a = z: a network of these is linear."""
    return z


def relu(xp: Any, z: Any) -> Any:
    """a = z where z > 0, else 0. Its derivative at 0 is 0."""
    if hasattr(xp, "relu"):  # torch's own, in a third of the time
        return xp.relu(z)
    return xp.where(z <= 0, xp.zeros_like(z), z)  # this way round NaN stays NaN, and −∞ becomes 0


def leaky_relu(xp: Any, z: Any) -> Any:
    """a = z where z > 0, else z/100: a relu whose units can't die."""
    return xp.where(z > 0, z, LEAK * z)


def tanh(xp: Any, z: Any) -> Any:
    """a = tanh z, between −1 and 1."""
    return xp.tanh(z)


def sigmoid(xp: Any, z: Any) -> Any:
    """a = 1 / (1 + exp(−z)), between 0 and 1; written through tanh, which can't overflow."""
    return 0.5 * xp.tanh(0.5 * z) + 0.5


def gelu(xp: Any, z: Any) -> Any:
    """a = z·Φ(z), with Φ the share of the normal distribution below z; exact, as torch's default (Hendrycks & Gimpel 2016)."""
    return z * (0.5 * (1 + getattr(xp, "erf", erf)(z * 0.5**0.5)))  # numpy leaves erf to scipy


def silu(xp: Any, z: Any) -> Any:
    """a = z·σ(z), also called swish (Elfwing et al. 2017)."""
    return z * sigmoid(xp, z)


def elu(xp: Any, z: Any) -> Any:
    """a = z where z > 0, else exp(z) − 1 (Clevert et al. 2015)."""
    return xp.where(z > 0, z, xp.expm1(xp.where(z > 0, xp.zeros_like(z), z)))


ACTIVATIONS: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {each.__name__: each for each in (identity, relu, leaky_relu, tanh, sigmoid, gelu, silu, elu)}
)
