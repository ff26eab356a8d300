"""Attacks on networks whose answer is known, and on trained ones."""

from __future__ import annotations

import numpy as np
import pytest

from manyfit.attacks.fgsm import FGSM
from manyfit.attacks.pgd import PGD
from manyfit.data.domain import Domain
from manyfit.engines.choose import fit, input_grad, predict
from manyfit.losses import CrossEntropy
from manyfit.networks import Dense
from manyfit.population import Population
from manyfit.recipe import Recipe

X = np.array([[-1.0, 30.0], [0.0, -10.0], [1.0, 10.0], [0.5, -30.0]])
WIDE = Domain(
    spread=np.array([1.0, 20.0]),
    low=np.full(2, -100.0),
    high=np.full(2, 100.0),
    is_number=np.array([True, True]),
    mark=np.array([-1, -1]),
    columns=(np.array([0]), np.array([1])),
    empty=np.zeros(2),
    floor=np.full(2, -np.inf),
    ceiling=np.full(2, np.inf),
)


def linear(at: np.ndarray) -> np.ndarray:
    """Two networks whose loss is 3·x0 − 0.2·x1, and its opposite."""
    return np.broadcast_to(np.array([[[3.0, -0.2]], [[-3.0, 0.2]]]), (2, 4, 2))


def test_fgsm_moves_every_input_by_its_strength_in_spreads() -> None:
    moved = FGSM().perturb(linear, X, WIDE, 0.1)

    np.testing.assert_allclose(moved[0] - X, np.tile([0.1, -2.0], (4, 1)))
    np.testing.assert_allclose(moved[1] - X, np.tile([-0.1, 2.0], (4, 1)))


def test_l2_attack_goes_along_the_slope_in_spreads() -> None:
    moved = FGSM("l2").perturb(linear, X, WIDE, 0.1)

    # In spreads the slope is (3, −0.2 · 20) = (3, −4): a direction of (0.6, −0.8), and a length of 0.1 · √2.
    np.testing.assert_allclose(
        (moved[0] - X) / WIDE.spread, np.tile(0.1 * 2**0.5 * np.array([0.6, -0.8]), (4, 1))
    )


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_pgd_reaches_the_edge_that_fgsm_reaches_where_the_loss_is_linear(norm: str) -> None:
    np.testing.assert_allclose(
        PGD(norm).perturb(linear, X, WIDE, 0.3), FGSM(norm).perturb(linear, X, WIDE, 0.3), rtol=1e-12
    )


def test_pgd_turns_where_the_slope_turns() -> None:
    """The loss −(x0 − 0.05)² − (x1/20)²: a step of 0.3 spreads jumps over the top at 0.05, ten small ones find it."""

    def slope(at: np.ndarray) -> np.ndarray:
        top = np.array([0.05, 0.0])
        return np.broadcast_to(-2 * (at / WIDE.spread - top) / WIDE.spread, (1, 4, 2))

    start = np.zeros((4, 2)) + np.array([0.0, 4.0])
    jumped = FGSM().perturb(slope, start, WIDE, 0.3)[0]
    climbed = PGD(steps=40, step=0.02).perturb(slope, start, WIDE, 0.3)[0]

    np.testing.assert_allclose(jumped[:, 0], 0.3)
    np.testing.assert_allclose(climbed[:, 0], 0.05, atol=0.006)  # a step is 0.006


def test_row_outside_the_range_of_the_data_may_stay_where_it_is() -> None:
    narrow = Domain.of(np.array([[-1.0, -1.0], [0.0, 0.5], [1.0, 1.0]]))
    outside = np.array([[3.0, 0.0]])

    moved = FGSM().perturb(lambda at: np.array([[[1.0, 1.0]]]), outside, narrow, 5.0)

    np.testing.assert_array_equal(moved[0], [[3.0, 1.0]])


def test_no_slope_moves_nothing() -> None:
    for attack in (FGSM(), FGSM("l2"), PGD(), PGD("l2")):
        moved = attack.perturb(lambda at: np.zeros((2, 4, 2)), X, WIDE, 0.5)
        np.testing.assert_array_equal(moved, np.broadcast_to(X, (2, 4, 2)))


def test_random_starts_fill_the_ball_evenly() -> None:
    rows = np.zeros((2000, 2))
    for norm, share in (("linf", 0.25), ("l2", 0.25)):  # of points within half the radius, in two dimensions
        attack = PGD(norm, steps=1, step=1e-9, random_start=True)
        moved = attack.perturb(lambda at: np.ones((1, 2000, 2)), rows, WIDE, 1.0, [5])[0] / WIDE.spread
        size = np.abs(moved).max(1) if norm == "linf" else np.sqrt((moved**2).sum(1) / 2)
        assert size.max() <= 1 + 1e-8
        assert abs((size < 0.5).mean() - share) < 0.04  # 2,000 points: ± 1 %


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_pgd_hurts_trained_networks_at_least_as_much_as_fgsm_and_more_than_noise(norm: str) -> None:
    random = np.random.default_rng(2)
    rows = random.normal(size=(200, 4))
    y = (rows[:, 0] * rows[:, 1] > 0).astype(np.int64)
    recipes = [
        Recipe(Dense((16,)), "cross_entropy", epochs=epochs).set("optimizer.lr", 0.02)
        for epochs in (5, 40, 80)
    ]
    run, domain = fit(Population.of(recipes, rows, y)), Domain.of(rows)

    def losses(at: np.ndarray) -> np.ndarray:
        return np.array([CrossEntropy().rows(np, output, y).mean() for output in predict(run, at)])

    def attacked(attack: FGSM | PGD) -> np.ndarray:
        return losses(attack.perturb(lambda at: input_grad(run, at, y), rows, domain, 0.3))

    noisy = losses(rows + 0.3 * domain.spread * random.choice([-1.0, 1.0], size=rows.shape))
    assert (attacked(FGSM(norm)) > np.maximum(noisy, losses(rows))).all()
    assert (attacked(PGD(norm)) >= attacked(FGSM(norm))).all()
