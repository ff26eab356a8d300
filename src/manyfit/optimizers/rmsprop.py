"""RMSprop: AdaGrad that forgets, so that its rate need not die.

Tieleman & Hinton 2012, https://www.cs.toronto.edu/~tijmen/csc321/slides/lecture_slides_lec6.pdf, as in torch:
E[g²]_new = ρ·E[g²]_old + (1 − ρ)·g², W_new = W_old − η·g / (√E[g²]_new + ε). The chapter's 3.5.2 is the same with ε inside the
root; ρ is torch's option `alpha`. Centered, as in Graves 2013, https://arxiv.org/abs/1308.0850, though with ε outside the root,
it divides by √(E[g²] − E[g]²), the spread of the gradients in place of their size. With momentum γ: v_new = γ·v_old + g / (…),
W_new = W_old − η·v_new.
"""

from __future__ import annotations

from typing import Any, ClassVar

from manyfit.hyper import hyper
from manyfit.optimizers._base import State, rule
from manyfit.optimizers._knobs import coupled_decay, rate, small, uphill, wanted


@rule
class RMSprop:
    """Gradients divided by their recent size: follows a target that moves.

    Example:
        >>> import numpy as np
        >>> p, rule = np.array([1.0]), RMSprop(lr=0.1, alpha=0.75)
        >>> p, s = RMSprop.step(np, p, np.array([4.0]), RMSprop.init(np, p, rule), 1, rule)
        >>> p.round(6).tolist(), s["mean_square"].tolist()
        ([0.8], [4.0])
    """

    lr: float = rate(0.01, (1e-5, 1.0))
    alpha: float = hyper(
        0.99, low=0, below=1, usual=(0.9, 0.999), doc="ρ, memory of the size; 0 forgets at once."
    )
    eps: float = small(1e-8, "ε, added to the root of the size, so that 0/0 is 0.")
    momentum: float = hyper(
        0.0, low=0, below=1, usual=(0.5, 0.99), doc="γ, the share of the velocity that is kept."
    )
    centered: bool = hyper(
        False, structural=True, doc="Divide by the spread of the gradients in place of their size."
    )
    weight_decay: float = coupled_decay()
    maximize: bool = uphill()

    name: ClassVar[str] = "rmsprop"
    examples: ClassVar = (
        {},
        {"lr": 0.1, "alpha": 0.5},
        {"centered": True, "alpha": 0.9},
        {"momentum": 0.9, "eps": 1e-3},
        {"momentum": 0.5, "centered": True, "weight_decay": 0.1, "maximize": True},
    )
    oracle: ClassVar = (
        "torch.optim.RMSprop",
        {
            "lr": "lr",
            "alpha": "alpha",
            "eps": "eps",
            "momentum": "momentum",
            "centered": "centered",
            "weight_decay": "weight_decay",
            "maximize": "maximize",
        },
    )

    @staticmethod
    def init(xp: Any, p: Any, h: Any) -> State:
        """The memory of the size empty; with momentum at rest; centered, the memory of the mean empty."""
        names = ["mean_square", *(["mean"] if h.centered else []), *(["velocity"] if h.momentum else [])]
        return {name: xp.zeros_like(p) for name in names}

    @staticmethod
    def step(xp: Any, p: Any, g: Any, s: State, t: Any, h: Any) -> tuple[Any, State]:
        """E[g²] ← ρ·E[g²] + (1−ρ)·g²; W ← W − η·g / (√E[g²] + ε), or by way of a velocity."""
        g = wanted(p, g, h)
        new = {"mean_square": h.alpha * s["mean_square"] + (1 - h.alpha) * g * g}
        square = new["mean_square"]
        if h.centered:
            new["mean"] = h.alpha * s["mean"] + (1 - h.alpha) * g
            square = square - new["mean"] * new["mean"]
            square = xp.where(square < 0, 0 * square, square)  # below 0 by rounding; NaN stays NaN
        direction = g / (xp.sqrt(square) + h.eps)
        if "velocity" in s:
            direction = new["velocity"] = h.momentum * s["velocity"] + direction
        return p - h.lr * direction, new
