"""An interval: an estimate, its ends, and what varied between the values that it was made from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from scipy import special

LEVEL = 0.95
"""Confidence of an interval where nothing else is said."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its uncertainty.

    estimate: The number itself.
    low: Lower end; −inf when nothing is known.
    high: Upper end.
    level: Confidence level, such as 0.95.
    n: How many values it was made from.
    scope: What varied between them: "seeds and splits", "test rows", …
    method: How the ends were found.
    """

    estimate: float
    low: float
    high: float
    level: float
    n: int
    scope: str
    method: str

    def contains(self, value: float) -> bool:
        """Whether a value lies in the interval, ends included."""
        return self.low <= value <= self.high

    def within(self, margin: float) -> bool:
        """Whether the whole interval lies in ±margin."""
        return -margin <= self.low and self.high <= margin

    def negated(self) -> Interval:
        """The interval of minus the value: of a score that is better when higher, from that of a loss.

        Example:
            >>> Interval(-0.9, -0.95, -0.8, 0.95, 10, "test rows", "percentile bootstrap").negated().high
            0.95
        """
        return dataclasses.replace(self, estimate=-self.estimate, low=-self.high, high=-self.low)


def t_quantile(level: float, freedom: float) -> float:
    """Half the width, in standard errors, of a two-sided interval of Student's t.

    Example:
        >>> round(t_quantile(0.95, 9), 3)
        2.262
    """
    return float(special.stdtrit(freedom, 0.5 + level / 2))


def widened(level: float, n: int) -> float:
    """The level at which the bootstrap of n values covers as often as `level` says.

    A bootstrap divides by n where n − 1 is due, and has the tails of the normal law where Student's are due. Both are
    mended by asking it for a higher level: 0.962 in place of 0.95 for thirty values, 0.9504 for a thousand.

    Args:
        level: What the interval shall cover.
        n: How many independent values, or blocks of them, are resampled.

    Example:
        >>> round(widened(0.95, 30), 3), round(widened(0.95, 1000), 4)
        (0.962, 0.9504)

    References:
        Hesterberg 2015, What Teachers Should Know About the Bootstrap, https://doi.org/10.1080/00031305.2015.1089789
    """
    if n < 2:
        return level
    return float(1 - 2 * special.ndtr(-t_quantile(level, n - 1) * (n / (n - 1)) ** 0.5))
