"""Adam: a running mean of gradients, divided by their running size.

Kingma & Ba 2014, Algorithm 1, https://arxiv.org/abs/1412.6980
"""

from __future__ import annotations

from typing import Any, ClassVar

from manyfit.hyper import hyper
from manyfit.optimizers._base import State, rule


@rule
class Adam:
    """The usual first choice: every parameter gets a step of about `lr`, whatever the size of its gradient.

    Example:
        >>> import numpy as np
        >>> p, s = Adam.step(np, np.array([1.0]), np.array([4.0]), Adam.init(np, np.array([1.0])), 1, Adam(lr=0.1))
        >>> p.round(6).tolist()
        [0.9]
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
        0.0,
        low=0,
        scale="log",
        usual=(1e-6, 1e-1),
        doc="Added to the gradient as weight_decay · W, biases included.",
    )

    examples: ClassVar = ({}, {"lr": 0.1}, {"beta1": 0.0}, {"beta2": 0.5}, {"weight_decay": 0.1})
    oracle: ClassVar = (
        "torch.optim.Adam",
        {"lr": "lr", "beta1": "betas[0]", "beta2": "betas[1]", "eps": "eps", "weight_decay": "weight_decay"},
    )

    @staticmethod
    def init(xp: Any, p: Any) -> State:
        """Both memories empty."""
        return {"mean": xp.zeros_like(p), "size": xp.zeros_like(p)}

    @staticmethod
    def step(xp: Any, p: Any, g: Any, s: State, t: Any, h: Any) -> tuple[Any, State]:
        """m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; W ← W − η·m̂ / (√v̂ + ε)."""
        g = g + h.weight_decay * p
        mean = h.beta1 * s["mean"] + (1 - h.beta1) * g
        size = h.beta2 * s["size"] + (1 - h.beta2) * g * g
        mean_hat = mean / (1 - h.beta1**t)  # undo the pull of the zero start
        size_hat = size / (1 - h.beta2**t)
        return p - h.lr * mean_hat / (xp.sqrt(size_hat) + h.eps), {"mean": mean, "size": size}
