"""The contract of an attack."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.attacks import Attack, registry
from manyfit.data.domain import Domain
from manyfit.testing.knobs import check_knobs

Floats = NDArray[np.float64]


def check_attack(rule: type[Any]) -> None:
    """Hold an attack to the contract.

    It is declared and registered; a nudge is no larger than its strength, leaves flags, one-hot inputs and empty cells alone
    and stays in the range of the data; it raises the loss; a network is attacked among others as alone; it depends on the
    units of the inputs no more than its result has their units.

    Args:
        rule: The class.

    Raises:
        AssertionError: If something does not hold.
    """
    check_knobs(rule, registry)
    for settings in rule.examples:
        _check(rule(**settings))


def _check(attack: Attack) -> None:
    generator = np.random.default_rng(5)
    X = np.round(generator.normal(size=(40, 4)), 3) * np.array([1.0, 20.0, 0.1, 0.0])
    X[:, 3] = np.arange(40) % 2
    X[::4, 0] = 0.0  # empty cells, which a flag says
    flags = (np.arange(40) % 4 == 0).astype(np.float64)[:, None]
    X = np.hstack([X, flags])
    weight = generator.normal(size=(3, 5)) / np.array([1.0, 20.0, 0.1, 1.0, 1.0])
    domain = _domain(X)

    def loss(X: Floats, who: slice = slice(None)) -> Floats:
        return np.tanh(
            np.einsum("...nd,pd->pn", X, weight[who])
            if X.ndim == 2
            else np.einsum("pnd,pd->pn", X, weight[who])
        )

    def slope(X: Floats, who: slice = slice(None)) -> Floats:
        return (1 - loss(X, who) ** 2)[..., None] * weight[who][:, None, :]

    keys = [3, 1, 2]
    strength = 0.2
    moved = attack.perturb(slope, X, domain, strength, keys)
    assert moved.shape == (3, *X.shape), f"{attack} gives shape {moved.shape}"
    nudge = (moved - X)[..., [0, 1, 2]] / domain.spread[[0, 1, 2]]
    assert np.array_equal(moved[..., 3:], np.broadcast_to(X[:, 3:], moved[..., 3:].shape)), (
        f"{attack} nudges a flag"
    )
    assert (moved[:, ::4, 0] == X[::4, 0]).all(), f"{attack} nudges an empty cell"
    assert (moved >= domain.low).all() and (moved <= domain.high).all(), (
        f"{attack} leaves the range of the data"
    )
    n_free = 3 - (flags[:, 0] > 0)
    size = np.abs(nudge).max(-1) if attack.norm == "linf" else np.sqrt((nudge**2).sum(-1) / n_free)
    assert (size <= strength * (1 + 1e-12)).all(), f"{attack} nudges by more than its strength"
    assert loss(moved).mean() > loss(X).mean(), f"{attack} does not raise the loss"
    for k in range(3):
        alone = attack.perturb(lambda X, k=k: slope(X, slice(k, k + 1)), X, domain, strength, keys[k : k + 1])
        assert np.array_equal(alone[0], moved[k]), f"{attack}: network {k} is attacked otherwise than alone"
    unit = np.array([8.0, 0.5, 4.0, 1.0, 1.0])  # powers of two, so that no bit is lost
    scaled = attack.perturb(lambda X: slope(X / unit) / unit, X * unit, _domain(X * unit), strength, keys)
    assert np.allclose(scaled / unit, moved, rtol=1e-12, atol=1e-13), (
        f"{attack} depends on the units of the inputs"
    )


def _domain(X: Floats) -> Domain:
    """Three numbers, of which the first may be empty as input 4 says, and a flag."""
    unknown = np.full(5, np.inf)
    return Domain(
        X.std(0),
        X.min(0),
        X.max(0),
        np.array([True, True, True, False, False]),
        np.array([4, -1, -1, -1, -1]),
        (np.array([0, 4]), np.array([1]), np.array([2]), np.array([3])),
        np.zeros(5),
        -unknown,
        unknown,
    )
