"""SGD: a step against the gradient.

The chapter's 3.2.2 and 3.5.2: W ← W − η·g. Robbins & Monro 1951, https://doi.org/10.1214/aoms/1177729586
"""

from __future__ import annotations

from typing import Any, ClassVar

from manyfit.hyper import hyper
from manyfit.optimizers._base import State, rule


@rule
class SGD:
    """Stochastic gradient descent: one rate for all, no memory.

    Example:
        >>> import numpy as np
        >>> SGD.step(np, np.array([1.0]), np.array([2.0]), {}, 1, SGD(lr=0.1))[0].tolist()
        [0.8]
    """

    lr: float = hyper(
        0.01, low=0, scale="log", usual=(1e-4, 1.0), doc="η, the step length: parameter units per gradient."
    )
    weight_decay: float = hyper(
        0.0,
        low=0,
        scale="log",
        usual=(1e-6, 1e-1),
        doc="Added to the gradient as weight_decay · W, biases included.",
    )

    examples: ClassVar = ({}, {"lr": 0.1}, {"weight_decay": 0.1})
    linear: ClassVar = True
    oracle: ClassVar = ("torch.optim.SGD", {"lr": "lr", "weight_decay": "weight_decay"})

    @staticmethod
    def init(xp: Any, p: Any) -> State:
        """No state."""
        return {}

    @staticmethod
    def step(xp: Any, p: Any, g: Any, s: State, t: Any, h: Any) -> tuple[Any, State]:
        """W ← W − η (g + weight_decay · W)."""
        return p - h.lr * (g + h.weight_decay * p), {}
