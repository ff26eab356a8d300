"""`python -m benchmarks.compare_digits`: which of seven optimizers for digits, beside the same work in a PyTorch loop.

manyfit's time is that of the whole question: 7 optimizers × 16 rates × 10 seeds = 1,120 networks that tune, those that meet on
fresh pairs, the statistics, the answer. The loop's is that of 1,120 trainings alone, from a few of each optimizer (`--each`):
nobody waits for the rest. Both get all cores: the loop is given perfect use of them, its processor time divided by their number.
"""

from __future__ import annotations

import argparse
import os
import time
from typing import NamedTuple

import manyfit as mf
from manyfit.questions import registry
from manyfit.questions._frame.recipe import default_recipe

LOOP = {
    "sgd": ("SGD", {"lr": 0.1}),
    "momentum": ("SGD", {"lr": 0.03, "momentum": 0.9}),
    "adagrad": ("Adagrad", {"lr": 0.03}),
    "rmsprop": ("RMSprop", {"lr": 1e-3}),
    "adam": ("Adam", {"lr": 1e-3}),
    "adamw": ("AdamW", {"lr": 1e-3}),
    "lamb": ("LAMB", {"lr": 1e-2}),
}
N_TRAIN = 1_150
"""Training rows that the question gives a network on digits."""


class Took(NamedTuple):
    """Seconds of the clock, and of the processor over all cores."""

    clock: float
    processor: float


def of_question(seed: int) -> tuple[Took, str]:
    """What the question takes, and its first line."""
    clock, processor = time.perf_counter(), time.process_time()
    answer = mf.compare("digits", seed=seed)
    return Took(time.perf_counter() - clock, time.process_time() - processor), str(answer.head[0].en)


def of_one(kind: str, settings: dict[str, float], n: int) -> float:
    """Processor seconds of one training in plain PyTorch: 64-64-10, 20 epochs, batches of 32, the data in tensors."""
    import torch
    from sklearn.datasets import load_digits

    import manyfit.torch as mft

    torch.set_num_threads(1)
    torch.manual_seed(0)
    X, y = load_digits(return_X_y=True)
    X = torch.tensor(X[:N_TRAIN] / 8 - 1, dtype=torch.float32)
    y = torch.tensor(y[:N_TRAIN])
    recipe = default_recipe("multiclass", N_TRAIN)
    assert recipe.batch_size is not None
    rule = getattr(torch.optim, kind, None) or getattr(mft, kind)
    began = 0.0
    for network in range(n + 1):  # the first warms up
        if network == 1:
            began = time.process_time()
        model = torch.nn.Sequential(torch.nn.Linear(64, 64), torch.nn.ReLU(), torch.nn.Linear(64, 10))
        optimizer = rule(model.parameters(), **settings)
        for _ in range(recipe.epochs):
            for rows in torch.randperm(N_TRAIN).split(recipe.batch_size):
                optimizer.zero_grad()
                torch.nn.functional.cross_entropy(model(X[rows]), y[rows]).backward()
                optimizer.step()
    return (time.process_time() - began) / n


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.compare_digits",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument(
        "--each", type=int, default=3, help="trainings of the loop that are timed, each optimizer"
    )
    asked = parser.parse_args()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    question = registry.find("compare")()
    n = len(LOOP) * question.points * question.replicates
    seconds = {name: of_one(*about, asked.each) for name, about in LOOP.items()}
    loop = n * sum(seconds.values()) / len(seconds) / cores
    took, head = of_question(0)
    print(f"{head}; {cores} cores")
    print(f"manyfit, all of the question: {took.clock:.1f} s ({took.processor:.1f} s of the processor)")
    print(f"PyTorch loop, {n:,} trainings: {loop:.0f} s, {loop / took.clock:.0f} times as long")
    print("  ms a training: " + ", ".join(f"{name} {1000 * each:.0f}" for name, each in seconds.items()))


if __name__ == "__main__":
    main()
