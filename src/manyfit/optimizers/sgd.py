"""SGD: a step against the gradient.

The chapter's 3.2.2 and 3.5.2, and the published rule: W_new = W_old − η·g. Robbins & Monro 1951,
https://doi.org/10.1214/aoms/1177729586
"""

from __future__ import annotations

from typing import Any, ClassVar

from manyfit.optimizers._base import State, rule
from manyfit.optimizers._knobs import coupled_decay, rate, uphill, wanted


@rule
class SGD:
    """Stochastic gradient descent: one rate for all, no memory.

    Example:
        >>> import numpy as np
        >>> SGD.step(np, np.array([1.0]), np.array([2.0]), {}, 1, SGD(lr=0.1))[0].tolist()
        [0.8]
    """

    lr: float = rate(0.01, (1e-4, 1.0), per="gradient")
    weight_decay: float = coupled_decay()
    maximize: bool = uphill()

    examples: ClassVar = ({}, {"lr": 0.1}, {"weight_decay": 0.1}, {"maximize": True, "weight_decay": 0.1})
    linear: ClassVar = True
    oracle: ClassVar = (
        "torch.optim.SGD",
        {"lr": "lr", "weight_decay": "weight_decay", "maximize": "maximize"},
    )

    @staticmethod
    def init(xp: Any, p: Any, h: Any) -> State:
        """No state."""
        return {}

    @staticmethod
    def step(xp: Any, p: Any, g: Any, s: State, t: Any, h: Any) -> tuple[Any, State]:
        """W ← W − η·(g + weight_decay·W)."""
        return p - h.lr * wanted(p, g, h), {}
