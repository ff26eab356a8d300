"""Momentum: a step along a running sum of gradients, like a heavy ball.

The chapter's 3.5.2 writes v_new = γ·v_old + η·g, W_new = W_old − v_new. Built here is torch's form, v_new = γ·v_old + (1 − τ)·g,
W_new = W_old − η·v_new, with τ the dampening: at τ = 0 the same path while the rate is constant, and under a schedule the rate
acts at once on the whole step. Polyak 1964, https://doi.org/10.1016/0041-5553(64)90137-5; Nesterov's form as in Sutskever et al.
2013, https://proceedings.mlr.press/v28/sutskever13.html
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from manyfit.errors import Problem
from manyfit.hyper import hyper
from manyfit.optimizers._base import State, rule
from manyfit.optimizers._knobs import coupled_decay, rate, uphill, wanted
from manyfit.text import Text


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

    lr: float = rate(0.01, (1e-4, 1.0), per="velocity")
    momentum: float = hyper(
        0.9, low=0, below=1, usual=(0.5, 0.99), doc="γ, the share of the velocity that is kept; 0 is SGD."
    )
    dampening: float = hyper(
        0.0,
        low=0,
        high=1,
        usual=(0, 0.9),
        doc="τ, the share of each gradient but the first that is left out.",
    )
    nesterov: bool = hyper(False, structural=True, doc="Look ahead: step by g + γ·v in place of v.")
    weight_decay: float = coupled_decay()
    maximize: bool = uphill()

    examples: ClassVar = (
        {},
        {"momentum": 0.5, "lr": 0.1},
        {"dampening": 0.5},
        {"nesterov": True},
        {"weight_decay": 0.1, "nesterov": True},
        {"maximize": True, "dampening": 0.2, "weight_decay": 0.1},
    )
    linear: ClassVar = True
    oracle: ClassVar = (
        "torch.optim.SGD",
        {
            "lr": "lr",
            "momentum": "momentum",
            "dampening": "dampening",
            "nesterov": "nesterov",
            "weight_decay": "weight_decay",
            "maximize": "maximize",
        },
    )

    def problems(self) -> Iterator[Problem]:
        """Settings that exclude each other."""
        if self.nesterov and self.dampening:
            hint = Text("Nesterov's form has no dampening.", "Nesterov 形式没有阻尼。")
            rule = Text("must be 0 with nesterov", "用 nesterov 时必须为 0")
            yield Problem("Momentum.dampening", rule, f"{self.dampening:g}", hint=hint)

    @staticmethod
    def init(xp: Any, p: Any, h: Any) -> State:
        """At rest."""
        return {"velocity": xp.zeros_like(p)}

    @staticmethod
    def step(xp: Any, p: Any, g: Any, s: State, t: Any, h: Any) -> tuple[Any, State]:
        """v ← γ·v + (1 − τ)·g, at first g; W ← W − η·v, or W − η·(g + γ·v) in Nesterov's form."""
        g = wanted(p, g, h)
        velocity = h.momentum * s["velocity"] + (1 - h.dampening * (t > 1)) * g
        direction = g + h.momentum * velocity if h.nesterov else velocity
        return p - h.lr * direction, {"velocity": velocity}
