"""Small data sets that come with manyfit, by name, so that every command can run without a file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from manyfit.errors import DataError, Problem, did_you_mean
from manyfit.text import Text


class Example(NamedTuple):
    """An embedded data set: how to make it, what it is, what is predicted, and what questions about it set upon their recipe.

    time: The column that orders its rows; None where they have no order.
    """

    make: Callable[[], pl.DataFrame]
    doc: str
    zh: str
    target: str
    task: str
    recipe: tuple[tuple[str, Any], ...] = ()
    time: str | None = None


CUBIC_NOISE, MOONS_NOISE, SPIRALS_NOISE = 0.5, 0.25, 0.05
RAVINE_NOISE, RAVINE_WIDTH = 0.1, 0.05
SPARSE_NOISE, SPARSE_COLUMNS = 0.2, 80
DRIFTING_NOISE, DRIFTING_TURN = 0.3, 20_000
ARMS = ("first", "second", "third")
SPIRAL_SQUARES = (0.01, 1.0)
"""Between which the square of a spiral's radius is drawn evenly."""


def line(n: int = 100, draw: np.random.RandomState | None = None) -> pl.DataFrame:
    """The chapter's line: y = 2x + 1 + noise, x = 5·N(0, 1), noise N(0, 1), 100 rows.

    The chapter draws with torch after `manual_seed(42)`; here NumPy draws, so the points differ and the law is the same.
    `RandomState` is the generator whose numbers NumPy promises never to change.

    Example:
        >>> line().shape
        (100, 2)
    """
    draw = draw or np.random.RandomState(42)
    x = 5 * draw.standard_normal(n)
    return pl.DataFrame({"x": x, "y": 2 * x + 1 + draw.standard_normal(n)})


def cubic(n: int = 100, draw: np.random.RandomState | None = None) -> pl.DataFrame:
    """The chapter's cubic: y = x³ − x² + 0.5·N(0, 1) at 100 even steps of x from −3 to 3.

    The x are the chapter's own; the noise is drawn by NumPy in place of torch.

    Example:
        >>> cubic()["x"][0], cubic()["x"][-1]
        (-3.0, 3.0)
    """
    draw = draw or np.random.RandomState(42)
    x = np.linspace(-3, 3, n)
    return pl.DataFrame({"x": x, "y": x**3 - x**2 + CUBIC_NOISE * draw.standard_normal(n)})


def moons(n: int = 1000, draw: np.random.RandomState | None = None) -> pl.DataFrame:
    """Two interleaved half circles with noise 0.25, 1,000 rows: a line can't part them, a small network can."""
    draw = draw or np.random.RandomState(42)
    side = np.arange(n) % 2
    x, y = moon_arc(side, np.pi * draw.uniform(size=n))
    x, y = (place + MOONS_NOISE * draw.standard_normal(n) for place in (x, y))
    return pl.DataFrame({"x": x, "y": y, "moon": np.where(side == 0, "upper", "lower")})


def spirals(n: int = 1200, draw: np.random.RandomState | None = None) -> pl.DataFrame:
    """Three spiral arms of one and a half turns, noise 0.05, 1,200 rows: hard for a narrow network."""
    draw = draw or np.random.RandomState(42)
    arm = np.arange(n) % len(ARMS)
    x, y = spiral_arm(arm, np.sqrt(draw.uniform(*SPIRAL_SQUARES, size=n)))
    x, y = (place + SPIRALS_NOISE * draw.standard_normal(n) for place in (x, y))
    return pl.DataFrame({"x": x, "y": y, "arm": np.array(ARMS)[arm]})


def ravine(n: int = 200, draw: np.random.RandomState | None = None) -> pl.DataFrame:
    """Two columns that nearly say the same, and a target that asks for their difference, 200 rows.

    The loss of a linear network is a ravine: 400 times steeper across than along.

    Example:
        >>> ravine().columns
        ['left', 'right', 'y']
    """
    draw = draw or np.random.RandomState(42)
    middle, apart = draw.standard_normal((2, n))
    y = middle + apart + RAVINE_NOISE * draw.standard_normal(n)
    return pl.DataFrame(
        {"left": middle + RAVINE_WIDTH * apart, "right": middle - RAVINE_WIDTH * apart, "y": y}
    )


def sparse(n: int = 1500, draw: np.random.RandomState | None = None) -> pl.DataFrame:
    """Eighty yes/no columns of which most are rarely yes, each with a weight of its own, 1,500 rows.

    Column k is yes in a share 0.5 / k of the rows: the last ones in about nine.
    """
    draw = draw or np.random.RandomState(42)
    share = 0.5 / np.arange(1, SPARSE_COLUMNS + 1)
    weights = draw.standard_normal(SPARSE_COLUMNS)
    is_yes = draw.uniform(size=(n, SPARSE_COLUMNS)) < share
    is_yes[0], is_yes[1] = True, False  # no column has one value only
    y = is_yes @ weights + SPARSE_NOISE * draw.standard_normal(n)
    return pl.DataFrame({f"has_{k + 1}": is_yes[:, k] for k in range(SPARSE_COLUMNS)} | {"y": y})


def drifting(n: int = 50_000, draw: np.random.RandomState | None = None) -> pl.DataFrame:
    """Rows in the order of time from a linear target whose four weights turn around, once in 20,000 rows; 50,000 rows.

    Half a turn later the weights have the opposite sign: whoever follows the target has to forget what it has learned.

    Example:
        >>> drifting(20).columns
        ['moment', 'x1', 'x2', 'x3', 'x4', 'y']
    """
    draw = draw or np.random.RandomState(42)
    moment = np.arange(n)
    inputs = draw.standard_normal((n, 4))
    y = (inputs * drifting_weights(moment)).sum(1) + DRIFTING_NOISE * draw.standard_normal(n)
    return pl.DataFrame({"moment": moment, **{f"x{k + 1}": inputs[:, k] for k in range(4)}, "y": y})


def drifting_weights(moment: Any) -> Any:
    """[…, 4] weights of the drifting target at moments: a vector of length 1 that turns."""
    angle = 2 * np.pi * np.asarray(moment) / DRIFTING_TURN
    along, across = np.cos(angle), np.sin(angle)
    return np.stack([along, across, along, across], axis=-1) / np.sqrt(2)


def moon_arc(side: Any, angle: Any) -> tuple[Any, Any]:
    """Where on its half circle a point of the moons lies before noise; side 0 is the upper one."""
    x = np.where(side == 0, np.cos(angle), 1 - np.cos(angle))
    return x, np.where(side == 0, np.sin(angle), 0.5 - np.sin(angle))


def spiral_arm(arm: Any, radius: Any) -> tuple[Any, Any]:
    """Where on its arm a point of the spirals lies before noise."""
    angle = 3 * np.pi * radius + 2 * np.pi * arm / len(ARMS)
    return radius * np.cos(angle), radius * np.sin(angle)


def _bundled(name: str, target: str) -> Callable[[], pl.DataFrame]:
    def make() -> pl.DataFrame:
        from sklearn import datasets  # imported here: a second that only these examples need

        bunch = getattr(datasets, f"load_{name}")()
        columns = {str(n): bunch.data[:, i] for i, n in enumerate(bunch.feature_names)}
        labels = getattr(bunch, "target_names", None)
        is_digits = name == "digits"
        values = bunch.target if labels is None or is_digits else np.asarray(labels).astype(str)[bunch.target]
        return pl.DataFrame({**columns, target: values})

    return make


EXAMPLES: dict[str, Example] = {
    "line": Example(line, "a straight line with noise, 100 rows", "带噪声的直线，100 行", "y", "regression"),
    "cubic": Example(cubic, "a cubic with noise, 100 rows", "带噪声的三次曲线，100 行", "y", "regression"),
    "moons": Example(moons, "two half moons, 1,000 rows", "两个半月形，1,000 行", "moon", "binary"),
    "spirals": Example(spirals, "three spiral arms, 1,200 rows", "三条螺旋臂，1,200 行", "arm", "multiclass"),
    "iris": Example(
        _bundled("iris", "species"),
        "150 flowers, 3 species",
        "150 朵鸢尾花，3 个品种",
        "species",
        "multiclass",
    ),
    "wine": Example(
        _bundled("wine", "cultivar"),
        "178 wines, 3 cultivars",
        "178 种葡萄酒，3 个品种",
        "cultivar",
        "multiclass",
    ),
    "breast_cancer": Example(
        _bundled("breast_cancer", "diagnosis"),
        "569 tumours, 2 diagnoses",
        "569 例肿瘤，2 种诊断",
        "diagnosis",
        "binary",
    ),
    "digits": Example(
        _bundled("digits", "digit"),
        "1,797 handwritten digits of 8 × 8",
        "1,797 个 8 × 8 手写数字",
        "digit",
        "multiclass",
    ),
    "diabetes": Example(
        _bundled("diabetes", "progression"),
        "442 patients, disease progression",
        "442 名患者的病情进展",
        "progression",
        "regression",
    ),
    "ravine": Example(
        ravine,
        "two columns that nearly say the same, 200 rows; a linear network on all rows at once",
        "两列几乎相同，200 行；线性网络，每步用全部的行",
        "y",
        "regression",
        (("network.hidden", ()), ("batch_size", None), ("epochs", 200)),
    ),
    "sparse": Example(
        sparse,
        "80 yes/no columns, most of them rarely yes, 1,500 rows; a linear network",
        "80 个是非列，大多很少为是，1,500 行；线性网络",
        "y",
        "regression",
        (("network.hidden", ()), ("batch_size", 16), ("epochs", 5)),
    ),
    "drifting": Example(
        drifting,
        "a target that moves, 50,000 rows in the order of time; a linear network that sees each once, as they come",
        "移动的目标，50,000 行按时间排列；线性网络，各行依次只看一次",
        "y",
        "regression",
        (("network.hidden", ()), ("batch_size", 8), ("epochs", 1), ("shuffle", False)),
        "moment",
    ),
    "large-batch": Example(
        _bundled("digits", "digit"),
        "the digits in batches of 1,024",
        "手写数字，每批 1,024 行",
        "digit",
        "multiclass",
        (("batch_size", 1024),),
    ),
}


def examples() -> tuple[str, ...]:
    """The names of the embedded data sets; `load` takes each in place of a file.

    Example:
        >>> "digits" in examples()
        True
    """
    return tuple(EXAMPLES)


def example(name: str) -> Example:
    """The embedded data set of that name.

    Raises:
        DataError: If there is none; the message names the nearest.
    """
    if name not in EXAMPLES:
        rule = Text(f"unknown example {name!r}", f"未知的示例 {name!r}")
        raise DataError(Problem("", rule, hint=did_you_mean(name, EXAMPLES)))
    return EXAMPLES[name]
