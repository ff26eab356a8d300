"""FGSM: one step as far as allowed, along the slope of the loss.

Goodfellow, Shlens & Szegedy 2015, Explaining and Harnessing Adversarial Examples, https://arxiv.org/abs/1412.6572
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from manyfit.attacks._base import Floats, Room, Slope, rule
from manyfit.data.domain import Domain
from manyfit.hyper import hyper


@rule
class FGSM:
    """The fast gradient sign method: x + ε · spread · sign(∂loss/∂x); for "l2" along the slope itself, in spreads.

    Cheap, exact for a loss that is linear in the inputs, and easily fooled by one that is not.

    Example:
        >>> import numpy as np
        >>> X = np.array([[0.0], [1.0], [2.0]])
        >>> FGSM().perturb(lambda X: np.ones((1, 3, 1)), X, Domain.of(X), 0.5)[0].round(3).T.tolist()
        [[0.408, 1.408, 2.0]]
    """

    norm: str = hyper("linf", structural=True, doc="Which size of a nudge is bounded: linf or l2.")

    name: ClassVar[str] = "fgsm"
    said: ClassVar[tuple[str, str]] = ("FGSM", "FGSM")
    strengths: ClassVar[tuple[float, ...]] = (0.02, 0.05, 0.1, 0.2)
    examples: ClassVar[tuple[dict[str, Any], ...]] = ({"norm": "linf"}, {"norm": "l2"})

    def perturb(
        self, slope: Slope, X: Floats, domain: Domain, strength: float, keys: Sequence[int] | None = None
    ) -> Floats:
        """One step from the rows to the edge of what is allowed."""
        room = Room(X, domain, self.norm, strength)
        return room.step(X, room.radius * room.steepest(slope(X)))
