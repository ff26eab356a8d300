import numpy as np
import pytest

from manyfit.optimizers.momentum import Momentum
from manyfit.optimizers.sgd import SGD


def walk(optimizer, gradients):
    p = np.array([0.0])
    state = optimizer.init(np, p, optimizer)
    for t, g in enumerate(gradients, start=1):
        p, state = optimizer.step(np, p, np.array([g]), state, t, optimizer)
    return p[0]


def test_velocity_sums_gradients_that_fade():
    # v = 1, then 0.5 + 1, then 0.75 + 1; the way is 0.1 times their sum.
    assert walk(Momentum(0.1, 0.5), [1, 1, 1]) == pytest.approx(-0.1 * (1 + 1.5 + 1.75), rel=1e-15)


def test_nesterov_steps_by_the_gradient_and_the_velocity_to_come():
    # v = 1: step 1 + 0.5·1. Then v = 1.5: step 1 + 0.5·1.5.
    assert walk(Momentum(0.1, 0.5, nesterov=True), [1, 1]) == pytest.approx(-0.1 * (1.5 + 1.75), rel=1e-15)


def test_without_memory_it_is_sgd():
    gradients = [1.0, -3.0, 0.5]

    assert walk(Momentum(0.1, 0.0, weight_decay=0.2), gradients) == walk(SGD(0.1, weight_decay=0.2), gradients)


def test_the_chapters_form_takes_the_same_path_at_a_constant_rate():
    v = w = 0.0
    for g in (1.0, 2.0, -1.0):
        v = 0.9 * v + 0.05 * g
        w = w - v

    assert walk(Momentum(0.05, 0.9), [1, 2, -1]) == pytest.approx(w, rel=1e-14)


def test_steady_gradient_reaches_the_speed_limit():
    p, state, rule = np.array([0.0]), {"velocity": np.array([10.0])}, Momentum(1.0, 0.9)

    new, state = rule.step(np, p, np.array([1.0]), state, 1, rule)

    assert state["velocity"][0] == pytest.approx(10)  # g / (1 − γ)
    assert new[0] == pytest.approx(-10)
