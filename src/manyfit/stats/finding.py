"""What a comparison may find, and the rule by which two intervals decide it."""

from __future__ import annotations

from enum import StrEnum

from manyfit.stats.interval import Interval


class Finding(StrEnum):
    """What a paired comparison of a with b found."""

    BETTER = "better"
    SAME = "same"
    WORSE = "worse"
    UNKNOWN = "cannot tell"


def judge(interval: Interval, narrow: Interval, margin: float) -> Finding:
    """The finding that an interval (for a difference) and its narrower twin (for equivalence) support.

    The same comes first: a real difference that is too small to matter is no difference.

    Args:
        interval: Of a − b, losses: below 0 means that a is better.
        narrow: The same at level 1 − 2(1 − level): inside ± margin, both of two one-sided tests at 1 − level reject.
        margin: What counts as the same; 0 for no such answer.

    Example:
        >>> clear = Interval(-2.0, -3.0, -1.0, 0.95, 10, "seeds", "Student t")
        >>> judge(clear, clear, 0.5).value, judge(clear, clear, 4.0).value
        ('better', 'same')

    References:
        Schuirmann 1987, two one-sided tests, https://doi.org/10.1007/BF01068419
    """
    if margin > 0 and narrow.within(margin):
        return Finding.SAME
    if interval.high < 0:
        return Finding.BETTER
    if interval.low > 0:
        return Finding.WORSE
    return Finding.UNKNOWN
