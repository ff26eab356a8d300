import numpy as np
import pytest
import torch
from torch.nn import functional as F

from manyfit.errors import RecipeError
from manyfit.networks import ACTIVATIONS, Dense

PEERS = {
    "identity": lambda z: z,
    "relu": torch.relu,
    "leaky_relu": F.leaky_relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "gelu": F.gelu,
    "silu": F.silu,
    "elu": F.elu,
}


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_and_its_slope_are_those_of_torch(name):
    z = np.array([-np.inf, -800.0, -1.5, -0.0, 0.0, 1e-3, 2.0, 800.0, np.inf])
    ours, theirs = (torch.tensor(z[1:-1]).requires_grad_() for _ in range(2))
    ACTIVATIONS[name](torch, ours).sum().backward()
    PEERS[name](theirs).sum().backward()

    with np.errstate(invalid="ignore"):  # −∞ times the 0 that is left of it; NaN in torch too
        values = ACTIVATIONS[name](np, z)
    np.testing.assert_allclose(values, PEERS[name](torch.tensor(z)), rtol=1e-14, atol=1e-16)
    np.testing.assert_allclose(ours.grad, theirs.grad, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation_lets_nan_through_and_keeps_float32(name):
    assert np.isnan(ACTIVATIONS[name](np, np.array([np.nan]))).all()
    assert ACTIVATIONS[name](np, np.float32([1, 2])).dtype == np.float32


def test_parameters_are_counted_layer_by_layer():
    assert Dense((8, 4)).n_parameters(3, 2) == (3 * 8 + 8) + (8 * 4 + 4) + (4 * 2 + 2)
    assert Dense(()).n_parameters(3, 2) == 8
    assert Dense((8, 4)).widths(3, 2) == (3, 8, 4, 2)


@pytest.mark.parametrize("hidden", [(), (1,), (8, 4)])
def test_widths_follow_from_the_number_of_parameters(hidden):
    network = Dense(hidden)

    assert network.widths_from(3, network.n_parameters(3, 2)) == network.widths(3, 2)
    with pytest.raises(RecipeError, match=r"can't have \d+ parameters on 4 inputs"):
        network.widths_from(4, network.n_parameters(3, 2))


def test_hidden_layers_may_be_one_number_a_list_or_an_array():
    assert Dense(5) == Dense([5]) == Dense(np.array([5])) == Dense((np.int64(5),)) == Dense((5,))
    assert type(Dense(np.array([5])).hidden[0]) is int
