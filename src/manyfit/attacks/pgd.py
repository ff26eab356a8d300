"""PGD: many small steps along the slope of the loss, each brought back to what is allowed.

Madry, Makelov, Schmidt, Tsipras & Vladu 2018, Towards Deep Learning Models Resistant to Adversarial Attacks,
https://arxiv.org/abs/1706.06083
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from scipy.special import ndtri

from manyfit.attacks._base import Floats, Room, Slope, rule
from manyfit.data.domain import Domain
from manyfit.hyper import hyper
from manyfit.rng import Purpose, uniform, words


@rule
class PGD:
    """Projected gradient descent, which here climbs: the strongest attack that uses slopes alone.

    Example:
        >>> X = np.array([[0.0], [1.0], [2.0]])
        >>> PGD().perturb(lambda X: np.ones((1, 3, 1)), X, Domain.of(X), 0.5)[0].round(3).T.tolist()
        [[0.408, 1.408, 2.0]]
    """

    norm: str = hyper("linf", structural=True, doc="Which size of a nudge is bounded: linf or l2.")
    steps: int = hyper(10, low=1, usual=(5, 100), doc="Steps.")
    step: float = hyper(0.25, above=0, high=2, doc="Length of a step, as a share of the strength.")
    random_start: bool = hyper(
        False, doc="Whether to begin at a random point of the ball, in place of the row itself."
    )

    name: ClassVar[str] = "pgd"
    said: ClassVar[tuple[str, str]] = ("PGD", "PGD")
    strengths: ClassVar[tuple[float, ...]] = (0.02, 0.05, 0.1, 0.2)
    examples: ClassVar[tuple[dict[str, Any], ...]] = (
        {"norm": "linf"},
        {"norm": "l2", "steps": 3},
        {"norm": "linf", "steps": 2, "random_start": True},
        {"norm": "l2", "steps": 2, "random_start": True},
    )

    def perturb(
        self, slope: Slope, X: Floats, domain: Domain, strength: float, keys: Sequence[int] | None = None
    ) -> Floats:
        """Climb from the rows, or from a random point near each."""
        room = Room(X, domain, self.norm, strength)
        at = self._start(room, keys) if self.random_start and keys is not None else X
        for _ in range(self.steps):
            at = room.step(at, self.step * room.radius * room.steepest(slope(at)))
        return at

    def _start(self, room: Room, keys: Sequence[int]) -> Floats:
        """[P, N, D] points drawn evenly from the ball around each row."""
        n_rows, n_inputs = room.X.shape
        drawn = uniform(
            words(np.asarray(keys, dtype=np.uint64), Purpose.CORRUPT, n_rows, n_inputs + 1, layer=2)
        )
        if self.norm == "linf":
            return room.step(room.X, room.radius * (2 * drawn[..., :-1] - 1))
        # A direction from a normal cloud, and a radius whose d-th power is even: the ball's volume grows so.
        n_free = np.maximum((room.unit > 0).sum(-1, keepdims=True), 1)
        length = room.radius * drawn[..., -1:] ** (1 / n_free)
        return room.step(room.X, length * room.along(ndtri(drawn[..., :-1])))
