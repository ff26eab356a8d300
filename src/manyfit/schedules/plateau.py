"""The rate falls when the loss no longer does, as torch's ReduceLROnPlateau does. The chapter's 3.5.5."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, NamedTuple

import numpy as np

from manyfit.hyper import hyper
from manyfit.schedules._base import Course, Floats, rule


class Watch(NamedTuple):
    """What a plateau remembers of one network.

    multiplier: What the rate is multiplied by in the epoch that comes.
    best: Lowest loss so far.
    bad: Epochs since it was seen, or since the last cut.
    wait: Epochs of cooldown that are left.
    """

    multiplier: float = 1.0
    best: float = np.inf
    bad: int = 0
    wait: int = 0


@rule
class Plateau(Course):
    """Multiplies the rate by `factor` after more than `patience` epochs without a better loss, for each network by itself.

    It watches the held-out loss where rows are held out, else the training loss. It takes all that is left, so it comes last:
    `Warmup(5) >> Plateau()` begins to watch when the warm-up is over. torch's min_lr is given as a share of the rate.

    Example:
        >>> Plateau(factor=0.5, patience=0).multipliers([3.0, 2.0, 2.0, 1.0, 1.5]).tolist()
        [1.0, 1.0, 1.0, 0.5, 0.5, 0.25]
    """

    factor: float = hyper(0.1, above=0, below=1, usual=(0.1, 0.7), doc="What a cut multiplies the rate by.")
    patience: int = hyper(10, low=0, usual=(2, 20), doc="Epochs without a better loss that are borne.")
    threshold: float = hyper(
        1e-4, low=0, usual=(1e-5, 0.01), doc="How much lower than the best a loss must be to count as better."
    )
    threshold_mode: str = hyper(
        "rel",
        options=("rel", "abs"),
        doc="Whether the threshold is a share of the best loss or a difference.",
    )
    cooldown: int = hyper(0, low=0, usual=(0, 10), doc="Epochs after a cut in which none is counted as bad.")
    floor: float = hyper(
        0.0, low=0, high=1, usual=(0, 0.01), doc="Share of the rate below which it is not cut."
    )
    eps: float = hyper(1e-8, low=0, doc="A cut by less than this share of the rate is not made.")

    aliases: ClassVar = ("ReduceLROnPlateau", "ReduceOnPlateau")
    examples: ClassVar = (
        {},
        {"factor": 0.5, "patience": 0},
        {"threshold_mode": "abs", "cooldown": 2, "floor": 0.01},
    )

    @property
    def plateau(self) -> Plateau:
        """Itself."""
        return self

    def table(self, n_epochs: float, steps_per_epoch: int) -> Floats:
        """Ones: it knows nothing before there is a loss."""
        return np.ones(round(n_epochs * steps_per_epoch))

    def after(self, watch: Watch, loss: float, *, rises: bool = False) -> Watch:
        """What is remembered after an epoch with that loss; `rises` if it is minus a score, of which more is better."""
        multiplier, best, bad, wait = watch
        share = 1.0 + self.threshold if rises else 1.0 - self.threshold
        margin = best * share if self.threshold_mode == "rel" else best - self.threshold
        if loss < margin:
            best, bad = loss, 0
        else:
            bad += 1
        if wait > 0:
            wait, bad = wait - 1, 0
        if bad > self.patience:
            lower = max(multiplier * self.factor, self.floor)
            multiplier = lower if multiplier - lower > self.eps else multiplier
            wait, bad = self.cooldown, 0
        return Watch(multiplier, best, bad, wait)

    def multipliers(self, losses: Iterable[float]) -> Floats:
        """[n + 1] multipliers before the first of n epochs with these losses, between them, and after the last."""
        watch = Watch()
        found = [watch.multiplier]
        for loss in losses:
            watch = self.after(watch, loss)
            found.append(watch.multiplier)
        return np.array(found)


def plateau_of(schedule: Any, steps_per_epoch: int) -> tuple[Plateau, int] | None:
    """The part of a schedule that watches the loss, with the number of epochs that it lets pass before; None where none does.

    Example:
        >>> from manyfit.schedules.warmup import Warmup
        >>> plateau_of(Warmup(2) >> Plateau(), 10)[1], plateau_of(Warmup(2), 10)
        (2, None)
    """
    plateau = getattr(schedule, "plateau", None)
    if plateau is None:
        return None
    before = getattr(schedule, "parts", (schedule,))[:-1]
    return plateau, sum(part.span(steps_per_epoch) for part in before) // steps_per_epoch


class Watcher:
    """The plateau of a schedule at work on one network: told the loss of each epoch, it says what the rate is multiplied by.

    All that it knows follows from the losses on record, so a training that goes on needs no other memory.

    Args:
        schedule: Any schedule; one that watches nothing leaves the rate alone.
        steps_per_epoch: Updates of an epoch.
        losses: Of the epochs that have passed.
        rises: Whether it is told scores, of which more is better, in the place of losses.

    Example:
        >>> watcher = Watcher(Plateau(factor=0.5, patience=0), 10, losses=[1.0, 2.0])
        >>> watcher.see(3.0)
        >>> watcher.multiplier
        0.25
    """

    def __init__(
        self, schedule: Any, steps_per_epoch: int, losses: Iterable[float] = (), *, rises: bool = False
    ) -> None:
        self.rises = rises
        self.plateau, self.first = plateau_of(schedule, steps_per_epoch) or (None, 0)
        self.epoch, self.watch = 0, Watch()
        if self.plateau is not None:
            for loss in losses:
                self.see(float(loss))

    @property
    def multiplier(self) -> float:
        """What the rate of the next update is multiplied by, besides the schedule's table."""
        return self.watch.multiplier

    def see(self, loss: float) -> None:
        """An epoch has ended with this loss: held out where there are such rows, else of training."""
        if self.plateau is not None and self.epoch >= self.first:
            self.watch = self.plateau.after(self.watch, -loss if self.rises else loss, rises=self.rises)
        self.epoch += 1
