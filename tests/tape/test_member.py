"""A network in training on the tape, held to the reference engine and to torch's autograd."""

import numpy as np
import pytest
from cases import ADDITIONS, CHAPTERS, LOSSES, OPTIMIZERS, all_pairs, name_of_case, recipe_of, view_of

from manyfit.errors import UsageError
from manyfit.networks import ACTIVATIONS, Dense
from manyfit.optimizers.sgd import SGD
from manyfit.population import Member, Population, Rows, View
from manyfit.recipe import Recipe
from manyfit.rng import Streams
from manyfit.runs.ledger import Ledger
from manyfit.schedules.plateau import Plateau
from manyfit.schedules.warmup import Warmup
from manyfit.tape.member import Taped, leaves_of

torch = pytest.importorskip("torch")

FACTORS = {
    **CHAPTERS,
    "loss": tuple(LOSSES),
    "hidden": ((4,), (5, 3), ()),
    "activation": tuple(ACTIVATIONS),
    "batch_size": (None, 4),
}
CASES = [{**case, "precision": "float64"} for case in all_pairs(FACTORS)]


def population_of(case):
    recipe = recipe_of(case, 5)
    if recipe.stopping.patience is not None:
        recipe = recipe.set("stopping.patience", 9)  # the tape doesn't stop, so the engine shouldn't either
    weights = np.random.default_rng(1).uniform(0, 2, 11) if case["addition"] == "weights" else None
    order = np.random.default_rng(2).permutation(11)
    held = order[9:]
    member = Member(recipe, Streams.of(7), Rows(order[:9], held))
    return Population((member,), {"all": view_of(recipe.loss, 11, 3, 2, weights)}).check()


def close(found, expected, tolerance=1e-12):
    scale = np.abs(expected).max() if expected.size else 0.0
    np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance * max(scale, 1e-3))


@pytest.mark.parametrize("case", CASES, ids=map(name_of_case, CASES))
def test_each_update_is_that_of_the_reference_engine(case):
    from manyfit.engines.reference import Reference

    population = population_of(case)
    ledger, engine = Ledger.begin(population), Reference()
    engine.start(population, ledger)
    taped = Taped(population.members[0], population.views["all"])

    for _ in range(4):
        engine.advance(steps=1)
        step = taped.step()
        close(np.concatenate([leaf.ravel() for leaf in taped.leaves]), ledger.parameters[0])
        for k, name in enumerate(taped.state[0]):
            close(np.concatenate([state[name].ravel() for state in taped.state]), ledger.state[0][k])

    assert step.t == 4


@pytest.mark.parametrize("held", [None, np.arange(3)])
def test_rates_that_follow_the_loss_are_those_of_the_reference_engine(held, rng):
    from manyfit.engines.base import train
    from manyfit.engines.reference import Reference

    recipe = Recipe(Dense((2,), "tanh"), schedule=Warmup(1) >> Plateau(0.5, 0, 0.5), batch_size=4, epochs=6)
    recipe = recipe.set("precision", "float64")
    population = Population.of([recipe], rng.normal(size=(11, 2)), rng.normal(size=11), held=held)
    run = train(population, Reference())
    taped = Taped(population.members[0], population.views["all"])

    rates = [taped.step().rate for _ in range(run.steps[0])]

    assert rates == run.rates(0).tolist()
    assert len(set(rates[-8:])) > 1


@pytest.mark.parametrize("case", CASES, ids=map(name_of_case, CASES))
def test_gradients_are_those_of_autograd(case):
    population = population_of(case)
    member, view = population.members[0], population.views["all"]
    taped = Taped(member, view)
    leaves = [torch.tensor(leaf, requires_grad=True) for leaf in taped.leaves]
    step = taped.step()

    shift, keep = member.recipe.augment.draw(member.streams.noise, step.t - 1, *view.X[step.rows].shape)
    a = torch.tensor((view.X[step.rows] + shift) * keep)
    kept = []
    for k, layer in enumerate(step.layers):
        a = a if layer.mask is None else a * torch.tensor(layer.mask)
        z = a @ leaves[2 * k] + leaves[2 * k + 1]
        a = z if k + 1 == len(step.layers) else ACTIVATIONS[member.recipe.network.activation](torch, z)
        kept += [z, a]
        for each in (z, a):
            each.retain_grad()
    weights, y = torch.tensor(step.weights), torch.tensor(view.y[step.rows])
    rule = member.recipe.loss
    loss = (weights * rule.rows(torch, a, y)).sum() / (weights * rule.row_weight(torch, y)).sum()
    loss.backward()

    assert step.loss == pytest.approx(loss.item(), rel=1e-12)
    for leaf, theirs in zip(step.leaves, leaves, strict=True):
        close(leaf.d_loss, theirs.grad.numpy())
    for layer, z, a in zip(step.layers, kept[::2], kept[1::2], strict=True):
        close(layer.z, z.detach().numpy())
        close(layer.d_z, z.grad.numpy())
        close(layer.d_a, a.grad.numpy())


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_slopes_of_activations_are_finite_differences(name, rng):
    z = rng.normal(size=40)
    z = z[np.abs(z) > 1e-3]  # away from the corner of relu
    recipe = Recipe(Dense((1,), name), optimizer=SGD(), batch_size=None, precision="float64")
    population = Population.of([recipe], z[:, None], z)
    taped = Taped(population.members[0], population.views["all"], np.array([1.0, 0.0, 1.0, 0.0]))

    slope = taped.step().layers[0].slope[:, 0]

    sides = [ACTIVATIONS[name](np, z + sign * 1e-6) for sign in (1, -1)]
    np.testing.assert_allclose(slope, (sides[0] - sides[1]) / 2e-6, rtol=1e-6, atol=1e-8)


def test_a_step_by_hand():
    # One unit, one input, ŷ = 2x + 1 on x = 1, 3 with y = 4, 6: errors −1 and 1, so ∂L/∂W = 2(−1 + 3)/2 and ∂L/∂b = 0.
    recipe = Recipe(Dense(()), optimizer=SGD(lr=0.5), batch_size=None, precision="float64")
    population = Population.of([recipe], np.array([[1.0], [3.0]]), np.array([4.0, 6.0]))
    step = Taped(population.members[0], population.views["all"], np.array([2.0, 1.0])).step()

    assert step.loss == 1.0
    assert step.row_losses.tolist() == [1.0, 1.0]
    assert step.layers[0].d_z.tolist() == [[-1.0], [1.0]]
    assert step.layers[0].d_weight.tolist() == [[2.0]]
    assert step.layers[0].d_bias.tolist() == [0.0]
    assert step.leaves[0].after.tolist() == [[1.0]]
    assert step.leaves[1].after.tolist() == [1.0]
    # ŷ = x + 1 is 2 and 4 then: errors 2 and 2.
    assert step.new_loss == 4.0


def test_rows_that_weigh_nothing_pull_at_nothing():
    recipe = Recipe(Dense((2,)), batch_size=None, precision="float64")
    population = Population.of([recipe], np.ones((3, 1)), np.ones(3), weights=np.zeros(3))
    step = Taped(population.members[0], population.views["all"]).step()

    assert step.loss == 0.0
    assert not any(leaf.d_loss.any() for leaf in step.leaves)


def test_a_step_after_the_last_is_refused():
    recipe = Recipe(Dense(()), batch_size=2, epochs=1, precision="float64")
    population = Population.of([recipe], np.ones((3, 1)), np.ones(3))
    taped = Taped(population.members[0], population.views["all"])
    taped.step(), taped.step()

    with pytest.raises(UsageError, match=r"step must be ≤ 2, got 3. The recipe has 1 epochs of 2 steps"):
        taped.step()


def test_a_network_that_diverged_is_refused():
    recipe = Recipe(Dense(()), optimizer=SGD(lr=1e200), batch_size=None, epochs=9, precision="float64")
    population = Population.of([recipe], np.ones((2, 1)), np.array([1.0, 3.0]))
    taped = Taped(population.members[0], population.views["all"])

    with pytest.raises(UsageError, match="has no finite loss: the network has diverged"):
        for _ in range(9):
            taped.step()


def test_shown_rows_are_those_of_the_engines_order():
    recipe = Recipe(Dense(()), batch_size=2, epochs=2, precision="float64")
    rows = Rows(np.array([4, 1, 3, 0, 2]))
    view = View(np.arange(5.0)[:, None], np.arange(5.0))
    taped = Taped(Member(recipe, Streams.of(3), rows), view)

    first = np.concatenate([taped.rows_of(t) for t in range(3)])
    second = np.concatenate([taped.rows_of(t) for t in range(3, 6)])

    assert sorted(first) == sorted(second) == [0, 1, 2, 3, 4]
    assert first.tolist() != second.tolist()
    assert [len(taped.rows_of(t)) for t in range(3)] == [2, 2, 1]


def test_leaves_are_cut_in_the_order_of_the_engines():
    leaves = leaves_of(np.arange(13.0), (2, 3, 1))

    assert [leaf.shape for leaf in leaves] == [(2, 3), (3,), (3, 1), (1,)]
    assert leaves[2].ravel().tolist() == [9.0, 10.0, 11.0]


def test_cases_cover_every_rule():
    assert {case["optimizer"] for case in CASES} == set(OPTIMIZERS)
    assert {case["addition"] for case in CASES} == set(ADDITIONS)
