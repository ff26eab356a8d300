"""Numbers in the sentences and tables of answers, the same in both languages."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence

from manyfit.answers import Text
from manyfit.stats import Interval

ROUNDING = 1e-13
"""Half the width of an interval that is there by rounding alone."""


def rate_text(rate: float) -> str:
    """A rate as people write it.

    Example:
        >>> rate_text(0.003), rate_text(6.31e-4), rate_text(0.3), rate_text(1.0), rate_text(1e-3), rate_text(100.0)
        ('3e-3', '6.3e-4', '0.3', '1', '1e-3', '100')
    """
    if 99.5 <= rate < 1000:
        return f"{float(f'{rate:.2g}'):.0f}"
    if not (math.isfinite(rate) and rate > 0) or 0.1 <= rate < 1000:
        return f"{rate:.2g}"
    mantissa, _, exponent = f"{rate:.1e}".partition("e")
    return f"{mantissa.removesuffix('.0')}e{int(exponent)}"


def percent(share: float) -> str:
    """A share as people read it.

    Example:
        >>> percent(0.95)
        '95 %'
    """
    return f"{100 * share:.0f} %"


def span_text(low: float, high: float, written: Callable[[float], str] = rate_text) -> str:
    """Two ends with a dash between them, or the only one.

    Example:
        >>> span_text(1e-3, 1e-2), span_text(1e-3, 1e-3)
        ('1e-3 – 1e-2', '1e-3')
    """
    first, last = written(low), written(high)
    return first if first == last else f"{first} – {last}"


def met_text(n: int, n_splits: int) -> Text:
    """How options are tuned and met in pairs of seed and split.

    Args:
        n: Fresh pairs on which picks are met.
        n_splits: Different splits, where they are so few that they come back; else 0.

    Example:
        >>> met_text(40, 3).en
        'each seed tunes on one of 3 splits; what it picks meets on 40 fresh seeds, on these splits in turns'
    """
    if n_splits:
        by = "split" if n_splits == 1 else "splits"
        return Text(
            f"each seed tunes on one of {n_splits} {by}; what it picks meets on {n_of(n, 'fresh seed')}, on these {by} in turns",
            f"每个种子在 {n_splits} 种划分之一上调参；选中者在 {n} 个新种子上相遇，轮流使用这些划分",
        )
    return Text(
        f"each seed tunes on a split of its own; what it picks meets on {n_of(n, 'fresh seed-and-split pair')}",
        f"每个种子在各自的划分上调参；选中者在 {n} 对新的种子与划分上相遇",
    )


def decimals(half: float) -> int:
    """Decimals that show a number with this uncertainty: two significant digits of it, and two decimals where it has none.

    Example:
        >>> decimals(0.034), decimals(2700.0), decimals(0.0), decimals(1e-17)
        (3, -2, 2, 2)
    """
    return 1 - math.floor(math.log10(half)) if math.isfinite(half) and half > ROUNDING else 2


def written(value: float, places: int, *, signed: bool = False) -> str:
    """A number with so many decimals (negative: rounded to tens, hundreds, …), with a real minus.

    Example:
        >>> written(-0.123, 2), written(0.2, 1, signed=True), written(23912.0, -2), written(math.inf, 1)
        ('−0.12', '+0.2', '23,900', '∞')
        >>> written(-0.04, 1, signed=True), written(0.04, 1, signed=True), written(-1e-17, 1, signed=True)
        ('−0.0', '+0.0', '+0.0')
    """
    if math.isnan(value):
        return "?"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    rounded = round(value, places) + 0.0
    # an end just below 0 keeps its side: [+0.0, …] would say that the interval leaves 0 out
    sign = "−" if rounded < 0 or (signed and value < -ROUNDING) else "+" if signed else ""
    return f"{sign}{abs(rounded):,.{max(places, 0)}f}"


def interval_text(interval: Interval, *, signed: bool = False) -> str:
    """An estimate with its interval, in as many digits as it deserves.

    Example:
        >>> interval_text(Interval(2.0412, 1.83, 2.24, 0.95, 10, "seeds", "t"))
        '2.04 [1.83, 2.24]'
    """
    places = min(decimals((interval.high - interval.low) / 2), 6)
    low, high = (written(end, places, signed=signed) for end in (interval.low, interval.high))
    return f"{written(interval.estimate, places, signed=signed)} [{low}, {high}]"


def listed(names: Sequence[str]) -> Text:
    """Names one after another.

    Example:
        >>> listed(["a", "b", "c"])
        Text(en='a, b and c', zh='a、b 和 c')
        >>> listed(["面积", "年份"]).zh
        '面积和年份'
    """
    if len(names) < 2:
        return Text("".join(names), "".join(names))
    *first, last = names
    before, after = first[-1][-1:], last[:1]
    joint = spaced(f"{before}和{after}")  # nothing within a name is touched
    joint = joint.removeprefix(before).removesuffix(after)
    return Text(f"{', '.join(first)} and {last}", f"{'、'.join(first)}{joint}{last}")


_HAN, _LATIN = "\u4e00-\u9fff", "A-Za-z0-9+−±%"
_EDGES = re.compile(f"(?<=[{_HAN}])(?=[{_LATIN}])|(?<=[{_LATIN}])(?=[{_HAN}])")


def spaced(chinese: str) -> str:
    """Chinese with a space between it and what is written in Latin letters or digits.

    Example:
        >>> spaced("RMSE为3")
        'RMSE 为 3'
    """
    return _EDGES.sub(" ", chinese)


def n_of(n: int, thing: str) -> str:
    """So many of a thing.

    Example:
        >>> n_of(1, "rate"), n_of(1120, "network")
        ('1 rate', '1,120 networks')
    """
    return f"{n:,} {thing}{'' if n == 1 else 's'}"
