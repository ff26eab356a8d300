"""Numbers as people write them: as many digits as their uncertainty deserves, thousands apart."""

from __future__ import annotations

import math


def digits_for(width: float) -> int:
    """Decimals that show a number with this uncertainty: two significant digits of the uncertainty itself.

    Example:
        >>> digits_for(0.034), digits_for(1700.0), digits_for(3.2)
        (3, -2, 1)
    """
    if not (math.isfinite(width) and width > 0):
        return 3
    return 1 - math.floor(math.log10(width))


def written(value: float, digits: int, *, signed: bool = False) -> str:
    """A number rounded to so many decimals (negative: to tens, hundreds, …), thousands apart, with a real minus.

    Example:
        >>> written(23931.0, -2), written(-0.1234, 2), written(1800.0, -2, signed=True), written(float("nan"), 2)
        ('23,900', '−0.12', '+1,800', '?')
        >>> written(-0.04, 1, signed=True), written(0.04, 1, signed=True), written(-0.04, 1)
        ('−0.0', '+0.0', '0.0')
    """
    if math.isnan(value):
        return "?"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    rounded = round(value, digits)
    text = f"{abs(rounded):,.{max(digits, 0)}f}"
    # an end just below 0 keeps its side: [+0.0, …] would say that the interval leaves 0 out
    sign = "−" if rounded < 0 or (signed and value < 0) else "+" if signed else ""
    return sign + text


def ranged(low: float, high: float, digits: int) -> str:
    """Two ends with a dash between them; with " to " when a minus stands in the way.

    Example:
        >>> ranged(21400.0, 26800.0, -2), ranged(-1.0, 2.0, 0)
        ('21,400–26,800', '−1 to 2')
    """
    dash = " to " if low < 0 else "–"
    return f"{written(low, digits)}{dash}{written(high, digits)}"


def compact(value: float) -> str:
    """A number in three significant digits, for progress.

    Example:
        >>> compact(0.12345), compact(23931.0), compact(1234567.0)
        ('0.123', '23,900', '1,230,000')
    """
    if not math.isfinite(value):
        return "–"
    if value == 0:
        return "0"
    return written(value, 2 - math.floor(math.log10(abs(value))))
