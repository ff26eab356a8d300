"""Which option is better: optimizers, or anything that can be set, each tuned with as many trials as the others.

The chapter's 3.5.3 says which optimizer to take for what. Here each is tuned over the same rates, the tuning is repeated, and
what it picked meets on fresh pairs of seed and split: better, worse, the same within a margin, or not to be told yet.
"""

from __future__ import annotations

from manyfit.answers import Answer
from manyfit.hyper import hyper
from manyfit.questions._contest.compared import Told, answer_of
from manyfit.questions._contest.contest import Contest
from manyfit.questions._contest.meeting import Found
from manyfit.questions._contest.options import Option, options_of
from manyfit.questions._contest.tree import tree_section
from manyfit.questions._frame.base import question
from manyfit.questions._frame.task import Task
from manyfit.stats import Interval

OPTIMIZERS = (("optimizer", "种优化器"), ("Which optimizer for {}?", "{} 用哪种优化器？"))
OPTIONS = (("option", "个选项"), ("Which is better on {}?", "{} 上谁更好？"))


@question
class Compare(Contest):
    """Which option is better: optimizers, or whatever varies, each tuned with as many trials, then met on fresh pairs.

    Every replicate tunes each option over all rates on a pair of seed and split of its own, and meets what it picked on fresh
    pairs that all options share. Where an option is best at the edge of the rates, all of them get more rates.

    Example:
        >>> Compare(replicates=10, most=30).extended(10).looks
        (10, 20)
    """

    optimizers: tuple[str, ...] = hyper(
        (),
        kind="texts",
        doc="Optimizers to compare, commas between; by default the chapter's, unless something else varies.",
    )
    vary: tuple[str, ...] = hyper(
        (),
        kind="texts",
        doc="PATH=VALUE,VALUE: anything else to compare (loss=mse,mae, activation=relu,tanh); again for more.",
    )

    def options(self, task: Task) -> tuple[Option, ...]:
        """What is compared."""
        return options_of(task.recipe, self.optimizers, self.vary)

    def answer(self, task: Task, found: Found, confirmed: Interval | None) -> Answer:
        """Who is better, the race, the sensitivity to the rate, and the chapter's tree."""
        told = Told("compare", *(OPTIMIZERS if found.is_about("optimizer") else OPTIONS))
        return answer_of(told, task, found, confirmed, len(self.tried()), tree_section(found, task))
