"""The terms of the loss that a run shows, group by group, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from manyfit.data.truth import truth_of
from manyfit.engines.choose import predict
from manyfit.losses import Loss
from manyfit.population import Member
from manyfit.questions._frame.measure import probabilities
from manyfit.questions._frame.rows import TableRows
from manyfit.questions._frame.task import Task
from manyfit.questions._variance.draws import DrawnRows
from manyfit.runs import Run
from manyfit.stats import Comparison, Finding, Interval, mean_interval, paired
from manyfit.stats.decompose import Terms, cross_entropy, pure_error, squared_error

Floats = NDArray[np.float64]

ENOUGH = 20
"""Degrees of freedom from which on rows with the same inputs say how large the noise is."""
MOST_CELLS = 5_000_000
"""Cells among which rows with the same inputs are looked for."""
SMALLEST = 1e-15
"""Probabilities below this are taken for it, as the metrics do."""


class Decomposed(NamedTuple):
    """What networks showed at V settings, G groups of data sets each.

    settings: [V] widths or strengths, rising; NaN is not among them.
    base: Place of the recipe as it is.
    terms: Each [V, G].
    diverged: [V] share of networks that diverged.
    knows_noise: Whether the noise is a term of its own, else it is part of the bias.
    """

    settings: Floats
    base: int
    terms: Terms
    diverged: Floats
    knows_noise: bool


class Reading(NamedTuple):
    """What a decomposition says.

    of: By name of the term, V intervals.
    against: V comparisons of the loss with the recipe as it is.
    best: Place of the lowest mean loss.
    bias_over, variance_over: The largest setting against the smallest.
    dominates: "bias", "variance", "balanced", "cannot-tell", or "" where the noise is not known.
    """

    of: Mapping[str, Sequence[Interval]]
    against: Sequence[Comparison]
    best: int
    bias_over: Comparison
    variance_over: Comparison
    dominates: str


def read(
    found: Decomposed,
    margin: float,
    *,
    level: float = 0.95,
    scope: str = "seeds and data sets",
    overlap: float = 0.0,
) -> Reading:
    """What a decomposition says.

    Args:
        found: The terms at every setting.
        margin: Share of the loss of the recipe as it is that counts as the same.
        level: Confidence level.
        scope: What varies between groups.
        overlap: As in `mean_interval`.
    """
    base = found.terms.loss[found.base]
    known = base[np.isfinite(base)]
    within = margin * abs(float(known.mean())) if known.size else 0.0

    def compared(a: Floats, b: Floats) -> Comparison:
        return paired(a, b, scope=scope, margin=within, level=level, overlap=overlap)

    by_name = {**found.terms._asdict(), "variance": found.terms.variance}
    of = {
        name: [mean_interval(row, scope=scope, level=level, overlap=overlap) for row in table]
        for name, table in by_name.items()
    }
    means = np.where(np.isfinite(found.terms.loss).all(1), found.terms.loss.mean(1), np.inf)
    variance, bias = found.terms.variance, found.terms.bias
    dominates = ""
    if found.knows_noise:
        between = compared(variance[found.base], bias[found.base])
        words = {Finding.WORSE: "variance", Finding.BETTER: "bias", Finding.SAME: "balanced"}
        dominates = words.get(between.finding, "cannot-tell")
    return Reading(
        of,
        [compared(row, base) for row in found.terms.loss],
        int(np.argmin(means)),
        compared(bias[-1], bias[0]),
        compared(variance[-1], variance[0]),
        dominates,
    )


class Known(NamedTuple):
    """What is known of the truth.

    center: True means or probabilities of all rows; None where nobody knows them.
    noise: Variance of a number around its mean; None where it is not known.
    """

    center: Floats | None = None
    noise: float | None = None

    @property
    def is_told(self) -> bool:
        """Whether the noise is a term of its own."""
        return self.center is not None or self.noise is not None


def known_of(task: Task, member: Member) -> Known:
    """What is known of the truth behind the rows of a task, from their law or from rows with the same inputs."""
    rows = task.rows
    if isinstance(rows, DrawnRows):
        return Known(rows.center, rows.noise**2)
    truth = truth_of(rows.data) if isinstance(rows, TableRows) else None
    if truth is not None and isinstance(rows, TableRows):
        return Known(truth.center(rows.data.frame[rows.development]), truth.noise**2)
    encoded = task.encoded(member.rows)
    X, scale = encoded.view.X, encoded.scale
    if rows.task != "regression" or X.size > MOST_CELLS or encoded.view.has_labels:
        return Known()
    _, alike = np.unique(X, axis=0, return_inverse=True)
    variance, free = pure_error(np.asarray(encoded.view.y, dtype=np.float64) * scale, alike.ravel())
    return Known(noise=variance) if free >= ENOUGH else Known()


def terms_of(
    task: Task, run: Run, networks: NDArray[np.int64], shape: tuple[int, int, int], known: Known
) -> Terms:
    """The terms of one group, each [V], from its V · K · S networks."""
    members = [run.population.members[index] for index in networks]
    scored, facts = task.known(members[0].rows)
    alive = ~run.diverged[networks]
    X = task.encoded(members[0].rows).view.X[scored]
    found = predict(run, X, networks=networks[alive].tolist())
    outputs = np.zeros((len(networks), *found.shape[1:]))
    outputs[alive] = found
    if task.rows.task == "regression":
        f = (outputs * facts.scale + facts.mean).reshape(*shape, *outputs.shape[1:])
        target = np.asarray(facts.y if known.center is None else known.center[scored], dtype=np.float64)
        target = target.reshape(outputs.shape[1:])
        if known.center is not None:
            return squared_error(f, target, facts.weights, noise=known.noise)
        terms, noise = squared_error(f, target, facts.weights), known.noise or 0.0
        return terms._replace(bias=terms.bias - noise, noise=terms.noise + noise)
    logs = np.stack(
        [log_probabilities(output, m.recipe.loss) for output, m in zip(outputs, members, strict=True)]
    )
    z = logs.reshape(*shape, *logs.shape[1:])
    if known.center is not None:
        return cross_entropy(z, known.center[scored], facts.weights, is_truth=True)
    return cross_entropy(z, np.eye(z.shape[-1])[facts.y.astype(np.int64)], facts.weights)


def log_probabilities(output: Floats, loss: Loss) -> Floats:
    """[n, classes] log probabilities of a network's outputs.

    Example:
        >>> from manyfit.losses import registry
        >>> log_probabilities(np.array([[0.0]]), registry.find("bce")()).round(4).tolist()
        [[-0.6931, -0.6931]]
    """
    if loss.target == "labels":
        return log_softmax(output, axis=-1)
    if loss.target == "binary" and output.shape[-1] == 1:
        return log_softmax(np.concatenate([np.zeros_like(output), output], axis=-1), axis=-1)
    return np.log(np.maximum(probabilities(output, loss), SMALLEST))
