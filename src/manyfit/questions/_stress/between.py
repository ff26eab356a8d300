"""What varies between networks that train without some rows, and what they share: the scope of their intervals."""

from __future__ import annotations

from typing import NamedTuple

from manyfit.questions._frame.rows import BY_SPLITS
from manyfit.questions._frame.task import Task
from manyfit.stats import Overlap


class Between(NamedTuple):
    """What varies between the networks of one kind, and what they share."""

    scope: str
    overlap: Overlap


def between_of(task: Task, name: str, n_sets: int) -> Between:
    """That of networks that train without such rows.

    Groups stand for others like them: those that are held back in turn count once each. The ends of a direction stand for nothing
    but themselves.
    """
    if name == "group":
        return Between(f"seeds and {n_sets} groups of {task.name}", Overlap(turns=n_sets))
    if name == "time":
        return Between(f"{BY_SPLITS.en} of {task.name}", Overlap())
    return Between(task.scope, task.overlap)
