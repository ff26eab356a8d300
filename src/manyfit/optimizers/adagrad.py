"""AdaGrad: every parameter has a rate of its own, which falls with all the gradients that it has seen.

Duchi, Hazan & Singer 2011, https://jmlr.org/papers/v12/duchi11a.html: G_new = G_old + g², W_new = W_old − η·g / (√G_new + ε),
with ε outside the root as in torch. The chapter's 3.5.2 has it inside, √(G + ε): no different but for gradients near √ε.
"""

from __future__ import annotations

from typing import Any, ClassVar

from manyfit.hyper import hyper
from manyfit.optimizers._base import State, rule
from manyfit.optimizers._knobs import coupled_decay, rate, small, uphill, wanted


@rule
class AdaGrad:
    """Large steps for what is rarely seen, small ones for what is seen all the time; in the end small ones for all.

    Example:
        >>> import numpy as np
        >>> p, rule = np.array([1.0]), AdaGrad(lr=0.1)
        >>> p, s = AdaGrad.step(np, p, np.array([3.0]), AdaGrad.init(np, p, rule), 1, rule)
        >>> p.round(6).tolist(), s["square_sum"].tolist()
        ([0.9], [9.0])
    """

    lr: float = rate(0.01, (1e-4, 1.0))
    lr_decay: float = hyper(
        0.0,
        low=0,
        scale="log",
        usual=(1e-6, 1e-1),
        doc="How fast the rate itself falls: η / (1 + (t − 1)·lr_decay).",
    )
    initial_accumulator_value: float = hyper(
        0.0, low=0, scale="log", usual=(1e-3, 1.0), doc="G before the first step: how much was seen already."
    )
    eps: float = small(1e-10, "ε, added to the root of the sum, so that 0/0 is 0.")
    weight_decay: float = coupled_decay()
    maximize: bool = uphill()

    name: ClassVar[str] = "adagrad"
    examples: ClassVar = (
        {},
        {"lr": 0.1, "lr_decay": 0.5},
        {"initial_accumulator_value": 0.1, "eps": 1e-3},
        {"weight_decay": 0.1, "maximize": True},
    )
    oracle: ClassVar = (
        "torch.optim.Adagrad",
        {
            "lr": "lr",
            "lr_decay": "lr_decay",
            "initial_accumulator_value": "initial_accumulator_value",
            "eps": "eps",
            "weight_decay": "weight_decay",
            "maximize": "maximize",
        },
    )

    @staticmethod
    def init(xp: Any, p: Any, h: Any) -> State:
        """What was seen already."""
        return {"square_sum": xp.zeros_like(p) + h.initial_accumulator_value}

    @staticmethod
    def step(xp: Any, p: Any, g: Any, s: State, t: Any, h: Any) -> tuple[Any, State]:
        """G ← G + g²; W ← W − η / (1 + (t−1)·lr_decay) · g / (√G + ε)."""
        g = wanted(p, g, h)
        square_sum = s["square_sum"] + g * g
        rate = h.lr / (1 + (t - 1) * h.lr_decay)
        return p - rate * g / (xp.sqrt(square_sum) + h.eps), {"square_sum": square_sum}
