"""Initial weights, drawn at (layer, out, in): networks of different width that share a stream share their common part.

The draws are the same whatever the scheme and the precision; a scheme turns them into weights of the right size.

References:
    Glorot & Bengio 2010, https://proceedings.mlr.press/v9/glorot10a.html; He et al. 2015, https://arxiv.org/abs/1502.01852;
    LeCun et al. 1998, Efficient BackProp; PyTorch's default is U(±1/√fan_in) for weights and biases.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

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


INITS: Mapping[str, Scheme] = MappingProxyType(
    {"torch": torch_default, "he": he, "lecun": lecun, "xavier": xavier}
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
