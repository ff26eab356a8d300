"""`state/*.safetensors`: the ledger as flat tensors, from which training goes on bit for bit.

A network in training is kept with its optimizer's state and its best weights, one that has ended with its
parameters only. Arrays of all networks lie end to end, one tensor for each precision, because a tensor for each
of ten thousand networks would be mostly header.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from manyfit.runs.files import replacing, sweep, sync_folder
from manyfit.runs.ledger import Cursor, Fate, Ledger
from manyfit.runs.parts import number_of

FOLDER = "state"
_PRECISIONS = ("float32", "float64")


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A moment of training.

    ledger: Where every network stood.
    seconds: Wall time of training up to it, earlier sessions included.
    core_seconds: Time inside the engine's own loop, summed over threads; 0 until the training has ended.
    """

    ledger: Ledger
    seconds: float = 0.0
    core_seconds: float = 0.0


def save(folder: Path, checkpoint: Checkpoint) -> Path:
    """Write a checkpoint; the older ones go when it is in place.

    Args:
        folder: The run folder.
        checkpoint: What to keep.

    Raises:
        RunError: If the disk refuses; then the older checkpoint is still there.
    """
    state = folder / FOLDER
    state.mkdir(exist_ok=True)
    old = checkpoint_paths(folder)
    path = state / f"checkpoint-{number_of(old[-1]) + 1 if old else 1:06d}.safetensors"
    seconds = json.dumps([checkpoint.seconds, checkpoint.core_seconds])
    with replacing(path) as aside:
        try:
            save_file(_tensors(checkpoint.ledger), aside, metadata={"schema": "1", "seconds": seconds})
        except SafetensorError as error:
            raise OSError(0, str(error)) from error
    sync_folder(state)  # the older one must not go before the newer one's name is certain
    for left in old:
        left.unlink(missing_ok=True)
    sweep(state)
    return path


def newest(folder: Path, note: Callable[[str], None]) -> Checkpoint | None:
    """The newest checkpoint that is whole; None when there is none.

    Args:
        folder: The run folder; another process may be writing it.
        note: Told about each file that can't be read and is left out.
    """
    for _ in range(3):
        paths, has_vanished = checkpoint_paths(folder)[::-1], False
        for path in paths:
            try:
                return _read(path)
            except FileNotFoundError:
                has_vanished = True  # a newer one has taken its place: look again
            except (OSError, SafetensorError, KeyError, ValueError, IndexError) as error:
                note(f"{path} can't be read and is left out: {error}")
        if not has_vanished:
            break
    return None


def checkpoint_paths(folder: Path) -> list[Path]:
    """The checkpoints of a run folder, oldest first."""
    return sorted((folder / FOLDER).glob("checkpoint-*.safetensors"), key=number_of)


def _tensors(ledger: Ledger) -> dict[str, NDArray[Any]]:
    training = ledger.fate == Fate.TRAINING
    double = np.array([p.dtype == np.float64 for p in ledger.parameters], dtype=bool)
    sizes = [
        (p.size, len(s), b.size) for p, s, b in zip(ledger.parameters, ledger.state, ledger.best, strict=True)
    ]
    tensors: dict[str, NDArray[Any]] = {
        "cursor": ledger.cursor,
        "sums": ledger.sums,
        "loss": ledger.loss,
        "held_loss": ledger.held_loss,
        "layers": ledger.layers,
        "watched": ledger.watched,
        "double": double,
        "sizes": np.array(sizes, dtype=np.int64).reshape(-1, 3),
    }
    everyone = np.ones_like(training)
    for name, arrays, kept in (
        ("parameters", ledger.parameters, everyone),
        ("state", ledger.state, training),
        ("best", ledger.best, training),
    ):
        for precision, chosen in zip(_PRECISIONS, (kept & ~double, kept & double), strict=True):
            tensors[f"{name}.{precision}"] = _end_to_end(arrays, chosen, precision)
    for k, outputs in enumerate(ledger.probes):
        tensors[f"probe.{k}"] = outputs
    return {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}


def _end_to_end(arrays: Sequence[NDArray[Any]], chosen: NDArray[np.bool_], dtype: str) -> NDArray[Any]:
    flat = [arrays[i].ravel() for i in np.flatnonzero(chosen).tolist()]
    return np.concatenate(flat).astype(dtype, copy=False) if flat else np.empty(0, dtype=dtype)


def _read(path: Path) -> Checkpoint:
    if not path.exists():
        raise FileNotFoundError(path)
    with safe_open(path, framework="numpy") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is not a mapping
        seconds, core_seconds = json.loads(file.metadata()["seconds"])
    training = tensors["cursor"][:, Cursor.FATE] == Fate.TRAINING
    everyone = np.ones_like(training)
    n, n_states, n_best = tensors["sizes"].T
    states = _apart(tensors, "state", n * n_states, training)
    ledger = Ledger(
        cursor=np.array(tensors["cursor"]),
        sums=np.array(tensors["sums"]),
        loss=np.array(tensors["loss"]),
        held_loss=np.array(tensors["held_loss"]),
        parameters=_apart(tensors, "parameters", n, everyone),
        state=[flat.reshape(rows, width) for flat, rows, width in zip(states, n_states, n, strict=True)],
        best=_apart(tensors, "best", n_best, training),
        probes=[
            np.array(tensors[f"probe.{k}"]) for k in range(sum(name.startswith("probe.") for name in tensors))
        ],
        layers=np.array(tensors["layers"]),
        watched=np.array(tensors["watched"]),
    )
    return Checkpoint(ledger, seconds, core_seconds)


def _apart(
    tensors: dict[str, NDArray[Any]], name: str, sizes: NDArray[np.int64], kept: NDArray[np.bool_]
) -> list[NDArray[Any]]:
    """One array for each network, its own copy; zeros for those that were not kept."""
    arrays: list[NDArray[Any]] = []
    starts = dict.fromkeys(_PRECISIONS, 0)
    for size, double, is_kept in zip(sizes.tolist(), tensors["double"].tolist(), kept.tolist(), strict=True):
        precision = _PRECISIONS[double]
        if not is_kept:
            arrays.append(np.zeros(size, dtype=precision))
            continue
        start = starts[precision]
        starts[precision] = start + size
        found = tensors[f"{name}.{precision}"][start : start + size]
        if len(found) != size:
            raise ValueError(f"{name} holds too few numbers")
        arrays.append(found.copy())
    return arrays
