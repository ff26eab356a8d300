"""The chapter's 3.6.7: networks of four sizes on a noisy cubic. Writes fits.en.svg and fits.zh.svg."""

import numpy as np

import manyfit as mf
from manyfit.optimizers.adam import Adam

X = np.linspace(-3, 3, 100)
y = X**3 - X**2 + 0.5 * np.random.default_rng(42).standard_normal(100)

# The chapter's words; whether 128 units overfit is another question, see docs/programs.md.
names = [("underfits (4)", "欠拟合（4）"), ("right (32)", "正常（32）"), ("overfits (128)", "过拟合（128）"), "128 + Dropout"]
networks = [mf.Dense((4, 4)), mf.Dense((32, 32)), mf.Dense((128, 128)), mf.Dense((128, 128), dropout=0.3)]
recipe = mf.Recipe(optimizer=Adam(0.01, weight_decay=0.01), batch_size=None, epochs=300)
run = mf.fit(mf.Population.of([recipe.set("network", network) for network in networks], X[:, None], y))

losses, fits = mf.loss_curves(run, names, y_log=True), mf.fit_curves(run, X, y, names)
mf.draw([losses, fits], "fits.svg", ["en", "zh"])
