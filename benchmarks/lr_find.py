"""`python -m benchmarks.lr_find`: does a recommended learning rate depend on luck? manyfit beside Lightning's `lr_find`.

Both are asked for a rate for the same network on digits, from twenty seeds: other rows to train on, other initial weights, other
orders of the rows. Printed: the rates that each recommended, their spread, and what the network scores on rows that neither has
seen when it is trained at them.

pip install -c constraints.txt lightning==2.6.6
python -m benchmarks.lr_find                           Adam, twenty seeds: a quarter of an hour on one core
python -m benchmarks.lr_find --optimizers momentum     another one
python -m benchmarks.lr_find --quick                   three seeds
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy import stats

import manyfit as mf
from manyfit import Dense, Member, Population, Recipe, Rows, Streams, View
from manyfit.engines.choose import predict
from manyfit.losses.cross_entropy import CrossEntropy
from manyfit.optimizers.adam import Adam
from manyfit.optimizers.momentum import Momentum

EPOCHS, BATCH, WIDTH = 20, 32, 64
N_TRAIN = 1_000
"""Rows that a rate is chosen on; the others of 1,797 score it."""
OPTIMIZERS = {"adam": Adam, "momentum": Momentum}


class Data(NamedTuple):
    """Digits: X [n, 64] standardized, y [n] of ten classes; shuffled from the seed, the first `N_TRAIN` rows to choose on."""

    X: np.ndarray
    y: np.ndarray


def digits(seed: int) -> Data:
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    chosen = np.random.RandomState(seed).permutation(len(X))
    X = (X - X[chosen[:N_TRAIN]].mean(0)) / np.maximum(X[chosen[:N_TRAIN]].std(0), 1e-3)
    return Data(X[chosen].astype(np.float32), y[chosen])


def recipe(optimizer: str, rate: float) -> Recipe:
    return Recipe(
        Dense(hidden=(WIDTH,)),
        CrossEntropy(),
        OPTIMIZERS[optimizer](lr=rate),
        batch_size=BATCH,
        epochs=EPOCHS,
    )


def ours(data: Data, optimizer: str, seed: int) -> float:
    """What `learning_rate` recommends, with its default plan."""
    X, y = data.X[:N_TRAIN], data.y[:N_TRAIN]
    asked = recipe(optimizer, 1e-3)
    answer = mf.learning_rate(X, y, recipe=asked, seed=seed, confirm=2, threads=1)
    return float(answer.numbers["rate"])


def theirs(data: Data, optimizer: str, seed: int) -> float:
    """What Lightning's tuner suggests after its default sweep: 100 steps from 1e-8 to 1, the steepest descent of the loss."""
    import lightning as L
    import torch
    from lightning.pytorch.tuner import Tuner
    from torch.utils.data import DataLoader, TensorDataset

    class Digits(L.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.lr = 1e-3
            self.layers = torch.nn.Sequential(
                torch.nn.Linear(64, WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, 10)
            )

        def training_step(self, batch, _):
            X, y = batch
            return torch.nn.functional.cross_entropy(self.layers(X), y)

        def configure_optimizers(self):
            if optimizer == "adam":
                return torch.optim.Adam(self.parameters(), lr=self.lr)
            return torch.optim.SGD(self.parameters(), lr=self.lr, momentum=0.9)

    torch.set_num_threads(1)
    L.seed_everything(seed, verbose=False)
    rows = TensorDataset(torch.tensor(data.X[:N_TRAIN]), torch.tensor(data.y[:N_TRAIN]))
    with tempfile.TemporaryDirectory() as folder:
        trainer = L.Trainer(
            max_epochs=EPOCHS,
            accelerator="cpu",
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
            default_root_dir=folder,
        )
        found = Tuner(trainer).lr_find(
            Digits(), train_dataloaders=DataLoader(rows, batch_size=BATCH, shuffle=True)
        )
    suggested = None if found is None else found.suggestion()
    return float("nan") if suggested is None else float(suggested)


def errors(data: Data, rates: dict[str, float], optimizer: str, seed: int) -> dict[str, float]:
    """% of the other rows that are wrong after training at each rate, mean of ten networks on shared streams."""
    known = {name: rate for name, rate in rates.items() if np.isfinite(rate)}
    members = [
        Member(recipe(optimizer, rate), Streams.of(seed, replicate=i), Rows(np.arange(N_TRAIN)))
        for rate in known.values()
        for i in range(10)
    ]
    run = mf.fit(Population(tuple(members), {"all": View(data.X, data.y, n_classes=10)}), threads=1)
    said = predict(run, data.X[N_TRAIN:]).argmax(-1)
    wrong = 100 * (said != data.y[N_TRAIN:]).mean(1)
    return dict(zip(known, wrong.reshape(len(known), 10).mean(1).tolist(), strict=True))


def spread(rates: np.ndarray) -> tuple[float, float, float]:
    """Standard deviation of the rates' logarithm, as a factor, with its 95 % interval (χ², n − 1 degrees of freedom)."""
    logs = np.log10(rates[np.isfinite(rates)])
    n, sd = len(logs), float(logs.std(ddof=1))
    ends = sd * np.sqrt((n - 1) / stats.chi2.ppf([0.975, 0.025], n - 1))
    return 10**sd, 10 ** float(ends[0]), 10 ** float(ends[1])


def rows_of(optimizer: str, n_seeds: int) -> Iterator[str]:
    found: dict[str, list[float]] = {"manyfit": [], "lr_find": []}
    wrong: dict[str, list[float]] = {"manyfit": [], "lr_find": []}
    took = dict.fromkeys(found, 0.0)
    for seed in range(n_seeds):
        data, rates = digits(seed), {}
        for name, ask in (("manyfit", ours), ("lr_find", theirs)):
            began = time.process_time()
            rates[name] = ask(data, optimizer, seed)
            took[name] += time.process_time() - began
            found[name].append(rates[name])
        for name, error in errors(data, rates, optimizer, seed).items():
            wrong[name].append(error)
        print(optimizer, seed, rates, file=sys.stderr, flush=True)
    for name, rates in found.items():
        known = np.array(rates)[np.isfinite(rates)]
        factor, low, high = spread(known)
        least, median, most = np.quantile(known, [0, 0.5, 1])
        yield (
            f"| {optimizer} | {name} | {median:.2g} | {least:.2g} to {most:.2g} | ×{factor:.2f} [×{low:.2f}, ×{high:.2f}] "
            f"| {np.mean(wrong[name]):.2f} | {np.max(wrong[name]):.2f} | {took[name] / n_seeds:.1f} |"
        )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="benchmarks.lr_find", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="three seeds")
    parser.add_argument("--optimizers", nargs="+", choices=list(OPTIMIZERS), default=["adam"])
    asked = parser.parse_args()
    n_seeds = 3 if asked.quick else 20
    os.environ["TQDM_DISABLE"] = "1"
    warnings.filterwarnings("ignore")
    for name in ("lightning", "lightning.pytorch", "lightning.fabric"):
        logging.getLogger(name).setLevel(logging.ERROR)
    print(f"{n_seeds} seeds; 64-{WIDTH}-10 on digits, batches of {BATCH}, {EPOCHS} epochs")
    print("| optimizer | asked | median rate | rates | spread, 95 % | error %, mean | worst | CPU s |")
    print("|---|---|---:|---|---|---:|---:|---:|")
    for optimizer in asked.optimizers:
        for row in rows_of(optimizer, n_seeds):
            print(row, flush=True)


if __name__ == "__main__":
    main()
