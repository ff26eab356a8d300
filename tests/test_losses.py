import numpy as np
import pytest
import torch
from torch.nn import functional as F

from manyfit.losses import BCE, MSE, CrossEntropy

OUTPUT = np.random.default_rng(7).normal(size=(5, 3)) * 3


def test_mse_is_that_of_torch():
    y = OUTPUT[::-1].copy()
    peer = F.mse_loss(torch.from_numpy(OUTPUT), torch.from_numpy(y), reduction="none").mean(1)

    np.testing.assert_allclose(MSE.rows(np, OUTPUT, y), peer, rtol=1e-14)


def test_cross_entropy_is_that_of_torch():
    y = np.array([0, 2, 1, 1, 0])
    peer = F.cross_entropy(torch.from_numpy(OUTPUT), torch.from_numpy(y), reduction="none")

    np.testing.assert_allclose(CrossEntropy.rows(np, OUTPUT, y), peer, rtol=1e-13)


@pytest.mark.parametrize("soften", [0.0, 0.2])
def test_bce_is_that_of_torch_for_hard_and_soft_targets(soften):
    y = np.where(OUTPUT > 1, 1 - soften, soften)
    peer = F.binary_cross_entropy_with_logits(torch.from_numpy(OUTPUT), torch.from_numpy(y), reduction="none").mean(1)

    np.testing.assert_allclose(BCE.rows(np, OUTPUT, y), peer, rtol=1e-13)


def test_gradients_are_those_of_torch_where_outputs_tie():
    # Equal outputs are where a shift by the largest one could share its gradient out wrongly; 0 is where |o| has a corner.
    for rows, peer, y in (
        (CrossEntropy.rows, F.cross_entropy, torch.tensor([1])),
        (BCE.rows, F.binary_cross_entropy_with_logits, torch.tensor([[0.0, 1.0, 1.0]], dtype=torch.float64)),
    ):
        ours, theirs = (torch.zeros(1, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
        rows(torch, ours, y).sum().backward()
        peer(theirs, y).backward()
        np.testing.assert_allclose(ours.grad, theirs.grad, rtol=1e-14)


def test_certainty_costs_its_size_when_it_is_wrong_and_nothing_when_it_is_right():
    assert CrossEntropy.rows(np, np.array([[0.0, 1e4], [0.0, 1e4]]), np.array([0, 1])).tolist() == [1e4, 0]
    assert BCE.rows(np, np.array([[1e4], [-1e4]]), np.array([[0.0], [0.0]])).tolist() == [1e4, 0]


def test_nan_outputs_give_nan():
    for loss, y in ((MSE, np.zeros((1, 2))), (CrossEntropy, np.array([0])), (BCE, np.zeros((1, 2)))):
        assert np.isnan(loss.rows(np, np.array([[np.nan, 0.0]]), y)).all()
