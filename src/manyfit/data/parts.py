"""The fitted numbers of one column, and the arithmetic that turns its cells into inputs: scikit-learn fits, NumPy applies.

Keeping plain numbers in place of fitted scikit-learn objects means that a saved model needs no pickle, and that a prediction does
not depend on the version of scikit-learn. The tests hold both to the same values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from scipy.special import ndtri

CLIP = 5.0
"""No scaled number leaves ±5: one wild cell must not drive a network."""
NORMAL_CLIP = 3.0
"""Ranks are bent to a normal shape and cut at ±3, where a thousand quantiles end; the extremes would otherwise sit at ±5.2."""
EDGE = 1e-7  # scikit-learn's BOUNDS_THRESHOLD: ranks are kept this far from 0 and 1
MISSING = "(missing)"
RARE = "(rare)"


@dataclass(frozen=True)
class Input:
    """One input of the network.

    name: What to call it in reports ("city = Paris").
    column: The column of the table it comes from.
    kind: "number", "boolean", "date", "category" or "missing" (says that the cell was empty).
    """

    name: str
    column: str
    kind: Literal["number", "boolean", "date", "category", "missing"]

    @property
    def is_discrete(self) -> bool:
        """Whether it takes a few values only, so that a small nudge makes no sense."""
        return self.kind in ("boolean", "category", "missing")


@dataclass(frozen=True, eq=False)
class NumberPart:
    """One number a row: filled, bent to a normal shape where its tail is heavy, standardised, clipped.

    column: The column of the table.
    part: Part of a date ("month.sin"); empty for a number.
    kind: "number", "boolean" or "date".
    fill: What an empty cell becomes.
    mean, scale: What is taken away and divided by.
    low, high: Range of the training rows.
    quantiles: Fitted quantiles where ranks are used; empty otherwise.
    edge: How near to the first or last quantile a cell counts as lying on it.
    has_indicator: True when a second input says that the cell was empty.
    """

    column: str
    part: str
    kind: Literal["number", "boolean", "date"]
    fill: float
    mean: float
    scale: float
    low: float
    high: float
    quantiles: np.ndarray
    edge: float
    has_indicator: bool

    @property
    def inputs(self) -> list[Input]:
        """The inputs it makes, in order."""
        name = f"{self.column}.{self.part}" if self.part else self.column
        made = [Input(name, self.column, self.kind)]
        return (
            [*made, Input(f"{self.column} is missing", self.column, "missing")]
            if self.has_indicator
            else made
        )

    @property
    def reach(self) -> tuple[float, float]:
        """The smallest and the largest number that a cell can become, whatever it holds."""
        bound = NORMAL_CLIP if len(self.quantiles) else np.inf
        low, high = (np.clip((end - self.mean) / self.scale, -CLIP, CLIP) for end in (-bound, bound))
        return float(low), float(high)

    def apply(self, values: np.ndarray, out: np.ndarray) -> None:
        """Write the inputs of cells [N] (NaN where empty) into `out` [N, 1 or 2]."""
        is_missing = np.isnan(values)
        if self.has_indicator:
            out[:, 1] = is_missing
        filled = np.where(is_missing, self.fill, values)
        if len(self.quantiles):
            filled = np.clip(to_normal(filled, self.quantiles, self.edge), -NORMAL_CLIP, NORMAL_CLIP)
        np.clip((filled - self.mean) / self.scale, -CLIP, CLIP, out=filled)
        out[:, 0] = filled

    def done(self, lang: str = "en") -> str:
        """What happens to a cell, in a few words."""
        is_zh = lang == "zh"
        steps = []
        if self.has_indicator:
            filled = f"{self.fill:.4g}"
            steps.append(
                f"空格填 {filled}，另加标记" if is_zh else f"empty cells become {filled} and are marked"
            )
        if len(self.quantiles):
            steps.append(
                "按名次变为正态（尾部很重）" if is_zh else "ranks bent to a normal shape (heavy tail)"
            )
        steps.append("标准化" if is_zh else "standardized")
        return ("，" if is_zh else ", ").join(steps)

    def count_outside(self, values: np.ndarray) -> int:
        """How many cells lie so far beyond the training range that clipping changes what they say.

        Far is half the training range for a number, the whole of it where ranks are used.
        """
        span = self.high - self.low
        far = span if len(self.quantiles) else 0.5 * span
        beyond = (values < self.low - far) | (values > self.high + far)
        if not len(self.quantiles):
            beyond &= np.abs((values - self.mean) / self.scale) > CLIP
        return int(beyond.sum())


@dataclass(frozen=True, eq=False)
class CategoryPart:
    """One input for each frequent value, one that the rare ones share, one for empty cells where there were any.

    column: The column of the table.
    categories: Values known from the development rows, in order; their codes are their places.
    slots: [len(categories) + 1] the input each code switches on, the last one for empty cells; −1 for none.
    names: What each input is called.
    rare: The input for values never seen; −1 when there is none, and they switch nothing on.
    """

    column: str
    categories: tuple[str, ...]
    slots: np.ndarray
    names: tuple[str, ...]
    rare: int

    @property
    def inputs(self) -> list[Input]:
        """The inputs it makes, in order."""
        return [Input(f"{self.column} = {name}", self.column, "category") for name in self.names]

    def done(self, lang: str = "en") -> str:
        """What happens to a cell, in a few words."""
        is_zh = lang == "zh"
        n_rare = int((self.slots[:-1] == self.rare).sum()) if self.rare >= 0 else 0
        plural = "s" if n_rare > 1 else ""
        text = f"{len(self.names)} 个输入" if is_zh else f"{len(self.names)} inputs"
        if n_rare:
            text += (
                f"，其中一个由 {n_rare} 个少见的值共用"
                if is_zh
                else f", one of them for {n_rare} rare value{plural}"
            )
        return text

    def apply(self, codes: np.ndarray, out: np.ndarray) -> None:
        """Write the inputs of codes [N] (as `codes_of` gives them) into `out` [N, len(names)]."""
        table = np.append(self.slots, self.rare)  # the code after the last is "never seen"
        slot = table[codes]
        rows = np.flatnonzero(slot >= 0)
        out[rows, slot[rows]] = 1

    def codes_of(self, text: pl.Series) -> np.ndarray:
        """[N] place of each value among the categories; one more for empty cells, two more for values never seen."""
        n = len(self.categories)
        known = text.cast(pl.Enum(self.categories), strict=False).to_physical().cast(pl.Int64).to_numpy()
        codes = np.where(text.is_null().to_numpy(), n, n + 1)
        is_known = ~np.isnan(known) if known.dtype.kind == "f" else np.ones(len(codes), bool)
        codes[is_known] = known[is_known].astype(np.int64)
        return codes


Part = NumberPart | CategoryPart


def to_normal(values: np.ndarray, quantiles: np.ndarray, edge: float) -> np.ndarray:
    """Ranks among the fitted quantiles, read as points of a standard normal: scikit-learn's QuantileTransformer, written out.

    A value that fills several quantiles takes the middle of their ranks, which is why the ranks are looked up from both ends.

    Args:
        values: [N] finite numbers.
        quantiles: [Q] fitted quantiles, increasing.
        edge: Cells this near to the first or last quantile take its rank. scikit-learn has 1e-7 here whatever the unit of the
            column, and so flattens a column of tiny numbers.

    Returns:
        [N] numbers within ±5.2.
    """
    ranks = np.linspace(0, 1, len(quantiles))
    upward = np.interp(values, quantiles, ranks)
    downward = np.interp(-values, -quantiles[::-1], -ranks[::-1])
    share = 0.5 * (upward - downward)
    share[values + edge > quantiles[-1]] = 1.0
    share[values - edge < quantiles[0]] = 0.0
    return np.clip(ndtri(share), ndtri(EDGE - np.spacing(1)), ndtri(1 - (EDGE - np.spacing(1))))
