"""Parity: the native engine follows the reference in float64."""

import copy
import dataclasses

import numpy as np
import pytest
from cases import CHAPTERS, PRODUCT, SHAPES, all_pairs, name_of_case, population_of

from manyfit import optimizers
from manyfit.engines.reference import Reference
from manyfit.losses import BCE, MSE, CrossEntropy
from manyfit.networks import ACTIVATIONS, Dense
from manyfit.runs import Cursor, Ledger
from manyfit.testing.engine import advance_to_end, apart

pytestmark = pytest.mark.native

CASES = [case | {"precision": "float64"} for case in all_pairs(CHAPTERS | SHAPES)]


def native(**options):
    from manyfit.engines.native import Native

    return Native(**({"threads": 1} | options))


def distance(a, b, layout):
    """Largest difference in any tensor, relative to the largest number in it; of parameters, or of a row of states."""
    ours, theirs = layout.cut(a), layout.cut(b)
    return max(np.abs(ours[name] - theirs[name]).max() / (np.abs(theirs[name]).max() or 1.0) for name in ours)


def quiet(population):
    """The same population without the network that is there to diverge: chaos has no parity."""
    members = tuple(member for member in population.members if member.recipe.optimizer.lr < 1e3)
    return dataclasses.replace(population, members=members)


KEPT = [case | {"order": "kept"} for case in CASES if case["batch_size"] == 4 and case["optimizer"] != "rmsprop"][::6]
"""Rows as they stand; RMSprop amplifies what is in the last digits most."""


@pytest.mark.parametrize("case", [*CASES, *KEPT], ids=name_of_case)
def test_native_follows_reference_for_50_steps(case):
    epochs = -(-50 // -(-17 // (case["batch_size"] or 17)))  # the smallest of the networks has 17 rows
    population = population_of(case, 3, epochs)
    # Two networks of each case, both with what the case adds: that others beside them change nothing is the law's own test.
    population = dataclasses.replace(population, members=population.members[1:])

    ours, theirs = (advance_to_end(engine, population) for engine in (native(), Reference()))

    assert case["addition"] == "patience" or ours.cursor[:, Cursor.STEP].min() >= 50
    assert np.array_equal(ours.cursor, theirs.cursor)
    for i in range(len(population)):
        assert distance(ours.parameters[i], theirs.parameters[i], population.layout(i)) < 1e-9
        for mine, other in zip(ours.state[i], theirs.state[i], strict=True):
            assert distance(mine, other, population.layout(i)) < 1e-9
        far = apart(ours, i, theirs, i)
        assert {name: d for name, d in far.items() if d > 1e-9} == {}


@pytest.mark.long
@pytest.mark.parametrize("case", PRODUCT, ids=name_of_case)
def test_native_follows_reference_in_every_combination_of_rules(case):
    population = population_of(case | {"precision": "float64"}, 3, epochs=4)
    population = dataclasses.replace(population, members=population.members[1:])

    ours, theirs = (advance_to_end(engine, population) for engine in (native(), Reference()))

    assert np.array_equal(ours.cursor, theirs.cursor)
    for i in range(len(population)):
        assert {name: d for name, d in apart(ours, i, theirs, i).items() if d > 1e-9} == {}


@pytest.mark.parametrize("case", CASES[::8], ids=name_of_case)
def test_every_instruction_set_follows_reference(case):
    from manyfit import _native

    population = quiet(population_of(case, 4, epochs=6))
    theirs = advance_to_end(Reference(), population)
    for isa in _native.isas():
        ours = advance_to_end(native(isa=isa), population)
        for i in range(len(population)):
            assert {name: d for name, d in apart(ours, i, theirs, i).items() if d > 1e-9} == {}


@pytest.mark.parametrize("name", optimizers.registry.all())
@pytest.mark.parametrize("lr", [1.0, 30.0])
def test_one_step_agrees_to_the_last_digits_at_large_rates(name, lr):
    case = {"hidden": (5, 3), "activation": "tanh", "loss": "cross_entropy", "schedule": "constant", "addition": "dropout"}
    case |= {"optimizer": name, "batch_size": 4, "precision": "float64"}
    population = population_of(case, 3, epochs=4)
    if name == "rmsprop":
        lr = lr / 30  # its first steps are 1 / √(1 − ρ) = 10 rates long, and it divides by gradients that all but vanish
    if name == "lamb":
        lr = min(lr, 3.0)  # its steps are so many times as long as the weights are: at 30 rounding in one is 1e-12 of the next
    members = tuple(
        dataclasses.replace(m, recipe=dataclasses.replace(m.recipe, optimizer=dataclasses.replace(m.recipe.optimizer, lr=lr)))
        for m in population.members
    )
    population = dataclasses.replace(population, members=members)

    # Large rates make training chaotic, so both take each step from the same state.
    ledger = Ledger.begin(population)
    for _ in range(15):
        copies = copy.deepcopy(ledger), copy.deepcopy(ledger)
        for engine, start in zip((native(), Reference()), copies, strict=True):
            engine.start(population, start)
            engine.advance(steps=1)
            engine.read()
            engine.stop()
        ours, theirs = copies
        assert np.array_equal(ours.cursor, theirs.cursor)
        for i in range(3):
            assert distance(ours.parameters[i], theirs.parameters[i], population.layout(i)) < 1e-12
            far = apart(ours, i, theirs, i)
            assert {name: d for name, d in far.items() if d > 1e-11} == {}
        ledger = theirs


@pytest.mark.parametrize("addition", ["none", "dropout"])
def test_divergence_is_seen_at_the_same_step(addition):
    case = {"hidden": (5,), "activation": "relu", "loss": "mse", "schedule": "constant", "addition": addition}
    case |= {"optimizer": "sgd", "batch_size": 4, "precision": "float64"}
    population = population_of(case, 4, epochs=6)

    ours, theirs = (advance_to_end(engine, population) for engine in (native(), Reference()))

    assert np.array_equal(ours.cursor, theirs.cursor)
    assert np.array_equal(np.isnan(ours.loss), np.isnan(theirs.loss))
    assert distance(ours.parameters[3], theirs.parameters[3], population.layout(3)) < 1e-9


@pytest.mark.parametrize("loss", [MSE(), CrossEntropy(), BCE()], ids=lambda loss: type(loss).__name__)
@pytest.mark.parametrize("hidden", [(), (1,), (17, 5)])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_predictions_and_input_gradients_agree(loss, hidden, activation, rng):
    network = Dense(hidden, activation)
    flat = rng.normal(size=(3, network.n_parameters(4, 2)))
    X = rng.normal(size=(7, 4))
    y = rng.integers(0, 2, size=7) if loss.target == "labels" else rng.integers(0, 2, size=(7, 2)) * 1.0

    np.testing.assert_allclose(native().predict(network, flat, X), Reference().predict(network, flat, X), rtol=1e-12, atol=1e-13)
    ours, theirs = (engine.input_grad(network, loss, flat, X, y) for engine in (native(), Reference()))
    np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-13)


def test_a_row_alone_is_predicted_as_among_others(rng):
    network = Dense((9, 5), "tanh")
    flat = rng.normal(size=(3, network.n_parameters(4, 2))).astype(np.float32)
    X = rng.normal(size=(21, 4))

    together = native(threads=2).predict(network, flat, X)

    for row in range(21):
        for i in range(3):
            alone = native().predict(network, flat[i : i + 1], X[row : row + 1])
            assert np.array_equal(alone[0, 0], together[i, row])


def test_float32_stays_near_float64():
    case = {"hidden": (5, 3), "activation": "tanh", "loss": "mse", "schedule": "cosine", "addition": "dropout"}
    case |= {"optimizer": "adam", "batch_size": 4}
    single, double = (quiet(population_of(case | {"precision": p}, 3, 6)) for p in ("float32", "float64"))

    ours, theirs = (advance_to_end(native(), population) for population in (single, double))

    # Masks and orders don't depend on the precision, so 30 steps apart by 2e-6 is rounding alone.
    np.testing.assert_allclose(ours.loss, theirs.loss, rtol=1e-4)


def test_catalog_of_the_core_agrees_with_the_rules():
    from manyfit.engines.native import check_catalog

    check_catalog()
