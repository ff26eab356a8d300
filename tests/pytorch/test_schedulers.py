"""The schedules as schedulers of torch, on optimizers of torch: the rates of torch's own schedulers at every step."""

import io

import numpy as np
import pytest
import torch
from torch.optim import lr_scheduler

import manyfit.torch
from manyfit import schedules
from manyfit.errors import RecipeError, UsageError
from manyfit.schedules.cosine import Cosine
from manyfit.schedules.plateau import Plateau
from manyfit.schedules.step_lr import StepLR
from manyfit.schedules.warmup import Warmup
from manyfit.torch import Scheduler

N = 40


def optimizer(lr=0.1):
    """Two groups with rates of their own."""
    a, b = torch.zeros(2, requires_grad=True), torch.zeros(3, requires_grad=True)
    return torch.optim.SGD([{"params": [a]}, {"params": [b], "lr": 10 * lr}], lr=lr)


def rates(scheduler, n_steps=N, scores=None):
    """[n, groups] rates of each update; `scores` are told after each."""
    seen = []
    for t in range(n_steps):
        seen.append([group["lr"] for group in scheduler.optimizer.param_groups])
        assert [float(rate) for rate in scheduler.get_last_lr()] == [float(rate) for rate in seen[-1]]
        scheduler.optimizer.step()
        scheduler.step() if scores is None else scheduler.step(scores[t])
    return np.array(seen, dtype=float)


PAIRS = {
    "StepLR": (lambda o: manyfit.torch.StepLR(o, 7, 0.5), lambda o: lr_scheduler.StepLR(o, 7, 0.5)),
    "ExponentialLR": (
        lambda o: manyfit.torch.ExponentialLR(o, 0.9),
        lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    ),
    "Cosine": (lambda o: manyfit.torch.Cosine(o, epochs=N), lambda o: lr_scheduler.CosineAnnealingLR(o, N)),
    "CosineRestarts": (
        lambda o: manyfit.torch.CosineRestarts(o, 6, 2),
        lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 6, 2),
    ),
    "Warmup": (
        lambda o: manyfit.torch.Warmup(o, 15, start=0.2),
        lambda o: lr_scheduler.LinearLR(o, 0.2, total_iters=15),
    ),
    "OneCycle": (
        lambda o: manyfit.torch.OneCycle(o, epochs=N + 1),
        lambda o: lr_scheduler.OneCycleLR(o, [0.1, 1.0], total_steps=N + 1, cycle_momentum=False),
    ),
    "Constant": (lambda o: manyfit.torch.Constant(o), lambda o: lr_scheduler.ConstantLR(o, 1.0)),
    "Sequence": (
        lambda o: Scheduler(o, Warmup(5, 0.1) >> Cosine(), epochs=N),
        lambda o: lr_scheduler.SequentialLR(
            o, [lr_scheduler.LinearLR(o, 0.1, total_iters=5), lr_scheduler.CosineAnnealingLR(o, N - 5)], [5]
        ),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
def test_rates_are_those_of_torch_in_every_group(name):
    ours, theirs = PAIRS[name]

    np.testing.assert_allclose(rates(ours(optimizer())), rates(theirs(optimizer())), rtol=1e-12, atol=1e-16)


def losses(n=N):
    return np.interp(np.arange(n), [0, 10, n], [1.0, 0.5, 0.6]) * np.exp(
        0.02 * np.random.default_rng(0).normal(size=n)
    )


@pytest.mark.parametrize(("is_score", "mode"), [(False, "min"), (True, "max")])
@pytest.mark.parametrize("threshold_mode", ["rel", "abs"])
def test_plateau_is_that_of_torch(is_score, mode, threshold_mode):
    scores = 1 / losses() if is_score else losses()
    settings = {
        "factor": 0.5,
        "patience": 2,
        "threshold": 0.01,
        "threshold_mode": threshold_mode,
        "cooldown": 1,
    }
    peer = lr_scheduler.ReduceLROnPlateau(optimizer(), mode=mode, eps=0, **settings)

    ours = rates(manyfit.torch.Plateau(optimizer(), **settings, eps=0.0, is_score=is_score), scores=scores)

    np.testing.assert_allclose(ours, rates(peer, scores=scores), rtol=1e-12)
    assert len(np.unique(ours)) > 4


@pytest.mark.parametrize("steps_per_epoch", [1, 3])
def test_warmup_then_plateau_counts_updates_and_watches_epochs(steps_per_epoch):
    # Told a score that never gets better, it cuts after each epoch but the first that it watches.
    scheduler = Scheduler(optimizer(), Warmup(2) >> Plateau(0.5, patience=0), steps_per_epoch=steps_per_epoch)
    seen = []
    for _ in range(5):
        for _ in range(steps_per_epoch):
            seen.append(scheduler.get_last_lr()[0])
            scheduler.optimizer.step()
            if steps_per_epoch > 1:
                scheduler.step()
        scheduler.step(1.0)

    n = 2 * steps_per_epoch
    warm = [0.1 * (t + 1) / (n + 1) for t in range(n)]
    expected = warm + [0.1] * steps_per_epoch + [0.1] * steps_per_epoch + [0.05] * steps_per_epoch
    np.testing.assert_allclose(seen, expected, rtol=1e-12)


@pytest.mark.parametrize("schedule", ["warmup >> cosine", "warmup >> plateau", "one_cycle", "step_lr"])
def test_saved_and_loaded_schedulers_go_on(schedule):
    def make():
        return Scheduler(optimizer(), schedules.registry.make(schedule), epochs=N, steps_per_epoch=1)

    scores = losses() if "plateau" in schedule else None
    whole = rates(make(), scores=scores)
    scheduler = make()
    rates(scheduler, 15, scores)
    file = io.BytesIO()
    torch.save([scheduler.state_dict(), scheduler.optimizer.state_dict()], file)
    file.seek(0)
    state, of_optimizer = torch.load(file, weights_only=True)
    other = make()
    other.load_state_dict(state)
    other.optimizer.load_state_dict(of_optimizer)

    np.testing.assert_array_equal(rates(other, N - 15, None if scores is None else scores[15:]), whole[15:])


def test_state_of_another_schedule_is_refused():
    state = Scheduler(optimizer(), "cosine", epochs=5).state_dict()

    with pytest.raises(UsageError, match=r"epochs must be 5, as it was saved, got 6"):
        Scheduler(optimizer(), "cosine", epochs=6).load_state_dict(state)
    with pytest.raises(UsageError, match=r"schedule must be .*cosine.*, as it was saved, got .*step_lr"):
        Scheduler(optimizer(), StepLR(), epochs=5).load_state_dict(state)


def test_rate_stays_when_the_training_goes_on_beyond_its_epochs():
    seen = rates(Scheduler(optimizer(), Cosine(0.1), epochs=4), 8)[:, 0]

    np.testing.assert_allclose(seen[4:], seen[3])


def test_schedules_that_need_no_length_go_on_for_ever():
    np.testing.assert_allclose(
        rates(manyfit.torch.StepLR(optimizer(), 50, 0.5), 180)[:, 0], 0.1 * StepLR(50, 0.5).table(180, 1)
    )


def test_cosine_must_know_how_long_the_training_is():
    with pytest.raises(
        UsageError, match=r"epochs must be given, got none\. Give epochs, or a schedule with a length"
    ):
        Scheduler(optimizer(), "warmup >> cosine")
    assert len(rates(Scheduler(optimizer(), Warmup(2) >> Cosine(length=5)), 9)) == 9


def test_bad_schedules_are_refused():
    with pytest.raises(RecipeError, match=r"Warmup.length must be ≥ 0"):
        manyfit.torch.Warmup(optimizer(), -1)
    with pytest.raises(RecipeError, match="unknown schedule 'cosin'"):
        Scheduler(optimizer(), "cosin")
    with pytest.raises(RecipeError, match="must be a schedule, got 3"):
        Scheduler(optimizer(), 3)


def test_rate_may_be_a_tensor():
    params = [torch.zeros(1, requires_grad=True)]
    lr = torch.tensor(0.1)
    scheduler = Scheduler(torch.optim.SGD(params, lr=lr), "warmup >> plateau")
    seen = [float(lr)]
    for _ in range(2):
        scheduler.optimizer.step()
        scheduler.step(1.0)
        seen.append(float(lr))

    np.testing.assert_allclose(seen, [0.05, 0.1, 0.1], rtol=1e-6)


def test_it_works_with_the_optimizers_here_and_inside_schedulers_of_torch():
    adam = manyfit.torch.Adam([torch.zeros(1, requires_grad=True)], lr=0.1)
    parts = [manyfit.torch.Warmup(adam, 5, start=0.2), manyfit.torch.StepLR(adam, 10, 0.5)]
    seen = rates(lr_scheduler.SequentialLR(adam, parts, [5]), 30)[:, 0]

    expected = (Warmup(5, 0.2) >> StepLR(10, 0.5)).table(30, 1)
    np.testing.assert_allclose(seen, 0.1 * expected, rtol=1e-12)
