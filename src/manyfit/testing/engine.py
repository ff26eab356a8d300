"""The contract of an engine: alone = together, and everything that the ledger promises."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.augment import Augment
from manyfit.engines.base import Engine
from manyfit.networks import Dense
from manyfit.optimizers.momentum import Momentum
from manyfit.optimizers.sgd import SGD
from manyfit.penalties import L1, L2
from manyfit.population import Member, Population, Probe, Rows, View
from manyfit.recipe import Recipe, Stopping
from manyfit.rng import Streams
from manyfit.runs.ledger import Cursor, Fate, Ledger
from manyfit.schedules.cosine import Cosine
from manyfit.schedules.plateau import Plateau
from manyfit.schedules.warmup import Warmup

_RECORDS = ("cursor", "sums", "loss", "held_loss", "layers", "watched", "parameters", "state", "best")


def check_engine(make: Callable[[], Engine], *, tolerance: float = 0.0) -> None:
    """Hold an engine to the contract.

    Each network comes out as if it had been trained alone; so it does when training goes in segments of one update, and when it
    is resumed in mid-epoch from a copy of the ledger by another engine; a diverging network is a fate and disturbs nobody;
    probes, held-out losses and `predict` agree; `input_grad` is the slope of each row's own loss; networks that are asked at
    inputs of their own answer as alone; no epochs means no change.

    Args:
        make: Gives a fresh engine at each call.
        tolerance: Largest difference allowed, relative to the largest number of an array; 0 asks for the same bits.

    Raises:
        AssertionError: If something does not hold.
    """
    population = _population()
    whole = advance_to_end(make(), population)
    fates = [Fate(code).name for code in whole.fate]
    assert fates == [*["FINISHED"] * 2, "DIVERGED", *["FINISHED"] * 3], f"the networks of the contract ended as {fates}"

    for index in range(len(population)):
        alone = advance_to_end(make(), dataclasses.replace(population, members=(population.members[index],)))
        _check_same(alone, 0, whole, index, tolerance, f"network {index} alone and together")
    _check_same_all(advance_to_end(make(), population, steps=1), whole, tolerance, "segments of one update")
    for n_updates in (1, 4):
        engine = make()
        engine.start(population, Ledger.begin(population))
        engine.advance(steps=n_updates)
        saved = copy.deepcopy(engine.read())
        assert engine.stop() >= 0
        _check_same_all(advance_to_end(make(), population, saved), whole, tolerance, f"a resume after {n_updates} updates")

    _check_predictions(make(), population, whole)
    _check_input_grad(make(), population, whole)
    assert make().describe()["name"] == make().name


def advance_to_end(
    engine: Engine, population: Population, ledger: Ledger | None = None, *, steps: int | None = None
) -> Ledger:
    """The ledger of a population trained to its end by an engine, in segments of `steps` updates."""
    engine.start(population, Ledger.begin(population.check()) if ledger is None else ledger)
    try:
        while not engine.advance(steps=steps):
            engine.read()
        return engine.read()
    finally:
        engine.stop()


def apart(a: Ledger, i: int, b: Ledger, j: int, *, relative: bool = True) -> dict[str, float]:
    """How far network `i` of one ledger is from network `j` of another, by name of the record.

    Args:
        a: A ledger.
        i: A network of it.
        b: Another ledger, which may hold other networks besides.
        j: A network of that.
        relative: Measure against the largest number of the record; else 0 means equal bits and 1 means that they differ.

    Returns:
        The records that differ; empty when none does.
    """
    pairs = {name: (getattr(a, name)[i], getattr(b, name)[j]) for name in _RECORDS}
    for k, (x, y) in enumerate(zip(a.probes, b.probes, strict=True)):
        n_outputs = min(x.shape[-1], y.shape[-1])  # a ledger has room for the outputs of its widest network
        pairs[f"probes[{k}]"] = (x[i, ..., :n_outputs], y[j, ..., :n_outputs])
    found = {}
    for name, (x, y) in pairs.items():
        if name in ("loss", "held_loss", "layers", "watched"):  # a ledger has room for the longest and the widest
            common = tuple(slice(min(ends)) for ends in zip(x.shape, y.shape, strict=True))
            x, y = x[common], y[common]
        distance = _distance(x, y) if relative else float(not _same_bits(x, y))
        if distance > 0:
            found[name] = distance
    return found


def _same_bits(x: NDArray[Any], y: NDArray[Any]) -> bool:
    return x.dtype == y.dtype and x.shape == y.shape and bool(np.array_equal(x, y, equal_nan=True))


def _distance(x: NDArray[Any], y: NDArray[Any]) -> float:
    if x.shape != y.shape or not np.array_equal(np.isnan(x), np.isnan(y)):
        return np.inf
    with np.errstate(invalid="ignore"):  # ∞ − ∞, for a best loss that nobody has measured yet
        difference = np.nan_to_num(np.abs(x - y), posinf=np.inf)
    size = np.abs(x[np.isfinite(x)]).max(initial=0.0)
    return float(difference.max(initial=0.0) / (size or 1.0))


def _check_same(a: Ledger, i: int, b: Ledger, j: int, tolerance: float, what: str) -> None:
    found = {n: d for n, d in apart(a, i, b, j, relative=tolerance > 0).items() if d > tolerance}
    assert not found, f"{what} differ: {found}"


def _check_same_all(a: Ledger, b: Ledger, tolerance: float, what: str) -> None:
    for index in range(len(b.cursor)):
        _check_same(a, index, b, index, tolerance, f"network {index} after {what} and without")


def _population() -> Population:
    """Unlike networks: Adam; momentum with all that can be added; one that diverges; no hidden layer, no epochs; a plateau."""
    generator = np.random.default_rng(5)
    X = generator.normal(size=(13, 2))
    view = View(X, np.stack([X.sum(1), X[:, 0] * X[:, 1]], axis=1), generator.uniform(0, 2, 13))
    recipes = (
        Recipe(Dense((4,)), batch_size=3, epochs=4, precision="float64"),
        Recipe(
            Dense((5, 3), "tanh", dropout=0.4, input_dropout=0.2),
            optimizer=Momentum(nesterov=True),
            schedule=Cosine(),
            penalties=(L1(0.01), L2(0.01, biases=True)),
            augment=Augment(0.2, 0.1),
            clip_norm=0.5,
            batch_size=4,
            epochs=5,
            stopping=Stopping(patience=5),
        ),
        Recipe(Dense((4,)), optimizer=SGD(1e6), batch_size=3, epochs=4),
        Recipe(Dense(()), epochs=0, precision="float64"),
        Recipe(Dense((4,)), schedule=Warmup(0.5) >> Plateau(0.5, patience=0, threshold=0.5), batch_size=3, epochs=4),
        Recipe(Dense((4,)), batch_size=3, shuffle=False, epochs=2),
    )
    streams = [Streams.of(6, replicate=i) for i in range(len(recipes))]
    rows = [Rows(np.arange(9), np.arange(9, 13)), Rows(np.arange(12, 2, -1), np.arange(3))]
    members = [Member(recipe, streams[i], rows[i % 2]) for i, recipe in enumerate(recipes)]
    return Population(tuple(members), {"all": view}, (Probe("some", np.array([0, 5]), (0, 2, 4)),), record_every=2)


def _check_predictions(engine: Engine, population: Population, ledger: Ledger) -> None:
    before = Ledger.begin(population)
    view, probe = population.views["all"], population.probes[0]
    assert view.weights is not None
    for index in (0, 2, 3):  # without patience, so that the last weights are the kept ones
        member = population.members[index]
        network, held = member.recipe.network, member.rows.held
        first = engine.predict(network, before.parameters[index][None], view.X[probe.rows])
        assert np.allclose(ledger.probes[0][index, 0], first[0], rtol=1e-5), "a probe of the start is not its prediction"
        if member.recipe.epochs and ledger.fate[index] == Fate.FINISHED:
            last = engine.predict(network, ledger.parameters[index][None], view.X)[0]
            assert np.allclose(ledger.probes[0][index, 2], last[probe.rows], rtol=1e-5), "a probe is not a prediction"
            rows = member.recipe.loss.scoring.rows(np, last[held], view.y[held])
            score = np.average(rows, weights=view.weights[held])
            assert np.isclose(ledger.held_loss[index, member.recipe.epochs - 1], score, rtol=1e-5), "the held-out loss is wrong"
    assert np.isnan(ledger.probes[0][2, 1:]).all(), "a network that has diverged answers no probe"
    assert np.isnan(ledger.held_loss[0, 0]), "a held-out loss stands where none was asked for"
    assert np.array_equal(before.parameters[3], ledger.parameters[3]), "no epochs must change nothing"
    assert ledger.cursor[3, Cursor.STEP] == 0


def _check_input_grad(engine: Engine, population: Population, ledger: Ledger) -> None:
    recipe, view = population.members[0].recipe, population.views["all"]
    parameters, X, y = ledger.parameters[0][None], view.X[:5], view.y[:5]
    gradient = engine.input_grad(recipe.network, recipe.loss, parameters, X, y)[0]
    assert gradient.shape == X.shape
    step = 1e-6  # central differences are then right to about 1e-9
    for column in range(X.shape[1]):
        moved = np.zeros_like(X)
        moved[:, column] = step
        above, below = (
            recipe.loss.rows(np, engine.predict(recipe.network, parameters, X + sign * moved)[0], y) for sign in (1, -1)
        )
        assert np.allclose(gradient[:, column], (above - below) / (2 * step), atol=1e-6), "input_grad is not the slope"
    others = ledger.parameters[0][None] * np.array([[1.0], [0.5], [2.0]], dtype=parameters.dtype)
    own = np.stack([X, X + 0.5, -X])
    together = (
        engine.predict(recipe.network, others, own),
        engine.input_grad(recipe.network, recipe.loss, others, own, y),
    )
    for k in range(3):
        alone = (
            engine.predict(recipe.network, others[k : k + 1], own[k]),
            engine.input_grad(recipe.network, recipe.loss, others[k : k + 1], own[k], y),
        )
        assert all(np.allclose(a[0], b[k], rtol=1e-12) for a, b in zip(alone, together, strict=True)), "inputs of its own"
