"""Penalties: what is added to the loss for the size of the weights. Losses are recorded without them.

A penalty acts on weights, and on biases where `biases` says so. It is given by its gradient: adding λ Σ f(w) to the loss adds
λ f′(w) to the gradient of each weight.
"""

from __future__ import annotations

from typing import Any, ClassVar, Protocol, runtime_checkable

from manyfit.hyper import hyper
from manyfit.registry import Registry

registry = Registry("penalty")
rule = registry.rule
"""Registers a class as one of them: a frozen dataclass, known by its name in lower case."""


@runtime_checkable
class Penalty(Protocol):
    """A penalty on parameters."""

    @property
    def strength(self) -> float:
        """λ: how much it weighs."""
        ...

    @property
    def biases(self) -> bool:
        """Whether biases pay too."""
        ...

    def value(self, xp: Any, p: Any) -> Any:
        """What it adds to the loss for one parameter array."""
        ...

    def gradient(self, xp: Any, p: Any) -> Any:
        """What it adds to the gradient of that array, same shape."""
        ...


@rule
class L1:
    """λ Σ |w|, the chapter's 3.6.3: pulls every weight towards 0 by the same force, and makes many small. Its gradient at 0 is 0.

    Example:
        >>> import numpy as np
        >>> L1(0.1).gradient(np, np.array([2.0, 0.0, -3.0])).tolist()
        [0.1, 0.0, -0.1]
    """

    strength: float = hyper(
        1e-4, low=0, scale="log", usual=(1e-6, 1e-1), doc="λ, in units of loss per unit of weight."
    )
    biases: bool = hyper(False, doc="Whether biases pay too.")

    name: ClassVar[str] = "l1"

    def value(self, xp: Any, p: Any) -> Any:
        """λ Σ |p|."""
        return self.strength * xp.abs(p).sum()

    def gradient(self, xp: Any, p: Any) -> Any:
        """λ sign(p)."""
        return self.strength * xp.sign(p)


@rule
class L2:
    """λ Σ w², the chapter's 3.6.3: pulls large weights harder. Equal to a coupled weight decay of 2λ (torch's `weight_decay`).

    Example:
        >>> import numpy as np
        >>> L2(0.1).gradient(np, np.array([2.0, -3.0])).round(9).tolist()
        [0.4, -0.6]
    """

    strength: float = hyper(
        1e-4, low=0, scale="log", usual=(1e-6, 1e-1), doc="λ, in units of loss per squared unit of weight."
    )
    biases: bool = hyper(False, doc="Whether biases pay too.")

    name: ClassVar[str] = "l2"

    def value(self, xp: Any, p: Any) -> Any:
        """λ Σ p²."""
        return self.strength * (p * p).sum()

    def gradient(self, xp: Any, p: Any) -> Any:
        """2λ p."""
        return 2 * self.strength * p
