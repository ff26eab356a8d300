"""The chapter's 3.5.4: five optimizers race on y = 2x + 1. Writes race.en.svg and race.zh.svg."""

import numpy as np

import manyfit as mf

rng = np.random.default_rng(42)
X = 5 * rng.standard_normal((200, 1))
y = 2 * X + 1 + rng.standard_normal((200, 1))

names = ["SGD", "Momentum", "RMSprop", "Adam", "AdamW"]
recipes = [mf.Recipe(mf.Dense(()), optimizer=name, batch_size=None, epochs=100).set("optimizer.lr", 0.01) for name in names]
run = mf.fit(mf.Population.of(recipes, X, y, paired=True))  # all from the same initial weights

for name, loss in zip(names, run.final_loss, strict=True):
    print(f"{name}: Final Loss = {loss:.4f}")
mf.draw(mf.loss_curves(run, names, ("Optimizers compared", "优化器对比")), "race.svg", ["en", "zh"])
