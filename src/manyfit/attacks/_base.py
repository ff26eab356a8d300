"""What an attack is: a frozen record with one pure function from rows to the rows that each network is shown in their place.

It knows a network by its slope alone: how each row's own loss changes with its inputs. All networks are attacked in one
pass, each at inputs of its own. Nudges are counted in units of each input's spread, so an attack is the same whatever the
units of the columns; flags and one-hot inputs stay as they are, and no number leaves the range that it has in the data.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from manyfit.data.domain import Domain
from manyfit.registry import Registry

Floats = NDArray[np.float64]
Slope = Callable[[Floats], Floats]
"""From inputs [N, D] that the networks share, or their own [P, N, D], to the slope of each row's loss there, [P, N, D]."""

registry = Registry("attack")
rule = registry.rule
"""Registers a class as one of them: a frozen dataclass, known by its name in lower case."""


@runtime_checkable
class Attack(Protocol):
    """A way to find what hurts.

    said: Its name in English and Chinese.
    strengths: Which strengths are tried when nothing is said, increasing.
    examples: Settings at which the contract tests it.
    """

    said: ClassVar[tuple[str, str]]
    strengths: ClassVar[tuple[float, ...]]
    examples: ClassVar[tuple[dict[str, object], ...]]

    @property
    def norm(self) -> str:
        """Which size of a nudge is bounded: "linf" or "l2"."""
        ...

    def perturb(
        self, slope: Slope, X: Floats, domain: Domain, strength: float, keys: Sequence[int] | None = None
    ) -> Floats:
        """What each network is shown: [P, N, D].

        Args:
            slope: Of the loss, for all networks at once.
            X: [N, D] rows as they are.
            domain: Where inputs may lie.
            strength: Size of the largest nudge. "linf": no input moves by more than so many spreads. "l2": the root mean
                square over the inputs that may move is at most so many spreads, which makes both norms comparable whatever D.
            keys: P random streams, for attacks that draw.
        """
        ...


class Room:
    """The room that attacked rows have: a ball around each row, within the range of the data.

    Args:
        X: [N, D] rows as they are.
        domain: Where inputs may lie.
        norm: "linf" or "l2".
        strength: Size of the ball.
    """

    def __init__(self, X: Floats, domain: Domain, norm: str, strength: float) -> None:
        self.X, self.norm = X, norm
        self.unit = np.where(domain.free(X), domain.spread, 0.0)
        self.low, self.high = np.minimum(domain.low, X), np.maximum(domain.high, X)
        n_free = (self.unit > 0).sum(-1, keepdims=True)
        self.radius = strength * (np.sqrt(n_free) if norm == "l2" else 1.0)

    def steepest(self, slope: Floats) -> Floats:
        """The nudge of size 1, in spreads, along which the loss grows most: [P, N, D]."""
        uphill = slope * self.unit
        return np.sign(uphill) if self.norm == "linf" else self.along(uphill)

    def along(self, direction: Floats) -> Floats:
        """A direction, in spreads, as a nudge of length 1 of the inputs that may move: [P, N, D]."""
        free = direction * (self.unit > 0)
        return free * _inverse(np.sqrt((free * free).sum(-1, keepdims=True)))

    def step(self, at: Floats, nudge: Floats) -> Floats:
        """Rows after a nudge, in spreads, brought back into the range of the data and then into the ball."""
        moved = np.clip(at + self.unit * nudge, self.low, self.high) - self.X
        if self.norm == "linf":
            bound = self.radius * self.unit
            return self.X + np.clip(moved, -bound, bound)
        size = np.sqrt(((moved * _inverse(self.unit)) ** 2).sum(-1, keepdims=True))
        return self.X + moved * np.minimum(1.0, self.radius * _inverse(size, empty=np.inf))


def _inverse(x: Floats, empty: float = 0.0) -> Floats:
    """1 / x, and something else where x is 0."""
    return np.divide(1.0, x, out=np.full_like(x, empty), where=x > 0)
