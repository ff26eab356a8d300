import numpy as np
import torch

from manyfit.penalties import L1, L2

W = np.array([[2.0, 0.0], [-3.0, 0.5]])


def test_values_by_hand():
    assert float(L1(0.1).value(np, W)) == 0.1 * 5.5
    assert float(L2(0.1).value(np, W)) == 0.1 * 13.25


def test_gradients_are_those_of_autograd():
    for penalty in (L1(0.3), L2(0.3)):
        w = torch.from_numpy(W.copy()).requires_grad_()
        penalty.value(torch, w).backward()
        np.testing.assert_allclose(penalty.gradient(np, W), w.grad, rtol=1e-15)
