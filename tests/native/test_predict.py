"""Predictions and gradients with respect to inputs."""

import numpy as np
import pytest

native = pytest.importorskip("manyfit._native", reason="the C++ core is not built")
from tests.native import core, numpy_loop  # noqa: E402  (they need the built core)

pytestmark = pytest.mark.native

WIDTHS = [3, 20, 5, 4]
N_PARAMETERS = 3 * 20 + 20 + 20 * 5 + 5 + 5 * 4 + 4


@pytest.fixture
def params(rng: np.random.Generator) -> np.ndarray:
    return rng.standard_normal((2, N_PARAMETERS))


@pytest.mark.parametrize("isa", native.isas())
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "identity"])
def test_logits_follow_numpy(activation, isa, params, rng) -> None:
    X = rng.standard_normal((150, 3))  # more than two blocks of 64 rows, and a rest
    network = core.networks(rng, 1, WIDTHS, activation=activation)[0]

    out = native.forward("float64", WIDTHS, activation, params, X, isa)

    for p in range(2):
        expected = numpy_loop.forward(params[p], network, X, None)[1][-1]
        np.testing.assert_allclose(out[p], expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_row_alone_has_the_bits_of_the_row_among_others(dtype, params, rng) -> None:
    X = rng.standard_normal((150, 3))
    params = params.astype(dtype)

    together = native.forward(dtype, WIDTHS, "tanh", params, X, threads=2)

    for i in (0, 63, 64, 149):
        alone = native.forward(dtype, WIDTHS, "tanh", params, X[i : i + 1])
        assert alone.tobytes() == together[:, i : i + 1].tobytes()


def test_no_rows_and_no_members_are_empty_answers(params) -> None:
    assert native.forward("float64", WIDTHS, "relu", params, np.zeros((0, 3))).shape == (2, 0, 4)
    assert native.forward("float64", WIDTHS, "relu", params[:0], np.zeros((5, 3))).shape == (0, 5, 4)


@pytest.mark.parametrize("isa", native.isas())
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "identity"])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy", "bce"])
def test_input_gradients_follow_numpy(loss, activation, isa, params, rng) -> None:
    X = rng.standard_normal((70, 3))
    y = rng.integers(0, 4, 70) if loss == "cross_entropy" else rng.integers(0, 2, (70, 4)).astype(float)
    network = core.networks(rng, 1, WIDTHS, activation=activation, keep16=[65536] * 3)[0]

    out = native.input_grad("float64", WIDTHS, activation, loss, np.zeros(0), params, X, y, isa)

    for p in range(2):
        logits = numpy_loop.forward(params[p], network, X, None)[1][-1]
        expected = numpy_loop.gradient(
            params[p], network, X, numpy_loop.row_losses(loss, logits, y)[1], None
        )[1]
        np.testing.assert_allclose(out[p], expected, rtol=1e-10, atol=1e-12)


def test_input_gradient_is_that_of_finite_differences(rng) -> None:
    params = rng.standard_normal((1, N_PARAMETERS))
    X, y = rng.standard_normal((4, 3)), np.array([0, 3, 1, 2])

    def losses(moved: np.ndarray) -> np.ndarray:
        logits = native.forward("float64", WIDTHS, "tanh", params, moved)[0]
        return np.log(np.exp(logits).sum(1)) - logits[np.arange(4), y]

    out = native.input_grad("float64", WIDTHS, "tanh", "cross_entropy", np.zeros(0), params, X, y)[0]

    for k in range(3):
        step = np.zeros(3)
        step[k] = 1e-6
        # Central differences: error of 1e-12 by the step and 1e-10 by rounding.
        np.testing.assert_allclose(out[:, k], (losses(X + step) - losses(X - step)) / 2e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_networks_asked_at_inputs_of_their_own_answer_as_alone(dtype, loss, params, rng) -> None:
    X = rng.standard_normal((2, 70, 3))
    y = rng.integers(0, 4, 70) if loss == "cross_entropy" else rng.standard_normal((70, 4))
    params = params.astype(dtype)

    logits = native.forward(dtype, WIDTHS, "tanh", params, X, threads=2)
    slopes = native.input_grad(dtype, WIDTHS, "tanh", loss, np.zeros(0), params, X, y, threads=2)

    for p in range(2):
        alone = native.forward(dtype, WIDTHS, "tanh", params[p : p + 1], X[p])
        assert alone[0].tobytes() == logits[p].tobytes()
        slope = native.input_grad(dtype, WIDTHS, "tanh", loss, np.zeros(0), params[p : p + 1], X[p], y)
        assert slope[0].tobytes() == slopes[p].tobytes()


def test_inputs_for_another_number_of_networks_are_refused(params) -> None:
    with pytest.raises(ValueError, match="X is for 3 networks, there are 2"):
        native.forward("float64", WIDTHS, "relu", params, np.zeros((3, 5, 3)))
    with pytest.raises(ValueError, match=r"X must be \[rows, inputs\]"):
        native.forward("float64", WIDTHS, "relu", params, np.zeros(3))
