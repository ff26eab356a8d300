"""What networks score on their training rows, on unseen ones like them, and on rows beyond; and what that says."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.engines.choose import predict
from manyfit.population import Member
from manyfit.questions._frame.constant import constant_score
from manyfit.questions._frame.task import Task
from manyfit.runs import Run
from manyfit.stats import Comparison, margin_of, paired

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Scores(NamedTuple):
    """What networks score, n of one kind each. Lower is better.

    train: [n] on the rows that trained.
    held: [n] on unseen rows like them.
    beyond: [n] on the rows that were held back; NaN for unseen rows of the same kind.
    constant: [n] on those rows by the best constant guess of the training rows.
    """

    train: Floats
    held: Floats
    beyond: Floats
    constant: Floats


class Found(NamedTuple):
    """What the scores of one kind say.

    gap: Held − train.
    shift: Beyond − held, None for unseen rows of the same kind.
    worth: Network − constant guess on the rows held back.
    """

    gap: Comparison
    shift: Comparison | None
    worth: Comparison | None


def scores_of(task: Task, run: Run, kinds: Sequence[str], beyond: Mapping[int, Ints]) -> dict[str, Scores]:
    """What the networks of a run score, by kind: a pure function of it.

    Args:
        task: What they were trained for.
        run: Networks, kind after kind.
        kinds: Names.
        beyond: For networks by place the rows that were held back.
    """
    train, held = task.scores(run, seen=True), task.scores(run)
    far, constant = np.full(len(run), np.nan), np.full(len(run), np.nan)
    for i, rows in beyond.items():
        member = run.population.members[i]
        far[i], constant[i] = _beyond_scores(task, run, i, member, rows)
    parts = (table.reshape(len(kinds), -1) for table in (train, held, far, constant))
    return {name: Scores(*of) for name, of in zip(kinds, zip(*parts, strict=True), strict=True)}


def read(
    scores: Scores,
    margin: float | None,
    share: float,
    *,
    level: float = 0.95,
    scope: str = "seeds and splits",
    overlap: float = 0.0,
) -> Found:
    """What the scores of one kind say.

    Args:
        scores: Of networks.
        margin: What counts as no gap; None for a share of the mean score on unseen rows of the same kind.
        share: That share.
        level: Confidence level.
        scope: What varies between pairs.
        overlap: As in `mean_interval`.
    """
    known = scores.held[np.isfinite(scores.held)]
    within = margin_of(margin, share, float(known.mean()) if known.size else math.nan)

    def compared(a: Floats, b: Floats) -> Comparison:
        return paired(a, b, scope=scope, margin=within, level=level, overlap=overlap)

    is_apart = not np.isnan(scores.constant).all()
    return Found(
        compared(scores.held, scores.train),
        compared(scores.beyond, scores.held) if is_apart else None,
        compared(scores.beyond, scores.constant) if is_apart else None,
    )


def _beyond_scores(task: Task, run: Run, index: int, member: Member, rows: Ints) -> tuple[float, float]:
    """The score of a network, and of the best constant guess of its training rows, on rows that were held back."""
    encoded = task.encoded(member.rows)
    constant = constant_score(task, member, rows)
    if run.diverged[index]:
        return math.inf, constant
    output = predict(run, encoded.view.X[rows], networks=[index])[0]
    if not np.isfinite(output).all():
        return math.inf, constant
    facts = task.facts(member.rows, rows)
    return task.measure.score(output, member.recipe.loss, facts), constant
