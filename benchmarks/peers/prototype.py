"""The two prototypes the native core grew from: the speed it has to keep. Built here, as their headers say."""

import ctypes
import subprocess
import tempfile
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np

from benchmarks.machine import has_avx512
from benchmarks.peers import AbsentPeer, Result
from benchmarks.tasks import Task, make_data, score

LANES = 16
"""Networks the prototypes train in one call."""

_FLAGS = ["-O3", "-march=native", "-ffast-math", "-shared", "-fPIC"]
_SOURCES = Path(__file__).parent.parent / "prototype"


def train(task: Task, n_networks: int, seed: int, *, layout: str) -> Result:
    """Trains `n_networks`, a multiple of 16, in calls of 16. The prototype reads its own clock.

    Args:
        task: What to train.
        n_networks: How many.
        seed: Of the C library's `rand`, which draws the initial weights; rows are drawn with replacement.
        layout: "across" or "within".
    """
    library = _built(layout)
    ctypes.CDLL(None).srand(seed)
    x, y = make_data(task)
    labels = np.ascontiguousarray(y, np.int32) if task.is_class else None
    widths = (ctypes.c_int * len(task.widths))(*task.widths)
    n_params = sum((a + 1) * b for a, b in pairwise(task.widths))
    last_batch_losses = np.zeros(LANES, np.float32)
    seconds = 0.0
    trained = []
    for _ in range(n_networks // LANES):
        params = np.zeros((LANES, n_params), np.float32)
        seconds += library.train(
            widths,
            len(task.widths) - 1,
            _address(x),
            None if task.is_class else _address(y),
            None if labels is None else _address(labels),
            task.rows,
            task.batch,
            task.steps,
            _address(last_batch_losses),
            _address(params),
        )
        trained.append(params)
    weights, biases = _layers(np.concatenate(trained), task.widths)
    return Result(seconds, score(task, weights, biases), core_seconds=seconds)


@cache
def _built(layout: str) -> ctypes.CDLL:
    if not has_avx512():
        raise AbsentPeer("the prototypes are written for AVX-512, which this processor lacks")
    target = Path(tempfile.mkdtemp(prefix="prototype-")) / f"lib{layout}.so"
    try:
        subprocess.run(["g++", *_FLAGS, "-o", target, _SOURCES / f"{layout}.cpp"], check=True)
    except FileNotFoundError as error:
        raise AbsentPeer("the prototypes are built with g++, which is not installed") from error
    library = ctypes.CDLL(str(target))
    library.train.restype = ctypes.c_double
    return library


def _address(a: np.ndarray) -> ctypes.c_void_p:
    return a.ctypes.data_as(ctypes.c_void_p)


def _layers(params: np.ndarray, widths: tuple[int, ...]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """Splits `[P, parameters]`, weights before biases in each layer, into one array a layer."""
    weights, biases = [], []
    at = 0
    for n_in, n_out in pairwise(widths):
        weights.append(params[:, at : at + n_in * n_out].reshape(-1, n_in, n_out))
        at += n_in * n_out
        biases.append(params[:, at : at + n_out])
        at += n_out
    return weights, biases
