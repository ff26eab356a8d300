"""The contract of a corruption."""

from __future__ import annotations

from typing import Any

import numpy as np

from manyfit.data.corrupt import Corruption, registry
from manyfit.data.domain import Domain, Sample
from manyfit.testing.knobs import check_knobs


def check_corruption(rule: type[Any]) -> None:
    """Hold a corruption to the contract.

    It is declared and registered; strength 0 changes no bit; it is a pure function of the key, and another key gives other
    rows; a larger strength does more; flags and one-hot inputs keep the values they can have, and numbers stay within what
    the encoding lets through; inputs are not changed in place.

    Args:
        rule: The class.

    Raises:
        AssertionError: If something does not hold.
    """
    check_knobs(rule, registry)
    corruption: Corruption = rule()
    assert corruption.stage in ("score", "train"), f"{rule.__name__}.stage must be 'score' or 'train'"
    strengths = corruption.strengths
    assert min(strengths) > 0 and list(strengths) == sorted(strengths), (
        f"{rule.__name__}.strengths must increase from above 0"
    )
    for sample, domain in _samples():
        before = [part.copy() for part in sample[:3]]
        _check(corruption, sample, domain)
        same = all(np.array_equal(a, b) for a, b in zip(before, sample[:3], strict=True))
        assert same, f"{rule.__name__} changes its inputs"


def _check(corruption: Corruption, sample: Sample, domain: Domain) -> None:
    name, strengths = type(corruption).__name__, corruption.strengths
    nothing = corruption.apply(sample, domain, 0.0, 7)
    assert all(np.array_equal(a, b) for a, b in zip(nothing[:3], sample[:3], strict=True)), (
        f"{name}: strength 0 changes rows"
    )
    weak, strong, again = (corruption.apply(sample, domain, strengths[k], 7) for k in (0, -1, -1))
    others = [corruption.apply(sample, domain, strengths[-1], key) for key in range(8, 24)]
    assert all(np.array_equal(a, b) for a, b in zip(strong[:3], again[:3], strict=True)), (
        f"{name} is not a function of its key"
    )
    assert max(_apart(strong, other) for other in others) > 0, f"{name}: another key changes nothing"
    assert _apart(strong, sample) > _apart(weak, sample), f"{name}: a larger strength does no more"
    flags = np.flatnonzero(~domain.is_number)
    known = [set(sample.X[:, i]) | {domain.empty[i]} for i in flags]
    assert all(set(strong.X[:, i]) <= values for i, values in zip(flags, known, strict=True)), (
        f"{name} nudges a flag"
    )
    assert (domain.floor <= strong.X).all() and (domain.ceiling >= strong.X).all(), (
        f"{name} leaves what the encoding lets through"
    )
    assert (strong.weights >= 0).all() and strong.weights.sum() > 0, f"{name}: weights must be ≥ 0"
    if sample.n_classes is not None:
        assert set(np.unique(strong.y)) <= set(range(sample.n_classes)), f"{name}: no such class"


def _apart(a: Sample, b: Sample) -> float:
    """How far two samples are apart, all in all."""
    pairs = zip((a.X, a.y, a.weights), (b.X, b.y, b.weights), strict=True)
    return float(sum(np.abs(x - y).sum() for x, y in pairs))


def _samples() -> list[tuple[Sample, Domain]]:
    """Rows with two numbers, of which one may be empty, and a flag; targets that are numbers, classes, yes or no."""
    generator = np.random.default_rng(3)
    n = 200
    X = np.stack(
        [generator.normal(size=n), np.zeros(n), generator.uniform(-1, 1, n), np.arange(n) % 2 * 2.0 - 1],
        axis=1,
        dtype=np.float64,
    )
    X[::5, :2] = 0.3, 1.0
    domain = Domain(
        X.std(0),
        X.min(0),
        X.max(0),
        np.array([True, False, True, False]),
        np.array([1, -1, -1, -1]),
        (np.array([0, 1]), np.array([2]), np.array([3])),
        np.array([0.3, 1.0, 0.0, 1.0]),
        np.array([-4.0, 0.0, -4.0, -1.0]),
        np.array([4.0, 1.0, 4.0, 1.0]),
    )
    targets: list[tuple[Any, int | None]] = [
        (generator.normal(size=(n, 2)), None),
        (generator.integers(0, 3, n), 3),
        (generator.integers(0, 2, (n, 1)).astype(np.float64), None),
    ]
    return [(Sample(X, y, np.ones(n), n_classes), domain) for y, n_classes in targets]
