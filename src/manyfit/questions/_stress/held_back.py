"""Rows that are held back whole: the ends of a direction or a column, clusters, the latest rows, groups."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from manyfit.data import hold_out
from manyfit.data.corrupt.shift import main_direction
from manyfit.data.domain import Domain
from manyfit.errors import DataError
from manyfit.population import Member
from manyfit.questions._frame.rows import SCORE_SHARE, STOP_SHARE, Encoded, Split, TableRows
from manyfit.questions._frame.task import Replicate, Task
from manyfit.rng import derive

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CLUSTERS = 5
MOST_ROWS = 20_000
"""Rows that clusters are found among."""
FEW_VALUES = 12
"""A column of no more values has no ends: the rows of one value are held back in turn."""
FEWEST = 10
"""Rows that must be left on each side when others are held back."""


def held_back(task: Task, name: str, member: Member, share: float, seed: int) -> list[Ints]:
    """The sets of rows that replicates take turns at holding back; none where the data allow none.

    Args:
        task: The task.
        name: Of the kind.
        member: A network whose encoding says how rows lie.
        share: Share of the rows at an end.
        seed: Of the clusters.
    """
    encoded, domain = task.encoded(member.rows), task.domain(member.rows)
    n = len(encoded.view.X)
    rows = task.rows
    data = rows.data if isinstance(rows, TableRows) else None
    everything = np.arange(n)
    if name == "direction" and domain.is_number.any():
        sets = _ends(main_direction(encoded.view.X, domain), share)
    elif name == "cluster" and domain.is_number.any():
        sets = [everything[label] for label in _clusters(encoded, domain, seed)]
    elif name == "time" and isinstance(rows, TableRows) and rows.data.time is not None:
        time = rows.data.time[rows.development]
        sets = [everything[time >= np.quantile(time, 1 - share, method="lower")]]
    elif name == "group" and isinstance(rows, TableRows) and rows.data.group is not None:
        group = rows.data.group[rows.development]
        sets = [everything[group == label] for label in np.unique(group)]
    elif data is not None and isinstance(rows, TableRows) and name in data.frame.columns:
        column = data.frame[name].gather(rows.development.tolist())
        has_ends = column.dtype.is_numeric() or column.dtype.is_temporal()
        if has_ends and column.n_unique() > FEW_VALUES:
            values = column.to_physical().cast(float).to_numpy()
            sets = _ends(np.where(np.isnan(values), np.nanmedian(values), values), share)
        else:
            texts = column.cast(str).fill_null("").to_numpy()
            sets = [everything[texts == label] for label in np.unique(texts)]
    else:
        sets = []
    return [chosen for chosen in sets if len(chosen) >= FEWEST and len(chosen) <= n // 2]


def keeps_splits(task: Task, name: str) -> bool:
    """Whether the pairs' own splits are left when such rows are held back: where the data decide about splits, not chance."""
    rows = task.rows
    if not isinstance(rows, TableRows):
        return True
    return (rows.data.time is not None and name != "time") or (
        bool(rows.overlap.turns) and name not in ("time", "group")
    )


def without(task: Task, pair: Replicate, rows: Ints, name: str) -> Replicate | None:
    """The pair with those rows held back: they neither train nor stop nor score, and the encoding has not seen them.

    What is left of a table is split anew, so that its groups stay whole; rows before the latest ones at random, because they
    are to be like those that train. With an order of time or few groups the pair keeps its split, less those rows. None where too
    few rows are left.
    """
    split, source = pair.split, task.rows
    if isinstance(source, TableRows) and not keeps_splits(task, name):
        data = dataclasses.replace(source.data, time=None)
        left = np.setdiff1d(source.development, source.development[rows])
        try:
            outer = hold_out(data, left, pair.streams.split, share=SCORE_SHARE)
            inner = hold_out(data, outer.train, pair.streams.split, share=STOP_SHARE)
        except DataError:  # a single group is left
            return None
        parts = tuple(source.places(part) for part in (*inner, outer.held))
    else:
        parts = tuple(np.setdiff1d(part, rows) for part in (split.train, split.stop, split.score))
    if min(len(parts[0]), len(parts[2])) < FEWEST:
        return None
    view = f"{split.view} without {name}" if isinstance(source, TableRows) else split.view
    return pair._replace(split=Split(view, *parts))


def _ends(place: Floats, share: float) -> list[Ints]:
    """The rows at the upper and at the lower end."""
    order = np.argsort(place, kind="stable")
    n = max(round(share * len(order)), 1)
    return [np.sort(order[-n:]), np.sort(order[:n])]


def _clusters(encoded: Encoded, domain: Domain, seed: int) -> Iterator[NDArray[np.bool_]]:
    """Clusters of rows, largest first."""
    from sklearn.cluster import KMeans  # a second, for this question alone

    scaled = encoded.view.X[:, domain.is_number] / domain.spread[domain.is_number]
    n_clusters = min(CLUSTERS, len(np.unique(scaled, axis=0)))
    step = -(-len(scaled) // MOST_ROWS)
    found = KMeans(n_clusters, n_init=4, random_state=derive(seed, 2) % 2**32).fit(scaled[::step])
    labels = found.predict(scaled)
    for label in np.argsort(-np.bincount(labels, minlength=n_clusters), kind="stable"):
        yield labels == label
