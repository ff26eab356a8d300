"""scikit-learn's transformers, fitted to rows and read out as plain numbers.

Two sets of rows: the *structure* (which inputs there are: categories, indicators, which numbers have heavy tails) comes from all
development rows, so that the number of inputs is the same in every fold; the *numbers* (medians, means, quantiles) come from the
rows that are trained on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from manyfit.data.columns import Column
from manyfit.data.dates import PARTS, expand
from manyfit.data.parts import EDGE, MISSING, NORMAL_CLIP, RARE, CategoryPart, NumberPart, Part, to_normal

MAX_CATEGORIES = 32
MOST_ROWS = 50_000
"""Rows that medians, deviations and quantiles are taken from; more would change the third digit."""
_RARE_SHARE = 0.001
_HEAVY_SKEW = 2.0  # an exponential's skewness: beyond it, means and deviations say little
_HEAVY_KURTOSIS = 15.0
_FEW_VALUES = 20  # ranks of a column with few values are no better than the values
_N_QUANTILES = 1_000
_TIME_PARTS = (
    "month",
    "day",
    "weekday",
    "yearday",
    "hour",
)  # of a time column: what grows can't be learned for later rows


class Source(NamedTuple):
    """One number a row before it is scaled: [n] values with NaN where empty, and where they come from."""

    column: Column
    part: str
    values: np.ndarray


class Plan(NamedTuple):
    """What the development rows decide about one number: heavy tail or not, an indicator or not."""

    column: Column
    part: str
    is_heavy: bool
    has_indicator: bool


class Structure(NamedTuple):
    """What the development rows decide about all columns: the numbers in order, and the categories by column."""

    numbers: list[Plan]
    categories: dict[str, CategoryPart | None]


def sources(frame: pl.DataFrame, column: Column) -> list[Source]:
    """The numbers that one number, boolean or date column stands for."""
    series = frame[column.name]
    if column.kind == "date":
        parts = _TIME_PARTS if column.is_time else PARTS
        return [Source(column, name, values) for name, values in expand(series, parts).items()]
    return [Source(column, "", series.cast(pl.Float64).to_numpy())]


def plan_numbers(frame: pl.DataFrame, columns: Sequence[Column]) -> list[Plan]:
    """Decide the inputs of number, boolean and date columns from development rows."""
    plans: list[Plan] = []
    for column in columns:
        made: list[Plan] = []
        if column.kind == "category":
            continue
        for source in sources(frame, column):
            known = source.values[~np.isnan(source.values)]
            varies = len(known) > 0 and known.min() < known.max()
            if varies:
                made.append(Plan(column, source.part, column.kind == "number" and is_heavy(known), False))
        has_holes = frame[column.name].null_count() > 0
        if has_holes and not made and frame[column.name].null_count() < frame.height:
            made.append(
                Plan(column, sources(frame, column)[0].part, False, False)
            )  # one value or none: the hole tells
        if made and has_holes:
            made[0] = made[0]._replace(has_indicator=True)
        plans += made
    return plans


def is_heavy(values: np.ndarray) -> bool:
    """Whether a few cells lie so far out that a mean and a deviation don't describe the rest.

    Example:
        >>> is_heavy(np.exp(np.linspace(0, 8, 100))), is_heavy(np.linspace(0, 8, 100))
        (True, False)
    """
    values = values[sample_rows(np.arange(len(values)))]
    if len(np.unique(values)) <= _FEW_VALUES:
        return False
    spread = values.std()
    if not spread > 0:
        return False
    z = (values - values.mean()) / spread
    return bool(abs((z * z * z).mean()) > _HEAVY_SKEW or (z * z * z * z).mean() - 3 > _HEAVY_KURTOSIS)


def fit_numbers(frame: pl.DataFrame, plans: Sequence[Plan]) -> list[NumberPart]:
    """Fit imputation, ranks and scaling to training rows, all columns at once."""
    from sklearn.impute import SimpleImputer  # most of a second, needed for fitting only
    from sklearn.preprocessing import QuantileTransformer, StandardScaler

    if not plans:
        return []
    by_column = {
        column.name: {s.part: s.values for s in sources(frame, column)}
        for column in {p.column for p in plans}
    }
    raw = np.column_stack([by_column[plan.column.name][plan.part] for plan in plans]).astype(np.float64)
    fill = np.zeros(len(plans))
    is_boolean = np.array([plan.column.kind == "boolean" for plan in plans])
    for mask, strategy in ((~is_boolean, "median"), (is_boolean, "most_frequent")):
        if mask.any():
            imputer = SimpleImputer(strategy=strategy, keep_empty_features=True).fit(raw[:, mask])
            fill[mask] = np.nan_to_num(imputer.statistics_)
    with np.errstate(invalid="ignore"):
        filled = np.where(np.isnan(raw), fill, raw)
    low, high = filled.min(0), filled.max(0)
    heavy = np.flatnonzero([plan.is_heavy for plan in plans])
    quantiles: dict[int, np.ndarray] = {}
    edge = np.zeros(len(plans))
    if len(heavy):
        n = min(_N_QUANTILES, len(filled))
        # random_state: beyond 10,000 rows the quantiles are those of a sample
        bender = QuantileTransformer(n_quantiles=n, output_distribution="normal", random_state=0).fit(
            filled[:, heavy]
        )
        for place, i in enumerate(heavy.tolist()):
            quantiles[i] = np.ascontiguousarray(bender.quantiles_[:, place])
            lower, upper = np.percentile(filled[:, i], [25, 75])
            edge[i] = EDGE * (upper - lower if upper > lower else 1.0)
            filled[:, i] = np.clip(to_normal(filled[:, i], quantiles[i], edge[i]), -NORMAL_CLIP, NORMAL_CLIP)
    scaler = StandardScaler().fit(filled)
    mean, scale = np.asarray(scaler.mean_), np.asarray(scaler.scale_)
    return [
        NumberPart(
            column=plan.column.name,
            part=plan.part,
            kind=plan.column.kind,  # type: ignore[arg-type]  # categories and dropped columns have no plan
            fill=float(fill[i]),
            mean=float(mean[i]),
            scale=float(scale[i]),
            low=float(low[i]),
            high=float(high[i]),
            quantiles=quantiles.get(i, np.empty(0)),
            edge=float(edge[i]),
            has_indicator=plan.has_indicator,
        )
        for i, plan in enumerate(plans)
    ]


def fit_category(
    text: pl.Series, column: Column, max_categories: int = MAX_CATEGORIES
) -> CategoryPart | None:
    """Fit one-hot inputs to the development rows of a text column; None when it holds one value only."""
    from sklearn.preprocessing import OneHotEncoder

    categories = tuple(text.drop_nulls().unique().sort().to_list())
    part = CategoryPart(column.name, categories, np.full(len(categories) + 1, -1), (), -1)
    codes = part.codes_of(text)
    if len(np.unique(codes)) < 2:
        return None
    # codes in place of texts: scikit-learn sorts them alike, and a hundred times faster
    least = max(2, round(_RARE_SHARE * len(codes)))
    encoder = OneHotEncoder(
        handle_unknown="infrequent_if_exist",
        max_categories=max_categories,
        min_frequency=least,
        dtype=np.float64,
    ).fit(codes[:, None])
    rare = (
        set()
        if encoder.infrequent_categories_[0] is None
        else set(encoder.infrequent_categories_[0].tolist())
    )
    frequent = [code for code in encoder.categories_[0].tolist() if code not in rare]
    slots = np.full(len(categories) + 1, -1, np.int64)
    slots[frequent] = np.arange(len(frequent))
    rare_slot = len(frequent) if rare else -1
    slots[sorted(rare)] = rare_slot
    if slots[-1] < 0:
        slots[-1] = rare_slot  # empty cells that the development rows never showed are like unseen values
    labels = (*categories, MISSING)
    names = tuple(labels[code] for code in frequent) + ((RARE,) if rare else ())
    return CategoryPart(column.name, categories, slots, names, rare_slot)


def decide_structure(frame: pl.DataFrame, columns: Sequence[Column], max_categories: int) -> Structure:
    """Which inputs there are, from development rows."""
    categories = {
        column.name: fit_category(frame[column.name], column, max_categories)
        for column in columns
        if column.kind == "category"
    }
    return Structure(plan_numbers(frame, columns), categories)


def fit_parts(structure: Structure, frame: pl.DataFrame, columns: Sequence[Column]) -> tuple[Part, ...]:
    """Every part, fitted to training rows, in the order of the columns: the inputs of one column lie side by side."""
    numbers: dict[str, list[Part]] = {}
    for part in fit_numbers(frame, structure.numbers):
        numbers.setdefault(part.column, []).append(part)
    parts: list[Part] = []
    for column in columns:
        if column.kind == "category":
            category = structure.categories[column.name]
            parts += [category] if category is not None else []
        else:
            parts += numbers.get(column.name, [])
    return tuple(parts)


def sample_rows(rows: np.ndarray) -> np.ndarray:
    """At most `MOST_ROWS` of the rows, the same ones every time: medians and quantiles need no more.

    Drawn, not every second or third: tables are often made in turns.
    """
    if len(rows) <= MOST_ROWS:
        return rows
    drawn = np.argsort(np.random.Philox(key=len(rows)).random_raw(len(rows)), kind="stable")[:MOST_ROWS]
    return np.sort(rows[drawn])
