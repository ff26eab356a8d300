"""The chapter's 3.5.4: five optimizers race on y = 2x + 1. Writes race.en.svg and race.zh.svg."""

import numpy as np

import manyfit as mf
from manyfit.answers import Curves, Series, Text
from manyfit.optimizers.adam import Adam
from manyfit.optimizers.adamw import AdamW
from manyfit.optimizers.momentum import Momentum
from manyfit.optimizers.rmsprop import RMSprop
from manyfit.optimizers.sgd import SGD
from manyfit.render.picture import save

rng = np.random.default_rng(42)
X = 5 * rng.standard_normal((200, 1))
y = 2 * X + 1 + rng.standard_normal((200, 1))

rules = [SGD(0.01), Momentum(0.01, 0.9), RMSprop(0.01), Adam(0.01), AdamW(0.01, weight_decay=0.01)]
recipes = [mf.Recipe(mf.Dense(()), optimizer=rule, batch_size=None, epochs=100) for rule in rules]
run = mf.fit(mf.Population.of(recipes, X, y, paired=True))  # all from the same initial weights
names = [type(rule).__name__ for rule in rules]
for name, loss in zip(names, run.final_loss, strict=True):
    print(f"{name}: Final Loss = {loss:.4f}")

losses = tuple(Series(name, run.epoch, loss) for name, loss in zip(names, run.loss.T, strict=True))
figure = Curves(Text("Optimizers", "优化器对比"), losses, Text("Epoch", "轮数"), Text("Loss", "损失"))
for language in ("en", "zh"):
    save(figure, f"race.{language}.svg", language)
