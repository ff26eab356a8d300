"""Knobs that several rules share, declared once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from manyfit.hyper import hyper


def rate(default: float, usual: tuple[float, float], per: str = "step") -> float:
    """η, which schedules multiply."""
    doc = f"η, the step length: parameter units per {per}."
    return hyper(default, low=0, scale="log", usual=usual, doc=doc)


def coupled_decay() -> float:
    """Weight decay by way of the gradient, as in torch.optim: twice the λ of the penalty `L2`, and on biases too."""
    doc = "Added to the gradient as weight_decay · W, biases included."
    return hyper(0.0, low=0, scale="log", usual=(1e-6, 1e-1), doc=doc)


def small(default: float, doc: str) -> float:
    """ε, which keeps a division by 0 harmless."""
    return hyper(default, above=0, scale="log", usual=(1e-10, 1e-3), doc=doc)


def uphill() -> bool:
    """Whether the rule climbs."""
    return hyper(False, structural=True, doc="Step along the gradient in place of against it.")


def largest_size() -> bool:
    """AMSGrad."""
    return hyper(False, structural=True, doc="Divide by the largest size so far (AMSGrad).")


def wanted(p: Any, g: Any, h: Any) -> Any:
    """The gradient that a rule works with: turned round where it climbs, with the decay of the weights added."""
    return (-g if h.maximize else g) + h.weight_decay * p


@dataclass(frozen=True)
class Moments:
    """Settings of Adam and its kin: a rate, and how long the mean and the size of the gradients are remembered."""

    lr: float = rate(1e-3, (1e-5, 1.0))
    beta1: float = hyper(
        0.9, low=0, below=1, usual=(0.8, 0.99), doc="β₁, memory of the mean; 0 forgets at once."
    )
    beta2: float = hyper(
        0.999, low=0, below=1, usual=(0.9, 0.9999), doc="β₂, memory of the size; 0 forgets at once."
    )
    eps: float = small(1e-8, "ε, added to the root of the size, so that 0/0 is 0.")
