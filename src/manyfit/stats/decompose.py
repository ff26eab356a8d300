"""Bias, variance and noise of networks that were trained on independent data: terms that add up to the loss, without the bias
that a finite number of networks puts into them.

A network f is drawn twice over: its data, then its seed (initial weights, order of the rows). For squared error

    E (y − f)² = noise + (E f − truth)² + variance,                      variance = that of the data + that of the seed.

For cross-entropy the central prediction is the normalized geometric mean p̄ ∝ exp E log p, about which

    E −log p(y) = entropy of the truth + KL(truth ‖ p̄) + E KL(p̄ ‖ p).

Averages over few networks in place of E would call part of the variance bias. Squared error takes products of networks of
different data instead, which is exactly right on average; cross-entropy takes the jackknife, which leaves an error of the order
of one over the square of the number of data sets.

References:
    Heskes 1998, https://doi.org/10.1162/089976698300017232; Yang, Yu, You, Steinhardt & Ma 2020, https://arxiv.org/abs/2002.11328;
    Quenouille 1956, Notes on Bias in Estimation (the jackknife).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import logsumexp

Floats = NDArray[np.float64]


class Terms(NamedTuple):
    """The terms of the loss, [G] for G groups of networks. loss = noise + bias + data + seed to rounding.

    loss: Mean loss.
    bias: Of the central prediction; with the noise in it where the truth is not known.
    data: Variance by the data that networks were trained on; with that of the seed in it where each data set has one network.
    seed: Variance by initial weights and order; 0 where it can't be told.
    noise: What no network can do away with; 0 where it is not known.
    """

    loss: Floats
    bias: Floats
    data: Floats
    seed: Floats
    noise: Floats

    @property
    def variance(self) -> Floats:
        """Of both sources together."""
        return self.data + self.seed


def squared_error(
    outputs: Floats, target: Floats, weights: Floats | None = None, *, noise: float | None = None
) -> Terms:
    """The terms of squared error.

    Args:
        outputs: [G, K, S, N, C] of networks: G groups of K ≥ 2 data sets that share no row, each with S seeds, on N rows.
        target: [N, C] or [G, N, C]: the truth where `noise` is given, else what was observed.
        weights: [N] or [G, N] weights of the rows.
        noise: Variance of what is observed around the truth.

    Example:
        >>> outputs = np.array([1.0, 3.0]).reshape(1, 2, 1, 1, 1)      # two networks, one row
        >>> terms = squared_error(outputs, np.array([[0.0]]))
        >>> float(terms.loss[0]), float(terms.bias[0]), float(terms.variance[0])
        (5.0, 3.0, 2.0)
    """
    f, n_parts, n_seeds = _checked(outputs)
    y = np.asarray(target, dtype=np.float64)
    d = f - (y if y.ndim == 2 else y[:, None, None])
    of_part = d.mean(2)  # [G, K, N, C]
    loss = (d * d).mean((1, 2))
    # Products of different data sets: (Σ d)² − Σ d² leaves those of a data set with itself out.
    apart = (of_part.sum(1) ** 2 - (of_part * of_part).sum(1)) / (n_parts * (n_parts - 1))
    seed = d.var(2, ddof=1).mean(1) if n_seeds > 1 else np.zeros_like(apart)
    data = of_part.var(1, ddof=1) - seed / n_seeds
    total, bias, by_data, by_seed = (_mean(term.mean(-1), weights) for term in (loss, apart, data, seed))
    sigma2 = np.full(len(f), 0.0 if noise is None else noise)
    return Terms(total + sigma2, bias, by_data, by_seed, sigma2)


def cross_entropy(
    log_probabilities: Floats, target: Floats, weights: Floats | None = None, *, is_truth: bool = False
) -> Terms:
    """The terms of cross-entropy.

    Args:
        log_probabilities: [G, K, S, N, C] of networks, each row normalized: G groups of K ≥ 2 data sets that share no row, each
            with S seeds, on N rows.
        target: [N, C] or [G, N, C]: 1 for the class that was observed, or the true probabilities.
        weights: [N] or [G, N] weights of the rows.
        is_truth: Whether the targets are true probabilities: their entropy is then the noise.

    Example:
        >>> p = np.log([[0.5, 0.5], [0.8, 0.2]]).reshape(1, 2, 1, 1, 2)
        >>> terms = cross_entropy(p, np.array([[1.0, 0.0]]))
        >>> bool(abs(terms.loss - terms.bias - terms.variance)[0] < 1e-12), terms.variance.round(3).tolist()
        (True, [0.105])
    """
    z, _, n_seeds = _checked(log_probabilities)
    q = np.asarray(target, dtype=np.float64)
    q = q if q.ndim == 2 else q[:, None, None]
    with np.errstate(invalid="ignore"):
        loss = -np.where(q > 0, q * z, 0.0).sum(-1).mean((1, 2))
    of_part = z.mean(2)  # [G, K, N, C]
    total = _jackknife(of_part, 1)
    seed = _jackknife(z, 2).mean(1) if n_seeds > 1 else np.zeros_like(total)
    means = [_mean(term, weights) for term in (loss, total, seed)]
    entropy = np.zeros(len(z))
    if is_truth:
        h = -np.where(q > 0, q * np.log(np.maximum(q, 1e-300)), 0.0).sum(-1)
        entropy = np.broadcast_to(_mean(h if h.ndim == 1 else h[:, 0, 0], weights), (len(z),))
    mean_loss, variance, by_seed = means
    return Terms(mean_loss, mean_loss - variance - entropy, variance - by_seed, by_seed, entropy)


def pure_error(y: Floats, alike: NDArray[np.int64]) -> tuple[float, int]:
    """Variance of the noise from rows with the same inputs, and its degrees of freedom: 0 when no two rows are alike.

    Args:
        y: [N, C] observed numbers.
        alike: [N] rows of one number have the same inputs.

    Example:
        >>> pure_error(np.array([[1.0], [3.0], [7.0]]), np.array([0, 0, 1]))
        (2.0, 1)
    """
    _, place, counts = np.unique(alike, return_inverse=True, return_counts=True)
    free = int((counts - 1).sum())
    if free == 0:
        return 0.0, 0
    means = np.stack([np.bincount(place, column) / counts for column in y.T], axis=1)
    return float(((y - means[place]) ** 2).mean(1).sum() / free), free


def _checked(outputs: Floats) -> tuple[Floats, int, int]:
    f = np.asarray(outputs, dtype=np.float64)
    if f.ndim != 5 or f.shape[1] < 2:
        raise ValueError(f"outputs must be [groups, data sets ≥ 2, seeds, rows, columns], got {f.shape}")
    return f, f.shape[1], f.shape[2]


def _jackknife(z: Floats, axis: int) -> Floats:
    """−log Σ exp of the mean of log-probabilities along an axis, freed of the first order of its bias."""
    n = z.shape[axis]
    mean = z.mean(axis, keepdims=True)
    others = (n * mean - z) / (n - 1)  # means without one each
    whole = -logsumexp(mean, axis=-1)
    return (n * whole - (n - 1) * -logsumexp(others, axis=-1).mean(axis, keepdims=True)).squeeze(axis)


def _mean(of_rows: Floats, weights: Floats | None) -> Floats:
    """Weighted mean over the last axis."""
    if weights is None:
        return of_rows.mean(-1)
    w = np.broadcast_to(weights, of_rows.shape)
    return (of_rows * w).sum(-1) / w.sum(-1)
