"""How many replicates would tell: planned from the smallest difference that matters, never from the one that was observed."""

from __future__ import annotations

import math

from scipy import special

from manyfit.stats.interval import LEVEL, t_quantile

POWER = 0.8
"""Chance of finding a difference of one margin, and of finding none where there is none, that plans ask for."""
NEVER = 10**6
"""More replicates than anybody trains: overlap drowns the difference, or there is nothing to plan with."""


def replicates_needed(
    sd: float, difference: float, *, level: float = LEVEL, power: float = POWER, overlap: float = 0.0
) -> int:
    """How many pairs show a given true difference with the given power, from the standard deviation of paired differences.

    Args:
        sd: Standard deviation of the differences, in the unit of the loss.
        difference: The smallest one that matters.
        level: Confidence level of the interval that shall leave out 0.
        power: Chance that it does.
        overlap: As in `mean_interval`.

    Returns:
        Pairs in all, at least 2; 0 when differences do not vary at all; `NEVER` when no number will do.

    Example:
        >>> replicates_needed(1.0, 1.0)
        10

    References:
        Hoenig & Heisey 2001, The Abuse of Power, https://doi.org/10.1198/000313001300339897
    """
    if not (math.isfinite(sd) and sd > 0 and difference > 0):
        return 0 if sd == 0 else NEVER

    def is_enough(n: int) -> bool:
        shift = difference / (sd * math.sqrt(1 / n + overlap))
        return 1 - float(special.nctdtr(n - 1, shift, t_quantile(level, n - 1))) >= power

    # Student's quantiles are larger than the normal law's: where even those do not reach, no number will.
    z = special.ndtri(0.5 + level / 2) + special.ndtri(power)
    room = (difference / (sd * z)) ** 2 - overlap
    least = math.ceil(1 / room) if room > 0 else NEVER
    if least >= NEVER:
        return NEVER
    if least > 1000:  # Student's quantile adds two pairs whatever their number
        return least + 2
    n = max(least, 2)
    while not is_enough(n):
        n += 1
        if n >= 4 * least + 100:
            return NEVER
    return n


def replicates_to_tell(
    sd: float, margin: float, *, level: float = LEVEL, power: float = POWER, overlap: float = 0.0
) -> int:
    """How many pairs tell either way: show a difference of one margin, and show that there is none where there is none.

    Returns:
        Pairs in all; `NEVER` without a margin.

    Example:
        >>> replicates_to_tell(1.0, 1.0)
        11
    """
    differs = replicates_needed(sd, margin, level=level, power=power, overlap=overlap)
    # Two one-sided tests at 1 − level; each may fail, so each is given half of what may go wrong.
    same = replicates_needed(sd, margin, level=2 * level - 1, power=(1 + power) / 2, overlap=overlap)
    return max(differs, same)
