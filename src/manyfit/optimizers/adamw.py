"""AdamW: Adam with a decay of the weights that does not pass through its division.

Loshchilov & Hutter 2017, Algorithm 2, https://arxiv.org/abs/1711.05101. As in torch and in the chapter, the decay is multiplied
by the rate.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

from manyfit.hyper import hyper
from manyfit.optimizers._base import State, rule
from manyfit.optimizers.adam import Adam


@rule
class AdamW:
    """Adam whose weight decay pulls each parameter by the same share, however large its gradients are.

    Example:
        >>> import numpy as np
        >>> p, rule = np.array([1.0]), AdamW(lr=0.1, weight_decay=0.5)
        >>> p, s = AdamW.step(np, p, np.array([0.0]), AdamW.init(np, p), 1, rule)
        >>> p.tolist()
        [0.95]
    """

    lr: float = hyper(
        1e-3, low=0, scale="log", usual=(1e-5, 1.0), doc="η, the step length: parameter units per step."
    )
    beta1: float = hyper(
        0.9, low=0, below=1, usual=(0.8, 0.99), doc="β₁, memory of the mean; 0 forgets at once."
    )
    beta2: float = hyper(
        0.999, low=0, below=1, usual=(0.9, 0.9999), doc="β₂, memory of the size; 0 forgets at once."
    )
    eps: float = hyper(
        1e-8,
        above=0,
        scale="log",
        usual=(1e-8, 1e-3),
        doc="ε, added to the root of the size, so that 0/0 is 0.",
    )
    weight_decay: float = hyper(
        0.01,
        low=0,
        scale="log",
        usual=(1e-4, 1.0),
        doc="λ: every step takes lr · λ off each parameter, biases included.",
    )

    name: ClassVar[str] = "adamw"
    examples: ClassVar = ({}, {"lr": 0.1}, {"beta1": 0.0}, {"weight_decay": 0.5})
    oracle: ClassVar = (
        "torch.optim.AdamW",
        {"lr": "lr", "beta1": "betas[0]", "beta2": "betas[1]", "eps": "eps", "weight_decay": "weight_decay"},
    )

    init = staticmethod(Adam.init)

    @staticmethod
    def step(xp: Any, p: Any, g: Any, s: State, t: Any, h: Any) -> tuple[Any, State]:
        """W ← (1 − ηλ)·W, then Adam's step."""
        without = SimpleNamespace(lr=h.lr, beta1=h.beta1, beta2=h.beta2, eps=h.eps, weight_decay=0.0)
        return Adam.step(xp, p * (1 - h.lr * h.weight_decay), g, s, t, without)
