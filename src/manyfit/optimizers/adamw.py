"""AdamW: Adam with a decay of the weights that does not pass through its division.

Loshchilov & Hutter 2017, Algorithm 2, https://arxiv.org/abs/1711.05101. As in torch and in the chapter's 3.5.2 the decay is
multiplied by the rate: W_new = W_old − η·(m̂ / (√v̂ + ε) + λ·W_old); the paper's decay follows the schedule alone.
"""

from __future__ import annotations

from typing import Any, ClassVar

from manyfit.hyper import hyper
from manyfit.optimizers._base import State, rule
from manyfit.optimizers._knobs import Moments, largest_size, uphill
from manyfit.optimizers.adam import TORCH, Adam, moved


@rule
class AdamW(Moments):
    """Adam whose weight decay pulls each parameter by the same share, however large its gradients are.

    Example:
        >>> import numpy as np
        >>> p, rule = np.array([1.0]), AdamW(lr=0.1, weight_decay=0.5)
        >>> p, s = AdamW.step(np, p, np.array([0.0]), AdamW.init(np, p, rule), 1, rule)
        >>> p.tolist()
        [0.95]
    """

    weight_decay: float = hyper(
        0.01,
        low=0,
        scale="log",
        usual=(1e-4, 1.0),
        doc="λ: every step takes lr · λ off each parameter, biases included.",
    )
    amsgrad: bool = largest_size()
    maximize: bool = uphill()

    name: ClassVar[str] = "adamw"
    examples: ClassVar = (
        {},
        {"lr": 0.1},
        {"beta1": 0.0},
        {"weight_decay": 0.5},
        {"amsgrad": True, "beta2": 0.5},
        {"maximize": True},
    )
    oracle: ClassVar = ("torch.optim.AdamW", TORCH)

    init = staticmethod(Adam.init)

    @staticmethod
    def step(xp: Any, p: Any, g: Any, s: State, t: Any, h: Any) -> tuple[Any, State]:
        """W ← (1 − ηλ)·W, then Adam's step."""
        return moved(xp, p * (1 - h.lr * h.weight_decay), -g if h.maximize else g, s, t, h)
