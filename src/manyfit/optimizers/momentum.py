"""Momentum: a step along a running sum of gradients, like a heavy ball.

The chapter writes v ← γ·v + η·g, W ← W − v. Built here is torch's form, v ← γ·v + g, W ← W − η·v: the same path while the rate is
constant, and under a schedule the rate acts at once on the whole step. Polyak 1964, https://doi.org/10.1016/0041-5553(64)90137-5;
Nesterov's form as in Sutskever et al. 2013, https://proceedings.mlr.press/v28/sutskever13.html
"""

from __future__ import annotations

from typing import Any, ClassVar

from manyfit.hyper import hyper
from manyfit.optimizers._base import State, rule


@rule
class Momentum:
    """SGD with a memory of its direction: faster along valleys, calmer across them.

    Example:
        >>> import numpy as np
        >>> p, s = np.array([1.0]), {"velocity": np.array([0.5])}
        >>> p, s = Momentum.step(np, p, np.array([1.0]), s, 2, Momentum(lr=0.1, momentum=0.8))
        >>> p.round(3).tolist(), s["velocity"].tolist()
        ([0.86], [1.4])
    """

    lr: float = hyper(
        0.01, low=0, scale="log", usual=(1e-4, 1.0), doc="η, the step length: parameter units per velocity."
    )
    momentum: float = hyper(
        0.9, low=0, below=1, usual=(0.5, 0.99), doc="γ, the share of the velocity that is kept; 0 is SGD."
    )
    nesterov: bool = hyper(False, structural=True, doc="Look ahead: step by g + γ·v in place of v.")
    weight_decay: float = hyper(
        0.0,
        low=0,
        scale="log",
        usual=(1e-6, 1e-1),
        doc="Added to the gradient as weight_decay · W, biases included.",
    )

    examples: ClassVar = (
        {},
        {"momentum": 0.5, "lr": 0.1},
        {"nesterov": True},
        {"weight_decay": 0.1, "nesterov": True},
    )
    linear: ClassVar = True
    oracle: ClassVar = (
        "torch.optim.SGD",
        {"lr": "lr", "momentum": "momentum", "nesterov": "nesterov", "weight_decay": "weight_decay"},
    )

    @staticmethod
    def init(xp: Any, p: Any) -> State:
        """At rest."""
        return {"velocity": xp.zeros_like(p)}

    @staticmethod
    def step(xp: Any, p: Any, g: Any, s: State, t: Any, h: Any) -> tuple[Any, State]:
        """v ← γ·v + g; W ← W − η·v, or W − η·(g + γ·v) in Nesterov's form."""
        g = g + h.weight_decay * p
        velocity = h.momentum * s["velocity"] + g
        direction = g + h.momentum * velocity if h.nesterov else velocity
        return p - h.lr * direction, {"velocity": velocity}
