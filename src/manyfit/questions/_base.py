"""What a question is: a generator of populations that ends in an answer, and the one loop that asks it.

`rounds(task)` yields a population, receives its run, may yield another, and returns an answer. It trains nothing itself
and looks at nothing but runs, so an answer can be made again from stored runs alone.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Answer
from manyfit.engines.choose import fit, predict
from manyfit.population import Population, View
from manyfit.recipe import Recipe
from manyfit.registry import Registry
from manyfit.runs import Run

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Rounds = Generator[Population, Run, Answer]
Fit = Callable[[Population], Run]


registry = Registry("question")
question = registry.rule
"""Registers a class as one of them: a frozen dataclass, known by its name in lower case."""


@dataclass(frozen=True, eq=False)
class Split:
    """One way to divide the development rows. No row is in two parts.

    view: Name of the view, encoded by what its training rows alone can tell.
    train: Rows that train.
    stop: Rows that early stopping watches; may be empty.
    score: Rows that decide; no network has seen them, not even to stop.
    """

    view: str
    train: Ints
    stop: Ints
    score: Ints


@dataclass(frozen=True, eq=False)
class Task:
    """What a question is asked about.

    name: Of the data, for the words of the answer.
    views: Encodings by name.
    splits: Ways to divide the rows; a replicate is one of these with a fresh seed.
    recipe: The recipe in question.
    seed: Root of the question's own streams.
    to_score: From a mean loss to the number that users read (a log loss as it is, a squared error to a root in its own unit).
    score_name: What that number is called.
    overlap: Nadeau and Bengio's correction for splits that share rows; None to work it out, 0 for splits that share none.
    """

    name: str
    views: Mapping[str, View]
    splits: tuple[Split, ...]
    recipe: Recipe
    seed: int = 0
    to_score: Callable[[Floats], Floats] = staticmethod(lambda loss: loss)
    score_name: str = "loss"
    overlap: float | None = None

    @property
    def correction(self) -> float:
        """What `overlap` says, or else scored rows over training rows; 0 for a single split."""
        if self.overlap is not None:
            return self.overlap
        if len(self.splits) < 2:
            return 0.0
        return float(np.mean([len(split.score) / len(split.train) for split in self.splits]))


class Question(Protocol):
    """A question."""

    def rounds(self, task: Task) -> Rounds:
        """Yield populations, receive their runs, return the answer."""
        ...


def ask(question: Question, task: Task, *, fit: Fit = fit) -> Answer:
    """Ask a question: train what it plans, hand it the runs, return its answer.

    Args:
        question: What to ask.
        task: What about.
        fit: How a population is trained; a caller may add a run folder, threads, or stored runs.
    """
    rounds = question.rounds(task)
    population = next(rounds)
    while True:
        try:
            population = rounds.send(fit(population))
        except StopIteration as end:
            return end.value


def mean_losses(run: Run, rows: Sequence[Ints]) -> Floats:
    """Mean loss of every network on rows of its own view, with the weights that were kept.

    Args:
        run: The trained networks.
        rows: For each network the rows to score.

    Returns:
        [P] weighted means; infinite for networks that diverged.
    """
    losses = np.full(len(run), np.inf)
    together: dict[tuple[Any, ...], list[int]] = {}
    for i, member in enumerate(run.population.members):
        if not run.diverged[i]:
            key = (member.rows.view, id(rows[i]), member.recipe.network.structure, member.recipe.precision)
            together.setdefault(key, []).append(i)
    for (name, *_), indices in together.items():
        view, chosen = run.population.views[name], rows[indices[0]]
        outputs = predict(run, view.X[chosen], networks=indices)
        weights = np.ones(len(chosen)) if view.weights is None else view.weights[chosen]
        for i, output in zip(indices, outputs, strict=True):
            of_rows = run.population.members[i].recipe.loss.rows(
                np, output.astype(np.float64), view.y[chosen]
            )
            losses[i] = float(of_rows @ weights / weights.sum()) if weights.sum() > 0 else 0.0
    return losses
