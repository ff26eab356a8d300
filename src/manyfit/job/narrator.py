"""Who is told what happens while a job runs. The job speaks in plain values; a narrator puts them into words, or keeps silent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from manyfit.data import Dataset


@dataclass(frozen=True)
class Progress:
    """Where a stage of the job stands.

    stage: "measure", "search" or "confirm".
    done, total: Networks that have come to their end, networks in all.
    alive: Networks in training now.
    diverged: Networks that diverged in this stage.
    best: Best score so far, in the metric of training; NaN before the first.
    left_s: Seconds this stage will still take, as planned.
    """

    stage: str
    done: int
    total: int
    alive: int
    diverged: int
    best: float
    left_s: float


class Narrator(Protocol):
    """What a job tells."""

    def found(self, data: Dataset) -> None:
        """What was found in the table."""
        ...

    def say(self, key: str, **facts: Any) -> None:
        """A sentence of the phrase book, filled with facts."""
        ...

    def progress(self, progress: Progress) -> None:
        """A stage has moved on; called often."""
        ...


class Silent:
    """A narrator that tells nothing."""

    def found(self, data: Dataset) -> None:
        """Nothing."""

    def say(self, key: str, **facts: Any) -> None:
        """Nothing."""

    def progress(self, progress: Progress) -> None:
        """Nothing."""
