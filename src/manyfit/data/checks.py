"""What may be wrong with a data set that reads well: leaks, imbalance, copies, too few rows. Findings are notes, not errors."""

from __future__ import annotations

import numpy as np
import polars as pl

from manyfit.data.columns import Column
from manyfit.data.dataset import Dataset
from manyfit.data.notes import Note, note, quoted

FEW_ROWS = 100
_BINS = 128  # into which the values of a column are sorted; few enough that each holds some rows
_SAMPLE = 4_000  # an R² of 0.95 is seen on them as well as on all
_MOST_COLUMNS = 200
_WORK = 400_000  # rows × columns that the check for leaks looks at, a tenth of a second
_LEAK = {"regression": 0.95, "classes": 0.98}
_SMALL_SHARE = 0.2  # a class with less than this part of its fair share is called small


def check_target(data: Dataset) -> list[Note]:
    """Notes on classes that are too rare."""
    target = data.target
    if target.task == "regression":
        return []
    counts = np.bincount(data.y.astype(np.int64), minlength=target.n_classes)
    notes = []
    single = [str(target.labels[i]) for i in np.flatnonzero(counts == 1)]
    if single:
        shown = ", ".join(single[:5]) + (" …" if len(single) > 5 else "")
        notes.append(note("rare_class", [target.name], target=target.name, labels=shown))
    smallest = int(np.argmin(np.where(counts > 0, counts, counts.max() + 1)))
    share = counts[smallest] / counts.sum()
    if counts[smallest] > 1 and share < _SMALL_SHARE / target.n_classes:
        text = f"{100 * share:.2g} %"
        notes.append(
            note(
                "imbalance",
                [target.name],
                target=target.name,
                label=repr(target.labels[smallest]),
                share=text,
            )
        )
    return notes


def check_shape(data: Dataset) -> list[Note]:
    """Notes on too few rows."""
    notes = []
    if data.n_rows < len(data.used):
        notes.append(note("wide", rows=data.n_rows, width=len(data.used)))
    if data.n_rows < FEW_ROWS:
        notes.append(note("few_rows", rows=data.n_rows))
    return notes


def find_leaks(data: Dataset, rows: np.ndarray) -> list[Note]:
    """Notes on columns that predict the target all alone: each half of a sample is predicted from the other, value by value.

    Args:
        data: The table.
        rows: Rows that may be looked at: development rows, never the locked ones.

    Returns:
        One note for each such column. A table with one column is not checked: that column is the task.
    """
    columns, target = data.used, data.target
    if len(columns) < 2 or len(rows) < 20:
        return []
    n = min(len(rows), _SAMPLE, max(500, _WORK // len(columns)))
    rows = np.sort(rows[np.argsort(np.random.Philox(key=n).random_raw(len(rows)), kind="stable")[:n]])
    values = np.column_stack([_as_numbers(data.frame[column.name][rows], column) for column in columns])
    truth = data.y[rows]
    order = _promising(values, truth) if len(columns) > _MOST_COLUMNS else range(len(columns))
    is_numbers = target.task == "regression"
    measure, zh = ("R²", "R²") if is_numbers else ("accuracy", "准确率")
    notes = []
    for i in order:
        score, gain = _alone(values[:, i], truth, is_numbers)
        if gain >= _LEAK["regression" if is_numbers else "classes"]:
            name = columns[i].name
            notes.append(
                note(
                    "leak",
                    [name],
                    target=target.name,
                    measure=measure,
                    measure_zh=zh,
                    score=score,
                    first=quoted(name),
                )
            )
    return notes


def _as_numbers(series: pl.Series, column: Column) -> np.ndarray:
    if column.kind == "category":
        return series.rank("dense").fill_null(0).to_numpy().astype(np.float64)
    if column.kind == "date":
        series = series.cast(pl.Int64)
    return series.cast(pl.Float64).to_numpy()


def _promising(values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """The columns that go most with the target in a straight line, when there are too many to try all."""
    filled = np.where(
        np.isnan(values), np.nanmean(np.where(np.isnan(values).all(0), 0.0, values), axis=0), values
    )
    centered = filled - filled.mean(0)
    size = np.linalg.norm(centered, axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        strength = np.abs(centered.T @ (truth - truth.mean())) / np.where(size > 0, size, np.inf)
    return np.sort(np.argsort(-np.nan_to_num(strength), kind="stable")[:_MOST_COLUMNS])


def _alone(values: np.ndarray, truth: np.ndarray, is_numbers: bool) -> tuple[float, float]:
    """How well one column predicts the target, and the share of the naive error it removes.

    Each half of the rows is predicted from the other: by the mean, or the commonest class, of the bin that a value falls into.
    """
    half = np.arange(len(truth)) % 2 == 0
    n_classes = 0 if is_numbers else int(truth.max()) + 1
    guess = np.empty(len(truth))
    for side in (half, ~half):
        guess[side] = _by_bins(values[~side], truth[~side], values[side], n_classes)
    if is_numbers:
        spread = float(((truth - truth.mean()) ** 2).sum())
        score = 1 - float(((truth - guess) ** 2).sum()) / spread if spread > 0 else 0.0
        return score, score
    right = float((guess == truth).mean())
    naive = float(np.bincount(truth.astype(np.int64)).max() / len(truth))
    return right, 1 - (1 - right) / (1 - naive) if naive < 1 else 0.0


def _by_bins(known: np.ndarray, truth: np.ndarray, asked: np.ndarray, n_classes: int) -> np.ndarray:
    """[n] what the rows with about the same value have; missing values are a bin of their own."""
    levels = np.unique(known[~np.isnan(known)])
    if len(levels) > _BINS:
        levels = np.unique(np.nanquantile(known, np.linspace(0, 1, _BINS + 1), method="lower"))
    edges = (levels[1:] + levels[:-1]) / 2

    def places(values: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values))

    n_bins = len(edges) + 2
    if not n_classes:
        counts = np.bincount(places(known), minlength=n_bins)
        sums = np.bincount(places(known), truth, n_bins)
        means = np.where(counts > 0, sums / np.maximum(counts, 1), truth.mean())
        return means[places(asked)]
    table = np.zeros((n_bins, n_classes))
    np.add.at(table, (places(known), truth.astype(np.int64)), 1.0)
    commonest = np.where(table.sum(1) > 0, table.argmax(1), table.sum(0).argmax())
    return commonest[places(asked)].astype(np.float64)
