import pickle

import numpy as np
import pytest
import torch
from nets_of_tests import Branching, Broken, Conv, Layers, Noisy, Partly, Two, Words
from torch import nn

from manyfit.engines.base import train
from manyfit.engines.choose import fit, predict
from manyfit.engines.reference import Reference
from manyfit.errors import EngineError, RecipeError
from manyfit.networks import Dense, Input, network_from, vector
from manyfit.networks.module import Module
from manyfit.optimizers.momentum import Momentum
from manyfit.population import Population
from manyfit.recipe import Recipe
from manyfit.runs import Ledger, RunFolder

IMAGE, ROW = (Input((1, 6, 6)),), vector(3)


def data(*shape, n=14, seed=0):
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(n, *shape))
    return X, np.stack([np.sin(X.reshape(n, -1).sum(1)), X.reshape(n, -1)[:, 0]], 1)


def test_initial_weights_are_the_modules_own_and_depend_on_the_stream_alone():
    module, key = Module(Conv), 2**63 + 12345
    before = torch.get_rng_state()

    drawn = module.initial([key, 7, key], IMAGE, 2)

    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(drawn[0], drawn[2]) and not np.array_equal(drawn[0], drawn[1])
    torch.manual_seed(key & 0xFFFFFFFF)
    fresh = Conv()
    leaves = module.layout(IMAGE, 2).cut(drawn[0])
    for name, values in {**dict(fresh.named_parameters()), **dict(fresh.named_buffers())}.items():
        assert np.array_equal(leaves[name], values.detach().double().numpy())


def test_initial_weights_do_not_depend_on_the_default_type():
    drawn = Module(Conv).initial([7], IMAGE, 2)
    torch.set_default_dtype(torch.float64)
    try:
        assert np.array_equal(Module(Conv).initial([7], IMAGE, 2), drawn)
    finally:
        torch.set_default_dtype(torch.float32)


def test_buffers_and_frozen_parameters_come_last_and_are_not_trained():
    layout = Module(Partly).layout(ROW, 2)

    assert [(leaf.name, leaf.trained) for leaf in layout] == [
        ("out.weight", True),
        ("out.bias", True),
        ("fixed.weight", False),
        ("fixed.bias", False),
        ("order", False),
    ]
    X, y = data(3)
    run = train(Population.of([Recipe(Module(Partly), epochs=2)], X, y), Reference())
    first = layout.cut(Module(Partly).initial([run.population.members[0].streams.init], ROW, 2)[0])
    last = run.leaves(0)
    assert np.array_equal(last["fixed.weight"], first["fixed.weight"].astype(np.float32))
    assert last["order"].tolist() == [2, 0, 1]
    assert not np.array_equal(last["out.weight"], first["out.weight"].astype(np.float32))


def test_reference_trains_a_module_as_a_loop_of_torch_does():
    X, y = data(1, 6, 6)
    recipe = Recipe(Module(Conv), optimizer=Momentum(0.05), batch_size=None, epochs=7, precision="float64")
    population = Population.of([recipe], X, y)

    run = train(population, Reference())

    torch.manual_seed(population.members[0].streams.init & 0xFFFFFFFF)
    module = Conv().double()
    optimizer = torch.optim.SGD(module.parameters(), lr=0.05, momentum=0.9)
    for _ in range(7):
        optimizer.zero_grad()
        loss = ((module(torch.tensor(X)) - torch.tensor(y)) ** 2).mean()
        loss.backward()
        optimizer.step()
    leaves = run.leaves(0)
    for name, values in {**dict(module.named_parameters()), **dict(module.named_buffers())}.items():
        np.testing.assert_allclose(leaves[name], values.detach().numpy(), rtol=1e-11, atol=1e-13)
    assert leaves["norm.num_batches_tracked"] == 7
    assert run.loss[-1, 0] == pytest.approx(loss.item(), rel=1e-12)
    np.testing.assert_allclose(
        predict(run, X, engine="reference")[0], module.eval()(torch.tensor(X)).detach(), rtol=1e-11
    )


def test_dropout_inside_a_module_draws_what_a_dense_network_draws():
    X, y = data(3)
    dense = Recipe(
        Dense((5,), "tanh", dropout=0.4, input_dropout=0.2), batch_size=4, epochs=3, precision="float64"
    )
    module = Recipe(Module(Layers, {"p": 0.4, "p_inputs": 0.2}), batch_size=4, epochs=3, precision="float64")
    populations = [Population.of([recipe], X, y) for recipe in (dense, module)]

    ledgers = [Ledger.begin(population) for population in populations]
    start = populations[0].layout(0).cut(ledgers[0].parameters[0])
    there = populations[1].layout(0).cut(ledgers[1].parameters[0])
    for layer, name in (("layer1", "1"), ("layer2", "4")):
        there[f"{name}.weight"][:] = start[f"{layer}.weight"].T
        there[f"{name}.bias"][:] = start[f"{layer}.bias"]
    runs = [train(p, Reference(), ledger=ledger) for p, ledger in zip(populations, ledgers, strict=True)]

    ours, theirs = runs[1].leaves(0), runs[0].leaves(0)
    np.testing.assert_allclose(ours["1.weight"], theirs["layer1.weight"].T, rtol=1e-12)
    np.testing.assert_allclose(runs[0].loss, runs[1].loss, rtol=1e-12)


def test_dropout_of_torch_is_its_own_again_outside():
    before = nn.functional.dropout
    X, y = data(3)

    train(Population.of([Recipe(Module(Layers, {"p": 0.4}), epochs=1)], X, y), Reference())

    assert nn.functional.dropout is before
    torch.manual_seed(0)
    first = nn.functional.dropout(torch.ones(100), 0.5)
    torch.manual_seed(0)
    assert torch.equal(first, nn.functional.dropout(torch.ones(100), 0.5))


def test_randomness_of_its_own_is_seeded_and_leaves_torchs_generator_alone():
    X, y = data(3)
    population = Population.of([Recipe(Module(Noisy), epochs=2, batch_size=4)] * 3, X, y)
    before = torch.get_rng_state()

    together = train(population, Reference())
    alone = train(Population(population.members[1:2], population.views), Reference())

    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(together.parameters[1], alone.parameters[0])
    assert not np.array_equal(together.loss[:, 0], together.loss[:, 1])


def test_inputs_come_by_name_and_in_their_types():
    X, y = data(3)
    token = np.arange(14) % 5
    recipe = Recipe(Module(Two), epochs=3, batch_size=5)
    population = Population.of(
        [recipe] * 2, {"numbers": torch.tensor(X), "token": torch.tensor(token)}, y, held=np.arange(3)
    )

    run = train(population, Reference())

    assert run.fates == ["finished", "finished"]
    outputs = predict(run, {"numbers": X[:4], "token": token[:4]}, engine="reference")
    module = Two().eval()
    module.load_state_dict({name: torch.tensor(values) for name, values in run.leaves(0).items()})
    np.testing.assert_allclose(
        outputs[0], module(torch.tensor(token[:4]), torch.tensor(X[:4]).float()).detach(), rtol=1e-6
    )


def test_tokens_and_attention_train():
    tokens = np.random.default_rng(0).integers(0, 7, (14, 5))
    run = train(Population.of([Recipe(Module(Words), epochs=2)], tokens, data(3)[1]), Reference())

    assert run.fates == ["finished"] and np.isfinite(run.loss).all()


def test_lazy_layers_find_their_sizes_in_the_data():
    lazy = Module("torch.nn:LazyLinear", {"out_features": 2})

    assert [leaf.shape for leaf in lazy.layout(vector(5), 2)] == [(2, 5), (2,)]


def test_settings_are_varied_by_path():
    recipe = Recipe(Module(Conv, {"channels": 8}))

    assert recipe.get("network.channels") == 8 and recipe.get("network.p") == 0.0
    assert recipe.set("network.p", 0.5).network == Module(Conv, {"channels": 8, "p": 0.5})
    assert recipe.set("network.channels", 2).network.layout(IMAGE, 2).leaves[0].shape == (2, 1, 3, 3)
    with pytest.raises(RecipeError, match=r"Conv takes no setting 'chanels'. Did you mean 'channels'\?"):
        recipe.set("network.chanels", 2)
    with pytest.raises(RecipeError, match=r"no setting 'depth' of Conv. Known: channels, n_outputs, p"):
        recipe.get("network.depth")


def test_a_module_with_an_importable_name_survives_json_and_pickle():
    module = Module(nn.Conv1d, {"in_channels": 1, "out_channels": 2, "kernel_size": (3,)})
    recipe = Recipe(module)

    assert Recipe.from_dict(recipe.to_dict()) == recipe.set("network.factory", "torch.nn.modules.conv:Conv1d")
    assert recipe.to_dict()["network"] == {
        "kind": "module",
        "factory": "torch.nn.modules.conv:Conv1d",
        "in_channels": 1,
        "out_channels": 2,
        "kernel_size": [3],
    }
    assert pickle.loads(pickle.dumps(recipe)) == recipe and hash(pickle.loads(pickle.dumps(module))) == hash(
        module
    )
    assert network_from(recipe.to_dict()["network"]).problems


def test_a_factory_without_a_name_trains_and_is_one_clear_error_in_a_folder(tmp_path):
    X, y = data(3)
    population = Population.of([Recipe(Module(lambda: nn.Linear(3, 2)), epochs=1)], X, y)
    assert train(population, Reference()).fates == ["finished"]

    with pytest.raises(
        RecipeError, match=r"Module.factory must have an importable name, to be written down, got <function"
    ):
        fit(population, engine="reference", folder=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_module_with_a_name_is_kept_in_a_folder_and_goes_on(tmp_path):
    X, y = data(3)
    recipe = Recipe(Module("torch.nn:Linear", {"in_features": 3, "out_features": 2}), epochs=4, batch_size=5)
    population = Population.of([recipe] * 2, X, y)

    whole = fit(population, engine="reference", folder=tmp_path / "whole")
    fit(
        population,
        engine="reference",
        folder=tmp_path / "cut",
        watchers=[lambda ledger: True],
        segment_s=0.001,
    )
    again = fit(population, engine="reference", folder=tmp_path / "cut", resume=True)

    assert np.array_equal(again.parameters[1], whole.parameters[1])
    members = RunFolder.open(tmp_path / "whole").members()
    assert members["network.factory"].to_list() == ["torch.nn:Linear"] * 2
    assert members["network.in_features"].to_list() == [3, 3]


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (
            Module(nn.Linear(3, 2)),
            "Module.factory must be what makes a module .* got a Linear that is made already",
        ),
        (
            Module("torch.nn:Linaer"),
            "Module.factory must be the name of something that can be imported, got 'torch.nn:Linaer'",
        ),
        (Module(3), "Module.factory must be callable, got 3"),
        (
            Module(Conv, {"chanels": 3}),
            r"Conv takes no setting 'chanels' \(networks 0–1\). Did you mean 'channels'",
        ),
        (Module(Conv, {"channels": {}}), "must have settings that can be compared"),
        (
            Module(Conv),
            r"Module\(Conv\) can't compute on inputs \[2, 3\], got RuntimeError: .* \(networks 0–1\)",
        ),
        (Module(Layers, {"n_outputs": 3}), r"must have 2 outputs for these targets, got 3 \(networks 0–1\)"),
        (Module(nn.ReLU), "must have something to train"),
        (Module(dict), "must make a torch module, got {}"),
        (Module(Layers, {"n_inputs": -1}), "can't be made, got RuntimeError"),
        (Module(nn.LSTM, {"input_size": 3, "hidden_size": 2}), "must return a tensor"),
        (Layers, "Recipe.network must be a network, got .*Module\\(it\\) makes one"),
    ],
)
def test_what_can_not_be_trained_is_one_clear_error(network, message):
    X, y = data(3)
    with pytest.raises(RecipeError, match=message):
        Population.of([Recipe(network)] * 2, X, y)


def test_an_error_inside_forward_names_the_network_and_the_shapes():
    X, y = data(3)
    X[-1, 0] = 9.0
    population = Population.of([Recipe(Module(Broken), batch_size=4, epochs=1)] * 2, X, y)

    with pytest.raises(
        EngineError,
        match=r"Module\(Broken\) can't compute on inputs \[4, 3\], got IndexError: .* \(network 0\)",
    ):
        train(population, Reference())


def test_modules_that_branch_on_their_values_train_one_at_a_time():
    X, y = data(3)

    assert train(Population.of([Recipe(Module(Branching), epochs=1)], X, y), Reference()).fates == [
        "finished"
    ]


def test_input_gradients_are_slopes_and_zero_for_whole_numbers():
    X, y = data(3)
    token = np.arange(14) % 5
    population = Population.of(
        [Recipe(Module(Two), epochs=0, precision="float64")], {"numbers": X, "token": token}, y
    )
    view = population.views["all"]
    flat = Ledger.begin(population).parameters[0][None]
    recipe = population.members[0].recipe
    slope = Reference().input_grad(recipe.network, recipe.loss, flat, view.X, view.y, view.inputs)[0]

    assert slope.shape == (14, 4) and (slope[:, 3] == 0).all()
    moved = view.X + np.array([1e-6, 0, 0, 0])
    above, below = (
        recipe.loss.rows(np, Reference().predict(recipe.network, flat, x, view.inputs)[0], view.y)
        for x in (moved, 2 * view.X - moved)
    )
    np.testing.assert_allclose(slope[:, 0], (above - below) / 2e-6, rtol=1e-6, atol=1e-9)


def test_a_module_prints_as_it_is_written():
    assert repr(Module(Conv, {"channels": 2})) == "Module(Conv, channels=2)"
