"""From scores of single splits to a table and verdicts: differences are paired over splits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.tables.splits import OVERLAP
from manyfit.stats import Interval, mean_interval

MARGINS = {"accuracy": 0.01, "r2": 0.02}
"""By how much manyfit may be worse and still counts as not inferior."""
SECOND = {"accuracy": "log_loss", "r2": "rmse"}
OURS, MLP, BOOSTING = "manyfit", "mlp", "boosting"
SYSTEMS = (OURS, MLP, BOOSTING)

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Standing:
    """One table: who scored what, and manyfit against the tuned MLP.

    metric: "accuracy" or "r2".
    n_splits, n_tasks: Splits, and trainings of each system: several a split where there are few test rows.
    means: Mean of the metric by system.
    second: Mean of log loss or RMSE by system.
    seconds: Mean seconds by system.
    difference: manyfit minus MLP in the metric, paired over splits, corrected for their overlap.
    boosting: The same against boosted trees.
    covered: Share of test rows inside the 90 % prediction intervals, mean over splits; None for classes.
    ece: Calibration error without and with temperature, mean over splits; None for numbers.
    """

    table: str
    metric: str
    n_splits: int
    n_tasks: int
    means: Mapping[str, float]
    second: Mapping[str, float]
    seconds: Mapping[str, float]
    difference: Interval
    boosting: Interval
    covered: float | None
    ece: tuple[float, float] | None

    @property
    def verdict(self) -> str:
        """ "better", "not inferior", "not shown" or "inferior" to the MLP.

        Not inferior: the lower end of the 95 % interval lies above minus the margin. Inferior: the upper end lies below it.
        """
        margin = MARGINS[self.metric]
        if self.difference.low > 0:
            return "better"
        if self.difference.low >= -margin:
            return "not inferior"
        return "inferior" if self.difference.high < -margin else "not shown"


def standings(records: Iterable[Record], systems: Sequence[str] = SYSTEMS) -> list[Standing]:
    """A standing for each table, from the splits and repeats that every system has done."""
    done: dict[str, dict[tuple[int, int], dict[str, Record]]] = {}
    for record in records:
        if "scores" in record:
            task = record["split"], record["repeat"]
            done.setdefault(record["table"], {}).setdefault(task, {})[record["system"]] = record
    found = []
    for table, by_task in done.items():
        splits: dict[int, list[Mapping[str, Record]]] = {}
        for (split, _), of_task in sorted(by_task.items()):
            if set(systems) <= set(of_task):
                splits.setdefault(split, []).append(of_task)
        if splits:
            found.append(_standing(table, list(splits.values())))
    return found


def _standing(table: str, splits: Sequence[Sequence[Mapping[str, Record]]]) -> Standing:
    """From the repeats of each split, whose scores are averaged first."""
    metric = "r2" if "r2" in splits[0][0][OURS]["scores"] else "accuracy"
    tasks = [task for repeats in splits for task in repeats]

    def column(system: str, of: str) -> np.ndarray:
        return np.array([np.mean([task[system]["scores"][of] for task in repeats]) for repeats in splits])

    def mean(of: str) -> dict[str, float]:
        return {system: float(column(system, of).mean()) for system in SYSTEMS}

    def minus(rival: str) -> Interval:
        return mean_interval(column(OURS, metric) - column(rival, metric), scope="splits", overlap=OVERLAP)

    ours = [task[OURS] for task in tasks]
    covered = [record["covered"] for record in ours if record.get("covered") is not None]
    errors = np.array(
        [[record["ece"]["raw"], record["ece"]["tempered"]] for record in ours if "ece" in record]
    )
    return Standing(
        table,
        metric,
        len(splits),
        len(tasks),
        mean(metric),
        mean(SECOND[metric]),
        {system: float(np.mean([task[system]["seconds"] for task in tasks])) for system in SYSTEMS},
        minus(MLP),
        minus(BOOSTING),
        float(np.mean(covered)) if covered else None,
        (float(errors[:, 0].mean()), float(errors[:, 1].mean())) if len(errors) else None,
    )


def ways(records: Iterable[Record]) -> dict[str, dict[str, tuple[float, float]]]:
    """By table and way of averaging: mean metric (accuracy or R²) and mean second metric (log loss or RMSE)."""
    gathered: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for record in records:
        for way, scores in record.get("ways", {}).items():
            metric = "r2" if "r2" in scores else "accuracy"
            pair = (scores[metric], scores[SECOND[metric]])
            gathered.setdefault(record["table"], {}).setdefault(way, []).append(pair)
    return {
        table: {way: tuple(np.mean(pairs, axis=0).tolist()) for way, pairs in of_table.items()}
        for table, of_table in gathered.items()
    }


def closing_lines(found: Sequence[Standing]) -> list[str]:
    """What the whole benchmark says, in a few sentences."""
    counts = {
        v: [s.table for s in found if s.verdict == v]
        for v in ("better", "not inferior", "not shown", "inferior")
    }
    ahead = sum(s.difference.estimate > 1e-9 for s in found)  # sums of equal scores differ by rounding
    lines = [
        f"against the tuned MLP: ahead on {ahead} of {len(found)} tables",
        *(f"{verdict}: {len(tables)} ({', '.join(tables)})" for verdict, tables in counts.items() if tables),
    ]
    covered = [s.covered for s in found if s.covered is not None]
    if covered:
        lines.append(
            f"90 % prediction intervals cover {100 * np.mean(covered):.1f} % of test rows, "
            f"mean over {len(covered)} regressions ({100 * min(covered):.1f} to {100 * max(covered):.1f} %)"
        )
    errors = np.array([s.ece for s in found if s.ece is not None])
    if len(errors):
        raw, tempered = 100 * errors.mean(0)
        lines.append(
            f"calibration error {raw:.2f} % without temperature, {tempered:.2f} % with it, mean over {len(errors)} tables"
        )
    return lines
