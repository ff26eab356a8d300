"""The reference engine is held to torch: its optimizers, its losses, its autograd, written out as a user of torch would."""

import copy
import dataclasses
from itertools import pairwise

import numpy as np
import pytest
import torch
from torch import nn

from manyfit import optimizers
from manyfit.engines.base import train
from manyfit.engines.reference import Reference
from manyfit.losses import BCE, MSE, CrossEntropy
from manyfit.networks import Dense
from manyfit.optimizers.adam import Adam
from manyfit.optimizers.momentum import Momentum
from manyfit.optimizers.sgd import SGD
from manyfit.penalties import L1, L2
from manyfit.population import Member, Population, Probe, Rows, View
from manyfit.recipe import Recipe, Stopping
from manyfit.rng import Streams, dropout_mask, epoch_order, keep_threshold
from manyfit.runs import Cursor, Fate, Ledger
from manyfit.schedules.cosine import Cosine
from manyfit.testing.engine import advance_to_end
from manyfit.testing.optimizer import oracle_options

RULES = [
    pytest.param(rule(**example), id=f"{name}-{'-'.join(f'{k}={v}' for k, v in example.items()) or 'default'}")
    for name, rule in optimizers.registry.all().items()
    for example in rule.examples
    if rule.oracle is not None
]
STREAMS = Streams.of(3)
ACTIVATIONS = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "identity": nn.Identity,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "elu": nn.ELU,
}
LOSSES = {
    "mse": lambda output, y: nn.functional.mse_loss(output, y, reduction="none").mean(1),
    "cross_entropy": lambda output, y: nn.functional.cross_entropy(output, y, reduction="none"),
    "bce": lambda output, y: nn.functional.binary_cross_entropy_with_logits(output, y, reduction="none").mean(1),
}


def standardized(n=23, n_inputs=3, seed=1):
    """Standardized inputs [n, 3] and two targets that depend on them."""
    generator = np.random.default_rng(seed)
    X = generator.normal(size=(n, n_inputs))
    return X, np.stack([X.sum(1), np.sin(X[:, 0]) - X[:, 1] ** 2], axis=1) / 2


def one(recipe, X, y, *, weights=None, held=(), n_classes=None, probes=(), record_every=1, streams=STREAMS):
    """A population of one network that trains on all rows but `held`."""
    held = np.asarray(held, dtype=np.int64)
    view = View(X, y, weights, n_classes)
    rows = Rows(np.setdiff1d(np.arange(len(X)), held), held)
    recipe = dataclasses.replace(recipe, precision="float64")
    return Population((Member(recipe, streams, rows),), {"all": view}, probes, record_every)


def as_torch(recipe, flat, widths):
    """The same network as a torch module, with the same parameters."""
    modules, start = [], 0
    for k, (n_in, n_out) in enumerate(pairwise(widths)):
        linear = nn.Linear(n_in, n_out, dtype=torch.float64)
        linear.weight.data = torch.tensor(flat[start : start + n_in * n_out].reshape(n_in, n_out).T.copy())
        start += n_in * n_out
        linear.bias.data = torch.tensor(flat[start : start + n_out])
        start += n_out
        modules += [linear] + ([ACTIVATIONS[recipe.network.activation]()] if k < len(widths) - 2 else [])
    return nn.Sequential(*modules)


def flattened(module):
    """Parameters of a torch module in the order of the ledger."""
    return [
        part.detach().numpy().ravel().copy()
        for layer in module
        if isinstance(layer, nn.Linear)
        for part in (layer.weight.T.contiguous(), layer.bias)
    ]


def peer_of(recipe, module):
    module_name, _, cls = type(recipe.optimizer).oracle[0].rpartition(".")
    assert module_name == "torch.optim"
    options = oracle_options(recipe.optimizer, type(recipe.optimizer).oracle[1])
    return getattr(torch.optim, cls)(module.parameters(), **options)


def train_with_torch(population, n_steps, penalty=None):
    """The chapter's loop in torch's own words. Returns the parameters after each step."""
    member, view = population.members[0], population.views["all"]
    recipe, rows = member.recipe, member.rows.train
    module = as_torch(recipe, Ledger.begin(population).parameters[0], population.widths(0))
    peer = peer_of(recipe, module)
    X, y = torch.from_numpy(view.X), torch.from_numpy(view.y)
    weights = torch.ones(len(X), dtype=torch.float64) if view.weights is None else torch.from_numpy(view.weights)
    size = min(recipe.batch_size or len(rows), len(rows))
    n_batches = -(-len(rows) // size)
    rates = recipe.schedule.table(recipe.epochs, n_batches)
    path = []
    for t in range(n_steps):
        is_new = recipe.shuffle and size < len(rows)
        order = epoch_order(member.streams.order, t // n_batches, len(rows)) if is_new else np.arange(len(rows))
        batch = rows[order[t % n_batches * size :][:size]]
        losses = LOSSES[recipe.loss.name if hasattr(recipe.loss, "name") else "cross_entropy"](module(X[batch]), y[batch])
        loss = (weights[batch] * losses).sum() / weights[batch].sum()
        if penalty is not None:
            loss = loss + penalty(module)
        peer.zero_grad()
        loss.backward()
        if recipe.clip_value is not None:
            nn.utils.clip_grad_value_(module.parameters(), recipe.clip_value)
        if recipe.clip_norm is not None:
            nn.utils.clip_grad_norm_(module.parameters(), recipe.clip_norm)
        for group in peer.param_groups:
            group["lr"] = recipe.optimizer.lr * rates[t]
        peer.step()
        path.append(flattened(module))
    return path


def follow(population, n_steps, resume_at=None):
    """The reference engine's parameters after each step, by tensor; from `resume_at` on by a new engine on a copied ledger."""
    engine, ledger = Reference(), Ledger.begin(population)
    engine.start(population, ledger)
    widths = population.widths(0)
    ends = np.cumsum([size for a, b in pairwise(widths) for size in (a * b, b)])
    path = []
    for t in range(n_steps):
        if t == resume_at:
            ledger = copy.deepcopy(engine.read())
            engine = Reference()
            engine.start(population, ledger)
        engine.advance(steps=1)
        path.append(np.split(engine.read().parameters[0].copy(), ends[:-1]))
    return path


def farthest(ours, theirs):
    """Largest difference in any tensor, relative to the largest number in it, over each number of steps made."""
    return max(
        np.abs(a - b).max() / np.abs(b).max() / t
        for t, (left, right) in enumerate(zip(ours, theirs, strict=True), start=1)
        for a, b in zip(left, right, strict=True)
    )


@pytest.mark.parametrize("optimizer", RULES)
def test_reference_follows_torch_optim_for_50_steps_with_a_resume_between(optimizer):
    recipe = Recipe(Dense((5, 4), "tanh"), optimizer=optimizer, schedule=Cosine(), batch_size=4, epochs=9)
    population = one(recipe, *standardized())

    # 6 steps an epoch: step 25 is the second of an epoch. Without a resume the bits are the same, as the law's tests see.
    assert farthest(follow(population, 50, 25), train_with_torch(population, 50)) < 1e-12


@pytest.mark.parametrize("loss", [MSE(), CrossEntropy(), BCE()])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_reference_follows_torch_with_weights_on_every_loss_and_activation(loss, activation):
    X, numbers = standardized()
    y = {"numbers": numbers, "labels": (X[:, 0] > 0) + (X[:, 1] > 0), "binary": (numbers > 0) * 1.0}[loss.target]
    n_classes = 3 if loss.target == "labels" else None
    weights = np.random.default_rng(2).uniform(0, 3, len(X))
    population = one(Recipe(Dense((4,), activation), loss), X, y, weights=weights, n_classes=n_classes)

    assert farthest(follow(population, 10), train_with_torch(population, 10)) < 1e-12


@pytest.mark.parametrize(("value", "norm"), [(None, 0.05), (None, 1e3), (0.03, None), (0.03, 0.05)])
def test_clipping_is_that_of_torch_by_value_and_then_by_norm(value, norm):
    recipe = Recipe(Dense((4,)), optimizer=SGD(0.1), clip_norm=norm, clip_value=value, batch_size=5)
    population = one(recipe, *standardized())

    assert farthest(follow(population, 10), train_with_torch(population, 10)) < 1e-12


def test_penalties_are_added_to_the_loss_and_kept_out_of_the_record():
    X, y = standardized()
    recipe = Recipe(Dense((4,)), optimizer=Momentum(0.1), penalties=(L1(0.05, proximal=False), L2(0.03, biases=True)))
    recipe = dataclasses.replace(recipe, batch_size=None, epochs=5)
    population = one(recipe, X, y)

    def penalty(module):
        linears = [layer for layer in module if isinstance(layer, nn.Linear)]
        l1 = sum(layer.weight.abs().sum() for layer in linears)
        l2 = sum((layer.weight**2).sum() + (layer.bias**2).sum() for layer in linears)
        return 0.05 * l1 + 0.03 * l2

    assert farthest(follow(population, 5), train_with_torch(population, 5, penalty)) < 1e-12
    first = Reference().predict(recipe.network, Ledger.begin(population).parameters[0][None], X)[0]
    assert advance_to_end(Reference(), population).loss[0, 0] == pytest.approx(np.mean((first - y) ** 2), rel=1e-12)


def test_l2_is_a_coupled_weight_decay_of_twice_its_strength():
    decayed = one(Recipe(Dense((4,)), optimizer=Adam(weight_decay=0.2)), *standardized())
    penalized = one(Recipe(Dense((4,)), penalties=(L2(0.1, biases=True),)), *standardized())

    assert farthest(follow(decayed, 10), follow(penalized, 10)) < 1e-12


def test_dropout_multiplies_inputs_and_hidden_outputs_by_the_masks_of_the_stream():
    X, y = standardized(n=4)
    recipe = Recipe(Dense((5,), "tanh", dropout=0.4, input_dropout=0.3), optimizer=SGD(0.1), batch_size=None)
    population = one(recipe, X, y)
    first, *_ = follow(population, 1)

    flat = Ledger.begin(population).parameters[0]
    weight, bias, weight2, bias2 = (
        torch.tensor(part).requires_grad_()
        for part in (flat[:15].reshape(3, 5), flat[15:20], flat[20:30].reshape(5, 2), flat[30:])
    )
    masks = [
        torch.from_numpy(dropout_mask(STREAMS.noise, 0, layer, 4, n_units, keep_threshold(p)))
        for layer, n_units, p in ((0, 3, 0.3), (1, 5, 0.4))
    ]
    hidden = torch.tanh((torch.from_numpy(X) * masks[0]) @ weight + bias) * masks[1]
    loss = ((hidden @ weight2 + bias2 - torch.from_numpy(y)) ** 2).mean()
    gradients = torch.autograd.grad(loss, (weight, bias, weight2, bias2))

    for ours, old, gradient in zip(first, (weight, bias, weight2, bias2), gradients, strict=True):
        np.testing.assert_allclose(ours, (old - 0.1 * gradient).detach().numpy().ravel(), rtol=1e-13)


def test_loss_of_an_epoch_is_the_weighted_mean_over_its_batches():
    X, y = np.ones((3, 1)), np.array([1.0, 2.0, 4.0])
    # A linear network whose rate is 0 keeps its first weights; its loss is then that of any row against one number.
    recipe = Recipe(Dense(()), optimizer=SGD(0.0), batch_size=2, epochs=2)
    population = one(recipe, X, y, weights=np.array([1.0, 1.0, 2.0]))
    ledger = Ledger.begin(population)
    value = ledger.parameters[0].sum()

    ledger = advance_to_end(Reference(), population, ledger)

    expected = ((value - 1) ** 2 + (value - 2) ** 2 + 2 * (value - 4) ** 2) / 4
    assert ledger.loss[0] == pytest.approx([expected, expected], rel=1e-14)


def test_rows_without_weight_teach_nothing():
    X, y = standardized()
    recipe = Recipe(Dense((4,)), optimizer=Adam(), batch_size=5, epochs=2)
    population = one(recipe, X, y, weights=np.zeros(len(X)), held=[0, 1])

    ledger = advance_to_end(Reference(), population)

    assert np.array_equal(ledger.parameters[0], Ledger.begin(population).parameters[0])
    assert (ledger.loss[0].tolist(), ledger.held_loss[0].tolist()) == ([0, 0], [0, 0])
    assert ledger.fate[0] == Fate.FINISHED


def test_divergence_freezes_the_weights_from_before_the_step():
    X, y = standardized()
    recipe = Recipe(Dense((4,)), optimizer=SGD(1e3), batch_size=4, epochs=5)
    population = one(recipe, X, y)

    ledger = advance_to_end(Reference(), population)
    step = int(ledger.cursor[0, Cursor.FATE_STEP])
    last = follow(population, step - 1)[-1]

    assert ledger.fate[0] == Fate.DIVERGED
    assert ledger.cursor[0, Cursor.STEP] == step - 1 > 0
    assert np.array_equal(ledger.parameters[0], np.concatenate(last))
    assert np.isnan(ledger.loss[0, (step - 1) // 6 :]).all()
    assert np.isfinite(ledger.loss[0, : (step - 1) // 6]).all()


def test_a_loss_of_a_million_times_its_start_counts_as_diverged():
    X, y = np.ones((1, 1)), np.zeros(1)
    population = one(Recipe(Dense(()), optimizer=SGD(1.0), batch_size=None, epochs=50), X, y)
    ledger = Ledger.begin(population)
    ledger.parameters[0][:] = (1.0, 0.0)

    ledger = advance_to_end(Reference(), population, ledger)

    # The output w + b is multiplied by 1 − 4·lr = −3 at each step, the loss by 9: 9⁶ < 10⁶ < 9⁷.
    assert (ledger.fate[0], ledger.cursor[0, Cursor.FATE_STEP]) == (Fate.DIVERGED, 8)
    assert ledger.loss[0, :7].tolist() == [9.0**k for k in range(7)]


@pytest.mark.parametrize("first", [np.inf, np.nan, 1e200])
def test_a_first_loss_that_is_not_finite_diverges_at_once(first):
    population = one(Recipe(Dense(())), np.ones((2, 1)), np.zeros(2), held=[1])
    ledger = Ledger.begin(population)
    ledger.parameters[0][:] = (first, 0.0)  # the square of 1e200 is infinite

    ledger = advance_to_end(Reference(), population, ledger)

    assert (ledger.fate[0], ledger.cursor[0, Cursor.FATE_STEP]) == (Fate.DIVERGED, 1)
    assert ledger.cursor[0, Cursor.STEP] == 0


def test_a_held_out_loss_that_is_not_finite_diverges_at_the_end_of_the_epoch():
    X, y = np.array([[0.0], [1e200]]), np.zeros(2)
    population = one(Recipe(Dense(()), epochs=3), X, y, held=[1])

    ledger = advance_to_end(Reference(), population)

    assert (ledger.fate[0], ledger.cursor[0, Cursor.FATE_STEP], ledger.cursor[0, Cursor.STEP]) == (Fate.DIVERGED, 1, 1)
    assert np.isfinite(ledger.loss[0]).tolist() == [True, False, False]
    assert np.isnan(ledger.held_loss[0]).all()


def test_a_tiny_start_does_not_make_a_small_loss_diverge():
    X, y = np.ones((2, 1)), np.array([0.0, 1.0])
    population = one(Recipe(Dense(()), optimizer=SGD(0.25), batch_size=1, epochs=10), X, y)
    ledger = Ledger.begin(population)
    first = epoch_order(STREAMS.order, 0, 2)[0]
    ledger.parameters[0][:] = (y[first] + 1e-8, 0.0)

    assert advance_to_end(Reference(), population, ledger).fate[0] == Fate.FINISHED


def test_patience_keeps_the_best_weights_and_stops():
    X, y = standardized()
    # The held-out targets are turned round: what is learned makes them worse sooner or later.
    y = np.where(np.arange(len(X))[:, None] < 6, -y, y)
    recipe = Recipe(Dense((8,)), optimizer=Adam(0.03), batch_size=4, epochs=40, stopping=Stopping(patience=3))
    population = one(recipe, X, y, held=np.arange(6), record_every=7)

    ledger = advance_to_end(Reference(), population)
    best, n_epochs = int(ledger.cursor[0, Cursor.BEST_EPOCH]), int(ledger.cursor[0, Cursor.EPOCH])

    held = ledger.held_loss[0]
    assert ledger.fate[0] == Fate.STOPPED
    assert ledger.cursor[0, Cursor.FATE_STEP] == ledger.cursor[0, Cursor.STEP] == 5 * n_epochs
    assert n_epochs == best + 4 and np.isfinite(held[:n_epochs]).all() and np.isnan(held[n_epochs:]).all()
    assert best == np.nanargmin(held)
    output = Reference().predict(recipe.network, ledger.parameters[0][None], X[:6])[0]
    assert np.mean((output - y[:6]) ** 2) == pytest.approx(held[best], rel=1e-12)


def test_min_delta_asks_for_more_than_a_little_better():
    X, y = standardized()
    slow = Recipe(Dense((4,)), optimizer=SGD(1e-4), batch_size=None, epochs=9, stopping=Stopping(patience=2, min_delta=0.1))

    ledger = advance_to_end(Reference(), one(slow, X, y, held=[0, 1, 2]))

    assert (ledger.fate[0], ledger.cursor[0, Cursor.BEST_EPOCH], ledger.cursor[0, Cursor.EPOCH]) == (Fate.STOPPED, 0, 3)


def test_target_loss_ends_training_at_the_epoch_that_reaches_it():
    X, y = standardized()
    recipe = Recipe(Dense((8,)), optimizer=Adam(0.03), batch_size=4, epochs=60, stopping=Stopping(target_loss=0.1))

    ledger = advance_to_end(Reference(), one(recipe, X, y))
    n_epochs = int(ledger.cursor[0, Cursor.EPOCH])

    assert ledger.fate[0] == Fate.TARGET
    assert ledger.loss[0, n_epochs - 1] <= 0.1 < ledger.loss[0, n_epochs - 2]
    assert np.isnan(ledger.loss[0, n_epochs:]).all()


def test_held_loss_is_recorded_when_asked_and_at_the_end():
    recipe = Recipe(Dense((4,)), batch_size=4, epochs=7)

    ledger = advance_to_end(Reference(), one(recipe, *standardized(), held=[2, 3], record_every=3))

    assert np.isfinite(ledger.held_loss[0]).tolist() == [False, False, True, False, False, True, True]


def test_probes_are_predictions_at_their_epochs():
    X, y = standardized()
    recipe = Recipe(Dense((4,)), batch_size=4, epochs=3)
    probe = Probe("some", np.array([5, 0]), (0, 2, 9))
    population = one(recipe, X, y, probes=(probe,))

    ledger = advance_to_end(Reference(), population)
    after_two = advance_to_end(Reference(), one(dataclasses.replace(recipe, epochs=2), X, y))

    expected = Reference().predict(recipe.network, after_two.parameters[0][None], X[[5, 0]])[0]
    assert np.array_equal(ledger.probes[0][0, 1], expected)
    assert np.isnan(ledger.probes[0][0, 2]).all()


def test_float32_recipe_trains_in_float32():
    recipes = [Recipe(Dense((4,)), epochs=1, precision=precision) for precision in ("float32", "float64")]
    population = Population.of(recipes, *standardized())

    ledger = advance_to_end(Reference(), population)

    assert [flat.dtype for flat in ledger.parameters] == [np.float32, np.float64]
    assert ledger.loss[0, 0] == pytest.approx(
        advance_to_end(Reference(), dataclasses.replace(population, members=population.members[:1])).loss[0, 0]
    )


def test_input_gradient_is_that_of_each_row_alone():
    X, y = standardized(n=5)
    recipe = Recipe(Dense((4, 3), "sigmoid"), BCE())
    flat = np.random.default_rng(5).normal(size=(3, 16 + 15 + 8))
    targets = (y > 0) * 1.0

    gradients = Reference().input_grad(recipe.network, recipe.loss, flat, X, targets)

    for i in range(3):
        module = as_torch(recipe, flat[i], (3, 4, 3, 2))
        for row in range(5):
            x = torch.from_numpy(X[row : row + 1].copy()).requires_grad_()
            LOSSES["bce"](module(x), torch.from_numpy(targets[row : row + 1])).sum().backward()
            np.testing.assert_allclose(gradients[i, row], x.grad[0].numpy(), rtol=1e-12)


def test_deadline_ends_a_segment_and_not_the_training():
    population = Population.of([Recipe(Dense((4,)), epochs=2)] * 2, *standardized())
    engine = Reference()
    engine.start(population, Ledger.begin(population))

    assert not engine.advance(seconds=0.0)
    assert engine.read().cursor[:, Cursor.STEP].tolist() == [0, 0]
    assert engine.advance()


def test_training_through_the_loop_gives_a_run():
    run = train(Population.of([Recipe(Dense((4,)), epochs=3)] * 2, *standardized()), Reference())

    assert run.fates == ["finished", "finished"]
    assert run.loss.shape == (3, 2)
    assert run.engine == {"name": "reference", "torch": torch.__version__}
    assert 0 < run.core_seconds <= run.seconds
