"""Randomness inside a module: what we draw in its place (dropout), and torch's own generator, forked and seeded.

Dropout everywhere in torch ends in a few functions of `torch.nn.functional`. While a module of ours computes, they draw from the
network's stream; a module in another thread that is none of ours gets what it always got. Attention is written out, because
torch's fused kernels draw by themselves and know no axis of networks.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from manyfit.networks.network import Drop

_LOCK = threading.Lock()
_ORIGINALS: dict[str, Callable[..., Any]] = {}
_N_USERS = 0


class _Here(threading.local):
    """What this thread computes now: the drop of its network, None outside training, and how many were drawn."""

    is_ours = False
    drop: Drop | None = None
    n_drawn = 0


_here = _Here()


@contextmanager
def drawing(drop: Drop | None) -> Iterator[None]:
    """Draw dropout by `drop`, in the order of its calls, while a module computes; None for a module that predicts."""
    before = (_here.is_ours, _here.drop, _here.n_drawn)
    _install()
    _here.is_ours, _here.drop, _here.n_drawn = True, drop, 0
    try:
        yield
    finally:
        _here.is_ours, _here.drop, _here.n_drawn = before
        _uninstall()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Torch's generator at a seed of ours, put back afterwards; what is drawn in there has float32 as its default."""
    default = torch.get_default_dtype()
    with torch.random.fork_rng(devices=[torch.cuda.current_device()] if torch.cuda.is_initialized() else []):
        torch.default_generator.manual_seed(seed & 0xFFFFFFFF)  # it takes 32 bits
        if torch.cuda.is_initialized():
            torch.cuda.manual_seed(seed & 0xFFFFFFFF)
        torch.set_default_dtype(torch.float32)
        try:
            yield
        finally:
            torch.set_default_dtype(default)


def _dropped(values: Tensor, p: float) -> Tensor:
    """Values with some of them 0, drawn as the next ones of this module."""
    assert _here.drop is not None
    number, _here.n_drawn = _here.n_drawn, _here.n_drawn + 1
    return values * 0 if p >= 1 else _here.drop(values, number, p)


def _dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    if not _here.is_ours:
        return _ORIGINALS["dropout"](input, p, training, inplace)
    return _dropped(input, p) if training and _here.drop is not None else input


def _of_channels(name: str) -> Callable[..., Tensor]:
    """Dropout of whole channels of [B, C, …]: a 1 for each of them is dropped, or not, and multiplied in."""

    def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if not _here.is_ours:
            return _ORIGINALS[name](input, p, training, inplace)
        if not training or _here.drop is None:
            return input
        ones = torch.ones_like(input[(..., *[slice(0, 1)] * (input.ndim - 2))])
        return input * _dropped(ones, p)

    return dropout


def _attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(q kᵀ / √E + mask) v, written out."""
    if not _here.is_ours:
        given = {"scale": scale, "enable_gqa": enable_gqa}
        return _ORIGINALS["scaled_dot_product_attention"](
            query, key, value, attn_mask, dropout_p, is_causal, **given
        )
    if enable_gqa:
        key = key.repeat_interleave(query.size(-3) // key.size(-3), -3)
        value = value.repeat_interleave(query.size(-3) // value.size(-3), -3)
    scores = query @ key.transpose(-2, -1) * (1 / math.sqrt(query.size(-1)) if scale is None else scale)
    if is_causal:
        seen = torch.ones(query.size(-2), key.size(-2), dtype=torch.bool, device=query.device).tril()
        scores = scores.masked_fill(~seen, -math.inf)
    if attn_mask is not None:
        scores = (
            scores.masked_fill(~attn_mask, -math.inf) if attn_mask.dtype == torch.bool else scores + attn_mask
        )
    shares = torch.softmax(scores, -1)
    return (_dropped(shares, dropout_p) if dropout_p > 0 and _here.drop is not None else shares) @ value


_OURS: dict[str, Callable[..., Any]] = {
    "dropout": _dropout,
    "dropout1d": _of_channels("dropout1d"),
    "dropout2d": _of_channels("dropout2d"),
    "dropout3d": _of_channels("dropout3d"),
    "scaled_dot_product_attention": _attention,
}


def _install() -> None:
    global _N_USERS
    with _LOCK:
        _N_USERS += 1
        if _N_USERS == 1:
            for name, ours in _OURS.items():
                _ORIGINALS[name] = getattr(F, name)
                setattr(F, name, ours)


def _uninstall() -> None:
    global _N_USERS
    with _LOCK:
        _N_USERS -= 1
        if _N_USERS == 0:
            for name in _OURS:
                setattr(F, name, _ORIGINALS[name])
