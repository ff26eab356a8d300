"""Residual layers and layer normalization: against torch's own modules, in both layouts of the core, and wherever networks go."""

import copy
import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from manyfit.engines.choose import engine_for, fit, predict, why_missing
from manyfit.engines.reference import Reference
from manyfit.errors import RecipeError
from manyfit.losses import MSE
from manyfit.model.forward import numpy_forward
from manyfit.networks import Dense, vector
from manyfit.optimizers.adam import Adam
from manyfit.optimizers.lamb import LAMB
from manyfit.optimizers.momentum import Momentum
from manyfit.optimizers.sgd import SGD
from manyfit.penalties import L1
from manyfit.population import Member, Population, Rows, View
from manyfit.recipe import Recipe
from manyfit.rng import Streams
from manyfit.runs import Ledger
from manyfit.testing.engine import advance_to_end, apart
from manyfit.torch.module import module

ENGINES = [
    pytest.param(name, marks=[pytest.mark.native] if name == "native" else [])
    for name in ("native", "reference")
    if not why_missing(name)
]
BLOCKS = [{"residual": True}, {"norm": "layer"}, {"residual": True, "norm": "layer"}]
# No hidden layer, one unit (whose variance is 0), about the widths of vectors, chains of equal and of unequal layers.
HIDDEN = [(), (1, 1), (4, 4), (5, 5, 3, 3), (17, 17, 17), (33, 33)]


def native(**options):
    from manyfit.engines.native import Native

    return Native(**({"threads": 1} | options))


def members(hidden, blocks, n=5, activation="tanh", precision="float64", optimizer=None, **changes):
    """Networks of one structure that differ in rates, streams and rows; 19 rows of 3 columns, 2 targets."""
    generator = np.random.default_rng(3)
    X = generator.normal(size=(19, 3))
    y = np.stack([np.sin(X.sum(1)), X[:, 0] * X[:, 1]], axis=1)
    made = []
    for i in range(n):
        rule = optimizer or Adam()
        recipe = Recipe(
            Dense(hidden, activation, **blocks, dropout=changes.pop("dropout", 0.0)),
            optimizer=dataclasses.replace(rule, lr=rule.lr * (1 + i)),
            batch_size=5,
            epochs=4,
            precision=precision,
            **changes,
        )
        order = np.random.default_rng(i).permutation(19)
        made.append(Member(recipe, Streams.of(2, replicate=i), Rows(order[:14], order[14:])))
    return Population(tuple(made), {"all": View(X, y)})


class Block(nn.Module):
    """The same by torch's own modules."""

    def __init__(self, network, n_inputs, n_outputs):
        super().__init__()
        widths = network.widths(n_inputs, n_outputs)
        self.network = network
        self.linears = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))
        self.norms = nn.ModuleList(nn.LayerNorm(w) for w in network.hidden) if network.norm else []
        self.double()

    def load(self, leaves):
        with torch.no_grad():
            for k, linear in enumerate(self.linears, start=1):
                linear.weight.copy_(torch.tensor(leaves[f"layer{k}.weight"].T))
                linear.bias.copy_(torch.tensor(leaves[f"layer{k}.bias"]))
            for k, norm in enumerate(self.norms, start=1):
                norm.weight.copy_(torch.tensor(leaves[f"layer{k}.gain"]))
                norm.bias.copy_(torch.tensor(leaves[f"layer{k}.shift"]))

    def forward(self, x):
        for k, linear in enumerate(self.linears[:-1]):
            z = linear(x)
            z = self.norms[k](z) if self.network.norm else z
            a = torch.tanh(z)
            x = x + a if self.network.residual and k > 0 and x.shape == a.shape else a
        return self.linears[-1](x)


@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
@pytest.mark.parametrize("blocks", BLOCKS, ids=str)
def test_training_is_that_of_torchs_own_modules(blocks, hidden):
    population = members(hidden, blocks, 1, optimizer=SGD(0.05))
    member, view = population.members[0], population.views["all"]
    module = Block(member.recipe.dense, 3, 2)
    module.load(population.layout(0).cut(Ledger.begin(population).parameters[0]))
    peer = torch.optim.SGD(module.parameters(), lr=0.05)

    ledger = advance_to_end(Reference(), population)

    from manyfit.rng import epoch_order

    for epoch in range(4):
        order = member.rows.train[epoch_order(member.streams.order, epoch, 14)]
        for start in range(0, 14, 5):
            rows = order[start : start + 5]
            peer.zero_grad()
            ((module(torch.tensor(view.X[rows])) - torch.tensor(view.y[rows])) ** 2).mean().backward()
            peer.step()
    leaves = population.layout(0).cut(ledger.parameters[0])
    for k, linear in enumerate(module.linears, start=1):
        np.testing.assert_allclose(
            leaves[f"layer{k}.weight"], linear.weight.detach().numpy().T, rtol=1e-11, atol=1e-13
        )
        np.testing.assert_allclose(
            leaves[f"layer{k}.bias"], linear.bias.detach().numpy(), rtol=1e-11, atol=1e-13
        )
    for k, norm in enumerate(module.norms, start=1):
        np.testing.assert_allclose(
            leaves[f"layer{k}.gain"], norm.weight.detach().numpy(), rtol=1e-11, atol=1e-13
        )
        np.testing.assert_allclose(
            leaves[f"layer{k}.shift"], norm.bias.detach().numpy(), rtol=1e-11, atol=1e-13
        )


@pytest.mark.native
@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu", "identity"])
@pytest.mark.parametrize("hidden", HIDDEN, ids=str)
@pytest.mark.parametrize("blocks", BLOCKS, ids=str)
def test_native_follows_the_reference_and_keeps_its_bits(blocks, hidden, activation):
    population = members(hidden, blocks, activation=activation, dropout=0.2)

    across, within = (advance_to_end(native(layout=layout), population) for layout in ("across", "within"))
    theirs = advance_to_end(Reference(), population)

    for i in range(len(population)):
        assert apart(across, i, within, i, relative=False) == {}
        assert {name: far for name, far in apart(across, i, theirs, i).items() if far > 1e-9} == {}


@pytest.mark.native
@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize(
    "optimizer", [Adam(), LAMB(), Momentum(nesterov=True)], ids=lambda rule: type(rule).__name__
)
@pytest.mark.parametrize("blocks", BLOCKS, ids=str)
def test_alone_together_and_resumed_are_the_same_bits(blocks, optimizer, precision):
    more = {"penalties": (L1(0.01, biases=True),), "clip_norm": 0.5}
    population = members((6, 6, 6), blocks, 17, "relu", precision, optimizer, **more)
    whole = advance_to_end(native(layout="across"), population)

    for i in (0, 7, 16):
        alone = dataclasses.replace(population, members=(population.members[i],))
        assert apart(whole, i, advance_to_end(native(), alone), 0, relative=False) == {}
    engine = native(layout="across")
    engine.start(population, Ledger.begin(population))
    engine.advance(steps=4)
    saved = copy.deepcopy(engine.read())
    engine.stop()
    resumed = advance_to_end(native(layout="within"), population, saved)
    for i in range(17):
        assert apart(whole, i, resumed, i, relative=False) == {}


@pytest.mark.native
@pytest.mark.parametrize("optimizer", [LAMB(), Momentum()], ids=lambda rule: type(rule).__name__)
def test_gains_and_shifts_pay_and_step_as_biases_do_in_both_engines(optimizer):
    population = members((6, 6), BLOCKS[2], optimizer=optimizer, penalties=(L1(0.01, biases=True),))

    ours, theirs = advance_to_end(native(), population), advance_to_end(Reference(), population)

    for i in range(len(population)):
        assert {name: far for name, far in apart(ours, i, theirs, i).items() if far > 1e-9} == {}


@pytest.mark.native
@pytest.mark.parametrize("blocks", BLOCKS, ids=str)
def test_predictions_and_slopes_agree_in_every_engine_and_in_numpy(blocks):
    population = members((5, 5, 3, 3), blocks)
    run = fit(population, engine="native")
    network, X, y = population.members[0].recipe.dense, population.views["all"].X, population.views["all"].y
    flat = np.stack(run.parameters)

    outputs = [engine.predict(network, flat, X) for engine in (native(), Reference())]
    slopes = [engine.input_grad(network, MSE(), flat, X, y) for engine in (native(), Reference())]

    np.testing.assert_allclose(outputs[0], outputs[1], rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(numpy_forward(network, flat, X), outputs[1], rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(slopes[0], slopes[1], rtol=1e-9, atol=1e-13)
    np.testing.assert_array_equal(predict(run, X), outputs[0])


def test_gains_begin_at_one_and_shifts_at_zero_and_the_rest_as_without():
    plain, normed = Dense((4, 3)), Dense((4, 3), norm="layer")
    inputs = vector(2)
    leaves = normed.layout(inputs, 1).cut(normed.initial([1, 2], inputs, 1))
    without = plain.layout(inputs, 1).cut(plain.initial([1, 2], inputs, 1))

    assert (
        list(leaves)[:4] == ["layer1.weight", "layer1.bias", "layer1.gain", "layer1.shift"]
        and len(leaves) == 10
    )
    assert (leaves["layer2.gain"] == 1).all() and (leaves["layer2.shift"] == 0).all()
    assert all(np.array_equal(leaves[name], without[name]) for name in without)


@pytest.mark.parametrize("engine", ENGINES)
def test_residual_layers_keep_the_gradient_of_a_deep_network(engine):
    X = np.random.default_rng(0).normal(size=(12, 3))
    recipes = [Recipe(Dense((8,) * 6, "sigmoid", residual=residual), epochs=1) for residual in (False, True)]

    run = fit(Population.of(recipes, X, X @ [[1.0], [-2.0], [0.5]], watch=True), engine=engine)

    plain, residual = run.gradient_norm[0]
    assert plain[0] < 1e-4 * plain[-1] and residual[0] > 0.01 * residual[-1]


def test_recipes_with_blocks_survive_json_and_wrong_ones_are_refused():
    recipe = Recipe(Dense((4, 4), residual=True, norm="layer"))

    assert Recipe.from_dict(recipe.to_dict()) == recipe
    assert "norm" not in Recipe(Dense()).to_dict()["network"]
    with pytest.raises(RecipeError, match=r"unknown norm 'batch'\. Known: layer"):
        Recipe(Dense(norm="batch")).check()
    with pytest.raises(RecipeError, match=r"Dense\.residual must be true or false"):
        Recipe(Dense(residual=1)).check()


@pytest.mark.native
def test_the_native_engine_takes_them():
    assert engine_for(members((4, 4), BLOCKS[2])).name == "native"


def test_a_network_of_blocks_becomes_an_ordinary_torch_module():
    x = np.random.default_rng(0).normal(size=(12, 3))
    network = Dense((4, 4, 2), "tanh", dropout=0.2, residual=True, norm="layer")
    recipe = Recipe(network, epochs=3, batch_size=5, precision="float64")
    run = fit(Population.of([recipe] * 2, x, x[:, :1]))
    made = module(run, 1)

    assert sum(isinstance(part, nn.LayerNorm) for part in made.modules()) == 3
    said = made(torch.from_numpy(x)).detach().numpy()
    np.testing.assert_allclose(said, predict(run, x)[1], rtol=0, atol=1e-12)  # sums in another order
