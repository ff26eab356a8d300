"""Penalties: what is added to the loss for the size of the weights. Losses are recorded without them.

A penalty acts on weights, and on biases where `biases` says so. Adding λ Σ f(w) to the loss adds λ f′(w) to the gradient of each
weight. |w| has no slope at 0, which is where it wants weights to be: a gradient step only makes them hop about 0. A proximal step
sets them to exactly 0 instead (`proximal_step`), with the rules whose step is linear in the gradient: SGD and Momentum.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar, Protocol, runtime_checkable

from manyfit.hyper import hyper
from manyfit.registry import Registry

registry = Registry("penalty")
rule = registry.rule
"""Registers a class as one of them: a frozen dataclass, known by its name in lower case."""

_PROXIMAL_DOC = (
    "Whether |w| acts as a soft threshold after the update, so that weights become exactly 0, instead of through the gradient; "
    "None for yes with SGD and Momentum, no elsewhere."
)


@runtime_checkable
class Penalty(Protocol):
    """A penalty on parameters. One that has a field `proximal` also has `smooth_gradient` and `threshold`."""

    @property
    def strength(self) -> float:
        """λ: how much it weighs."""
        ...

    @property
    def biases(self) -> bool:
        """Whether biases pay too."""
        ...

    def value(self, xp: Any, p: Any) -> Any:
        """What it adds to the loss for one parameter array."""
        ...

    def gradient(self, xp: Any, p: Any) -> Any:
        """What it adds to the gradient of that array, same shape."""
        ...


@rule
class L1:
    """λ Σ |w|, the chapter's 3.6.3: pulls every weight towards 0 by the same force, and makes many exactly 0.

    On a linear network and the squared error of one output it is scikit-learn's `Lasso` with alpha = λ/2, whose loss has a ½.

    Example:
        >>> import numpy as np
        >>> L1(0.1).gradient(np, np.array([2.0, 0.0, -3.0])).tolist()
        [0.1, 0.0, -0.1]
        >>> soft_threshold(np, np.array([2.0, 0.05, -3.0]), 0.1).tolist()
        [1.9, 0.0, -2.9]

    References:
        Tibshirani 1996, https://doi.org/10.1111/j.2517-6161.1996.tb02080.x
    """

    strength: float = hyper(
        1e-4, low=0, scale="log", usual=(1e-6, 1e-1), doc="λ, in units of loss per unit of weight."
    )
    biases: bool = hyper(False, doc="Whether biases pay too.")
    proximal: bool | None = hyper(None, optional=True, kind="switch", doc=_PROXIMAL_DOC)

    name: ClassVar[str] = "l1"

    @property
    def threshold(self) -> float:
        """λ: the share of Σ |w| in it."""
        return self.strength

    @property
    def curvature(self) -> float:
        """0: the share of Σ w² in it."""
        return 0.0

    def value(self, xp: Any, p: Any) -> Any:
        """λ Σ |p|."""
        return self.strength * xp.abs(p).sum()

    def gradient(self, xp: Any, p: Any) -> Any:
        """λ sign(p)."""
        return self.strength * xp.sign(p)

    def smooth_gradient(self, xp: Any, p: Any) -> Any:
        """0: what is left of the gradient without |w|."""
        return xp.zeros_like(p)


@rule
class L2:
    """λ Σ w², the chapter's 3.6.3: pulls large weights harder. Equal to a coupled weight decay of 2λ (torch's `weight_decay`).

    On a linear network and the mean squared error of n rows it is scikit-learn's `Ridge` with alpha = n·λ, whose loss is a sum.

    Example:
        >>> import numpy as np
        >>> L2(0.1).gradient(np, np.array([2.0, -3.0])).round(9).tolist()
        [0.4, -0.6]
    """

    strength: float = hyper(
        1e-4, low=0, scale="log", usual=(1e-6, 1e-1), doc="λ, in units of loss per squared unit of weight."
    )
    biases: bool = hyper(False, doc="Whether biases pay too.")

    name: ClassVar[str] = "l2"

    @property
    def threshold(self) -> float:
        """0: the share of Σ |w| in it."""
        return 0.0

    @property
    def curvature(self) -> float:
        """λ: the share of Σ w² in it."""
        return self.strength

    def value(self, xp: Any, p: Any) -> Any:
        """λ Σ p²."""
        return self.strength * (p * p).sum()

    def gradient(self, xp: Any, p: Any) -> Any:
        """2λ p."""
        return 2 * self.strength * p


@rule
class ElasticNet:
    """λ Σ (ρ |w| + ½ (1 − ρ) w²): L1 and L2 in one, so that of columns that say the same several may stay.

    The parametrization is that of scikit-learn and glmnet, ρ being `l1_ratio`; it equals L1(λρ) and L2(λ(1 − ρ)/2) together. On a
    linear network and the mean squared error of one output it is scikit-learn's `ElasticNet` with alpha = λ/2 and the same ρ.

    Example:
        >>> import numpy as np
        >>> ElasticNet(0.1, l1_ratio=0.5).gradient(np, np.array([2.0, 0.0, -3.0])).round(9).tolist()
        [0.15, 0.0, -0.2]

    References:
        Zou & Hastie 2005, https://doi.org/10.1111/j.1467-9868.2005.00503.x
    """

    strength: float = hyper(
        1e-4, low=0, scale="log", usual=(1e-6, 1e-1), doc="λ, in units of loss per unit of weight."
    )
    l1_ratio: float = hyper(0.5, low=0, high=1, doc="ρ, the share of |w|: 1 is L1 alone, 0 half of L2.")
    biases: bool = hyper(False, doc="Whether biases pay too.")
    proximal: bool | None = hyper(None, optional=True, kind="switch", doc=_PROXIMAL_DOC)

    @property
    def threshold(self) -> float:
        """λρ: the share of Σ |w| in it."""
        return self.strength * self.l1_ratio

    @property
    def curvature(self) -> float:
        """λ(1 − ρ)/2: the share of Σ w² in it."""
        return self.strength * (1 - self.l1_ratio) / 2

    def value(self, xp: Any, p: Any) -> Any:
        """λρ Σ |p| + ½ λ(1 − ρ) Σ p²."""
        return self.threshold * xp.abs(p).sum() + self.curvature * (p * p).sum()

    def gradient(self, xp: Any, p: Any) -> Any:
        """λρ sign(p) + λ(1 − ρ) p."""
        return self.threshold * xp.sign(p) + self.smooth_gradient(xp, p)

    def smooth_gradient(self, xp: Any, p: Any) -> Any:
        """λ(1 − ρ) p: what is left of the gradient without |w|."""
        return 2 * self.curvature * p


def is_proximal(penalty: Penalty, optimizer: Any) -> bool:
    """Whether the |w| of a penalty acts as a soft threshold after the update of this rule.

    Example:
        >>> from manyfit.optimizers.adam import Adam
        >>> from manyfit.optimizers.sgd import SGD
        >>> is_proximal(L1(), SGD()), is_proximal(L1(), Adam()), is_proximal(L1(proximal=False), SGD()), is_proximal(L2(), SGD())
        (True, False, False, False)
    """
    wanted = getattr(penalty, "proximal", False)
    return can_be_proximal(optimizer) if wanted is None else bool(wanted)


def can_be_proximal(optimizer: Any) -> bool:
    """Whether a step of this rule is linear in the gradient, and downhill: a threshold uphill would push weights away from 0."""
    return getattr(optimizer, "linear", False) and not getattr(optimizer, "maximize", False)


def penalized(
    xp: Any, p: Any, g: Any, penalties: Iterable[Penalty], optimizer: Any
) -> tuple[Any, list[Penalty]]:
    """A gradient with what penalties add to it, and those of them whose |w| is still to come, by `proximal_step`.

    Args:
        xp: numpy or torch.
        p: One parameter array.
        g: Its gradient.
        penalties: Those that act on this array.
        optimizer: The rule that will make the step.
    """
    later = []
    for penalty in penalties:
        if is_proximal(penalty, optimizer):
            later.append(penalty)
            g = g + penalty.smooth_gradient(xp, p)  # type: ignore[attr-defined]  # what is proximal has it
        else:
            g = g + penalty.gradient(xp, p)
    return g, later


def proximal_step(
    xp: Any, p: Any, g: Any, s: Mapping[str, Any], t: Any, h: Any, later: Sequence[Any]
) -> tuple[Any, dict[str, Any], Any]:
    """One update by a rule whose step is linear in the gradient, with the |w| of penalties as a proximal step.

    The new weights are those that the rule would reach if it knew the slope of |w| where it is going: the sign there, or, at 0,
    whatever between −1 and 1 keeps the weight there. They come out as the soft threshold of the rule's own step, by λ times what
    one unit of gradient moves a weight. That slope enters the rule's memory like any gradient, so the velocity of Momentum is of
    the weights as they really move (as in iPiano), and both come to rest where the penalized loss is smallest.

    Args:
        xp: numpy or torch.
        p: One parameter array.
        g: Its gradient, shaped by everything else.
        s: The rule's state.
        t: Number of the update, from 1.
        h: The rule with its rate of this step.
        later: The penalties.

    Returns:
        The new array, the new state, and what the penalties added to the gradient.

    Example:
        >>> import numpy as np
        >>> from manyfit.optimizers.sgd import SGD
        >>> new, _, pull = proximal_step(np, np.array([1.0, 0.3]), np.array([2.0, 2.0]), {}, 1, SGD(0.1), [L1(1.5)])
        >>> new.round(9).tolist(), pull.round(9).tolist()
        ([0.65, 0.0], [1.5, 1.0])

    References:
        Parikh & Boyd 2014, Proximal algorithms, https://doi.org/10.1561/2400000003
        Ochs, Chen, Brox & Pock 2014, iPiano, https://doi.org/10.1137/130942954
    """
    zero = xp.zeros_like(p)
    at_rest = {name: xp.zeros_like(value) for name, value in s.items()}
    gain = -h.step(xp, zero, xp.ones_like(p), at_rest, t, h)[
        0
    ]  # how far one unit of gradient moves each weight
    moved = h.step(xp, p, g, s, t, h)[0]
    new = soft_threshold(xp, moved, gain * sum(penalty.threshold for penalty in later))
    pull = (moved - new) / (gain + (gain == 0))  # at a rate of 0 nothing moves
    return new, h.step(xp, p, g + pull, s, t, h)[1], pull


def soft_threshold(xp: Any, p: Any, by: Any) -> Any:
    """Numbers brought nearer to 0 by so much, and to 0 where they are no further from it."""
    size = xp.abs(p) - by
    return xp.where(size <= 0, xp.zeros_like(p), xp.sign(p) * size)  # this way round NaN stays NaN
