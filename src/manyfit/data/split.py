"""Which rows are learned from, which are held out, which stay locked: index arrays, each a pure function of one whole number.

Rows that belong together (one group, or copies of one row) stay on one side. Classes keep their shares. With a time column the
later rows are always the held-out ones. The random words are Philox's raw output, which NumPy promises never to change, so that a
split is the same under every version of NumPy and scikit-learn.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

import numpy as np

from manyfit.errors import DataError, Problem
from manyfit.text import Text

TEST_SHARE = 0.2
FEW_GROUPS = 12
"""Groups of which the ways to hold some out are counted; of more there are hundreds."""
ENOUGH_ROWS = 2000
"""Rows that show how large groups are and which classes they hold."""
MOST_WAYS = 100
"""Ways to divide the rows from which on replicates hardly ever meet the same one by chance."""
_TEST, _FOLDS, _HOLD = 1, 2, 3  # purposes: the same seed gives unrelated test rows, folds and held-out rows


class Splittable(Protocol):
    """What a split looks at. `Dataset` is one.

    y: [N] values or class codes.
    task: "regression" keeps no shares of classes.
    block: [N] rows of one number stay together; None when every row stands alone.
    time: [N] what orders the rows; None when they have no order.
    test_rows: Rows that came as a test file of their own; None when there is none.
    """

    @property
    def y(self) -> np.ndarray: ...
    @property
    def task(self) -> str: ...
    @property
    def block(self) -> np.ndarray | None: ...
    @property
    def time(self) -> np.ndarray | None: ...
    @property
    def test_rows(self) -> np.ndarray | None: ...


class Holdout(NamedTuple):
    """Development rows and locked test rows: index arrays in increasing order, together all rows."""

    development: np.ndarray
    test: np.ndarray


class Fold(NamedTuple):
    """Rows to train on and rows held out: index arrays into the whole table, in increasing order."""

    train: np.ndarray
    held: np.ndarray


def holdout(data: Splittable, seed: int = 0, *, share: float = TEST_SHARE) -> Holdout:
    """Lock the test rows away: a share of all rows, or the rows of the test file where there is one.

    Args:
        data: The table.
        seed: Decides which rows; nothing else does.
        share: Share of the rows that are locked, in (0, 1).

    Returns:
        Development rows and test rows. With a time column the latest rows are the test rows, whatever the seed.

    Raises:
        DataError: If no cut leaves rows on both sides.
    """
    everything = np.arange(len(data.y))
    if data.test_rows is not None:
        return Holdout(np.setdiff1d(everything, data.test_rows), np.sort(data.test_rows))
    return Holdout(*_cut(data, everything, seed, share, _TEST, Text("the test rows", "测试行")))


def hold_out(data: Splittable, rows: np.ndarray, seed: int = 0, *, share: float = 0.2) -> Fold:
    """Cut `rows` once, into rows to train on and a held-out share. For a search, which looks at one split only.

    Args:
        data: The table.
        rows: Rows to be cut: development rows as a rule, shape (n,).
        seed: Decides which rows.
        share: Share that is held out, in (0, 1).

    Returns:
        The two sides, as rows of the whole table.
    """
    return Fold(*_cut(data, np.asarray(rows), seed, share, _HOLD, Text("the held-out rows", "留出行")))


def group_ways(data: Splittable, rows: np.ndarray, seed: int = 0, *, share: float = 0.2) -> tuple[Fold, ...]:
    """All the ways in which `hold_out` divides rows of a few groups; none where the rows stand alone or the ways are many.

    Args:
        data: The table.
        rows: Rows to be cut: development rows as a rule, shape (n,).
        seed: Decides about the order of the ways.
        share: Share that is held out, in (0, 1).
    """
    if data.time is not None or data.block is None:
        return ()
    rows = np.sort(rows)
    groups, group = np.unique(data.block[rows], return_inverse=True)
    if len(groups) > FEW_GROUPS:
        return ()
    every = len(rows) // ENOUGH_ROWS + 1  # of each group the first row, and one in so many after it
    some = np.sort(np.concatenate([np.flatnonzero(group == g)[::every] for g in range(len(groups))]))
    found: dict[bytes, np.ndarray] = {}
    for number in range(2 * MOST_WAYS):
        held = hold_out(data, rows[some], (seed + number * 0x9E3779B97F4A7C15) % 2**64, share=share).held
        is_held = np.isin(groups, data.block[held])
        found.setdefault(is_held.tobytes(), is_held[group])
    if len(found) > MOST_WAYS:
        return ()
    return tuple(Fold(rows[~is_held], rows[is_held]) for is_held in found.values())


def shared_rows(folds: Sequence[Fold]) -> float:
    """Share of its held-out rows that one fold has in common with another, on the average over all pairs of them.

    Example:
        >>> rows = np.arange(6)  # one of two rows in one pair of three
        >>> shared_rows([Fold(rows, rows[:2]), Fold(rows, rows[1:3]), Fold(rows, rows[4:])])
        0.16666666666666666
    """
    n_held = sum(len(fold.held) for fold in folds)
    if len(folds) < 2 or not n_held:
        return 0.0
    times_held = np.bincount(np.concatenate([fold.held for fold in folds]))
    return float((times_held**2).sum() - n_held) / ((len(folds) - 1) * n_held)


def folds(data: Splittable, rows: np.ndarray, k: int = 5, seed: int = 0) -> tuple[Fold, ...]:
    """Cut `rows` into `k` parts; each part is held out once while the others are trained on.

    With a time column the parts follow one another, and each is predicted from the earlier ones alone.

    Args:
        data: The table.
        rows: Rows to be cut: development rows as a rule, shape (n,).
        k: How many folds, at least 2.
        seed: Decides which rows go where; replicates take fresh ones. A time order leaves nothing to decide.

    Returns:
        `k` folds, as rows of the whole table.

    Raises:
        DataError: If there are fewer rows, groups or moments than folds.
    """
    rows = np.sort(np.asarray(rows))
    if k < 2:
        raise DataError(Problem("folds", Text("must be ≥ 2", "必须 ≥ 2"), str(k)))
    if data.time is not None:
        part = _time_parts(data.time[rows], k + 1)
        return tuple(Fold(rows[part <= i], rows[part == i + 1]) for i in range(k))
    part = _assign(data, rows, [1 / k] * k, seed, _FOLDS)
    if len(np.unique(part)) < k:
        n_blocks = len(rows) if data.block is None else len(np.unique(data.block[rows]))
        hint = Text("Use fewer folds, or a column with more groups.", "请减少折数，或换一个组数更多的列。")
        rule = Text(f"need at least {k} rows or groups of rows", f"至少需要 {k} 行或 {k} 组")
        raise DataError(Problem(Text(f"{k} folds", f"{k} 折"), rule, str(n_blocks), hint=hint))
    return tuple(Fold(rows[part != i], rows[part == i]) for i in range(k))


def _cut(
    data: Splittable, rows: np.ndarray, seed: int, share: float, purpose: int, what: Text
) -> tuple[np.ndarray, np.ndarray]:
    if not 0 < share < 1:
        raise DataError(Problem("share", Text("must be > 0 and < 1", "必须 > 0 且 < 1"), f"{share:g}"))
    rows = np.sort(rows)
    if data.time is not None:
        time = data.time[rows]
        moments = np.unique(time)
        ordered = np.sort(time)
        cut = ordered[min(int(np.ceil(len(rows) * (1 - share))), len(rows) - 1)]
        if cut == moments[0] and len(moments) > 1:
            cut = moments[1]  # most rows share the first moment; the cut still has to fall between two
        later = time >= cut
    else:
        later = _assign(data, rows, [1 - share, share], seed, purpose) == 1
    if later.all() or not later.any():
        unit = Text("moments", "时刻") if data.time is not None else Text("groups", "组")
        hint = Text(
            f"All {len(rows)} rows belong to one of the {unit.en}; leave that column out or take another.",
            f"全部 {len(rows)} 行同属一个{unit.zh}；请去掉那一列或换一列。",
        )
        raise DataError(Problem(what, Text("can't be cut from the others", "无法与其余的行分开"), hint=hint))
    return rows[~later], rows[later]


def _time_parts(time: np.ndarray, k: int) -> np.ndarray:
    """Number the rows 0 … k − 1 from early to late in parts of about one size; rows of one moment stay together."""
    moments, place, counts = np.unique(time, return_inverse=True, return_counts=True)
    if len(moments) < k:
        hint = Text(
            "Use fewer folds, or a time column with more moments.", "请减少折数，或换一个时刻更多的时间列。"
        )
        where = Text(f"{k - 1} folds in time", f"{k - 1} 个时间折")
        rule = Text(f"need at least {k} moments", f"至少需要 {k} 个时刻")
        raise DataError(Problem(where, rule, str(len(moments)), hint=hint))
    middle = np.cumsum(counts) - counts / 2
    part = np.minimum((middle * k / len(time)).astype(np.int64), k - 1)
    if (
        len(np.unique(part)) < k
    ):  # one moment holds many rows: every part still gets a moment of its own, in order
        last = -1
        for i in range(len(part)):
            last = max(min(int(part[i]), last + 1), last, k - (len(part) - i), 0)
            part[i] = last
    return part[place]


def words(seed: int, purpose: int, n: int) -> np.ndarray:
    """`n` random 64-bit words that depend on the seed and the purpose only."""
    return np.random.Philox(key=int(seed) % 2**128, counter=[0, 0, 0, purpose]).random_raw(n)


def _assign(
    data: Splittable, rows: np.ndarray, shares: Sequence[float], seed: int, purpose: int
) -> np.ndarray:
    """Put each row into one of the bins, so that each bin holds its share of every class: [n] bin of each row."""
    priority = words(seed, purpose, len(data.y))[rows]  # by row of the whole table: a subset keeps its order
    if data.task == "regression":
        stratum = np.zeros(len(rows), np.int64)
    else:
        stratum = np.unique(data.y[rows], return_inverse=True)[1]
    n_strata = int(stratum.max()) + 1
    bins = np.full(len(rows), -1, np.int64)
    wanted = (
        np.bincount(stratum, minlength=n_strata)[None, :] * np.asarray(shares)[:, None]
    )  # [bins, strata] rows
    placed = np.zeros_like(wanted)
    single = np.ones(len(rows), bool)
    if data.block is not None:
        block = np.unique(data.block[rows], return_inverse=True)[1]
        single = np.bincount(block)[block] == 1
        _place_blocks(bins, np.flatnonzero(~single), block, stratum, priority, wanted, placed)
    _place_singles(bins, np.flatnonzero(single), stratum, priority, wanted, placed)
    return bins


def _place_blocks(
    bins: np.ndarray,
    members: np.ndarray,
    block: np.ndarray,
    stratum: np.ndarray,
    priority: np.ndarray,
    wanted: np.ndarray,
    placed: np.ndarray,
) -> None:
    """Large blocks first, each into the bin that lacks most of its classes; ties fall by the random words."""
    if not len(members):
        return
    ordered = members[np.argsort(block[members], kind="stable")]
    starts = np.flatnonzero(np.diff(block[ordered], prepend=-1))
    groups = np.split(ordered, starts[1:])
    lead = np.array([priority[group].min() for group in groups])
    sizes = np.array([len(group) for group in groups])
    n_singles = len(bins) - len(members)
    n_left = len(groups)
    for i in np.lexsort((lead, -sizes)):
        counts = np.bincount(stratum[groups[i]], minlength=wanted.shape[1])
        lack = (wanted - placed) / np.maximum(wanted.sum(1, keepdims=True), 1e-9)
        # what the bin would still lack after taking the block, in its own size: the least wrong bin takes it
        gain = (lack * counts).sum(1) - 0.5 * (counts**2).sum() / np.maximum(wanted.sum(1), 1e-9)
        empty = placed.sum(1) == 0
        if n_left + n_singles <= empty.sum():
            gain[~empty] = -np.inf  # the last blocks go where nothing is yet
        n_left -= 1
        best = np.flatnonzero(gain >= gain.max() - 1e-12)
        chosen = best[int(lead[i]) % len(best)]
        bins[groups[i]] = chosen
        placed[chosen] += counts


def _place_singles(
    bins: np.ndarray,
    members: np.ndarray,
    stratum: np.ndarray,
    priority: np.ndarray,
    wanted: np.ndarray,
    placed: np.ndarray,
) -> None:
    """Deal the rows of each class out in random order, as many to each bin as it still lacks."""
    owed = np.zeros(len(wanted))  # what a bin lost by rounding in the classes before: sizes stay even
    for k in range(wanted.shape[1]):
        mine = members[stratum[members] == k]
        if not len(mine):
            continue
        mine = mine[np.argsort(priority[mine], kind="stable")]
        lack = np.maximum(wanted[:, k] - placed[:, k], 0)
        lack = lack if lack.sum() > 0 else wanted[:, k]
        exact = lack * (len(mine) / lack.sum())
        quota = np.floor(exact + 1e-9).astype(np.int64)
        short = len(mine) - int(quota.sum())
        debt = exact - quota + owed
        quota[np.argsort(-debt, kind="stable")[:short]] += 1
        owed = exact - quota + owed
        bins[mine] = np.repeat(np.arange(len(wanted)), quota)
