"""What a question is: a generator of populations that ends in an answer, and the one loop that asks it.

`rounds(task)` yields a population, receives its run, may yield another, and returns an answer. It trains nothing itself
and looks at nothing but runs, so an answer can be made again from stored runs alone.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Protocol

from manyfit.answers import Answer, Text
from manyfit.engines.choose import fit
from manyfit.population import Population
from manyfit.questions._frame.task import Task
from manyfit.registry import Registry
from manyfit.runs import Run

Rounds = Generator[Population, Run, Answer]
Fit = Callable[[Population], Run]


registry = Registry("question")
question = registry.rule
"""Registers a class as one of them: a frozen dataclass, known by its name in lower case.

Its fields declared with `hyper` are its plan: they become options of its command and arguments of its function."""


class Question(Protocol):
    """A question. A class attribute `example` may name the embedded data set that it is asked about when nothing is said."""

    def rounds(self, task: Task) -> Rounds:
        """Yield populations, receive their runs, return the answer.

        A round that was interrupted raises `Interrupted` at its `yield`. A question that can say something without that
        round catches it and answers; else it goes through, and whoever asked is told that training was interrupted.
        """
        ...


class Interrupted(Exception):
    """Ctrl-C during a round.

    run: What there is: networks that had not come to their end are cut.
    """

    def __init__(self, run: Run) -> None:
        super().__init__("interrupted")
        self.run = run


def ask(question: Question, task: Task, *, fit: Fit = fit) -> Answer:
    """Ask a question: train what it plans, hand it the runs, return its answer.

    Args:
        question: What to ask.
        task: What about.
        fit: How a population is trained; a caller may add a run folder, threads, or stored runs.

    Raises:
        Interrupted: If a round was, and the question can't answer without it.
    """
    rounds = question.rounds(task)
    try:
        population = next(rounds)
        while True:
            try:
                run = fit(population)
            except Interrupted as stop:
                population = rounds.throw(stop)
            else:
                population = rounds.send(run)
    except StopIteration as end:
        return end.value


INTERRUPTED = Text(
    "Interrupted: this is what the networks that had been trained say.",
    "已中断：以下结论仅来自已训练完成的网络。",
)
