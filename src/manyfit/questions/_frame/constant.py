"""The best guess that looks at no column: the mean of the training rows, or how frequent each class is among them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyfit.population import Member
from manyfit.questions._frame.measure import Scored
from manyfit.questions._frame.rows import Encoded
from manyfit.questions._frame.task import Task
from manyfit.runs import Run

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def constant_score(task: Task, member: Member, rows: Ints) -> float:
    """The score on some rows of the best constant guess of a network's training rows."""
    guess = _outputs(task.facts(member.rows, member.rows.train), task.encoded(member.rows), member)
    said = np.broadcast_to(guess, (len(rows), len(guess))).copy()
    return task.measure.score(said, member.recipe.loss, task.facts(member.rows, rows))


def constant_train_score(task: Task, run: Run) -> float:
    """Mean score of the constant guess on the rows that trained, over the splits of a run."""
    distinct = {id(member.rows): member for member in run.population.members}
    return float(np.mean([constant_score(task, m, m.rows.train) for m in distinct.values()]))


def _outputs(known: Scored, encoded: Encoded, member: Member) -> Floats:
    weights = known.weights
    if not encoded.view.has_labels:
        mean = np.average(known.target, axis=0, weights=weights)
        if member.recipe.loss.target == "binary":
            inside = np.clip(mean, 1e-6, 1 - 1e-6)
            return np.atleast_1d(np.log(inside / (1 - inside)))
        return np.atleast_1d(np.asarray(mean, dtype=np.float64))
    counts = np.bincount(known.target, weights=weights, minlength=encoded.view.n_outputs)
    return np.log(np.maximum(counts, 1e-6) / counts.sum())
