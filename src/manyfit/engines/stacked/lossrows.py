"""The loss of every row of every network: in one go where all have the same loss, else each network with its own settings."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import vmap

from manyfit.engines.stacked.grouping import stacked_numbers
from manyfit.losses import Loss


class LossRows:
    """The losses of P networks; alike but for their numbers.

    Args:
        losses: P of them.
        device: Where they are computed.
    """

    def __init__(self, losses: Sequence[Loss], device: torch.device) -> None:
        self.loss = losses[0]
        numbers = stacked_numbers(list(losses))
        self.numbers = {name: torch.from_numpy(of_all).to(device) for name, of_all in numbers.items()}
        self.is_one = all((of_all == of_all[0]).all() for of_all in numbers.values())

    def __call__(self, output: Tensor, y: Tensor) -> Tensor:
        """Losses [P, B] from outputs [P, B, C] and targets [P, B, …]."""
        if self.is_one:  # rows don't know of each other, so all of them are one batch
            rows = self.loss.rows(torch, output.flatten(0, 1), y.flatten(0, 1))
            return rows.view(output.shape[:2])
        return vmap(lambda out, target, own: self._own(own).rows(torch, out, target))(output, y, self.numbers)

    def weights(self, y: Tensor) -> Tensor:
        """What rows count for besides their sample weights, [P, B] or [1, 1], in float64."""
        if self.is_one:
            found = torch.as_tensor(
                self.loss.row_weight(torch, y.flatten(0, 1)), dtype=torch.float64, device=y.device
            )
            return found.view(y.shape[:2]) if found.ndim else found.view(1, 1)
        ones = torch.ones(y.shape[1], dtype=torch.float64, device=y.device)
        return vmap(lambda target, own: ones * self._own(own).row_weight(torch, target))(y, self.numbers)

    def _own(self, numbers: dict[str, Tensor]) -> Any:
        return dataclasses.replace(self.loss, **numbers)  # type: ignore[type-var]  # a rule is a dataclass
