"""A schedule as an `LRScheduler` of torch: the same table, and the same plateau where it has one."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from manyfit.errors import Problem, UsageError
from manyfit.hyper import knobs
from manyfit.recipe import Recipe
from manyfit.registry import plain_rule
from manyfit.schedules import Schedule
from manyfit.schedules.plateau import Watch, Watcher


class Scheduler(LRScheduler):
    """A schedule at work on an optimizer of torch; each param group keeps its own rate, and all are multiplied alike.

    `step()` comes after each update, or once an epoch if `steps_per_epoch` is left at 1. A schedule that ends in a plateau is
    told the score of the epoch by `step(score)`; that counts as an update too where no other `step()` came since the last score.

    Args:
        optimizer: Any optimizer of torch.
        schedule: A schedule, or its name: "warmup >> plateau".
        epochs: Length of the training; needed where the schedule takes all that is left, such as a cosine without a length.
        steps_per_epoch: How often `step()` is called in an epoch.
        is_score: Whether larger is better in what `step(score)` is told: an accuracy rather than a loss.
        last_epoch: Number of steps already made, for an optimizer that goes on; −1 for a fresh one.

    Example:
        >>> import torch
        >>> from manyfit.schedules.warmup import Warmup
        >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
        >>> scheduler, rates = Scheduler(optimizer, Warmup(1) >> "cosine", epochs=3, steps_per_epoch=2), []
        >>> for _ in range(6):
        ...     optimizer.step()
        ...     rates += scheduler.get_last_lr()
        ...     scheduler.step()
        >>> [round(rate, 4) for rate in rates]
        [0.0333, 0.0667, 0.1, 0.0854, 0.05, 0.0146]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedule: Schedule | str,
        *,
        epochs: float | None = None,
        steps_per_epoch: int = 1,
        is_score: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.schedule: Any = Recipe(schedule=schedule).check().schedule  # type: ignore[arg-type]  # or its name
        if epochs is None and getattr(self.schedule, "needs_total", True):
            hint = "Give epochs, or a schedule with a length."
            raise UsageError(Problem("epochs", "must be given", "none", hint=hint))
        self.epochs = epochs
        self.steps_per_epoch = steps_per_epoch
        self.is_score = is_score
        self._watcher = Watcher(self.schedule, steps_per_epoch, rises=is_score)
        self._is_counted = False
        self._table = self._longer(64)
        super().__init__(optimizer, last_epoch)

    def step(self, score: Any = None) -> None:  # type: ignore[override]
        """Set the rates of the next update.

        Args:
            score: The loss of the epoch that ends, for a schedule with a plateau; other schedules take torch's `epoch` here.
        """
        if self._watcher.plateau is None:
            super().step(score)
            return
        if score is None:
            super().step()
            self._is_counted = self._step_count > 1  # the first is torch's own, in __init__
            return
        self._watcher.see(float(score))
        if self._is_counted:
            for group, rate in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
                _set_rate(group, rate)
            self._last_lr = [group["lr"] for group in self.optimizer.param_groups]
        else:
            super().step()
        self._is_counted = False

    def get_lr(self) -> list[Any]:
        """The rates of the next update, one for each param group."""
        t = self.last_epoch
        if t >= len(self._table) and self.epochs is None:
            self._table = self._longer(2 * t)
        multiplier = self._table[min(t, len(self._table) - 1)] if len(self._table) else 1.0
        return [base * float(multiplier * self._watcher.multiplier) for base in self.base_lrs]

    def state_dict(self) -> dict[str, Any]:
        """Plain values, so that `torch.load(weights_only=True)` reads them."""
        return {
            "schedule": plain_rule(self.schedule),
            "epochs": self.epochs,
            "steps_per_epoch": self.steps_per_epoch,
            "is_score": self.is_score,
            "last_epoch": self.last_epoch,
            "base_lrs": list(self.base_lrs),
            "watch": list(self._watcher.watch),
            "watched_epochs": self._watcher.epoch,
            "is_counted": self._is_counted,
            "step_count": self._step_count,
            "last_lr": list(self._last_lr),
        }

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on where `state_dict` was taken.

        Raises:
            UsageError: If that was another schedule.
        """
        here = self.state_dict()
        for name in ("schedule", "epochs", "steps_per_epoch", "is_score"):
            if state_dict[name] != here[name]:
                hint = "Make the scheduler with the same settings."
                raise UsageError(
                    Problem(
                        name, f"must be {state_dict[name]!r}, as it was saved", repr(here[name]), hint=hint
                    )
                )
        self.last_epoch, self.base_lrs = state_dict["last_epoch"], list(state_dict["base_lrs"])
        self._watcher.watch, self._watcher.epoch = Watch(*state_dict["watch"]), state_dict["watched_epochs"]
        self._is_counted, self._step_count = state_dict["is_counted"], state_dict["step_count"]
        self._last_lr = list(state_dict["last_lr"])

    def _longer(self, n_steps: int) -> np.ndarray[Any, np.dtype[np.float64]]:
        epochs = max(n_steps / self.steps_per_epoch, 1) if self.epochs is None else self.epochs
        return self.schedule.table(epochs, self.steps_per_epoch)


@cache
def scheduler_class(rule: type[Any]) -> type[Scheduler]:
    """The scheduler of one schedule: its settings, then those of `Scheduler` by name.

    Example:
        >>> import torch
        >>> from manyfit.schedules.step_lr import StepLR
        >>> optimizer = torch.optim.SGD([torch.zeros(1)], lr=0.1)
        >>> scheduler_class(StepLR)(optimizer, 30, gamma=0.5).schedule
        StepLR(length=None, unit='epoch', size=30, gamma=0.5)
    """
    kind = inspect.Parameter
    first = [kind("optimizer", kind.POSITIONAL_OR_KEYWORD)]
    own = list(inspect.signature(rule).parameters.values())
    others = [
        p
        for name, p in inspect.signature(Scheduler).parameters.items()
        if name not in ("optimizer", "schedule")
    ]
    signature = inspect.Signature(sorted([*first, *own, *others], key=lambda p: p.kind))

    def __init__(self: Any, *values: Any, **options: Any) -> None:
        bound = signature.bind(*values, **options).arguments
        settings = {name: bound.pop(name) for name in knobs(rule) if name in bound}
        Scheduler.__init__(self, bound.pop("optimizer"), rule(**settings), **bound)

    made = {
        "__doc__": rule.__doc__,
        "__module__": "manyfit.torch",
        "__init__": __init__,
        "__signature__": signature,
    }
    return type(rule.__name__, (Scheduler,), made)


def _set_rate(group: dict[str, Any], rate: Any) -> None:
    if hasattr(group["lr"], "fill_"):
        group["lr"].fill_(float(rate))
    else:
        group["lr"] = rate
