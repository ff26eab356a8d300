"""Initial weights, drawn at (layer, out, in): networks of different width that share a stream share their common part.

The draws are the same whatever the scheme and the precision; a scheme turns them into weights of the right size.

References:
    Glorot & Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html; He et al. 2015, https://arxiv.org/abs/1502.01852;
    LeCun et al. 1998, Efficient BackProp; Saxe et al. 2013, https://arxiv.org/abs/1312.6120 (orthogonal); PyTorch's default is
    U(±1/√fan_in) for weights and biases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from threadpoolctl import threadpool_limits

from manyfit.rng import Purpose, uniform, words

Draws = NDArray[np.float64]
Scheme = Callable[[Draws, Draws, int, int], tuple[Draws, Draws]]


def torch_default(weight: Draws, bias: Draws, n_in: int, n_out: int) -> tuple[Draws, Draws]:
    """Uniform in ±1/√n_in, biases too."""
    bound = n_in**-0.5
    return (2 * weight - 1) * bound, (2 * bias - 1) * bound


def he(weight: Draws, bias: Draws, n_in: int, n_out: int) -> tuple[Draws, Draws]:
    """Normal of variance 2/n_in, for relu; biases 0."""
    return ndtri(weight) * (2 / n_in) ** 0.5, bias * 0


def lecun(weight: Draws, bias: Draws, n_in: int, n_out: int) -> tuple[Draws, Draws]:
    """Normal of variance 1/n_in; biases 0."""
    return ndtri(weight) * n_in**-0.5, bias * 0


def xavier(weight: Draws, bias: Draws, n_in: int, n_out: int) -> tuple[Draws, Draws]:
    """Uniform of variance 2/(n_in + n_out), for tanh; biases 0."""
    return (2 * weight - 1) * (6 / (n_in + n_out)) ** 0.5, bias * 0


def orthogonal(weight: Draws, bias: Draws, n_in: int, n_out: int) -> tuple[Draws, Draws]:
    """Orthonormal rows or columns, whichever are fewer, which keep lengths through many layers; biases 0.

    As torch's `orthogonal_`: the Q of the QR decomposition of normal draws, with signs that make the diagonal of R positive and
    with that the decomposition the only one. The numbers of a layer hang together, so networks of other width have others.
    """
    normal = ndtri(weight)
    tall = normal if n_out >= n_in else normal.transpose(0, 2, 1)
    with threadpool_limits(1, "blas"):  # a sum's last bit may depend on how many threads took part in it
        q, r = np.linalg.qr(tall)
    q = q * np.where(np.diagonal(r, axis1=1, axis2=2) < 0, -1.0, 1.0)[:, None, :]
    return (q if n_out >= n_in else q.transpose(0, 2, 1)), bias * 0


INITS: Mapping[str, Scheme] = MappingProxyType(
    {"torch": torch_default, "he": he, "lecun": lecun, "xavier": xavier, "orthogonal": orthogonal}
)


def initial_parameters(keys: Sequence[int], widths: Sequence[int], scheme: str = "torch") -> Draws:
    """Initial parameters of dense networks of one shape, each from a key of its own.

    Args:
        keys: P init streams.
        widths: Units of every layer, inputs and outputs included.
        scheme: A name in `INITS`.

    Returns:
        Shape `(P, n_parameters)`, float64: for each layer the weights [in, out], then the biases [out].

    Example:
        >>> initial_parameters([1, 2], (3, 4, 1)).shape
        (2, 21)
    """
    parts = []
    streams = np.asarray(keys, dtype=np.uint64)
    for layer, (n_in, n_out) in enumerate(pairwise(widths)):
        drawn = uniform(words(streams, Purpose.WEIGHT, n_out, n_in, layer=layer))
        first = uniform(words(streams, Purpose.BIAS, n_out, 1, layer=layer))[..., 0]
        weight, bias = INITS[scheme](drawn, first, max(n_in, 1), n_out)
        parts += [weight.transpose(0, 2, 1).reshape(len(keys), -1), bias]
    return np.concatenate(parts, axis=1)
