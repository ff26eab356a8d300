"""LAMB: Adam whose step is a share of the size of each parameter array, so that large batches can take large rates.

You et al. 2019, Algorithm 2, https://arxiv.org/abs/1904.00962 (final version), for each array W of a network by itself: m, v,
m̂ and v̂ as in Adam, then r = m̂ / (√v̂ + ε), u = r + λ·W, W_new = W_old − η·(‖W_old‖ / ‖u‖)·u. The ratio of the norms, the
trust ratio, is 1 where either norm is 0; the φ that the paper puts around ‖W‖ is the identity, as in its experiments. The
chapter's 3.5.2 divides by ‖W‖ in place of multiplying by ‖W‖ / ‖u‖, and has no decay: there is no trust ratio, and large weights
would move least. The published rule is built.
"""

from __future__ import annotations

from typing import Any, ClassVar

from manyfit.hyper import hyper
from manyfit.optimizers._base import State, rule
from manyfit.optimizers._knobs import Moments, small, uphill
from manyfit.optimizers.adam import remembered


@rule
class LAMB(Moments):
    """Adam for large batches: every weight matrix and every bias vector moves by about `lr` of its own length.

    Example:
        >>> import numpy as np
        >>> p, rule = np.array([3.0, 4.0]), LAMB(lr=0.1, weight_decay=0.0)
        >>> p, s = LAMB.step(np, p, np.array([1.0, -1.0]), LAMB.init(np, p, rule), 1, rule)
        >>> p.round(4).tolist()  # 0.1 of the length 5, along (1, −1) / √2
        [2.6464, 4.3536]
    """

    eps: float = small(1e-6, "ε, added to the root of the size, so that 0/0 is 0.")
    weight_decay: float = hyper(
        0.01, low=0, scale="log", usual=(1e-4, 1.0), doc="λ: λ·W is part of what the step goes along."
    )
    max_ratio: float | None = hyper(
        None, above=0, optional=True, kind="number", usual=(1, 10), doc="Largest trust ratio; None for any."
    )
    maximize: bool = uphill()

    name: ClassVar[str] = "lamb"
    examples: ClassVar = (
        {},
        {"lr": 0.1, "beta1": 0.0},
        {"weight_decay": 0.0, "eps": 1e-3},
        {"weight_decay": 0.5, "beta2": 0.5},
        {"max_ratio": 0.5},
        {"maximize": True},
    )
    oracle: ClassVar = None  # torch has none; the tests hold it to optax and timm

    @staticmethod
    def init(xp: Any, p: Any, h: Any) -> State:
        """Both memories empty."""
        return {"mean": xp.zeros_like(p), "size": xp.zeros_like(p)}

    @staticmethod
    def step(xp: Any, p: Any, g: Any, s: State, t: Any, h: Any) -> tuple[Any, State]:
        """u ← m̂ / (√v̂ + ε) + λW; W ← W − η·(‖W‖ / ‖u‖)·u."""
        mean_hat, size_hat, new = remembered(xp, -g if h.maximize else g, s, t, h)
        u = mean_hat / (xp.sqrt(size_hat) + h.eps) + h.weight_decay * p
        norm_p, norm_u = xp.sqrt((p * p).sum()), xp.sqrt((u * u).sum())
        has_both = (norm_p > 0) & (norm_u > 0)
        ratio = xp.where(has_both, norm_p, 1.0 + 0 * norm_p) / xp.where(has_both, norm_u, 1.0 + 0 * norm_u)
        if h.max_ratio is not None:
            ratio = xp.where(ratio > h.max_ratio, h.max_ratio + 0 * ratio, ratio)
        return p - h.lr * ratio * u, new
