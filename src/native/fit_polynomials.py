"""Prints the polynomials of math.hpp: minimax fits by Remez exchange in 60 digits.

Not part of the build; run it (it needs mpmath) to see where the numbers come from, or to fit another degree:
`python src/native/fit_polynomials.py`.

References:
    Remez 1934; in English: Muller 2016, Elementary Functions, chapter 3, https://doi.org/10.1007/978-1-4899-7983-4
"""

from collections.abc import Callable

import numpy as np
from mpmath import atanh, cos, erfc, exp, log, lu_solve, matrix, mp, mpf, pi, sin, sqrt

mp.dps = 60

Function = Callable[[mpf], mpf]


def horner(coefficients: list[mpf], x: mpf) -> mpf:
    """The polynomial at x, lowest coefficient first."""
    value = mpf(0)
    for coefficient in reversed(coefficients):
        value = value * x + coefficient
    return value


def remez(f: Function, weight: Function, low: mpf, high: mpf, degree: int) -> tuple[list[mpf], mpf]:
    """Coefficients that make the largest weight * |f - polynomial| on [low, high] smallest, and that largest value.

    Solve for an error of equal size and alternating sign at degree + 2 points; move the points to where the error is
    really largest; repeat until the extremes are equal.
    """
    n = degree + 2
    points = [(low + high) / 2 - (high - low) / 2 * cos(pi * (i + mpf(1) / 2) / n) for i in range(n)]
    grid = [low + (high - low) * (1 - cos(pi * i / 2000)) / 2 for i in range(2001)]
    values, weights = [f(x) for x in grid], [weight(x) for x in grid]
    for _ in range(12):
        system, right = matrix(n, n), matrix(n, 1)
        for i, x in enumerate(points):
            for k in range(degree + 1):
                system[i, k] = x**k
            system[i, degree + 1] = (-1) ** i / weight(x)
            right[i] = f(x)
        solution = lu_solve(system, right)
        coefficients = [solution[k] for k in range(degree + 1)]
        errors = [w * (v - horner(coefficients, x)) for x, v, w in zip(grid, values, weights, strict=True)]
        # The largest error of each run of one sign; the outermost go first where there are too many runs.
        extremes: list[int] = []
        for i, error in enumerate(errors):
            if not extremes or (error > 0) != (errors[extremes[-1]] > 0):
                extremes.append(i)
            elif abs(error) > abs(errors[extremes[-1]]):
                extremes[-1] = i
        while len(extremes) > n:
            extremes.pop(0 if abs(errors[extremes[0]]) < abs(errors[extremes[-1]]) else -1)
        sizes = [abs(errors[i]) for i in extremes]
        if len(extremes) < n or max(sizes) < mpf("1.001") * min(sizes):
            break
        points = [grid[i] for i in extremes]
    return coefficients, max(abs(error) for error in errors)


def exp_rest(r: mpf) -> mpf:
    """P in exp(r) = 1 + r + r² P(r)."""
    return mpf(1) / 2 + r / 6 + r * r / 24 if abs(r) < mpf(10) ** -12 else (exp(r) - 1 - r) / (r * r)


def exp_weight(r: mpf) -> mpf:
    """How much of exp(r) an error of P is; never 0, where the equations would have no solution."""
    return max(r * r, mpf(10) ** -4) / exp(r)


def log_rest(z: mpf) -> mpf:
    """P in 2 atanh(s) / s = 2 + z P(z), z = s²."""
    return mpf(2) / 3 + 2 * z / 5 if z < mpf(10) ** -14 else (2 * atanh(sqrt(z)) / sqrt(z) - 2) / z


def log_weight(z: mpf) -> mpf:
    """How much of the logarithm an error of P is; never 0, like `exp_weight`."""
    return max(z, mpf(10) ** -5) / 2


def sin_rest(z: mpf) -> mpf:
    """P in sin(r pi/2) = r P(z), z = r²."""
    return pi / 2 if z < mpf(10) ** -30 else sin(pi * sqrt(z) / 2) / sqrt(z)


def cos_rest(z: mpf) -> mpf:
    """P in cos(r pi/2) = 1 + z P(z), z = r²."""
    return pi**4 * z / 384 - pi**2 / 8 if z < mpf(10) ** -14 else (cos(pi * sqrt(z) / 2) - 1) / z


def tail_size(t: mpf) -> mpf:
    """x in t = (x − 4) / (x + 4)."""
    return 4 * (1 + t) / (1 - t)


def tail_rest(t: mpf) -> mpf:
    """P in Φ(−x) = exp(−x²/2) P(t): what is left of the tail of the normal distribution is smooth."""
    x = tail_size(t)
    return erfc(x / sqrt(2)) * exp(x * x / 2) / 2


def tail_weight(floor: str) -> Function:
    """How much of Φ an error of P is; never 0, so that P stays near its function where the tail is next to nothing."""
    return lambda t: max(exp(-(tail_size(t) ** 2) / 2), mpf(floor))


def main() -> None:
    """Fit and print all ten."""
    # A thousandth more than the reduced range, because the reduction rounds.
    half_octave = log(2) / 2 * mpf("1.001")
    largest_z = ((sqrt(2) - 1) / (sqrt(2) + 1)) ** 2 * mpf("1.001")
    fits = [
        ("exp_poly, float", remez(exp_rest, exp_weight, -half_octave, half_octave, 4)),
        ("exp_poly, double", remez(exp_rest, exp_weight, -half_octave, half_octave, 9)),
        ("log_poly, float", remez(log_rest, log_weight, mpf(0), largest_z, 2)),
        ("log_poly, double", remez(log_rest, log_weight, mpf(0), largest_z, 6)),
        ("sin_poly, float", remez(sin_rest, lambda z: 1 / sin_rest(z), mpf(0), mpf("0.25"), 3)),
        ("sin_poly, double", remez(sin_rest, lambda z: 1 / sin_rest(z), mpf(0), mpf("0.25"), 6)),
        ("cos_poly, float", remez(cos_rest, lambda z: max(z, mpf(10) ** -5), mpf(0), mpf("0.25"), 2)),
        ("cos_poly, double", remez(cos_rest, lambda z: max(z, mpf(10) ** -5), mpf(0), mpf("0.25"), 5)),
        ("tail_poly, float", remez(tail_rest, tail_weight("1e-3"), mpf(-1), mpf("0.54"), 7)),
        ("tail_poly, double", remez(tail_rest, tail_weight("1e-4"), mpf(-1), mpf("0.81"), 19)),
    ]
    for name, (coefficients, error) in fits:
        print(f"{name}: largest error {mp.nstr(error, 3)} of the result")
        for coefficient in coefficients:
            number = float(coefficient)
            print("   ", float(np.float32(number)).hex() if "float" in name else number.hex())


if __name__ == "__main__":
    main()
