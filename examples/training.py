"""The chapter's 3.4: a network of ten hidden units learns y = 2x + 1 by gradient descent. Writes loss.en.svg and loss.zh.svg."""

import numpy as np

import manyfit as mf

rng = np.random.default_rng(42)
X = 5 * rng.standard_normal((100, 1))
y = 2 * X + 1 + rng.standard_normal((100, 1))

recipe = mf.Recipe(mf.Dense((10,)), optimizer="SGD", batch_size=None, epochs=100).set("optimizer.lr", 0.01)
run = mf.fit(mf.Population.of([recipe], X, y))

for epoch in range(20, 101, 20):
    print(f"Epoch {epoch}, Loss: {run.loss[epoch - 1, 0]:.4f}")
mf.draw(mf.loss_curves(run, [("loss", "损失")]), "loss.svg", ["en", "zh"])
