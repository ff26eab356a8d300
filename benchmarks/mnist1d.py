"""MNIST-1D: published accuracies met again, twenty seeds of three networks in one population, and a convolution beside them.

    python -m benchmarks.mnist1d                  everything
    python -m benchmarks.mnist1d --seeds 3 --conv-seeds 0

The data are made here, draw by draw as the authors' package `mnist1d` 0.0.2 makes them, so that nothing is downloaded. The
networks are the paper's: logistic regression, two hidden layers the second of which adds to the first, three convolutions. All
train for 6,000 steps of 100 rows by Adam at 0.01 from torch's initial weights, the rows as they stand, as in the authors' loop.

Greydanus & Kobak 2020, Scaling down deep learning with MNIST-1D, https://arxiv.org/abs/2011.14439
"""

import argparse
from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import numpy as np
from scipy.interpolate import interp1d
from scipy.ndimage import gaussian_filter

import manyfit as mf
from benchmarks.machine import describe
from manyfit.engines.choose import predict
from manyfit.optimizers.adam import Adam
from manyfit.stats import mean_interval

LENGTH, PADDED, SHIFTS = 40, 72, 48
DIGITS = np.array(
    [
        [5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5],
        [5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5],
        [5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5],
        [5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5],
        [5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5],
        [5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5],
        [5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5],
        [5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5],
        [5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5],
    ]
)
"""The ten digits as curves of twelve points, as the paper gives them."""
EPOCHS = 150  # of 40 steps: 6,000
RECIPE = mf.Recipe(loss="cross_entropy", optimizer=Adam(0.01), batch_size=100, shuffle=False, epochs=EPOCHS)


class Data(NamedTuple):
    """Signals [N, 40] and their digits [N]: 4,000 to learn from, 1,000 for the test."""

    X: np.ndarray
    y: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray


class Target(NamedTuple):
    """What is published for a network, in percent of the test rows.

    accuracy: The mean over seeds that was published or found by running the authors' code again.
    within: How far ours may be from it.
    """

    name: str
    network: mf.Dense
    accuracy: float
    within: float


TARGETS = (
    Target("logistic regression", mf.Dense(()), 31.5, 0.3),
    Target("MLP 100", mf.Dense((100, 100), residual=True), 64.0, 2.0),
    Target("MLP 256", mf.Dense((256, 256), residual=True), 68.0, 1.5),
)
CONVOLUTION = 90.0
"""What three convolutions are above."""


def make_data() -> Data:
    """The data set of the paper, with its own seed: the same numbers that `mnist1d.make_dataset` gives.

    Example:
        >>> make_data().X.shape
        (4000, 40)
    """
    draw = np.random.RandomState(42)
    curves = (DIGITS - DIGITS.mean(1, keepdims=True)) / DIGITS.std(1, keepdims=True)
    curves = (curves - curves[:, :1]) / 6
    signals = np.stack([_signal(curve, draw) for curve in curves for _ in range(500)])
    order = draw.permutation(len(signals))
    X, y = signals[order], np.repeat(np.arange(10), 500)[order]
    X = (X - X.mean()) / X.std()
    return Data(X[:4000], y[:4000], X[4000:], y[4000:])


def _signal(curve: np.ndarray, draw: np.random.RandomState) -> np.ndarray:
    """One signal of a digit: padded, scaled, shifted, with noise where nothing is and everywhere, sheared, thinned out."""
    x = np.concatenate([curve + 1e-8, np.zeros(36 + int(draw.rand() * 25))])
    x = _stretched(x, PADDED)
    x *= 1 + 0.4 * (draw.rand() - 0.5)
    x = np.roll(x, draw.choice(SHIFTS))
    x = np.where(x != 0, x, gaussian_filter(0.25 * draw.randn(PADDED), 2))
    x = x + 0.02 * draw.randn(PADDED)
    x = x - 0.75 * (draw.rand() - 0.5) * np.linspace(-0.5, 0.5, PADDED)
    return _stretched(x, LENGTH)


def _stretched(x: np.ndarray, n: int) -> np.ndarray:
    return interp1d(np.linspace(0, 1, len(x)), x)(np.linspace(0, 1, n))


def accuracies(population: mf.Population, data: Data, engine: str, threads: int | None) -> tuple[np.ndarray, float]:
    """[P] percent of the test rows that each network gets right after its last step, and the seconds of the training."""
    run = mf.fit(population, engine=engine, threads=threads)
    return 100 * (predict(run, data.X_test).argmax(-1) == data.y_test).mean(1), run.seconds


def dense_population(data: Data, n_seeds: int) -> mf.Population:
    """Every network of `TARGETS` from as many seeds, in one population."""
    recipes = [RECIPE.set("network", target.network) for target in TARGETS for _ in range(n_seeds)]
    return mf.Population.of(recipes, data.X, data.y)


def convolution(channels: int = 25):
    """The paper's network of three convolutions."""
    from torch import nn

    return nn.Sequential(
        nn.Unflatten(1, (1, LENGTH)),
        nn.Conv1d(1, channels, 5, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv1d(channels, channels, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv1d(channels, channels, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(5 * channels, 10),
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Trains and prints the table. Exits with 1 where a mean is not where it was published."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mnist1d", description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, default=20, help="networks of each dense kind (default 20)")
    parser.add_argument("--conv-seeds", type=int, default=4, help="convolutions (default 4); 0 needs no torch")
    parser.add_argument("--threads", type=int, help="threads of the native engine (default: all cores)")
    args = parser.parse_args(argv)

    about = {**describe(("manyfit", "numpy", "torch")), "date": date.today().isoformat()}
    print(", ".join(f"{key} {value}" for key, value in about.items()), flush=True)
    data, is_met = make_data(), True
    if args.seeds:
        found, seconds = accuracies(dense_population(data, args.seeds), data, "native", args.threads)
        print(f"\n{len(found)} networks in one native population, {seconds:.0f} s\n\n{HEAD}")
        for target, each in zip(TARGETS, found.reshape(len(TARGETS), -1), strict=True):
            is_there = abs(each.mean() - target.accuracy) <= target.within
            is_met &= bool(is_there)
            print(_line(target.name, each, f"{target.accuracy} ± {target.within}", bool(is_there)), flush=True)
    if args.conv_seeds:
        recipe = RECIPE.set("network", mf.Module(convolution))
        population = mf.Population.of([recipe] * args.conv_seeds, data.X, data.y)
        each, seconds = accuracies(population, data, "stacked", args.threads)
        is_there = bool(each.mean() > CONVOLUTION)
        is_met &= is_there
        print(f"\n{len(each)} networks on the stacked engine, {seconds:.0f} s\n\n{HEAD}")
        print(_line("three convolutions", each, f"> {CONVOLUTION:g}", is_there))
    raise SystemExit(0 if is_met else 1)


HEAD = "| network | seeds | test accuracy, % [95 %] | least … most | published | met |\n|---|---:|---|---|---|---|"


def _line(name: str, each: np.ndarray, published: str, is_met: bool) -> str:
    mean = f"{each.mean():.2f}"
    if len(each) > 1:
        interval = mean_interval(each, scope="seeds")
        mean += f" [{interval.low:.2f}, {interval.high:.2f}]"
    met = "yes" if is_met else "no"
    return f"| {name} | {len(each)} | {mean} | {each.min():.1f} … {each.max():.1f} | {published} | {met} |"


if __name__ == "__main__":
    main()
