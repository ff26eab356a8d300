"""Every schedule has the values of torch's at every one of 200 updates; what torch has no schedule for is checked by hand."""

import itertools

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

from manyfit.schedules.constant import Constant
from manyfit.schedules.cosine import Cosine
from manyfit.schedules.cosine_restarts import CosineRestarts
from manyfit.schedules.exponential_lr import ExponentialLR
from manyfit.schedules.one_cycle import OneCycle
from manyfit.schedules.plateau import Plateau, plateau_of
from manyfit.schedules.step_lr import StepLR
from manyfit.schedules.warmup import Warmup

N = 200
TOLERANCE = 1e-12
"""torch multiplies from step to step and gathers a rounding of 1e-16 at each: 1e-14 was seen after 200."""


def rates_of_torch(make, n_steps=N, lr=1.0):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=lr)
    schedule = make(optimizer)
    rates = []
    for _ in range(n_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def assert_follows(schedule, make, n_steps=N, lr=1.0):
    """The schedule in 1 epoch of so many updates, and in as many epochs of one."""
    peer = np.array(rates_of_torch(make, n_steps, lr))
    for n_epochs, steps_per_epoch in ((1, n_steps), (n_steps, 1)):
        table = lr * schedule.table(n_epochs, steps_per_epoch)
        assert np.abs(table - peer).max() <= TOLERANCE * lr
        assert np.abs(table / np.where(peer > 0, peer, 1) - (peer > 0)).max() <= 1e-9  # small rates too


@pytest.mark.parametrize("size", [1, 7, 60, 300])
@pytest.mark.parametrize("gamma", [0.1, 0.9, 1.0])
def test_step_lr_is_that_of_torch(size, gamma):
    assert_follows(StepLR(size, gamma, unit="step"), lambda o: lr_scheduler.StepLR(o, size, gamma))


@pytest.mark.parametrize("gamma", [0.9, 0.99, 1.0])
def test_exponential_lr_is_that_of_torch(gamma):
    assert_follows(ExponentialLR(gamma, unit="step"), lambda o: lr_scheduler.ExponentialLR(o, gamma))


def test_epochs_are_what_torch_counts_when_it_is_asked_once_an_epoch():
    peer = np.repeat(rates_of_torch(lambda o: lr_scheduler.StepLR(o, 3, 0.5), 20), 7)

    np.testing.assert_allclose(StepLR(3, 0.5).table(20, 7), peer, rtol=TOLERANCE)
    np.testing.assert_allclose(ExponentialLR(0.5).table(20, 7), StepLR(1, 0.5).table(20, 7), rtol=TOLERANCE)


@pytest.mark.parametrize("floor", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("lr", [1.0, 0.003])
def test_cosine_is_cosine_annealing_of_torch(floor, lr):
    make = lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=N, eta_min=floor * lr)  # noqa: E731

    assert_follows(Cosine(floor), make, lr=lr)
    assert_follows(Cosine(floor, length=N, unit="step"), make, lr=lr)


def test_cosine_stays_at_its_floor_when_it_is_over():
    table = Cosine(0.25, length=3).table(5, 4)

    peer = rates_of_torch(lambda o: lr_scheduler.CosineAnnealingLR(o, T_max=12, eta_min=0.25), 13)
    np.testing.assert_allclose(table, peer + [0.25] * 7, rtol=TOLERANCE)


@pytest.mark.parametrize("period", [1, 10, 33, 500])
@pytest.mark.parametrize("growth", [1, 2, 3])
@pytest.mark.parametrize("floor", [0.0, 0.2])
def test_cosine_with_restarts_is_that_of_torch(period, growth, floor):
    assert_follows(
        CosineRestarts(period, growth, floor, unit="step"),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, period, growth, floor),
    )


def test_cosine_does_not_begin_again_when_it_is_over():
    table = CosineRestarts(period=2, length=4, unit="step").table(1, 7)

    np.testing.assert_allclose(table, [1, 0.5, 1, 0.5, 0.5, 0.5, 0.5], rtol=TOLERANCE)


@pytest.mark.parametrize("total", [10, 199, 200])
@pytest.mark.parametrize(("rise", "three_phase"), [(0.3, False), (0.9, False), (0.2, True), (0.4, True)])
@pytest.mark.parametrize(("curve", "strategy"), [("cosine", "cos"), ("linear", "linear")])
def test_one_cycle_is_that_of_torch(total, rise, curve, strategy, three_phase):
    lr, div, final = 0.02, 10.0, 1e3

    def make(optimizer):
        return lr_scheduler.OneCycleLR(
            optimizer,
            lr,
            total_steps=total + 1,  # it is asked once more after the last update
            pct_start=rise,
            anneal_strategy=strategy,
            cycle_momentum=False,
            div_factor=div,
            final_div_factor=final,
            three_phase=three_phase,
        )

    ours = OneCycle(rise, 1 / div, 1 / (div * final), curve, three_phase, length=total + 1, unit="step")
    assert_follows(ours, make, total, lr)


def test_one_cycle_has_the_defaults_of_torch_and_ends_at_its_last_update():
    peer = rates_of_torch(lambda o: lr_scheduler.OneCycleLR(o, 1.0, total_steps=N + 1, cycle_momentum=False))

    np.testing.assert_allclose(
        OneCycle(length=N + 1, unit="step").table(1, N), peer, rtol=1e-9, atol=TOLERANCE
    )
    assert OneCycle().table(1, N)[-1] == pytest.approx(1 / 25e4, rel=1e-12)
    assert OneCycle(length=5).table(7, 2)[9:].tolist() == pytest.approx([1 / 25e4] * 5, rel=1e-12)


@pytest.mark.parametrize("n", [1, 8, 150, 400])
@pytest.mark.parametrize("start", [0.001, 1 / 3, 1.0])
def test_linear_warmup_is_linear_lr_of_torch(n, start):
    assert_follows(
        Warmup(n, start, unit="step"),
        lambda o: lr_scheduler.LinearLR(o, start_factor=start, end_factor=1, total_iters=n),
    )


@pytest.mark.parametrize("n", [1, 8, 150])
def test_exponential_warmup_is_exponential_lr_of_torch_and_then_its_constant(n):
    start = 0.01

    def make(optimizer):
        rise = lr_scheduler.LambdaLR(optimizer, lambda t: start ** (1 - t / n))
        return lr_scheduler.SequentialLR(optimizer, [rise, lr_scheduler.ConstantLR(optimizer, 1.0)], [n])

    assert_follows(Warmup(n, start, "exponential", unit="step"), make)
    rising = rates_of_torch(lambda o: lr_scheduler.ExponentialLR(o, start ** (-1 / n)), n, lr=start)
    np.testing.assert_allclose(Warmup(n, start, "exponential", unit="step").table(1, n), rising, rtol=1e-10)


def test_warmup_rises_in_equal_steps_from_nothing_to_all_by_default():
    assert Warmup(2).table(3, 2).tolist() == pytest.approx([0.2, 0.4, 0.6, 0.8, 1, 1])
    assert Warmup(10).table(1, 2).tolist() == pytest.approx([1 / 21, 2 / 21])
    assert np.array_equal(Warmup(0).table(3, 2), np.ones(6))
    np.testing.assert_allclose(
        np.diff(np.log(Warmup(5, curve="exponential").table(1, 6)), n=2), 0, atol=1e-12
    )


def test_constant_is_constant():
    assert np.array_equal(Constant().table(2, 2), np.ones(4))


def test_cosine_starts_full_and_ends_a_step_above_its_floor():
    table = Cosine(floor=0.2).table(5, 20)

    assert table[0] == 1
    assert (np.diff(table) < 0).all()
    assert 0.2 < table[-1] < 0.2002


SECOND = {
    "cosine": (Cosine(0.1), lambda o, n: lr_scheduler.CosineAnnealingLR(o, T_max=n, eta_min=0.1)),
    "steps": (StepLR(40, 0.5, unit="step"), lambda o, n: lr_scheduler.StepLR(o, 40, 0.5)),
    "exponential": (ExponentialLR(0.98, unit="step"), lambda o, n: lr_scheduler.ExponentialLR(o, 0.98)),
    "constant": (Constant(), lambda o, n: lr_scheduler.ConstantLR(o, 1.0)),
    "restarts": (
        CosineRestarts(30, 2, unit="step"),
        lambda o, n: lr_scheduler.CosineAnnealingWarmRestarts(o, 30, 2),
    ),
}


@pytest.mark.parametrize("name", SECOND)
@pytest.mark.parametrize("n_warm", [1, 20, 130])
def test_one_after_another_is_sequential_lr_of_torch(name, n_warm):
    ours, theirs = SECOND[name]

    def make(optimizer):
        warm = lr_scheduler.LinearLR(optimizer, start_factor=0.1, total_iters=n_warm)
        return lr_scheduler.SequentialLR(optimizer, [warm, theirs(optimizer, N - n_warm)], [n_warm])

    assert_follows(Warmup(n_warm, 0.1, unit="step") >> ours, make)


def test_three_in_turn_are_sequential_lr_of_torch():
    def make(optimizer):
        parts = [
            lr_scheduler.LinearLR(optimizer, start_factor=0.2, total_iters=15),
            lr_scheduler.ConstantLR(optimizer, 1.0),
            lr_scheduler.CosineAnnealingLR(optimizer, T_max=N - 90),
        ]
        return lr_scheduler.SequentialLR(optimizer, parts, [15, 90])

    assert_follows(Warmup(15, 0.2, unit="step") >> Constant(length=75, unit="step") >> "cosine", make)


def test_parts_follow_each_other_in_mid_epoch_and_are_cut_where_training_ends():
    table = (Warmup(0.5) >> Constant(length=1) >> Cosine()).table(3, 4)

    np.testing.assert_allclose(table[:2], [1 / 3, 2 / 3])
    assert np.array_equal(table[2:6], np.ones(4))
    np.testing.assert_array_equal(table[6:], Cosine().table(1.5, 4))
    np.testing.assert_array_equal((Warmup(10) >> Cosine()).table(1, 3), Warmup(10).table(1, 3))
    assert (Warmup(1) >> Cosine()).table(0, 3).tolist() == []


def noisy_losses(seed, n=N):
    """Losses that fall, stay and rise, with noise."""
    generator = np.random.default_rng(seed)
    level = np.interp(np.arange(n), [0, 30, 80, 120, n], [2.0, 1.0, 1.0, 0.4, 0.6])
    return (level * np.exp(0.05 * generator.normal(size=n))).tolist()


SETTINGS = {
    "factor": (0.1, 0.5, 0.9),
    "patience": (0, 3, 10),
    "threshold": (0.0, 1e-4, 0.05),
    "threshold_mode": ("rel", "abs"),
    "cooldown": (0, 4),
    "min_lr": (0.0, 0.03),
}


@pytest.mark.parametrize("values", list(itertools.product(*SETTINGS.values())), ids=str)
def test_plateau_is_reduce_lr_on_plateau_of_torch_on_noisy_losses(values):
    settings = dict(zip(SETTINGS, values, strict=True))
    ours = Plateau(**{"floor" if name == "min_lr" else name: value for name, value in settings.items()})
    for seed in range(3):
        losses = noisy_losses(seed)
        optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
        schedule = lr_scheduler.ReduceLROnPlateau(optimizer, **settings)
        rates = [1.0]
        for loss in losses:
            schedule.step(loss)
            rates.append(optimizer.param_groups[0]["lr"])

        multipliers = ours.multipliers(losses)

        assert np.abs(multipliers - rates).max() <= TOLERANCE
        assert settings["patience"] > 3 or settings["min_lr"] or len(set(rates)) > 2


def test_plateau_after_a_warmup_lets_its_epochs_pass():
    assert plateau_of(Warmup(5) >> Plateau(patience=2), 4) == (Plateau(patience=2), 5)
    assert plateau_of(Warmup(4.5) >> Plateau(), 4)[1] == 4  # it begins in the middle of the fifth epoch
    assert plateau_of(Plateau(), 4) == (Plateau(), 0)
    assert plateau_of(Warmup(5) >> Cosine(), 4) is None
    assert np.array_equal(Plateau().table(2, 2), np.ones(4))
