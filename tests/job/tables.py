"""Small tables with a known truth, and plans that train them in a moment."""

from __future__ import annotations

import numpy as np
import polars as pl

from manyfit.data import Dataset, load
from manyfit.job import Job, Options, Plan
from manyfit.model import Model
from manyfit.samplers.halving import Rung

PLAN = Plan(
    seed=3,
    rungs=(Rung(6, 2, 10**6), Rung(3, 4, 10**6)),
    finalists=2,
    epochs=6,
    folds=5,
    seeds=2,
    block=2,
    metric="rmse",
)


def numbers(n: int = 120, seed: int = 0) -> Dataset:
    """y = 3a − 2 [kind is x] + noise of 0.1, with a few empty cells."""
    draw = np.random.default_rng(seed)
    a, kind = draw.normal(size=n), draw.choice(["x", "y", "z"], size=n)
    y = 100 + 3 * a - 2 * (kind == "x") + 0.1 * draw.normal(size=n)
    frame = pl.DataFrame({"a": a, "kind": kind, "b": draw.normal(size=n), "y": y})
    return load(
        frame.with_columns(a=pl.when(pl.int_range(n) % 17 == 3).then(None).otherwise("a")),
        "y",
        name="numbers",
    )


def classes(n: int = 150, n_classes: int = 3, seed: int = 0) -> Dataset:
    """The class is the sector of the plane that a row lies in."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(n, 2))
    sector = (np.arctan2(x[:, 1], x[:, 0]) + np.pi) / (2 * np.pi) * n_classes
    labels = np.array(["north", "east", "south", "west"])[np.minimum(sector.astype(int), n_classes - 1)]
    return load(pl.DataFrame({"u": x[:, 0], "v": x[:, 1], "way": labels}), "way", name="classes")


def plan_for(data: Dataset, **changes: object) -> Plan:
    """The small plan with the metric of the task."""
    metric = "rmse" if data.task == "regression" else "log_loss"
    return Plan(**{**{f: getattr(PLAN, f) for f in PLAN.__dataclass_fields__}, "metric": metric, **changes})  # type: ignore[arg-type]


def trained(data: Dataset, **changes: object) -> Model:
    """A model by the small plan."""
    plan = plan_for(data, **changes)
    return Job(data, Options(plan=plan, seed=plan.seed, threads=1)).run()
