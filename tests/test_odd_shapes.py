"""Shapes at the edges: one row, one unit, batches larger than the data, 17 networks, no epochs, no weight, no hidden layer."""

from dataclasses import replace

import numpy as np
import pytest
from cases import LOSSES, OPTIMIZERS, view_of
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from manyfit.engines.reference import Reference
from manyfit.networks import Dense
from manyfit.penalties import L2
from manyfit.population import Member, Population, Probe, Rows
from manyfit.recipe import Recipe, Stopping
from manyfit.rng import Streams
from manyfit.testing.engine import advance_to_end, apart

pytestmark = pytest.mark.native

WIDTHS = st.sampled_from([1, 2, 3, 7, 8, 15, 16, 17, 33])
SHAPES = st.fixed_dictionaries(
    {
        "n_members": st.sampled_from([1, 2, 3, 16, 17]),
        "n_rows": st.integers(1, 20),
        "n_held": st.sampled_from([0, 1, 9, 17]),
        "n_inputs": WIDTHS,
        "hidden": st.lists(WIDTHS, max_size=3).map(tuple),
        "n_outputs": st.sampled_from([1, 2, 16, 17]),
        "activation": st.sampled_from(["relu", "tanh", "sigmoid", "identity"]),
        "batch_size": st.sampled_from([None, 1, 2, 8, 9, 50]),
        "epochs": st.integers(0, 3),
        "loss": st.sampled_from(list(LOSSES)),
        "optimizer": st.sampled_from(list(OPTIMIZERS)),
        "weights": st.sampled_from(["none", "zero", "some"]),
        "dropout": st.sampled_from([0.0, 0.5, 0.999]),
        "has_extras": st.booleans(),
    }
)
SMALLEST = {
    "n_members": 1,
    "n_rows": 1,
    "n_held": 0,
    "n_inputs": 1,
    "hidden": (),
    "n_outputs": 1,
    "activation": "relu",
    "batch_size": 50,
    "epochs": 3,
    "loss": "mse",
    "optimizer": "adam",
    "weights": "none",
    "dropout": 0.0,
    "has_extras": False,
}


def native(**options):
    from manyfit.engines.native import Native

    return Native(**({"threads": 1} | options))


def population_of(shape, precision):
    n = shape["n_rows"] + shape["n_held"]
    weights = {"none": None, "zero": np.zeros(n), "some": np.arange(n) % 3 * 1.0}[shape["weights"]]
    loss = LOSSES[shape["loss"]]
    if getattr(loss, "class_weights", None):
        loss = replace(loss, class_weights=tuple(np.resize(loss.class_weights, shape["n_outputs"]).tolist()))
    view = view_of(loss, n, shape["n_inputs"], shape["n_outputs"], weights)
    rows = Rows(np.arange(shape["n_rows"]), np.arange(shape["n_rows"], n))
    extras = {"penalties": (L2(0.1, biases=True),), "clip_norm": 0.1} if shape["has_extras"] else {}
    if shape["has_extras"] and shape["n_held"]:
        extras["stopping"] = Stopping(patience=1)
    recipe = Recipe(
        Dense(shape["hidden"], shape["activation"], dropout=shape["dropout"], input_dropout=shape["dropout"] / 2),
        loss,
        OPTIMIZERS[shape["optimizer"]],
        batch_size=shape["batch_size"],
        epochs=shape["epochs"],
        precision=precision,
        **extras,
    )
    members = [Member(recipe, Streams.of(2, replicate=i), rows) for i in range(shape["n_members"])]
    probe = Probe("first", np.array([0]), (0, 1))
    return Population(tuple(members), {"all": view}, (probe,)).check()


@settings(max_examples=60)
@given(SHAPES, st.sampled_from(["float32", "float64"]))
@example(SMALLEST, "float32")
@example(SMALLEST | {"epochs": 0, "n_members": 17}, "float32")
@example(SMALLEST | {"weights": "zero", "n_held": 1, "has_extras": True}, "float64")
def test_odd_shapes_keep_the_law(shape, precision):
    population = population_of(shape, precision)
    whole = advance_to_end(native(layout="across"), population)

    event(f"{len(shape['hidden'])} hidden layers")
    within = advance_to_end(native(layout="within", threads=2), population, steps=2)
    for i in range(len(population)):
        assert apart(whole, i, within, i, relative=False) == {}
    last = len(population) - 1
    alone = Population(population.members[last:], population.views, population.probes)
    assert apart(whole, last, advance_to_end(native(), alone), 0, relative=False) == {}


@settings(max_examples=40)
@given(SHAPES)
@example(SMALLEST)
@example(SMALLEST | {"weights": "zero", "n_held": 1, "has_extras": True})
@example(SMALLEST | {"n_rows": 9, "batch_size": 8, "loss": "cross_entropy", "n_outputs": 17, "hidden": (1,)})
def test_odd_shapes_agree_with_the_reference(shape):
    population = population_of(shape | {"n_members": 1}, "float64")

    ours, theirs = (advance_to_end(engine, population) for engine in (native(), Reference()))

    far = apart(ours, 0, theirs, 0)
    assert {name: d for name, d in far.items() if d > 1e-9} == {}
