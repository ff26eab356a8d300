"""manyfit through its public API: a population of members, advanced by the native engine in one thread."""

import numpy as np

from benchmarks.peers import AbsentPeer, Result, clock
from benchmarks.tasks import LEARNING_RATE, Task, make_data, score
from manyfit import Dense, Member, Population, Recipe, Streams
from manyfit.engines.choose import fit, why_missing
from manyfit.optimizers.adam import Adam
from manyfit.population import Rows, View


def train(task: Task, n_networks: int, seed: int, *, layout: str = "auto") -> Result:
    """Trains `n_networks` together, each with weights and batches of its own; the loss is recorded each epoch.

    Args:
        task: What to train.
        n_networks: How many.
        seed: Root of all streams.
        layout: Of the native engine: "auto", "across" or "within".
    """
    if why := why_missing("native"):
        raise AbsentPeer(why)
    from manyfit.engines.native import Native

    class Watched(Native):
        """The native engine, with the benchmark's clock around the core."""

        spent = 0.0

        def advance(self, **limits: float | None) -> bool:
            began = clock()
            is_done = super().advance(**limits)
            self.spent += clock() - began
            return is_done

    engine = Watched(threads=1, layout=layout)
    x, y = make_data(task)
    view = View(x, y, n_classes=task.widths[-1] if task.is_class else None)
    epochs, rows = _epochs_and_rows(task, n_networks, seed)
    start = clock()
    recipe = Recipe(
        Dense(hidden=task.widths[1:-1]),
        loss="cross_entropy" if task.is_class else "mse",
        optimizer=Adam(lr=LEARNING_RATE),
        batch_size=None if task.is_full_batch else task.batch,
        epochs=epochs,
    )
    members = [Member(recipe, Streams.of(seed, replicate=i), rows[i]) for i in range(n_networks)]
    run = fit(Population(tuple(members), {"all": view}), engine=engine)
    seconds = clock() - start
    if set(run.steps.tolist()) != {task.steps}:
        raise RuntimeError(
            f"{task.name} has {task.steps} steps, manyfit made {sorted(set(run.steps.tolist()))}"
        )
    layers = [run.weights(i) for i in range(n_networks)]
    weights = [np.stack([weight.T for weight, _ in depth]) for depth in zip(*layers, strict=True)]
    biases = [np.stack([bias for _, bias in depth]) for depth in zip(*layers, strict=True)]
    return Result(seconds, score(task, weights, biases), core_seconds=engine.spent)


def _epochs_and_rows(task: Task, n_networks: int, seed: int) -> tuple[int, list[Rows]]:
    """Epochs that make the task's steps, and each network's rows.

    manyfit trains whole epochs. A task that ends within its first epoch gives each network rows of its own instead, as many as
    its steps see, drawn at random: the same batches, by chance, as those of an epoch that is cut.
    """
    steps_per_epoch = -(-task.rows // task.batch)
    if task.steps >= steps_per_epoch:
        if task.steps % steps_per_epoch:
            raise ValueError(
                f"{task.name}: {task.steps} steps are no whole number of epochs of {steps_per_epoch}"
            )
        return task.steps // steps_per_epoch, [Rows(np.arange(task.rows))] * n_networks
    rng = np.random.default_rng(seed)
    return 1, [Rows(rng.permutation(task.rows)[: task.steps * task.batch]) for _ in range(n_networks)]
