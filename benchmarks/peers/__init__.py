"""The peers: one file each, with one function `train(task, n_networks, seed) -> Result`.

A file imports its library at the top, so that a peer that is not installed is found by its ImportError.
"""

import os
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

clock = time.process_time
"""Every peer's clock: processor time of its process. With one thread on a core of its own it runs like any other clock;
where others want the core too, it leaves their time out, and what remains is how they disturb the caches."""


def compile_clock() -> float:
    """The same clock with the processes that ended under it, for libraries that call a C++ compiler."""
    return sum(os.times()[:4])


class AbsentPeer(Exception):
    """The peer cannot run on this machine; the message says why."""


@dataclass(frozen=True)
class Result:
    """What one call of a peer's `train` gives.

    seconds: processor time to train all networks, from fresh weights to the last step; data and compiling not included.
    losses: [P] loss over all rows after the last step.
    core_seconds: part of `seconds` inside compiled training code, if the peer tells.
    compile_seconds: processor time to compile, if this call had to.
    note: what a reader of the table should know.
    """

    seconds: float
    losses: np.ndarray
    core_seconds: float | None = None
    compile_seconds: float | None = None
    note: str = ""


@dataclass(frozen=True)
class Peer:
    """A row of the table under each task.

    module: file of this folder that has `train`.
    networks: networks trained together in one call, for each task: what is best, or enough, for this peer.
    options: keywords for `train`, for files with variants.
    quick_share: part of the steps of long tasks run under `--quick`; the time is scaled and the loss not compared.
    how: how to get the peer, for those who lack it.
    is_extra: shown only when asked for by its whole name.
    """

    name: str
    module: str
    networks: Mapping[str, int]
    options: Mapping[str, object] = field(default_factory=dict)
    quick_share: float = 1.0
    how: str = ""
    is_extra: bool = False


def _networks(line: int, cubic: int, digits: int, mnist1d: int, wide: int) -> dict[str, int]:
    return {"line": line, "cubic": cubic, "digits": digits, "mnist1d": mnist1d, "wide": wide}


_MANYFIT = _networks(256, 64, 64, 32, 32)
_ONE_AFTER_ANOTHER = _networks(16, 8, 4, 2, 8)
_TORCH = "pip install torch==2.13.0"

PEERS = (
    Peer("manyfit", "manyfit", _MANYFIT, how="make native"),
    Peer("manyfit, across", "manyfit", _MANYFIT, {"layout": "across"}, how="make native", is_extra=True),
    Peer("manyfit, within", "manyfit", _MANYFIT, {"layout": "within"}, how="make native", is_extra=True),
    Peer("prototype across", "prototype", _MANYFIT, {"layout": "across"}),
    Peer("prototype within", "prototype", _MANYFIT, {"layout": "within"}),
    Peer("JAX jit(vmap(scan))", "jax_scan", _networks(64, 64, 64, 4, 4), {}, 0.25, "pip install jax optax"),
    Peer(
        "vmap + torch.compile",
        "torch_vmap",
        _networks(256, 256, 128, 32, 16),
        {"compiled": True},
        0.25,
        _TORCH,
    ),
    Peer("torch.func vmap", "torch_vmap", _networks(256, 128, 128, 32, 32), {}, 0.25, _TORCH),
    Peer("PyTorch loop", "torch_loop", _ONE_AFTER_ANOTHER, {}, 0.25, _TORCH),
    Peer("PyTorch loop, foreach", "torch_loop", _ONE_AFTER_ANOTHER, {"adam": "foreach"}, 0.25, _TORCH),
    Peer("PyTorch loop, fused", "torch_loop", _ONE_AFTER_ANOTHER, {"adam": "fused"}, 0.25, _TORCH),
)
