"""The chapter's 3.6.7: networks of four sizes on a noisy cubic. Writes fits.en.svg and fits.zh.svg."""

import numpy as np

import manyfit as mf
from manyfit.answers import Curves, Series, Text
from manyfit.engines.choose import predict
from manyfit.optimizers.adam import Adam
from manyfit.render.picture import save

X = np.linspace(-3, 3, 100)[:, None]
y = X**3 - X**2 + 0.5 * np.random.default_rng(42).standard_normal(X.shape)

configs = {  # the chapter's words; whether 128 units overfit is another question, see docs/programs.md
    Text("underfits (4)", "欠拟合（4）"): mf.Dense((4, 4)),
    Text("right (32)", "正常（32）"): mf.Dense((32, 32)),
    Text("overfits (128)", "过拟合（128）"): mf.Dense((128, 128)),
    Text("128 with dropout", "128 + Dropout"): mf.Dense((128, 128), dropout=0.3),
}
adam = Adam(0.01, weight_decay=0.01)
recipes = [mf.Recipe(network, optimizer=adam, batch_size=None, epochs=300) for network in configs.values()]
run = mf.fit(mf.Population.of(recipes, X, y))

losses = tuple(Series(name, run.epoch, loss) for name, loss in zip(configs, run.loss.T, strict=True))
fits = tuple(Series(name, X[:, 0], f[:, 0]) for name, f in zip(configs, predict(run, X), strict=True))
left = Curves(Text("Training loss", "训练损失"), losses, Text("Epoch", "轮数"), Text("Loss", "损失"), y_log=True)
data = (Series(Text("data", "数据"), X[:, 0], y[:, 0]),)
right = Curves(Text("Fits", "拟合效果"), fits, Text("x", "x"), Text("y", "y"), points=data)
for language in ("en", "zh"):
    save([left, right], f"fits.{language}.svg", language)
