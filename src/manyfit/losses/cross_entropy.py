"""Cross-entropy against class labels, as `torch.nn.CrossEntropyLoss` defines it."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, ClassVar

from manyfit.errors import Problem
from manyfit.hyper import hyper, is_number
from manyfit.losses._base import Loss, Target, rule


@rule
class CrossEntropy(Loss):
    """Cross-entropy of softmax outputs against class labels: −log of the probability given to the right class.

    With label smoothing ε the right class is asked for a probability of 1 − ε + ε/C and each other one for ε/C: a network that
    is sure of itself is pulled back. Training only: held-out rows are scored without it.

    With class weights a row counts for the weight of its class, in the sum and in what the sum is divided by.

    Example:
        >>> import numpy as np
        >>> CrossEntropy().rows(np, np.array([[0.0, 0.0]]), np.array([1])).round(4).tolist()
        [0.6931]

    References:
        Szegedy et al. 2015, section 7, https://arxiv.org/abs/1512.00567
    """

    target: ClassVar[Target] = "labels"
    aliases: ClassVar[tuple[str, ...]] = ("CrossEntropyLoss",)

    label_smoothing: float = hyper(
        0.0,
        low=0,
        high=1,
        usual=(0.05, 0.2),
        doc="ε, the share of every label that is spread over all classes.",
    )

    class_weights: tuple[float, ...] = hyper(
        (),
        doc="What a row of each class counts for, torch's `weight`; empty: every class for 1.",
        structural=True,
    )

    examples: ClassVar = (
        {},
        {"label_smoothing": 0.1},
        {"label_smoothing": 1.0},
        {"class_weights": (1.0, 0.0, 2.5)},
        {"class_weights": (0.5, 3.0, 1.0), "label_smoothing": 0.2},
    )

    def __post_init__(self) -> None:
        if isinstance(self.class_weights, list):  # as JSON and TOML give it
            object.__setattr__(self, "class_weights", tuple(self.class_weights))

    def rows(self, xp: Any, output: Any, y: Any) -> Any:
        """log Σ exp(o) − o[y], shifted by the largest output so that nothing overflows; smoothed, also that of every class."""
        shifted = output - xp.amax(output, -1)[..., None]
        total = xp.log(xp.exp(shifted).sum(-1))
        right = total - shifted[xp.arange(shifted.shape[0]), y]
        weights = None
        if len(self.class_weights):
            weights = xp.asarray(self.class_weights, dtype=output.dtype)
            right = weights[y] * right
        if is_number(self.label_smoothing) and self.label_smoothing == 0:
            return right  # 0 · ∞, of a class that is ruled out, would be NaN
        each = total[..., None] - shifted
        each = each if weights is None else weights * each
        return (1 - self.label_smoothing) * right + self.label_smoothing * each.mean(-1)

    def row_weight(self, xp: Any, y: Any) -> Any:
        """The weight of its class; 1 without class weights."""
        return xp.asarray(self.class_weights, dtype=xp.float64)[y] if len(self.class_weights) else 1.0

    def misfits(self, n_outputs: int) -> Iterator[Problem]:
        """Class weights that are no weights, or not one for each class."""
        weights = self.class_weights
        if not (isinstance(weights, tuple) and all(is_number(w) and 0 <= w < math.inf for w in weights)):
            yield Problem("CrossEntropy.class_weights", "must hold finite numbers ≥ 0", repr(weights))
        elif weights and len(weights) != n_outputs:
            rule = f"must have one number for each of {n_outputs} classes"
            yield Problem("CrossEntropy.class_weights", rule, f"{len(weights)}: {list(weights)}")

    @property
    def scoring(self) -> CrossEntropy:
        """The same without smoothing."""
        return dataclasses.replace(self, label_smoothing=0.0)
