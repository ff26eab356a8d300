"""What is recorded of the layers: against torch's own gradients, by hand, and where one wants to see it."""

import copy
import dataclasses

import numpy as np
import pytest
import torch
from cases import all_pairs, name_of_case, population_of

from manyfit.engines.choose import fit, why_missing
from manyfit.engines.reference import Reference
from manyfit.errors import UsageError
from manyfit.networks import Dense
from manyfit.optimizers.sgd import SGD
from manyfit.population import Member, Population, Rows, View
from manyfit.recipe import Recipe
from manyfit.rng import Streams
from manyfit.runs import Fate, Ledger, RunFolder
from manyfit.testing.engine import advance_to_end, apart

ENGINES = [
    pytest.param(name, marks=[pytest.mark.native] if name == "native" else [])
    for name in ("native", "reference")
    if not why_missing(name)
]
FACTORS = {
    "optimizer": ("sgd", "momentum", "adam"),
    "schedule": ("constant",),
    "loss": ("mse", "cross_entropy"),
    "addition": ("none", "l1", "clip", "dropout", "augment", "weights", "patience"),
    "hidden": ((4,), (5, 3), (), (33,)),
    "activation": ("relu", "tanh", "sigmoid", "identity"),
    "batch_size": (None, 4, 7),
    "precision": ("float32", "float64"),
}
CASES = all_pairs(FACTORS)


def native(**options):
    from manyfit.engines.native import Native

    return Native(**({"threads": 1} | options))


def data(n=12):
    X = np.random.default_rng(0).normal(size=(n, 3))
    return X, X @ [[1.0], [-2.0], [0.5]]


@pytest.mark.parametrize("engine", ENGINES)
def test_norms_and_ratios_are_those_of_torch(engine):
    X, y = data()
    recipe = Recipe(
        Dense((4, 5), "tanh"), optimizer=SGD(0.1), batch_size=5, epochs=1, precision="float64", penalties="l2"
    )
    population = Population.of([recipe], X, y, watch=True)

    run = fit(population, engine=engine)

    # The same three steps by torch's autograd; the penalty moves the weights, and is no part of the gradient on record.
    layers = [
        torch.tensor(w, requires_grad=True)
        for w in population.layout(0).cut(Ledger.begin(population).parameters[0]).values()
    ]
    from manyfit.rng import epoch_order

    order, squares = epoch_order(population.members[0].streams.order, 0, 12), np.zeros((3, 3))
    for start in (0, 5, 10):
        rows = order[start : start + 5]
        a = torch.tensor(X[rows])
        for k in range(3):
            a = a @ layers[2 * k] + layers[2 * k + 1]
            a = torch.tanh(a) if k < 2 else a
        gradients = torch.autograd.grad(((a - torch.tensor(y[rows])) ** 2).mean(), layers)
        for k, (w, g) in enumerate(zip(layers, gradients, strict=True)):
            change = -0.1 * (g + 2e-4 * w if w.ndim == 2 else g)
            squares[:, k // 2] += [(g**2).sum().item(), (change**2).sum().item(), (w**2).sum().item()]
            w.data += change
    np.testing.assert_allclose(run.gradient_norm[0, 0], np.sqrt(squares[0] / 3), rtol=1e-12)
    np.testing.assert_allclose(run.update_ratio[0, 0], np.sqrt(squares[1] / squares[2]), rtol=1e-12)
    assert run.gradient_norm.shape == (1, 1, 3) and run.dead_units.shape == (1, 1, 2)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(("activation", "dead"), [("relu", 2), ("tanh", 3), ("sigmoid", 3), ("identity", 0)])
def test_units_that_no_row_can_move_are_dead(engine, activation, dead):
    # Biases by hand: the first unit lies far below 0 for every row, the second far above, the third within reach for
    # one row only, the fourth far below 0 but for a row that weighs nothing.
    X = np.array([[0.0], [0.0], [10.0], [1000.0]])
    view = View(X, np.zeros((4, 1)), weights=np.array([1.0, 1.0, 1.0, 0.0]))
    recipe = Recipe(Dense((4,), activation), optimizer=SGD(0.0), batch_size=2, epochs=2, precision="float64")
    population = Population((Member(recipe, Streams.of(0), Rows(np.arange(4))),), {"all": view}, watch=True)
    ledger = Ledger.begin(population)
    ledger.parameters[0][:8] = [0, 0, 1, 0.1, -50, 50, -9, -50]  # weights, biases

    from manyfit.engines.choose import engine_for

    trainer = engine_for(population, engine)
    trainer.start(population, ledger)
    trainer.advance()

    assert trainer.read().layers[0, :, 2, 0].tolist() == [dead, dead]
    trainer.stop()


@pytest.mark.parametrize("engine", ENGINES)
def test_vanishing_gradients_are_seen(engine):
    X, y = data()
    deep = [
        Recipe(Dense((8,) * 6, activation, init=init), epochs=2)
        for activation, init in (("sigmoid", "torch"), ("relu", "he"))
    ]

    run = fit(Population.of(deep, X, y, watch=True), engine=engine)

    vanishing, fine = run.gradient_norm[-1]
    assert (
        np.diff(np.log10(vanishing)) > 0.4
    ).all()  # each layer down gets less than 40 % of what the next one up gets
    assert vanishing[0] < 1e-4 * vanishing[-1] and fine[0] > 0.05 * fine[-1]


@pytest.mark.parametrize("engine", ENGINES)
def test_exploding_gradients_are_seen_up_to_the_end(engine):
    X, y = data()
    recipe = Recipe(Dense((8, 8), "identity"), optimizer=SGD(0.15), batch_size=3, epochs=5)

    run = fit(Population.of([recipe], 3 * X, y, watch=True), engine=engine)

    epoch = int(
        np.isfinite(run.loss[:, 0]).sum()
    )  # the epoch in which it ended; its steps before that are on record
    assert run.fate[0] == Fate.DIVERGED and run.fate_step[0] == 7 and epoch == 1  # epochs of 4 steps
    norms = run.gradient_norm[:, 0].max(-1)
    assert (
        norms[1] > 1000 * norms[0] and (run.update_ratio[1, 0] > 10).all()
    )  # each step ten times the weights
    assert np.isnan(run.gradient_norm[epoch + 1 :]).all()


@pytest.mark.parametrize("engine", ENGINES)
def test_watching_changes_no_result(engine):
    population = population_of(
        {**CASES[3], "activation": "relu", "hidden": (5, 3), "batch_size": 4}, 5, epochs=3
    )
    plain = advance_to_end(native() if engine == "native" else Reference(), population)
    watched = dataclasses.replace(population, watch=True)
    seen = advance_to_end(native() if engine == "native" else Reference(), watched)

    for i in range(len(population)):
        assert (
            set(
                apart(
                    dataclasses.replace(seen, layers=plain.layers, watched=plain.watched),
                    i,
                    plain,
                    i,
                    relative=False,
                )
            )
            == set()
        )


@pytest.mark.native
@pytest.mark.parametrize("case", CASES, ids=name_of_case)
def test_both_layouts_record_the_same_bits_and_a_checkpoint_keeps_them(case):
    population = dataclasses.replace(population_of(case, 7, epochs=4), watch=True)
    whole = advance_to_end(native(layout="across"), population)

    assert np.array_equal(np.isfinite(whole.layers[0, :, 0, 0]), np.isfinite(whole.loss[0]))
    engine = native(layout="across")
    engine.start(population, Ledger.begin(population))
    engine.advance(steps=7)
    saved = copy.deepcopy(engine.read())
    engine.stop()
    for other in (
        advance_to_end(native(layout="within", threads=2), population),
        advance_to_end(native(layout="across"), population, steps=3),
        advance_to_end(native(layout="within"), population, saved),
    ):
        for i in range(7):
            assert apart(whole, i, other, i, relative=False) == {}


@pytest.mark.native
@pytest.mark.parametrize("case", [c for c in CASES if c["precision"] == "float64"], ids=name_of_case)
def test_native_records_what_the_reference_does(case):
    population = population_of(case, 7, epochs=4)
    kept = tuple(m for m in population.members if m.recipe.optimizer.lr < 1e3)  # chaos has no parity
    population = dataclasses.replace(population, members=kept, watch=True)

    ours, theirs = advance_to_end(native(), population), advance_to_end(Reference(), population)

    for i in range(len(population)):
        for what in range(3):
            a, b = ours.layers[i, :, what], theirs.layers[i, :, what]
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("engine", ENGINES)
def test_the_folder_keeps_them(engine, tmp_path):
    X, y = data()
    recipes = [Recipe(Dense((3,) * n), epochs=3 + n) for n in (1, 2)] + [
        Recipe(Dense((4,), "identity"), optimizer=SGD(1e3), batch_size=4)
    ]
    population = Population.of(recipes, 3 * X, y, watch=True)

    run = fit(population, engine=engine, folder=tmp_path / "a")
    again = RunFolder.open(tmp_path / "a").run(population)
    rows = RunFolder.open(tmp_path / "a").metrics()

    for name in ("gradient_norm", "update_ratio", "dead_units"):
        assert np.array_equal(getattr(run, name), getattr(again, name), equal_nan=True)
        for member, epoch, values in rows["member", "epoch", name].iter_rows():
            values = np.array(values)[: getattr(run, name).shape[-1]]
            assert np.array_equal(getattr(run, name)[epoch - 1, member], values, equal_nan=True)
    assert rows.filter(member=2)["loss"].null_count() == 1  # the epoch in which it diverged


def test_a_run_that_was_not_watched_says_so():
    X, y = data()
    with pytest.raises(UsageError, match=r"this run was not watched. Train a Population\(..., watch=True\)"):
        _ = fit(Population.of([Recipe(epochs=1)], X, y)).dead_units
