"""Random numbers for many networks at once: each from its own stream, the same numbers as it would draw alone.

On a CPU they are drawn by the core or by NumPy, as for every engine; on a GPU by the same function written in torch, so that
nothing has to be copied there in every step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from manyfit.rng import KEEP_ALL, Purpose, derive, keep_threshold, words


class Draws:
    """The noise streams of P networks.

    Args:
        keys: P noise streams.
        device: Where the numbers are needed.
        dtype: Of what they are multiplied with.
    """

    def __init__(self, keys: Sequence[int], device: torch.device, dtype: torch.dtype) -> None:
        self.keys = np.array(keys, dtype=np.uint64)
        self.device = device
        self.dtype = dtype

    def of(self, index: int) -> Draws:
        """The stream of one network."""
        return Draws(self.keys[index : index + 1].tolist(), self.device, self.dtype)

    def mask(self, step: int, layer: int, shape: Sequence[int], keep: np.ndarray[Any, Any]) -> Tensor:
        """Dropout masks [P, *shape] with thresholds keep [P]: what `rng.dropout_mask` gives each network."""
        n_rows, n_units = shape[0], int(np.prod(shape[1:]))
        n_words = 4 * -(-n_units // 8)
        drawn = self.halves(Purpose.DROPOUT, step, layer, n_rows, n_words)[..., :n_units]
        limit = torch.from_numpy(keep.astype(np.int32)).to(self.device)[:, None, None]
        scale = torch.from_numpy(KEEP_ALL / keep).to(self.device, self.dtype)[:, None, None]
        return ((drawn < limit).to(self.dtype) * scale).reshape(len(keep), *shape)

    def kept(self, step: int, n_rows: int, n_inputs: int, p: np.ndarray[Any, Any]) -> Tensor:
        """Which inputs stay [P, n_rows, n_inputs], 0 or 1, dropped with probabilities p [P]: what `rng.dropped` gives each."""
        limit = torch.tensor([keep_threshold(each) for each in p], device=self.device)[:, None, None]
        drawn = self.halves(Purpose.DROP, step, 0, n_rows, 4 * -(-n_inputs // 8))[..., :n_inputs]
        return (drawn < limit).to(self.dtype)

    def noise(self, step: int, n_rows: int, n_inputs: int, sd: np.ndarray[Any, Any]) -> Tensor:
        """Normal numbers [P, n_rows, n_inputs] of standard deviations sd [P]: what `rng.gaussian` gives each."""
        n_words = 4 * -(-n_inputs // 4)
        if self.device.type == "cpu":
            drawn = words(self.keys, Purpose.NOISE, n_rows, n_words, time=step, rounds=7)
            leading = torch.from_numpy((drawn >> np.uint32(8)).astype(np.float64))
        else:
            leading = (self.words(Purpose.NOISE, step, 0, n_rows, n_words) >> 8).double()
        pairs = leading.unflatten(-1, (-1, 2)) * 2.0**-24
        radius = torch.sqrt(-2 * torch.log(pairs[..., 0] + 2.0**-24))
        angle = 2 * torch.pi * pairs[..., 1]
        normal = torch.stack([radius * torch.cos(angle), radius * torch.sin(angle)], -1).flatten(-2)[
            ..., :n_inputs
        ]
        return (normal * torch.from_numpy(sd).to(self.device)[:, None, None]).to(self.dtype)

    def halves(self, purpose: Purpose, step: int, layer: int, n_rows: int, n_words: int) -> Tensor:
        """Draws of 16 bits [P, n_rows, 2·n_words], the low half of each word first."""
        if self.device.type == "cpu":
            drawn = words(self.keys, purpose, n_rows, n_words, time=step, layer=layer, rounds=7)
            low_first = np.ascontiguousarray(drawn, dtype="<u4").view("<u2")
            return torch.from_numpy(low_first.astype(np.int32))
        found = self.words(purpose, step, layer, n_rows, n_words)
        return torch.stack([found & 0xFFFF, found >> 16], -1).flatten(-2)

    def words(self, purpose: Purpose, step: int, layer: int, n_rows: int, n_words: int) -> Tensor:
        """What `rng.words` gives with 7 rounds, [P, n_rows, n_words], drawn where it is needed."""
        return _words(self.keys, self.device, purpose, step, layer, n_rows, n_words)


class Drop:
    """Dropout in a step of P networks. Inside a function of one network that runs for all, their masks are drawn at once.

    Args:
        draws: Their streams.
        step: Updates made before this one.
        keep: Thresholds [P] of a layer, where networks of one structure differ in them; None where the network itself says it.
    """

    def __init__(
        self, draws: Draws, step: int, keep: Callable[[int], np.ndarray[Any, Any]] | None = None
    ) -> None:
        self._draws, self._step, self._keep = draws, step, keep
        self._numbers = torch.arange(len(draws.keys), device=draws.device)

    @property
    def token(self) -> Tensor:
        """[P] What to run the function over, besides what it is of."""
        return self._numbers

    def together(self, values: Tensor, layer: int, p: float) -> Tensor:
        """Dropout of all networks, of values [P, B, …], or [B, …] that all share."""
        keep = self._keep_of(layer, p)
        if (keep >= KEEP_ALL).all():
            return values
        own = values.shape[-2:]
        return values * self._draws.mask(self._step, layer, own, keep)

    def within(self, token: Tensor) -> Callable[[Any, int, Any], Tensor]:
        """Dropout of one network inside the function, where `token` is its own."""

        def drop(values: Tensor, layer: int, p: float) -> Tensor:
            keep = self._keep_of(layer, p)
            if (keep >= KEEP_ALL).all():
                return values
            shape = tuple(values.shape)
            return values * _Drawn.apply(token, lambda: self._draws.mask(self._step, layer, shape, keep))

        return drop

    def alone(self, index: int) -> Callable[[Any, int, Any], Tensor]:
        """Dropout of one network, by itself."""
        own = self._draws.of(index)

        def drop(values: Tensor, layer: int, p: float) -> Tensor:
            keep = np.array([keep_threshold(p)])
            return (
                values
                if keep[0] >= KEEP_ALL
                else values * own.mask(self._step, layer, tuple(values.shape), keep)[0]
            )

        return drop

    def _keep_of(self, layer: int, p: float) -> np.ndarray[Any, Any]:
        return np.full(len(self._draws.keys), keep_threshold(p)) if self._keep is None else self._keep(layer)

    def seed(self, index: int) -> int:
        """Of torch's generator, for what else is random inside one network in this step."""
        return derive(int(self._draws.keys[index]), self._step)


class _Drawn(torch.autograd.Function):
    """Hands a tensor [P, …] that was made outside into a function of one network."""

    @staticmethod
    def forward(token: Tensor, make: Callable[[], Tensor]) -> Tensor:
        raise NotImplementedError("only inside vmap")

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
        pass

    @staticmethod
    def vmap(info: Any, in_dims: Any, *given: Any) -> tuple[Tensor, int]:
        _, make = given
        return make(), 0


_MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = 0xFFFFFFFF


def _words(
    keys: np.ndarray[Any, Any],
    device: torch.device,
    purpose: Purpose,
    step: int,
    layer: int,
    n_rows: int,
    n_words: int,
    rounds: int = 7,
) -> Tensor:
    """Philox4x32 in torch. Products of 64 bits wrap around the sign, which changes none of their bits."""
    n_blocks = -(-n_words // 4)
    shape = (len(keys), n_rows, n_blocks)
    k0 = torch.from_numpy((keys & np.uint64(_LOW)).astype(np.int64)).to(device)[:, None, None]
    k1 = torch.from_numpy((keys >> np.uint64(32)).astype(np.int64)).to(device)[:, None, None]
    rows = torch.arange(n_rows, device=device)[None, :, None]
    blocks = torch.arange(n_blocks, device=device)[None, None, :]
    zero = torch.zeros(shape, dtype=torch.int64, device=device)
    a, b, c, d = zero + step, zero + rows, zero + (purpose << 24 | layer), zero + blocks
    for _ in range(rounds):
        left, right = a * _MULTIPLIERS[0], c * _MULTIPLIERS[1]
        a, b = ((right >> 32) & _LOW) ^ b ^ k0, right & _LOW
        c, d = ((left >> 32) & _LOW) ^ d ^ k1, left & _LOW
        k0, k1 = (k0 + _WEYL[0]) & _LOW, (k1 + _WEYL[1]) & _LOW
    return torch.stack([a, b, c, d], -1).reshape(len(keys), n_rows, -1)[..., :n_words]
