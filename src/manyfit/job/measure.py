"""A second of training, to learn how fast this machine is and to have a first score. Nothing of it enters a result."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from manyfit.job.defaults import for_epochs
from manyfit.job.plan import Size
from manyfit.job.rows import Stage, Table
from manyfit.job.training import Trainer
from manyfit.population import Member, Population, Rows
from manyfit.rng import Streams, derive
from manyfit.samplers.random import Random
from manyfit.space import Space

SECONDS = 0.8
EPOCHS = 3
MOST_ROWS = 20_000
SHARED = 0.8
"""How much of a thread every further thread adds."""
SMALL = 1e8
"""Operations of an epoch below which whole packs are measured; larger networks are measured one of each structure."""


def measure(table: Table, space: Space, trainer: Trainer) -> tuple[Size, float, float]:
    """Train a few networks for a moment.

    Args:
        table: The data.
        space: What will be searched.
        trainer: What trains.

    Returns:
        The table's size, operations per second as the cost model counts them, and the best held-out loss seen.
    """
    fold = table.search_fold
    encoder = table.fit_encoder(fold)
    size = Size(len(fold.train), len(fold.held), encoder.n_inputs, encoder.n_outputs)
    n_structures = len(space.structures)
    largest = max(
        size.work(space.at(i, dict.fromkeys(space.ranges_of(i), 0.5)), 1) for i in range(n_structures)
    )
    block = 16 if largest < SMALL else 1
    # the first recipe is the one that usually works; the others are drawn as the search will draw them
    recipes = Random(block).draw(space, range(1 + block * n_structures), derive(table.seed, Stage.MEASURE))
    recipes = [for_epochs(recipe, EPOCHS) for recipe in recipes]
    # a large table is measured on a part of it: encoding the rest would make the first score late
    train, held = spread(fold.train, MOST_ROWS), spread(fold.held, MOST_ROWS // 4)
    view = table.view_of(encoder, np.concatenate([train, held]))
    rows = Rows(np.arange(len(train)), np.arange(len(train), len(view.X)), "search")
    streams = Streams.of(table.seed, Stage.MEASURE)
    population = Population(tuple(Member(recipe, streams, rows) for recipe in recipes), {"search": view})
    run = trainer.train(
        population,
        stage="measure",
        done=0,
        total=len(recipes),
        diverged=0,
        best=np.nan,
        seconds=SECONDS,
        keep=False,
    )
    assert run is not None, "a measurement is cut, never given up"
    steps = np.array(
        [-(-len(train) // min(recipe.batch_size or len(train), len(train))) for recipe in recipes]
    )
    works = np.array([size.work(recipe, 1, len(train)) for recipe in recipes])
    done = float((run.steps / steps * works).sum())
    seen = run.held_loss[np.isfinite(run.held_loss)]
    # time inside the engine alone: what surrounds a network is charged by the network; threads share work, not perfectly
    seconds = max(run.core_seconds, 1e-4) / (1 + SHARED * (trainer.n_threads - 1))
    return size, max(done, 1.0) / seconds, float(seen.min()) if len(seen) else float("nan")


def spread(rows: NDArray[np.int64], most: int) -> NDArray[np.int64]:
    """At most so many rows, evenly spread.

    Example:
        >>> spread(np.arange(10), 4).tolist()
        [0, 2, 5, 7]
    """
    return rows if len(rows) <= most else rows[np.arange(most) * len(rows) // most]
