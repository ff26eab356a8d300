"""The stacked engine: held to the reference, network by network; alone = together to a stated tolerance."""

import copy
import dataclasses
import logging

import numpy as np
import pytest
import torch
from cases import CHAPTERS, PRODUCT, SHAPES, all_pairs, name_of_case, population_of
from nets_of_tests import Branching, Broken, Conv, Layers, Noisy, Partly, Two, Words
from torch import nn

import manyfit as mf
from manyfit import optimizers
from manyfit.engines.choose import fit, input_grad, predict
from manyfit.engines.reference import Reference
from manyfit.engines.stacked import Stacked, engine
from manyfit.engines.stacked.draws import Draws
from manyfit.engines.stacked.update import is_elementwise
from manyfit.errors import EngineError
from manyfit.losses import CrossEntropy
from manyfit.networks import Dense
from manyfit.networks.module import Module
from manyfit.optimizers.adam import Adam
from manyfit.optimizers.sgd import SGD
from manyfit.penalties import L1, L2
from manyfit.population import Population, Probe
from manyfit.recipe import Recipe, Stopping
from manyfit.rng import Purpose, dropout_mask, dropped, gaussian, keep_threshold, words
from manyfit.runs import Fate, Ledger
from manyfit.testing import check_engine
from manyfit.testing.engine import advance_to_end, apart

CASES = [case | {"precision": "float64"} for case in all_pairs(CHAPTERS | SHAPES)]
CASES += [case | {"order": "kept"} for case in CASES if case["batch_size"] == 7][::20]  # rows as they stand

DOUBLE = 1e-9
"""The project's bound after 50 steps; observed here: 5e-16 for dense networks, 1e-11 for modules."""

SINGLE = 2e-5
"""float32: observed 3e-7."""

NETWORKS = {
    "convolution, batch normalization, dropout": (Module(Conv, {"p": 0.3}), "image"),
    "embedding, attention, dropout": (Module(Words), "tokens"),
    "two inputs, dropout": (Module(Two), "two"),
    "dropout": (Module(Layers, {"p": 0.3, "p_inputs": 0.1}), "row"),
    "frozen, a buffer of whole numbers": (Module(Partly), "row"),
    "randomness of its own": (Module(Noisy), "row"),
    "a branch": (Module(Branching), "row"),
    "dense": (Dense((5, 3), "tanh", dropout=0.3, input_dropout=0.1), "row"),
}


def inputs(kind, n=14):
    draw = np.random.default_rng(3)
    return {
        "image": draw.normal(size=(n, 1, 6, 6)),
        "tokens": draw.integers(0, 7, (n, 5)),
        "two": {"numbers": draw.normal(size=(n, 3)), "token": np.arange(n) % 5},
        "row": draw.normal(size=(n, 3)),
    }[kind]


def population(name, n=4, **settings):
    """Networks that differ in their rates and seeds; batches of 4 of 11 rows, 3 rows held out."""
    network, kind = NETWORKS[name]
    y = np.random.default_rng(4).normal(size=(14, 2))
    settings = {
        "batch_size": 4,
        "epochs": 4,
        "precision": "float64",
        "stopping": Stopping(patience=3),
        **settings,
    }
    recipes = [Recipe(network, optimizer=Adam(0.002 * (1 + i)), **settings) for i in range(n)]
    made = Population.of(recipes, inputs(kind), y, held=np.array([0, 5, 9]))
    return dataclasses.replace(made, probes=(Probe("some", np.array([1, 5]), (0, 2, 4)),))


def assert_near(a, b, tolerance, pairs=None):
    for i, j in pairs or [(i, i) for i in range(len(b.cursor))]:
        assert np.array_equal(a.cursor[i], b.cursor[j])
        assert {name: far for name, far in apart(a, i, b, j).items() if far > tolerance} == {}


def test_it_keeps_the_contract_of_an_engine():
    check_engine(lambda: Stacked(device="cpu"), tolerance=SINGLE)


def some(every):
    """The cases, all but one of `every` marked slow."""
    return [
        pytest.param(case, id=name_of_case(case), marks=[pytest.mark.slow] if k % every else [])
        for k, case in enumerate(CASES)
    ]


@pytest.mark.parametrize("case", some(12))
def test_dense_networks_follow_the_reference_in_every_pair_of_rules(case):
    # The reference trains each of them alone, so that this holds alone = together to the tolerance, too.
    check_parity(case, DOUBLE)


@pytest.mark.long
@pytest.mark.parametrize("case", PRODUCT, ids=name_of_case)
def test_dense_networks_follow_the_reference_in_every_combination_of_rules(case):
    check_parity(case | {"precision": "float64"}, DOUBLE)


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES[::8], ids=name_of_case)
def test_dense_networks_follow_the_reference_in_float32(case):
    check_parity(case | {"precision": "float32"}, SINGLE)


def check_parity(case, tolerance):
    made = population_of(case, 3, epochs=4)  # the fourth would diverge, and chaos has no parity
    made = dataclasses.replace(made, members=made.members[1:])  # the two with what the case adds

    ours, theirs = (advance_to_end(each, made) for each in (Stacked("cpu"), Reference()))

    assert_near(ours, theirs, tolerance)


def test_limits_on_steps_and_records_of_layers_are_those_of_the_reference():
    base = Recipe(Dense((4, 5), "tanh"), optimizer=Adam(0.01), batch_size=4, epochs=4, penalties=L2(0.01), clip_norm=0.3)
    recipes = [base.set("precision", "float64").set("stopping.max_steps", n) for n in (None, 7, 3, 0)]
    recipes.append(recipes[0].set("stopping.target_loss", 1e9))
    made = Population.of(recipes, inputs("row"), np.random.default_rng(4).normal(size=14), held=np.array([0, 5]), watch=True)

    ours, theirs = (fit(made, engine=each) for each in (Stacked("cpu"), Reference()))

    assert ours.steps.tolist() == theirs.steps.tolist() == [12, 7, 3, 0, 3]
    assert ours.fates == theirs.fates
    for record in ("loss", "held_loss", "gradient_norm", "update_ratio"):
        np.testing.assert_allclose(getattr(ours, record), getattr(theirs, record), rtol=DOUBLE)
    for a, b in zip(ours.parameters, theirs.parameters, strict=True):
        np.testing.assert_allclose(a, b, rtol=DOUBLE, atol=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_modules_follow_the_reference_alone_and_together(name):
    made = population(name)
    theirs = advance_to_end(Reference(), made)

    ours = advance_to_end(Stacked("cpu"), made)

    assert_near(ours, theirs, DOUBLE)
    for i in (0, 3):
        alone = advance_to_end(Stacked("cpu"), dataclasses.replace(made, members=made.members[i : i + 1]))
        assert_near(ours, alone, DOUBLE, [(i, 0)])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_training_that_goes_on_amid_an_epoch_ends_alike(name):
    made = population(name, n=3)
    whole = advance_to_end(Stacked("cpu"), made)
    stacked = Stacked("cpu")
    stacked.start(made, Ledger.begin(made))
    stacked.advance(steps=5)
    saved = copy.deepcopy(stacked.read())
    stacked.stop()

    assert_near(advance_to_end(Stacked("cpu"), made, saved), whole, 0.0)


@pytest.mark.parametrize("settings", [{"l1": {}}, {"l2": {}}, {"clip_norm": 0.1}, {"augment": {}}], ids=str)
def test_penalties_clipping_and_augmentation_work_on_modules(settings):
    (name,) = settings
    extra = {
        "l1": {"penalties": (L1(0.01),), "optimizer": SGD(0.05)},
        "l2": {"penalties": (L2(0.01),)},
        "clip_norm": {"clip_norm": 0.1, "clip_value": 0.05},
        "augment": {"augment": mf.Augment(noise=0.2, drop=0.1)},
    }[name]
    for network in ("two inputs, dropout", "convolution, batch normalization, dropout"):
        made = population(network, n=2)
        members = tuple(
            dataclasses.replace(m, recipe=dataclasses.replace(m.recipe, **extra)) for m in made.members
        )
        made = dataclasses.replace(made, members=members)
        assert_near(advance_to_end(Stacked("cpu"), made), advance_to_end(Reference(), made), DOUBLE)


def test_networks_that_end_at_different_times_leave_the_others_as_they_were():
    recipes = [
        Recipe(Dense((4,)), optimizer=SGD(lr), batch_size=4, epochs=epochs, precision="float64")
        for lr, epochs in ((0.01, 6), (1e6, 6), (0.02, 2), (0.01, 0), (1e5, 6), (0.03, 6))
    ]
    made = Population.of(recipes, inputs("row"), np.random.default_rng(0).normal(size=14))

    ours, theirs = (advance_to_end(each, made) for each in (Stacked("cpu"), Reference()))

    assert [Fate(code).name for code in ours.fate] == [
        "FINISHED",
        "DIVERGED",
        "FINISHED",
        "FINISHED",
        "DIVERGED",
        "FINISHED",
    ]
    assert np.array_equal(ours.cursor, theirs.cursor)
    assert_near(ours, theirs, DOUBLE, [(i, i) for i in (0, 2, 3, 5)])


def test_losses_that_differ_in_their_numbers_train_together():
    draw = np.random.default_rng(0)
    recipes = [
        Recipe(Dense((4,)), loss=CrossEntropy(label_smoothing=e), batch_size=4, epochs=3, precision="float64")
        for e in (0.05, 0.1, 0.3)
    ]
    made = Population.of(recipes, inputs("row"), draw.integers(0, 3, 14), held=np.array([2, 3]))
    stacked = Stacked("cpu")
    stacked.start(made, Ledger.begin(made))

    assert len(stacked._groups) == 1
    assert_near(advance_to_end(stacked, made), advance_to_end(Reference(), made), DOUBLE)


def test_rules_that_look_at_a_whole_array_are_told_from_those_that_do_not():
    found = {name: is_elementwise(rule()) for name, rule in optimizers.registry.all().items()}

    assert not found.pop("lamb") and all(found.values())


def test_memory_decides_how_many_train_at_once_and_changes_nothing(monkeypatch):
    made = population("convolution, batch normalization, dropout")
    whole = advance_to_end(Stacked("cpu"), made)
    monkeypatch.setitem(engine.MEMORY, "cpu", 1)
    stacked = Stacked("cpu")
    stacked.start(made, Ledger.begin(made))

    assert len(stacked._groups) == 4
    assert_near(advance_to_end(stacked, made), whole, DOUBLE)


@pytest.mark.parametrize("network", [Noisy, Branching, Conv])
def test_what_can_not_be_stacked_is_said_in_one_line(network, caplog):
    name = {
        Noisy: "randomness of its own",
        Branching: "a branch",
        Conv: "convolution, batch normalization, dropout",
    }[network]
    engine._TOLD.clear()
    with caplog.at_level(logging.WARNING, "manyfit"):
        for _ in range(2):
            advance_to_end(Stacked("cpu"), population(name, n=2))

    lines = [record.getMessage() for record in caplog.records]
    assert len(lines) == (network is not Conv)
    assert all(
        "can't be stacked, its networks are computed one by one: RuntimeError: vmap" in line for line in lines
    )


def test_randomness_of_its_own_leaves_torchs_generator_alone():
    before = torch.get_rng_state()

    advance_to_end(Stacked("cpu"), population("randomness of its own"))

    assert torch.equal(torch.get_rng_state(), before)


def test_an_error_inside_forward_names_the_networks_and_the_shapes():
    X = inputs("row")
    X[-1, 0] = 9.0
    made = Population.of([Recipe(Module(Broken), batch_size=4, epochs=1)] * 2, X, X[:, :2])

    with pytest.raises(
        EngineError,
        match=r"Module\(Broken\) can't compute on inputs \[4, 3\], got IndexError.*\(networks 0–1\)",
    ):
        advance_to_end(Stacked("cpu"), made)


@pytest.mark.native
def test_an_error_beside_networks_of_the_core_names_the_right_ones():
    X = inputs("row")
    X[-1, 0] = 9.0
    made = Population.of([Recipe(epochs=1), Recipe(Module(Broken), batch_size=4, epochs=1)], X, X[:, :2])

    with pytest.raises(EngineError, match=r"\(network 1\)"):
        fit(made)


@pytest.mark.parametrize("name", NETWORKS)
def test_predictions_and_slopes_are_those_of_the_reference(name):
    made = population(name, n=3)
    run = fit(made, engine=Stacked("cpu"))
    X = made.views["all"].X[:6]
    own = X + np.arange(3)[:, None, None] * (
        name not in ("embedding, attention, dropout", "two inputs, dropout")
    )

    for asked in (X, own):
        ours, theirs = (predict(run, asked, engine=each) for each in (Stacked("cpu"), Reference()))
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
        y = made.views["all"].y[:6]
        ours, theirs = (input_grad(run, asked, y, engine=each) for each in (Stacked("cpu"), Reference()))
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_comes_out_as_an_ordinary_module(name):
    made = population(name, n=2, precision="float32")
    run = fit(made, engine=Stacked("cpu"))

    for i in range(2):
        module = mf.torch.module(run, i)
        given = inputs(NETWORKS[name][1])
        given = given if isinstance(given, dict) else {"": given}
        tensors = {
            k: torch.tensor(v) if v.dtype.kind == "i" else torch.tensor(v).float() for k, v in given.items()
        }
        with torch.no_grad():
            outputs = module(**tensors) if "" not in tensors else module(tensors[""])
        assert isinstance(module, nn.Module) and not module.training
        np.testing.assert_allclose(outputs, predict(run, made.views["all"].X)[i], rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize(
    "activation", ["identity", "relu", "leaky_relu", "tanh", "sigmoid", "gelu", "silu", "elu"]
)
def test_a_dense_network_comes_out_with_its_activation(activation):
    X = inputs("row")
    made = Population.of(
        [Recipe(Dense((4, 3), activation, dropout=0.2), epochs=1, precision="float64")], X, X[:, :1]
    )
    run = fit(made, engine=Stacked("cpu"))

    module = mf.torch.module(run, 0)

    assert sum(isinstance(part, nn.Dropout) for part in module) == 2
    with torch.no_grad():
        np.testing.assert_allclose(
            module(torch.tensor(X)), predict(run, X, engine="reference")[0], rtol=1e-12, atol=1e-14
        )


def test_scores_of_modules_are_the_losses_of_their_predictions():
    made = population("convolution, batch normalization, dropout", n=2)
    run = fit(made, engine=Stacked("cpu"))
    view, rows = made.views["all"], np.array([0, 5, 9])

    outputs = predict(run, view.X[rows])

    np.testing.assert_allclose(((outputs - view.y[rows]) ** 2).mean((1, 2)), run.score, rtol=1e-9)


def test_draws_of_many_networks_are_those_of_each():
    keys = [5, 2**63 + 7, 11]
    draws = Draws(keys, torch.device("cpu"), torch.float64)
    p = np.array([0.0, 0.3, 0.5])
    keep = np.array([keep_threshold(each) for each in p])

    masks = draws.mask(4, 2, (3, 5), keep)
    kept, noise = draws.kept(4, 3, 5, p), draws.noise(4, 3, 5, np.array([1.0, 2.0, 0.5]))

    for i, key in enumerate(keys):
        assert np.array_equal(masks[i], dropout_mask(key, 4, 2, 3, 5, int(keep[i])))
        assert np.array_equal(kept[i], dropped(key, 4, 3, 5, int(keep[i])))
        np.testing.assert_allclose(noise[i], (1.0, 2.0, 0.5)[i] * gaussian(key, 4, 3, 5), rtol=1e-14)


def test_words_drawn_by_torch_are_those_of_every_engine():
    keys = np.array([0, 5, 2**64 - 1], dtype=np.uint64)
    draws = Draws(keys.tolist(), torch.device("cpu"), torch.float32)

    ours = draws.words(Purpose.DROPOUT, 2**31 + 3, 5, 4, 11)

    assert np.array_equal(ours, words(keys, Purpose.DROPOUT, 4, 11, time=2**31 + 3, layer=5, rounds=7))


def test_a_device_that_is_not_there_is_one_clear_error():
    with pytest.raises(
        EngineError, match=r"device must be one that torch can use here, got 'nowhere' .* 'cpu' always is"
    ):
        Stacked(device="nowhere")


@pytest.mark.gpu
@pytest.mark.parametrize("name", NETWORKS)
def test_a_gpu_follows_the_reference(name):
    made = population(name)

    assert_near(advance_to_end(Stacked("cuda"), made), advance_to_end(Reference(), made), DOUBLE)
