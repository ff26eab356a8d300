from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import ndtri

from manyfit.networks import INITS, initial_parameters
from manyfit.rng import Purpose, uniform, words


def split(flat, widths):
    """Weights [in, out] and biases [out] of each layer."""
    start = 0
    for n_in, n_out in pairwise(widths):
        yield flat[start : start + n_in * n_out].reshape(n_in, n_out), flat[start + n_in * n_out :][:n_out]
        start += (n_in + 1) * n_out


def test_default_is_uniform_within_one_over_the_root_of_the_inputs():
    for widths in ((100, 200, 3), (4, 50, 10)):
        flat = initial_parameters([9], widths)[0]
        for (weight, bias), n_in in zip(split(flat, widths), widths, strict=False):
            bound = n_in**-0.5
            values = np.concatenate([weight.ravel(), bias])
            assert np.abs(values).max() < bound
            # A fair draw fails one time in a thousand; the seed is fixed.
            assert stats.kstest(values, stats.uniform(-bound, 2 * bound).cdf).pvalue > 1e-3


@pytest.mark.parametrize(
    ("scheme", "deviation"),
    [("he", (2 / 60) ** 0.5), ("lecun", (1 / 60) ** 0.5), ("xavier", (2 / 160) ** 0.5)],
)
def test_schemes_have_their_spread_and_no_biases(scheme, deviation):
    weight, bias = next(split(initial_parameters([4], (60, 100, 2), scheme)[0], (60, 100, 2)))

    assert not bias.any()
    # 6000 draws: the deviation strays by 1 %.
    assert weight.std() == pytest.approx(deviation, rel=0.03)
    assert abs(weight.mean()) < 4 * deviation / 6000**0.5
    shape = stats.uniform(-(3**0.5), 2 * 3**0.5) if scheme == "xavier" else stats.norm()
    assert stats.kstest(weight.ravel() / deviation, shape.cdf).pvalue > 1e-3


def test_weights_stand_at_layer_out_in():
    widths = (3, 5, 2)
    layers = list(split(initial_parameters([7], widths)[0], widths))

    drawn = uniform(words(7, Purpose.WEIGHT, 2, 5, layer=1))
    np.testing.assert_array_equal(layers[1][0], ((2 * drawn - 1) * 5**-0.5).T)
    first = uniform(words(7, Purpose.BIAS, 5, 1, layer=0))[:, 0]
    np.testing.assert_array_equal(layers[0][1], (2 * first - 1) * 3**-0.5)


@pytest.mark.parametrize("scheme", [name for name in INITS if name != "orthogonal"])
def test_networks_of_different_width_share_their_common_part(scheme):
    narrow, wide = (3, 4, 2), (3, 9, 2)
    small, large = (
        list(split(initial_parameters([7], widths, scheme)[0], widths)) for widths in (narrow, wide)
    )

    if scheme != "xavier":  # whose size depends on both ends of a layer
        np.testing.assert_array_equal(large[0][0][:, :4], small[0][0])
        np.testing.assert_array_equal(large[0][1][:4], small[0][1])
    # The draws are shared in deeper layers too, each in the size that its layer asks for.
    ratio = large[1][0][:4] / small[1][0]
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-12)


def test_networks_drawn_together_are_those_drawn_alone():
    together = initial_parameters([5, 6, 5], (2, 3, 1))

    np.testing.assert_array_equal(together[1], initial_parameters([6], (2, 3, 1))[0])
    np.testing.assert_array_equal(together[0], together[2])


@pytest.mark.parametrize("widths", [(7, 3), (3, 7), (5, 5), (1, 4), (4, 1)])
def test_orthogonal_weights_are_those_of_torch_from_the_same_draws(widths, monkeypatch):
    n_in, n_out = widths
    normal = ndtri(uniform(words(9, Purpose.WEIGHT, n_out, n_in, layer=0)))
    monkeypatch.setattr(torch.Tensor, "normal_", lambda self, *_, **__: self.copy_(torch.from_numpy(normal)))
    peer = torch.nn.init.orthogonal_(torch.empty(n_out, n_in, dtype=torch.float64)).numpy()

    ((weight, bias),) = split(initial_parameters([9], widths, "orthogonal")[0], widths)

    np.testing.assert_allclose(weight.T, peer, atol=1e-14)
    gram = weight @ weight.T if n_in < n_out else weight.T @ weight
    np.testing.assert_allclose(gram, np.eye(min(widths)), atol=1e-14)
    assert not bias.any()
