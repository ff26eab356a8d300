"""Counter-based randomness: every random number is a pure function of (stream key, purpose, step, position).

No generator has a state, so no network can disturb another, a resumed training draws what an uninterrupted one would have drawn,
and every engine draws the same. The function is Philox4x32-10 (7 rounds for what is drawn in every step: dropout, noise); its
counter is (time, row, purpose and layer, column).

References:
    Salmon, Moraes, Dror & Shaw 2011, Parallel Random Numbers: As Easy as 1, 2, 3, https://doi.org/10.1145/2063384.2063405
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

try:
    from manyfit._native import philox as _native_philox
except ImportError:  # no core: the same words, drawn by NumPy
    _native_philox = None

_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = 0xFFFFFFFF
_TOGETHER = 1 << 18
"""Blocks of four words that the core draws in one call: a few megabytes."""

KEEP_ALL = 65536
"""Dropout keeps a unit when its 16-bit draw lies below a threshold; this one keeps them all."""


class Purpose(IntEnum):
    """What a random number is for. It stands in the top byte of the third counter word, the layer in the rest."""

    WEIGHT = 1
    BIAS = 2
    ORDER = 3
    DROPOUT = 4
    NOISE = 5
    KEY = 6
    SAMPLE = 7
    CORRUPT = 8
    DROP = 9


def philox(counters: ArrayLike, key: int | NDArray[np.uint64], rounds: int = 10) -> NDArray[np.uint32]:
    """Random words of a Philox4x32 generator.

    Args:
        counters: Shape `(..., 4)`, 32-bit counter words.
        key: 64-bit key, its low half is the first key word; or an array of keys that broadcasts against the counters' leading
            axes.
        rounds: 10 as published for general use, 7 as the authors' lower limit for dropout.

    Returns:
        Four 32-bit words for each counter, shape `(..., 4)`.

    Example:
        >>> [hex(int(word)) for word in philox([0, 0, 0, 0], key=0)]
        ['0x6627e8d5', '0xe169c58d', '0xbc57ac4c', '0x9b00dbd8']
    """
    wide = np.asarray(counters, dtype=np.uint32).astype(np.uint64)
    counter = (wide[..., 0], wide[..., 1], wide[..., 2], wide[..., 3])
    drawn = _rounds(counter, np.asarray(key, dtype=np.uint64), rounds)
    return np.stack(drawn, axis=-1).astype(np.uint32)


def _rounds(counter: tuple[Any, Any, Any, Any], key: Any, rounds: int) -> tuple[Any, Any, Any, Any]:
    """The published function, on Python's integers or on arrays of 64-bit ones."""
    a, b, c, d = counter
    k0, k1 = key & _LOW, key >> 32
    for _ in range(rounds):
        left, right = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        a, b, c, d = (right >> 32) ^ b ^ k0, right & _LOW, (left >> 32) ^ d ^ k1, left & _LOW
        k0, k1 = (k0 + _WEYL[0]) & _LOW, (k1 + _WEYL[1]) & _LOW
    return a, b, c, d


def words(
    key: int | NDArray[np.uint64],
    purpose: Purpose,
    n_rows: int,
    n_columns: int,
    *,
    time: int = 0,
    layer: int = 0,
    rounds: int = 10,
) -> NDArray[np.uint32]:
    """A table of random words, one for each row and column; growing the table changes no word of it.

    Args:
        key: Stream, or an array `(P,)` of streams for a table each.
        purpose: What they are for.
        n_rows: Rows of the table: units, batch positions.
        n_columns: Columns of the table: inputs, row positions.
        time: Epoch or step.
        layer: Layer of the network.
        rounds: Of Philox.

    Returns:
        Shape `(n_rows, n_columns)`, or `(P, n_rows, n_columns)` for an array of streams; 32-bit words.

    Example:
        >>> small, large = words(7, Purpose.WEIGHT, 2, 3), words(7, Purpose.WEIGHT, 5, 9)
        >>> bool((large[:2, :3] == small).all())
        True
    """
    n_blocks = -(-n_columns // 4)
    counters = np.empty((n_rows, n_blocks, 4), dtype=np.uint32)
    counters[..., 0] = time
    counters[..., 1] = np.arange(n_rows, dtype=np.uint32)[:, None]
    counters[..., 2] = purpose << 24 | layer
    counters[..., 3] = np.arange(n_blocks, dtype=np.uint32)
    keys = np.asarray(key, dtype=np.uint64)
    drawn = _tables(counters.reshape(-1, 4), keys.reshape(-1), rounds)
    return drawn.reshape(*keys.shape, n_rows, 4 * n_blocks)[..., :n_columns]


def _tables(counters: NDArray[np.uint32], keys: NDArray[np.uint64], rounds: int) -> NDArray[np.uint32]:
    """The words of the same counters [n, 4] under each of P keys, [P, n, 4]; by the core where there is one."""
    if _native_philox is None:
        return philox(counters, keys[:, None], rounds)
    drawn = np.empty((len(keys), len(counters), 4), dtype=np.uint32)
    halves = np.stack([keys & np.uint64(_LOW), keys >> np.uint64(32)], axis=-1).astype(np.uint32)
    at_once = max(_TOGETHER // max(len(counters), 1), 1)
    for start in range(0, len(keys), at_once):
        part = halves[start : start + at_once]
        tiled = np.ascontiguousarray(np.tile(counters, (len(part), 1)))
        drawn[start : start + at_once] = _native_philox(
            tiled, np.repeat(part, len(counters), axis=0), rounds
        ).reshape(len(part), len(counters), 4)
    return drawn


def uniform(random_words: NDArray[np.uint32]) -> NDArray[np.float64]:
    """Random words as numbers strictly between 0 and 1, symmetric around one half."""
    return (random_words.astype(np.float64) + 0.5) * 2.0**-32


def epoch_order(key: int, epoch: int, n_rows: int) -> NDArray[np.int64]:
    """The order in which an epoch visits the rows: a random permutation of `0 … n_rows - 1`.

    Args:
        key: Order stream of the network.
        epoch: Counts from 0.
        n_rows: Number of training rows.

    Example:
        >>> sorted(epoch_order(3, 0, 5).tolist())
        [0, 1, 2, 3, 4]
    """
    return np.argsort(words(key, Purpose.ORDER, 1, n_rows, time=epoch)[0], kind="stable")


def keep_threshold(p: float) -> int:
    """The 16-bit threshold below which a draw keeps a unit, for dropout with probability `p`.

    Example:
        >>> keep_threshold(0.0), keep_threshold(0.25)
        (65536, 49152)
    """
    return max(1, round((1.0 - p) * KEEP_ALL))


def dropout_mask(
    key: int, step: int, layer: int, n_rows: int, n_units: int, keep: int
) -> NDArray[np.float64]:
    """What each unit's value is multiplied by in one step: 0 where it is dropped, `65536 / keep` where it is kept.

    Args:
        key: Noise stream of the network.
        step: Updates made before this one.
        layer: 0 for the inputs, i for the outputs of hidden layer i.
        n_rows: Rows in the batch.
        n_units: Units of the layer.
        keep: Threshold from `keep_threshold`.

    Returns:
        Shape `(n_rows, n_units)`.
    """
    if keep >= KEEP_ALL:
        return np.ones((n_rows, n_units))
    return np.where(_halves(key, Purpose.DROPOUT, step, layer, n_rows, n_units) < keep, KEEP_ALL / keep, 0.0)


def dropped(key: int, step: int, n_rows: int, n_inputs: int, keep: int) -> NDArray[np.float64]:
    """Which inputs stay in one step, for augmentation: 0 where an input is dropped, 1 where it is kept.

    Args:
        key: Noise stream of the network.
        step: Updates made before this one.
        n_rows: Rows in the batch.
        n_inputs: D.
        keep: Threshold from `keep_threshold`.

    Returns:
        Shape `(n_rows, n_inputs)`.
    """
    return (_halves(key, Purpose.DROP, step, 0, n_rows, n_inputs) < keep).astype(np.float64)


def _halves(key: int, purpose: Purpose, step: int, layer: int, n_rows: int, n_units: int) -> NDArray[np.uint32]:
    """Draws of 16 bits, two from each word, the low half first."""
    n_words = 4 * -(-n_units // 8)
    drawn = words(key, purpose, n_rows, n_words, time=step, layer=layer, rounds=7)
    halves = np.stack([drawn & np.uint32(0xFFFF), drawn >> np.uint32(16)], axis=-1)
    return halves.reshape(n_rows, 2 * n_words)[:, :n_units]


def gaussian(key: int, step: int, n_rows: int, n_columns: int) -> NDArray[np.float64]:
    """Normal numbers of mean 0 and variance 1, anew for each step, by the polar form of Box and Muller.

    Of two words side by side the first gives the radius √(−2 ln u), the second the angle. Each counts with its leading 24 bits,
    which float32 holds exactly, so that both precisions draw the same numbers up to rounding; none is larger than 5.8.

    Args:
        key: Noise stream of the network.
        step: Updates made before this one.
        n_rows: Rows in the batch.
        n_columns: Numbers for each row.

    Returns:
        Shape `(n_rows, n_columns)`.

    Example:
        >>> gaussian(7, 0, 1, 4).round(3).tolist()
        [[1.732, 0.156, 0.187, -0.991]]

    References:
        Box & Muller 1958, A note on the generation of random normal deviates, https://doi.org/10.1214/aoms/1177706645
    """
    drawn = words(key, Purpose.NOISE, n_rows, 4 * -(-n_columns // 4), time=step, rounds=7)
    leading = (drawn >> np.uint32(8)).astype(np.float64).reshape(n_rows, -1, 2)
    radius = np.sqrt(-2 * np.log((leading[..., 0] + 1) * 2.0**-24))
    angle = 2 * np.pi * (leading[..., 1] * 2.0**-24)
    return np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1).reshape(n_rows, -1)[:, :n_columns]


def derive(root: int, *path: int) -> int:
    """A 64-bit key of its own for each path of up to three 32-bit integers under a root; a shorter path ends in zeros."""
    if len(path) > 3:
        raise ValueError(f"a path has at most three numbers, got {path}")
    counter = [*path, *[0] * (3 - len(path))]
    if not all(0 <= number <= _LOW for number in path):
        raise ValueError(f"the numbers of a path must have 32 bits, got {path}")
    drawn = _rounds((counter[0], counter[1], Purpose.KEY << 24, counter[2]), root & 0xFFFFFFFFFFFFFFFF, 10)
    return drawn[0] | drawn[1] << 32


@dataclass(frozen=True)
class Streams:
    """The keys of one network's randomness, each 64 bits. Networks that share a key share what is drawn from it: they are pairs.

    init: Initial weights.
    order: Order of the rows in each epoch.
    noise: Dropout and input noise.
    split: Which rows train, which are held out.

    Example:
        >>> a = Streams.of(0)
        >>> b = a.replace(order=Streams.of(1).order)       # the same start, another order of the rows
        >>> a.init == b.init, a.order == b.order
        (True, False)
    """

    init: int
    order: int
    noise: int
    split: int

    @classmethod
    def of(cls, seed: int, stage: int = 0, replicate: int = 0) -> Streams:
        """Four keys from one integer. Different stages and replicates of a seed never share a key.

        Args:
            seed: Any integer; 64 bits of it count.
            stage: What the numbers are for: 0 direct use, others as the questions and the job declare them.
            replicate: Which repetition.
        """
        return cls(*(derive(seed, stream, stage, replicate) for stream in range(4)))

    def replace(self, **keys: int) -> Streams:
        """The same keys but for those given."""
        return dataclasses.replace(self, **keys)
