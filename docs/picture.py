"""The README's picture: what the learning rate does to four optimizers, on digits, with the spread over seeds.

Run from the root of a checkout: `.venv/bin/python docs/picture.py`. It trains 544 networks and writes docs/rates.svg.
"""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

import manyfit as mf
from manyfit.answers import Curves, Series, Text
from manyfit.population import Probe, Rows, View
from manyfit.render.charts import chart, svg

EPOCHS, SEEDS = 10, 8
RATES = np.logspace(-4, 0.8, 17)
OPTIMIZERS = ("sgd", "momentum", "adam", "adamw")


def population() -> mf.Population:
    """Every optimizer at every rate with the same seeds and splits, so that the curves differ by the rule alone."""
    X, y = load_digits(return_X_y=True)
    splits = [np.random.default_rng(seed).permutation(len(y)) for seed in range(SEEDS)]
    rows = [Rows(np.sort(split[360:]), np.sort(split[:360])) for split in splits]
    members = []
    for name in OPTIMIZERS:
        recipe = mf.Recipe(mf.Dense((32,)), loss="cross_entropy", optimizer=name, epochs=EPOCHS)
        for rate in RATES:
            tried = recipe.set("optimizer.lr", float(rate))
            members += [mf.Member(tried, mf.Streams.of(0, replicate=s), rows[s]) for s in range(SEEDS)]
    views = {"all": View(X / 16, y, n_classes=10)}
    return mf.Population(tuple(members), views, (Probe("end", np.arange(len(y)), (EPOCHS,)),))


def errors(run: mf.Run) -> np.ndarray:
    """[optimizer, rate, seed] held-out error in percent; a network that diverged counts as 100 %."""
    y = run.population.views["all"].y
    wrong = run.probes["end"][-1].argmax(-1) != y
    held = [wrong[i, member.rows.held].mean() for i, member in enumerate(run.population.members)]
    return np.where(run.diverged, 100, 100 * np.array(held)).reshape(len(OPTIMIZERS), len(RATES), SEEDS)


def figure(percent: np.ndarray) -> Curves:
    """Median over seeds, with the range of all of them."""
    series = [
        Series(name, RATES, np.median(e, -1), e.min(-1), e.max(-1))
        for name, e in zip(OPTIMIZERS, percent, strict=True)
    ]
    title = Text("Held-out error over learning rate, digits", "验证误差与学习率，digits")
    return Curves(
        title,
        tuple(series),
        Text("learning rate", "学习率"),
        Text("held-out error, %", "验证误差，%"),
        x_log=True,
        y_log=True,
    )


if __name__ == "__main__":
    run = mf.fit(population())
    print(f"{len(run)} networks in {run.seconds:.1f} s, {int(run.diverged.sum())} diverged")
    picture = Path(__file__).with_name("rates.svg")
    picture.write_text(svg(chart(figure(errors(run)))))
