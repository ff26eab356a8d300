"""How the error of one look is shared out among several: spending functions, and the boundaries that spend what they say."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import optimize, special
from scipy.interpolate import PchipInterpolator

Floats = NDArray[np.float64]

SPENDING = ("obrien-fleming", "pocock")
"""O'Brien and Fleming's spends next to nothing early and nearly all at the end; Pocock's about as much at every look."""

_POINTS = 301
"""Places at which a density is kept between looks; odd, for Simpson's rule. Boundaries are then good to five digits."""


def spent(fraction: float, alpha: float, spending: str = SPENDING[0]) -> float:
    """Error that may be spent until a fraction of the information is in, of α in all, on one side.

    Args:
        fraction: Information so far over information at the most, in (0, 1].
        alpha: One-sided error of all looks together.
        spending: A name of `SPENDING`.

    Example:
        >>> round(spent(0.5, 0.025), 5), spent(1.0, 0.025)
        (0.00153, 0.025)

    References:
        Lan & DeMets 1983, Discrete Sequential Boundaries for Clinical Trials, https://doi.org/10.1093/biomet/70.3.659
    """
    if fraction >= 1:
        return alpha
    if spending == "pocock":
        return alpha * math.log(1 + (math.e - 1) * fraction)
    return 2 * float(special.ndtr(special.ndtri(alpha / 2) / math.sqrt(fraction)))


@lru_cache(maxsize=4096)
def boundaries(fractions: tuple[float, ...], alpha: float, spending: str = SPENDING[0]) -> tuple[float, ...]:
    """Standard errors from 0 at which each look finds something, on either side, with α on each side in all.

    Args:
        fractions: Information at each look over information at the most, rising.
        alpha: One-sided error of all looks together.
        spending: A name of `SPENDING`.

    Returns:
        One for each look; infinite where a look may spend nothing.

    Example:
        >>> [round(z, 3) for z in boundaries((0.2, 0.4, 0.6, 0.8, 1.0), 0.025)]
        [4.877, 3.357, 2.68, 2.29, 2.031]

    References:
        Armitage, McPherson & Rowe 1969, https://doi.org/10.2307/2343787
    """
    found: list[float] = []
    places, density, before, used = np.zeros(1), np.ones(1), 0.0, 0.0
    for fraction in fractions:
        step, root = math.sqrt(fraction - before), math.sqrt(fraction)
        may = spent(fraction, alpha, spending) - used
        z = _boundary(may, (places / step, root / step), density)
        used += may if math.isfinite(z) else 0.0
        found.append(z)
        # The density of Brownian motion that has not crossed yet, times Simpson's weights; ten deviations hold all of it.
        end = min(z, 10.0) * root
        grid = np.linspace(-end, end, _POINTS)
        weights = np.where(np.arange(_POINTS) % 2, 4.0, 2.0)
        weights[[0, -1]] = 1.0
        kernel = np.exp(-(((grid[:, None] - places) / step) ** 2) / 2) / (step * math.sqrt(2 * math.pi))
        places, density = grid, kernel @ density * weights * (grid[1] - grid[0]) / 3
        before = fraction
    return tuple(found)


def _boundary(may: float, scaled: tuple[Floats, float], density: Floats) -> float:
    """Where the chance of crossing at this look, on one side, is what may be spent; infinite where that is next to nothing."""
    places, root = scaled

    def too_likely(z: float) -> float:
        return float(density @ special.ndtr(places - z * root)) - may

    if may <= 1e-15 or too_likely(30.0) >= 0:
        return math.inf
    if too_likely(0.0) <= 0:
        return 0.0
    return optimize.root_scalar(too_likely, bracket=(0.0, 30.0), xtol=1e-9).root


def nominal(fractions: tuple[float, ...], alpha: float, spending: str = SPENDING[0]) -> float:
    """Two-sided p-value below which the last of the looks finds something.

    Student's t takes it as it would take 0.05: that is exact to a few thousandths from five replicates on.

    Example:
        >>> round(nominal((0.5, 1.0), 0.025), 4)
        0.049
    """
    return 2 * float(special.ndtr(-boundaries(fractions, alpha, spending)[-1]))


def repeated_p(p: float, fractions: tuple[float, ...], spending: str = SPENDING[0]) -> float:
    """A p-value of the last look as one that several looks have paid for: the least error at which it would be a finding.

    Example:
        >>> round(repeated_p(0.0491, (0.5, 1.0)), 3), repeated_p(1.0, (0.5, 1.0))
        (0.05, 1.0)

    References:
        Jennison & Turnbull 1999, Group Sequential Methods, section 9, https://doi.org/10.1201/9780367805326
    """
    nominals, errors = _scale(fractions, spending)
    if p >= nominals[-1]:
        return 1.0
    if p <= nominals[0]:
        return float(errors[0]) if p > 0 else 0.0
    return float(np.exp(PchipInterpolator(np.log(nominals), np.log(errors))(math.log(p))))


@lru_cache(maxsize=256)
def _scale(fractions: tuple[float, ...], spending: str) -> tuple[Floats, Floats]:
    """[m] p-values of the last look, rising, and the two-sided error of all looks that each stands for."""
    errors = np.concatenate([np.geomspace(1e-8, 0.04, 14), np.arange(0.05, 0.96, 0.05)])
    nominals = np.array([nominal(fractions, error / 2, spending) for error in errors.tolist()])
    is_more = np.concatenate([[True], np.diff(nominals) > 0]) & (nominals > 0)
    return nominals[is_more], errors[is_more]
