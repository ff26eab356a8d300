"""What the pairs of a question say of its data: ratios that count rows once, a guess to compare with, copies, luck with rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.data.checks import find_leaks
from manyfit.data.copies import row_blocks
from manyfit.data.notes import Note
from manyfit.engines.choose import predict
from manyfit.losses import Loss
from manyfit.population import Member
from manyfit.questions._frame.given import GivenRows
from manyfit.questions._frame.measure import Scored
from manyfit.questions._frame.rows import RowSource, TableRows
from manyfit.questions._frame.task import Replicate, Task
from manyfit.runs import Run
from manyfit.stats import Comparison, Interval, bootstrap_rows, paired_ratios

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RESAMPLES = 200
"""Draws of the rows: a percentile of 2.5 % is then known to about one in a hundred, which is enough for a rule of thumb."""
MOST_PAIRS = 10
"""Pairs whose rows are drawn anew; they score nine tenths of all rows."""
MOST_ROWS = 5000
"""Rows that score from which on nobody needs to be told that they are few."""


def by_ratio(first: Floats, second: Floats, task: Task, margin: float, level: float) -> Comparison:
    """Two recipes by the ratios of their scores: scores differ more between splits than between recipes, and are skewed."""
    return paired_ratios(first, second, scope=task.scope, margin=margin, level=level, overlap=task.overlap)


def times(share: Interval, scale: float) -> Interval:
    """An interval of shares in another unit."""
    low, high = scale * share.low, scale * share.high
    return dataclasses.replace(share, estimate=scale * share.estimate, low=low, high=high)


def in_units(found: Comparison, scale: float) -> Comparison:
    """A comparison of shares in the unit of the score."""
    return dataclasses.replace(found, difference=times(found.difference, scale), margin=scale * found.margin)


def guesses(task: Task, pairs: Sequence[Replicate], run: Run) -> Floats:
    """[n] score of a guess that looks at no column: the mean of the training rows, or the shares of their classes.

    Args:
        task: What is asked about.
        pairs: Seeds and splits.
        run: A network for each pair, whose rows are taken.
    """
    found = []
    for member in run.population.members[: len(pairs)]:
        scored, known = task.known(member.rows)
        trained = task.facts(member.rows, member.rows.train)
        output = np.tile(_guess(trained, member.recipe.loss), (len(scored), 1))
        found.append(task.measure.score(output, member.recipe.loss, known))
    return np.array(found)


def _guess(trained: Scored, loss: Loss) -> Floats:
    """[C] the best constant output, as near as nothing for classes that have no row."""
    target, weights = trained.target, trained.weights
    if loss.target == "labels":
        counts = np.bincount(target, weights, minlength=trained.n_classes or int(target.max()) + 1)
        return np.log(np.maximum(counts / counts.sum(), 1e-6))
    mean = np.average(target.reshape(len(target), -1), axis=0, weights=weights)
    if loss.target == "binary":
        share = np.clip(mean, 1e-6, 1 - 1e-6)
        return np.log(share / (1 - share))
    return mean


class Clean(NamedTuple):
    """Scores with and without the rows that have an equal row among those that trained.

    share: Share of the rows that score which have one, over all pairs.
    whole, clean: [n] scores on all rows that score, and on those that have none; fewer clean ones where no row was left.
    """

    share: float
    whole: Floats
    clean: Floats


def clean_scores(task: Task, pairs: Sequence[Replicate], run: Run) -> Clean | None:
    """What copies across the splits do to the score; None where there are none."""
    if not isinstance(task.rows, TableRows):
        return None
    rows = task.rows
    block = row_blocks(rows.data.frame[rows.development], rows.y)
    if int(block.max(initial=-1)) + 1 == len(block) or run.diverged.any():
        return None
    n_copies = n_rows = 0
    whole, clean = [], []
    for i, member in enumerate(run.population.members[: len(pairs)]):
        scored, _ = task.known(member.rows)
        is_clean = ~np.isin(block[scored], block[member.rows.train])
        n_copies, n_rows = n_copies + int((~is_clean).sum()), n_rows + len(scored)
        output = _output(task, run, member, i, scored)
        for chosen, scores in ((np.ones_like(is_clean), whole), (is_clean, clean)):
            if not chosen.any():
                continue
            known = task.facts(member.rows, scored[chosen])
            scores.append(task.measure.score(output[chosen], member.recipe.loss, known))
    return Clean(n_copies / max(n_rows, 1), np.array(whole), np.array(clean))


def over_rows(task: Task, pairs: Sequence[Replicate], run: Run, level: float) -> Interval | None:
    """Interval of the mean score over the rows that score, drawn anew with all networks as they are.

    None where networks diverged, and for so many rows that it need not be asked.
    """
    if run.diverged.any():
        return None
    chosen = range(min(task.overlap.n_data(len(pairs)), MOST_PAIRS))  # the first on each of the data
    places, outputs, known = [], [], []
    for i in chosen:
        member = run.population.members[i]
        scored, facts = task.known(member.rows)
        if len(scored) > MOST_ROWS:
            return None
        view = task.split_of(member).view  # rows have one number in all splits, but for views that somebody else has made
        places.append(task.rows.numbered(view, scored) if isinstance(task.rows, GivenRows) else scored)
        outputs.append(_output(task, run, member, i, scored))
        known.append(facts)
    names, compact = np.unique(np.concatenate(places), return_inverse=True)
    at = np.split(compact, np.cumsum([len(place) for place in places])[:-1])
    data_rows = task.rows
    blocks = None
    if isinstance(data_rows, TableRows) and data_rows.data.block is not None:
        blocks = data_rows.data.block[data_rows.development][names]
    if isinstance(data_rows, GivenRows) and data_rows.block is not None:
        blocks = data_rows.block[names]
    loss = task.recipe.loss

    def scores(weights: Floats) -> Floats:
        return np.array([_mean_score(row) for row in weights])

    def _mean_score(drawn: Floats) -> float:
        found = []
        for place, output, facts in zip(at, outputs, known, strict=True):
            own = drawn[place] if facts.weights is None else drawn[place] * facts.weights
            kept = own > 0
            if kept.any():
                part = facts._replace(target=facts.target[kept], y=facts.y[kept], weights=own[kept])
                found.append(task.measure.score(output[kept], loss, part))
        return float(np.mean(found)) if found else float("nan")

    return bootstrap_rows(
        scores, len(names), blocks=blocks, level=level, n_resamples=RESAMPLES, scope="rows that score"
    )


def leaks_of(rows: RowSource) -> tuple[Note, ...]:
    """What the data room warns of: columns that predict the target all alone, seen on rows that may be learned from."""
    if isinstance(rows, TableRows):
        return tuple(find_leaks(rows.data, rows.development))
    return rows.leaking if isinstance(rows, GivenRows) else ()


def without(task: Task, column: str, n: int, stage: int) -> tuple[Task, list[Replicate]]:
    """The same task without a column, with its pairs: the same seeds and the same splits of the rows, other encodings.

    The encodings have names of their own, by which a stored round of these networks is told from one with the column.

    Args:
        task: What is asked about.
        column: A column that leaks.
        n: Pairs.
        stage: Of their seeds and splits.
    """
    rows = task.rows
    if isinstance(rows, GivenRows):
        assert rows.reduced is not None, "a column was found there"
        less = dataclasses.replace(task, rows=rows.reduced(column))
        return less, less.replicates(n, stage=stage)
    assert isinstance(rows, TableRows), "only tables have columns"
    less = dataclasses.replace(task, rows=dataclasses.replace(rows, data=rows.data.without(column)))
    named = [
        pair._replace(split=dataclasses.replace(pair.split, view=f"{pair.split.view} without {column}"))
        for pair in less.replicates(n, stage=stage)
    ]
    return less, named


def _output(task: Task, run: Run, member: Member, number: int, rows: Ints) -> Floats:
    """[n, C] what one network says of rows."""
    X = task.encoded(member.rows).view.X[rows]
    return np.asarray(predict(run, X, networks=[number])[0], dtype=np.float64)
