import numpy as np
import pytest
import torch

from manyfit.schedules.constant import Constant
from manyfit.schedules.cosine import Cosine
from manyfit.schedules.warmup import Warmup


def rates_of_torch(make, n_steps, lr=1.0):
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=lr)
    schedule = make(optimizer)
    rates = []
    for _ in range(n_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


@pytest.mark.parametrize("floor", [0.0, 0.1])
def test_cosine_is_cosine_annealing_of_torch(floor):
    peer = rates_of_torch(lambda o: torch.optim.lr_scheduler.CosineAnnealingLR(o, T_max=12, eta_min=floor), 12)

    # torch multiplies from step to step and gathers a few roundings.
    np.testing.assert_allclose(Cosine(floor).table(4, 3), peer, rtol=1e-13)


def test_warmup_is_linear_lr_of_torch():
    # n updates of warm-up: 1/n first, 1 at update n.
    peer = rates_of_torch(
        lambda o: torch.optim.lr_scheduler.LinearLR(o, start_factor=1 / 6, end_factor=1, total_iters=5), 12
    )

    np.testing.assert_allclose(Warmup(epochs=2).table(4, 3), peer, rtol=1e-13)


def test_constant_is_constant():
    assert np.array_equal(Constant().table(2, 2), np.ones(4))


def test_cosine_starts_full_and_ends_a_step_above_its_floor():
    table = Cosine(floor=0.2).table(5, 20)

    assert table[0] == 1
    assert (np.diff(table) < 0).all()
    assert 0.2 < table[-1] < 0.2002


def test_cosine_warms_up_first_and_then_falls_over_what_is_left():
    table = Cosine(warmup_epochs=2).table(6, 3)

    np.testing.assert_allclose(table[:6], np.arange(1, 7) / 6)
    np.testing.assert_array_equal(table[6:], Cosine().table(4, 3))


def test_warm_up_longer_than_the_training_only_rises():
    assert Cosine(warmup_epochs=10).table(1, 3).tolist() == pytest.approx([1 / 3, 2 / 3, 1])
    assert Warmup(epochs=10).table(1, 2).tolist() == [0.05, 0.1]


def test_no_warm_up_is_constant():
    assert np.array_equal(Warmup(epochs=0).table(3, 2), np.ones(6))
