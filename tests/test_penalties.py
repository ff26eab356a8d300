import dataclasses

import numpy as np
import pytest
import torch

from manyfit.optimizers.momentum import Momentum
from manyfit.optimizers.sgd import SGD
from manyfit.penalties import L1, L2, ElasticNet, penalized, proximal_step, soft_threshold

W = np.array([[2.0, 0.0], [-3.0, 0.5]])
REST = {"velocity": np.zeros(())}


def test_values_by_hand():
    assert float(L1(0.1).value(np, W)) == 0.1 * 5.5
    assert float(L2(0.1).value(np, W)) == 0.1 * 13.25
    assert float(ElasticNet(0.1, 0.75).value(np, W)) == pytest.approx(0.1 * (0.75 * 5.5 + 0.125 * 13.25))


def test_gradients_are_those_of_autograd():
    for penalty in (L1(0.3), L2(0.3), ElasticNet(0.3, 0.2)):
        w = torch.from_numpy(W.copy()).requires_grad_()
        penalty.value(torch, w).backward()
        np.testing.assert_allclose(penalty.gradient(np, W), w.grad, rtol=1e-15)


def test_elastic_net_is_l1_and_l2_together():
    both = L1(0.3 * 0.2).gradient(np, W) + L2(0.3 * 0.8 / 2).gradient(np, W)

    np.testing.assert_allclose(ElasticNet(0.3, 0.2).gradient(np, W), both, rtol=1e-15)


def test_a_proximal_step_of_sgd_is_the_step_and_then_the_soft_threshold():
    new, state, pull = proximal_step(np, W, np.ones((2, 2)), {}, 1, SGD(0.1), [L1(4.0)])

    # W − 0.1 = [[1.9, −0.1], [−3.1, 0.4]]; then 0.4 nearer to 0, where 0.1 and 0.4 are not further away.
    np.testing.assert_allclose(new, [[1.5, 0.0], [-2.7, 0.0]], rtol=1e-15)
    np.testing.assert_allclose(pull, [[4.0, -1.0], [-4.0, 4.0]], rtol=1e-14)
    assert state == {} and (new[:, 1] == 0).all()


@pytest.mark.parametrize("nesterov", [False, True])
def test_a_proximal_step_of_momentum_keeps_the_velocity_of_the_weights_as_they_move(nesterov):
    # iPiano: x + γ(x − x before) − η·g, then the threshold; and v is what moved the weight, over the rate.
    rule, p, v = Momentum(0.1, 0.5, nesterov=nesterov), np.array(1.0), np.array(2.0)

    new, state, _ = proximal_step(np, p, np.array(3.0), {"velocity": v}, 7, rule, [L1(2.0)])

    if nesterov:  # W − η(g + γ(γ·v + g)) = 0.5; one unit of gradient moves W by η(1 + γ) = 0.15
        assert new == pytest.approx(1 - 0.1 * (3 + 0.5 * (1 + 3)) - 0.3) and state[
            "velocity"
        ] == pytest.approx(1 + 3 + 2)
    else:
        assert new == pytest.approx(1 - 0.1 * 4 - 0.2) and state["velocity"] == pytest.approx(
            (1.0 - new) / 0.1
        )


@pytest.mark.parametrize("rule", [SGD(0.1), Momentum(0.1), Momentum(0.1, nesterov=True)])
def test_proximal_steps_come_to_rest_where_the_slope_of_the_loss_is_below_the_strength(rule):
    # f(w) = (w − 1)²: with λ = 0.5 the smallest sum is at 0.75; with λ = 3 at 0, where the slope of f is −2.
    for strength, end in ((0.5, 0.75), (3.0, 0.0)):
        w, state = np.array(1.0), dict(REST) if isinstance(rule, Momentum) else {}
        for t in range(1, 1000):
            w, state, _ = proximal_step(np, w, 2 * (w - 1), state, t, rule, [L1(strength)])
        assert w == pytest.approx(end, abs=1e-12) and (end or w == 0)


def test_a_rate_of_zero_moves_nothing_and_breaks_nothing():
    new, state, pull = proximal_step(np, W, W, {"velocity": W}, 1, Momentum(0.0), [L1(1.0)])

    assert np.array_equal(new, W) and np.array_equal(pull, 0 * W)
    np.testing.assert_array_equal(state["velocity"], 0.9 * W + W)


def test_no_strength_is_the_plain_step_to_the_bit():
    g, s, rule = np.linspace(-1, 1, 4).reshape(2, 2), {"velocity": 0.3 * W}, Momentum(0.1)
    new, state, _ = proximal_step(np, W, g, s, 1, rule, [L1(0.0)])
    plain, plain_state = rule.step(np, W, g, s, 1, rule)

    assert np.array_equal(new, plain) and np.array_equal(state["velocity"], plain_state["velocity"])


def test_a_weight_that_is_no_number_is_not_made_zero():
    assert np.isnan(soft_threshold(np, np.array([np.nan]), 1.0)).all()


def test_what_is_smooth_goes_through_the_gradient_and_the_rest_comes_later():
    net = ElasticNet(0.2, 0.5)
    g, later = penalized(np, W, np.zeros((2, 2)), (L2(0.1), net, L1(0.3, proximal=False)), SGD())

    np.testing.assert_allclose(g, 0.2 * W + 0.1 * W + 0.3 * np.sign(W), rtol=1e-15)
    assert later == [net]
    assert penalized(np, W, W, (dataclasses.replace(net, strength=0.0),), SGD())[1] == [
        dataclasses.replace(net, strength=0.0)
    ]
