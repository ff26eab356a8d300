"""The five tasks every peer trains: their sizes, their data, and the one judge of the final loss.

Sizes follow what people train by the hundred: the two examples of a textbook, an image of 8 x 8 pixels,
a signal of 40 points, and a network wide enough to leave the first-level cache.
"""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

LEARNING_RATE = 1e-3
"""Adam's rate for every peer and task."""


@dataclass(frozen=True)
class Task:
    """One training problem, the same for all peers: relu, Adam, mean squared error or cross-entropy.

    widths: units of each layer, inputs first.
    rows: rows of the training data; there are no others.
    batch: rows of one step; `batch == rows` means full batch.
    steps: updates of one training.
    """

    name: str
    widths: tuple[int, ...]
    rows: int
    batch: int
    steps: int

    @property
    def is_class(self) -> bool:
        """Whether the last layer gives logits of classes and the loss is the cross-entropy."""
        return self.widths[-1] > 1

    @property
    def is_full_batch(self) -> bool:
        """Whether every step sees all rows."""
        return self.batch == self.rows

    @property
    def is_long(self) -> bool:
        """Whether a share of the steps is enough to tell the time of all: the fixed cost of a start no longer shows."""
        return self.steps >= 900

    @property
    def flops(self) -> int:
        """Floating-point operations of the matrix products of one training (the first layer has no input gradient)."""
        products = sum(a * b for a, b in pairwise(self.widths))
        return (6 * products - 2 * self.widths[0] * self.widths[1]) * self.batch * self.steps

    def shortened(self, share: float) -> "Task":
        """The same task with a share of its steps, one at least, for peers too slow to run them all.

        Args:
            share: Part of the steps to keep, in (0, 1].
        """
        return replace(self, steps=max(1, round(self.steps * share)))


TASKS = {
    task.name: task
    for task in (
        Task("line", (1, 10, 1), rows=100, batch=100, steps=100),
        Task("cubic", (1, 32, 32, 1), rows=100, batch=100, steps=300),
        Task("digits", (64, 64, 10), rows=1437, batch=32, steps=900),
        Task("mnist1d", (40, 100, 100, 10), rows=4000, batch=100, steps=1000),
        Task("wide", (64, 256, 256, 10), rows=4000, batch=128, steps=20),
    )
}


def make_data(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """Inputs and targets of a task: always the same, standardized, with something to learn.

    Real data of these sizes would have to be downloaded; a teacher network gives targets that a network of the
    task's size can learn in part, so that a peer that does not train is found out by its loss.

    Returns:
        Inputs `[N, D]` float32, and targets: `[N, 1]` float32, or class numbers `[N]` int64.

    Example:
        >>> x, y = make_data(TASKS["digits"])
        >>> x.shape, y.shape, int(y.max())
        ((1437, 64), (1437,), 9)
    """
    rng = np.random.default_rng(0)
    n_inputs = task.widths[0]
    if not task.is_class:
        x = _standardized(np.linspace(-1.0, 1.0, task.rows)[:, None])
        y = 2 * x + 1 if task.name == "line" else x**3 - x
        y = _standardized(y + 0.3 * rng.standard_normal(y.shape))
        return x.astype(np.float32), y.astype(np.float32)
    x = _standardized(rng.standard_normal((task.rows, n_inputs)))
    hidden = np.tanh(x @ rng.standard_normal((n_inputs, 16)) * (2 / np.sqrt(n_inputs)))
    logits = _standardized(hidden @ rng.standard_normal((16, task.widths[-1])))
    noise = 0.3 * rng.standard_normal(logits.shape)
    return x.astype(np.float32), np.argmax(logits + noise, axis=1).astype(np.int64)


def score(task: Task, weights: list[np.ndarray], biases: list[np.ndarray]) -> np.ndarray:
    """Loss over all rows of each trained network, computed here for all peers and in float64.

    Args:
        task: What was trained.
        weights: One `[P, in, out]` array a layer.
        biases: One `[P, out]` array a layer.

    Returns:
        Mean squared error or cross-entropy in nats, shape `[P]`.
    """
    x, y = make_data(task)
    losses = []
    for network in range(len(weights[0])):
        out = x.astype(np.float64)
        for depth, (w, b) in enumerate(zip(weights, biases, strict=True)):
            out = out @ w[network].astype(np.float64) + b[network].astype(np.float64)
            if depth < len(weights) - 1:
                out = np.maximum(out, 0.0)
        if task.is_class:
            shifted = out - out.max(axis=1, keepdims=True)
            log_total = np.log(np.exp(shifted).sum(axis=1))
            losses.append(np.mean(log_total - shifted[np.arange(len(y)), y]))
        else:
            losses.append(np.mean((out - y) ** 2))
    return np.array(losses)


def _standardized(a: np.ndarray) -> np.ndarray:
    return (a - a.mean(axis=0)) / a.std(axis=0)
