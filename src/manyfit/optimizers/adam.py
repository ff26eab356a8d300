"""Adam: a running mean of gradients, divided by their running size.

Kingma & Ba 2014, Algorithm 1, https://arxiv.org/abs/1412.6980, and the chapter's 3.5.2 alike: m_new = β₁·m_old + (1 − β₁)·g,
v_new = β₂·v_old + (1 − β₂)·g², m̂ = m_new / (1 − β₁ᵗ), v̂ = v_new / (1 − β₂ᵗ), W_new = W_old − η·m̂ / (√v̂ + ε). AMSGrad, Reddi et
al. 2018, https://arxiv.org/abs/1904.09237, divides by the largest v so far; as in torch it is corrected like v itself.
"""

from __future__ import annotations

from typing import Any, ClassVar

from manyfit.optimizers._base import State, rule
from manyfit.optimizers._knobs import Moments, coupled_decay, largest_size, uphill, wanted

TORCH = {
    "lr": "lr",
    "beta1": "betas[0]",
    "beta2": "betas[1]",
    "eps": "eps",
    "weight_decay": "weight_decay",
    "amsgrad": "amsgrad",
    "maximize": "maximize",
}


def moved(xp: Any, p: Any, g: Any, s: State, t: Any, h: Any) -> tuple[Any, State]:
    """Adam's step along a gradient in which whatever decays is already counted."""
    mean_hat, size_hat, new = remembered(xp, g, s, t, h)
    return p - h.lr * mean_hat / (xp.sqrt(size_hat) + h.eps), new


def remembered(xp: Any, g: Any, s: State, t: Any, h: Any) -> tuple[Any, Any, State]:
    """m̂, v̂ and the new state."""
    mean = h.beta1 * s["mean"] + (1 - h.beta1) * g
    size = h.beta2 * s["size"] + (1 - h.beta2) * g * g
    new = {"mean": mean, "size": size}
    if "largest" in s:
        size = new["largest"] = xp.maximum(s["largest"], size)
    mean_hat = mean / (1 - h.beta1**t)  # undo the pull of the zero start
    size_hat = size / (1 - h.beta2**t)
    return mean_hat, size_hat, new


@rule
class Adam(Moments):
    """The usual first choice: every parameter gets a step of about `lr`, whatever the size of its gradient.

    Example:
        >>> import numpy as np
        >>> p, rule = np.array([1.0]), Adam(lr=0.1)
        >>> p, s = Adam.step(np, p, np.array([4.0]), Adam.init(np, p, rule), 1, rule)
        >>> p.round(6).tolist()
        [0.9]
    """

    weight_decay: float = coupled_decay()
    amsgrad: bool = largest_size()
    maximize: bool = uphill()

    examples: ClassVar = (
        {},
        {"lr": 0.1},
        {"beta1": 0.0},
        {"beta2": 0.5},
        {"weight_decay": 0.1},
        {"amsgrad": True, "beta2": 0.5},
        {"maximize": True, "weight_decay": 0.1},
    )
    oracle: ClassVar = ("torch.optim.Adam", TORCH)

    @staticmethod
    def init(xp: Any, p: Any, h: Any) -> State:
        """All memories empty."""
        return {name: xp.zeros_like(p) for name in ("mean", "size", *(["largest"] if h.amsgrad else []))}

    @staticmethod
    def step(xp: Any, p: Any, g: Any, s: State, t: Any, h: Any) -> tuple[Any, State]:
        """m ← β₁m + (1−β₁)g; v ← β₂v + (1−β₂)g²; W ← W − η·m̂ / (√v̂ + ε)."""
        return moved(xp, p, wanted(p, g, h), s, t, h)
