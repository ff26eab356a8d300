"""A rate that follows the loss, inside the engines: what torch's scheduler would have done with the losses on record."""

import copy
import dataclasses

import numpy as np
import pytest
import torch

from manyfit.engines.reference import Reference
from manyfit.networks import Dense
from manyfit.optimizers.momentum import Momentum
from manyfit.optimizers.sgd import SGD
from manyfit.population import Population
from manyfit.recipe import Recipe, Stopping
from manyfit.runs import Ledger, Run
from manyfit.schedules.plateau import Plateau
from manyfit.schedules.warmup import Warmup
from manyfit.testing.engine import advance_to_end, apart

EPOCHS = 14


def native(**options):
    from manyfit.engines.native import Native

    return Native(**({"threads": 1} | options))


ENGINES = [
    pytest.param(Reference, id="reference"),
    pytest.param(lambda: native(layout="across"), id="across", marks=pytest.mark.native),
    pytest.param(lambda: native(layout="within"), id="within", marks=pytest.mark.native),
]


def population(held=True, record_every=1):
    """Noisy targets, so that losses soon stop falling; every network has a plateau of its own, one has none."""
    generator = np.random.default_rng(0)
    X = generator.normal(size=(24, 3))
    recipe = Recipe(Dense((4,), "tanh"), optimizer=Momentum(0.1), batch_size=5, epochs=EPOCHS, precision="float64")
    schedules = [
        Plateau(0.5, patience=0, threshold=0.05),
        Plateau(0.1, patience=1, cooldown=2, floor=0.05),
        Warmup(3) >> Plateau(0.5, patience=0, threshold=0.01, threshold_mode="abs"),
        Warmup(2.5) >> Plateau(0.3, patience=0, threshold=0.2),
        "constant",
    ]
    recipes = [recipe.set("schedule", schedule) for schedule in schedules]
    made = Population.of(recipes, X, generator.normal(size=24), held=np.arange(17, 24) if held else None)
    return dataclasses.replace(made, record_every=record_every)


def run_of(made, engine, ledger=None):
    return Run.of(made, advance_to_end(engine, made, ledger), seconds=0.0, core_seconds=0.0, engine={})


def rates_of_torch(schedule, losses, lr):
    """The rate in each epoch, by torch's scheduler told the same losses."""
    plateau = schedule.plateau
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=lr)
    names = ("factor", "patience", "threshold", "threshold_mode", "cooldown", "eps")
    options = {name: getattr(plateau, name) for name in names} | {"min_lr": lr * plateau.floor}
    options["eps"] *= lr
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
    warm = int(schedule.parts[0].length) if hasattr(schedule, "parts") else 0
    rates = []
    for epoch, loss in enumerate(losses):
        rates.append(optimizer.param_groups[0]["lr"])
        if epoch >= warm:
            scheduler.step(loss)
    return rates


@pytest.mark.parametrize("make", ENGINES)
@pytest.mark.parametrize("held", [True, False], ids=["held-out rows", "no held-out rows"])
def test_rates_are_those_of_torch_on_the_recorded_losses(make, held):
    made = population(held)
    run = run_of(made, make())

    watched = run.held_loss if held else run.loss
    for i in range(4):
        schedule = made.members[i].recipe.schedule
        expected = np.array(rates_of_torch(schedule, watched[:, i], 0.1))
        every = made.steps_per_epoch(i)
        table = schedule.table(EPOCHS, every)
        rates = run.rates(i)
        np.testing.assert_allclose(rates, table * np.repeat(expected, every), rtol=1e-12)
        np.testing.assert_allclose(run.multipliers[:, i], rates[every - 1 :: every] / 0.1, rtol=1e-12)
        assert len(set(expected)) > 2
    assert np.array_equal(run.multipliers[:, 4], np.ones(EPOCHS))


@pytest.mark.parametrize("make", ENGINES)
def test_the_rate_on_record_is_the_rate_that_was_used(make):
    # With one row, plain SGD and no hidden layer, a step is lr times a gradient that can be worked out by hand.
    recipe = Recipe(Dense(()), optimizer=SGD(0.1), schedule=Plateau(0.5, 0, 0.8), epochs=6, precision="float64")
    made = Population.of([recipe], np.array([[1.0]]), np.array([2.0]))
    run = run_of(made, make())

    w, b = Ledger.begin(made).parameters[0]
    for rate in run.rates(0):
        error = w + b - 2
        w, b = w - rate * 2 * error, b - rate * 2 * error
    np.testing.assert_allclose(run.parameters[0], [w, b], rtol=1e-12)
    assert run.rates(0)[-1] < run.rates(0)[0]


@pytest.mark.parametrize("make", ENGINES)
@pytest.mark.parametrize("record_every", [1, 3])
def test_every_checkpoint_leads_to_the_same_end(make, record_every):
    made = population(record_every=record_every)
    whole = advance_to_end(make(), made)
    assert not np.isnan(whole.held_loss[:4]).any()  # a plateau watches at every epoch
    assert np.isnan(whole.held_loss[4]).any() == (record_every > 1)
    engine = make()
    engine.start(made, Ledger.begin(made))

    for _ in range(3):
        engine.advance(steps=13)  # in mid-epoch, and every time elsewhere: there are 4 updates in one
        saved = copy.deepcopy(engine.read())
        resumed = advance_to_end(make(), made, saved)
        for i in range(len(made)):
            assert apart(whole, i, resumed, i, relative=False) == {}
    engine.stop()


@pytest.mark.native
@pytest.mark.parametrize("held", [True, False])
def test_native_cuts_where_the_reference_cuts(held):
    made = population(held)

    ours, theirs = run_of(made, native()), run_of(made, Reference())

    np.testing.assert_allclose(ours.multipliers, theirs.multipliers, rtol=1e-12)
    np.testing.assert_allclose(ours.loss, theirs.loss, rtol=1e-9)


@pytest.mark.parametrize("make", ENGINES)
def test_rates_of_networks_that_end_early_end_with_them(make):
    made = population()
    members = [dataclasses.replace(m, recipe=m.recipe.set("stopping", Stopping(patience=2))) for m in made.members]
    members[4] = dataclasses.replace(
        members[4], recipe=dataclasses.replace(members[4].recipe, optimizer=SGD(1e6), stopping=Stopping())
    )
    made = dataclasses.replace(made, members=tuple(members))
    run = run_of(made, make())

    assert (run.fate[:4] == 3).any() and run.diverged[4]
    for i in range(5):
        assert len(run.rates(i)) == run.steps[i]
    assert np.array_equal(np.isnan(run.multipliers), np.isnan(run.loss))


def test_rates_of_a_training_that_was_cut_in_mid_epoch():
    made = population()
    engine = Reference()
    engine.start(made, Ledger.begin(made))
    engine.advance(steps=30)
    run = Run.of(made, engine.read(), seconds=0.0, core_seconds=0.0, engine={})
    whole = run_of(made, Reference())

    for i in range(5):
        assert np.array_equal(run.rates(i), whole.rates(i)[:30])


def test_no_epochs_have_no_rates():
    recipes = [Recipe(Dense(()), schedule="plateau", epochs=0), Recipe(Dense(()), schedule="warmup", epochs=2)]
    made = Population.of(recipes, np.ones((3, 1)), np.ones(3))
    run = run_of(made, Reference())

    assert run.rates(0).tolist() == []
    assert run.multipliers[:, 1].tolist() == [0.5, 1.0]
    assert np.isnan(run.multipliers[:, 0]).all()
