"""`mf.trace`: what is told is what was computed, for any recipe on any data."""

import json
import math
import re

import numpy as np
import polars as pl
import pytest
from cases import OPTIMIZERS

import manyfit as mf
from manyfit.answers import Answer
from manyfit.data import holdout
from manyfit.errors import DataError, RecipeError, UsageError
from manyfit.losses import BCE, MSE, CrossEntropy
from manyfit.losses import registry as losses
from manyfit.networks import ACTIVATIONS, Dense, dense
from manyfit.optimizers.adam import Adam
from manyfit.optimizers.sgd import SGD
from manyfit.penalties import L1, L2
from manyfit.recipe import Recipe
from manyfit.render.page import page
from manyfit.tape import member, story
from manyfit.tape.text import text_of

ABOVE = dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-", strict=True))
WORDS = {
    "exp": math.exp,
    "ln": math.log,
    "tanh": math.tanh,
    "sqrt": math.sqrt,
    "sigma": lambda z: 1 / (1 + math.exp(-z)),
    "erf": math.erf,
    "max": max,
    "min": min,
    "sign": np.sign,
    "abs": abs,
}


def worth(text):
    """What a formula with its numbers put in is worth, read as a person would."""
    text = re.sub("([⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+)", lambda found: "**" + "".join(ABOVE[sign] for sign in found[1]), text)
    text = text.replace("·", "*").replace("−", "-").replace("√(", "sqrt(").replace("σ", "sigma")
    text = re.sub(r"√([\d.]+(e-?\d+)?)", r"sqrt(\1)", text)
    text = re.sub(r"\|([^|]*)\|", r"abs(\1)", text)
    return eval(text, {"__builtins__": {}}, WORDS)


def data(n=7, D=2, C=1, kind="numbers"):
    draw = np.random.default_rng([n, D, C])
    X = draw.normal(size=(n, D))
    if kind == "labels":
        return X, np.arange(n) % C
    y = draw.normal(size=(n, C))
    return X, (y > 0) * 1.0 if kind == "binary" else y


def cells(text):
    """Columns of a terminal that a text takes: a tilde above a letter takes none."""
    return len(text.replace("\u0303", "").replace("\u0302", ""))


def check(told):
    """Every line's numbers give its result."""
    checked = 0
    for line in told.lines:
        if line.numbers and "…" not in line.numbers and math.isfinite(line.value):
            assert worth(line.numbers) == pytest.approx(line.value, rel=1e-9, abs=1e-13), line
            checked += 1
    return checked


RECIPES = {
    **{
        f"activation {name}": ({}, Recipe(Dense((2, 3), name), optimizer="sgd", batch_size=3))
        for name in ACTIVATIONS
    },
    **{
        f"optimizer {name}": ({}, Recipe(Dense((3,), "tanh"), optimizer=rule, batch_size=3))
        for name, rule in OPTIMIZERS.items()
    },
    "two outputs": ({"C": 2}, Recipe(Dense((3,), "tanh"), batch_size=3)),
    "labels": ({"C": 3, "kind": "labels"}, Recipe(Dense((3,), "tanh"), CrossEntropy(), batch_size=3)),
    "binary": ({"kind": "binary"}, Recipe(Dense((3,), "tanh"), BCE(), batch_size=3)),
    "binary, two outputs": ({"C": 2, "kind": "binary"}, Recipe(Dense((2,)), BCE(), batch_size=3)),
    "penalties and clipping": (
        {},
        Recipe(Dense((2,), "tanh"), penalties=(L1(0.1), L2(0.2, biases=True)), clip_norm=0.3, batch_size=3),
    ),
    "dropout": ({}, Recipe(Dense((4, 3), "tanh", dropout=0.4, input_dropout=0.3), batch_size=3)),
    "no hidden layer": ({}, Recipe(Dense(()), batch_size=3)),
    "schedule": ({}, Recipe(Dense((2,), "tanh"), schedule="cosine", batch_size=3)),
}


@pytest.mark.parametrize("name", RECIPES)
@pytest.mark.parametrize("step", [1, 4])
def test_numbers_put_in_give_each_result(name, step):
    of, recipe = RECIPES[name]
    told = mf.trace(data(**of), recipe, step=step, digits=17)

    assert check(told) >= 12


def test_numbers_put_in_give_each_result_of_the_built_in_ones():
    for name in ("chain", "two-layer"):
        told = mf.trace(name, Recipe(optimizer="adamw"), digits=17)
        assert check(told) == len(told.lines)


@pytest.mark.parametrize(
    "weight", [(1, 1, 1), (1, 3, 2), (1, 2, "b"), (2, 2, 3), (2, 1, "b"), (3, 1, 2), (3, 1, "b")]
)
def test_a_weight_is_followed_to_the_gradient_of_the_step(weight):
    recipe = Recipe(Dense((3, 2), "tanh", dropout=0.25), optimizer=Adam(), batch_size=4)
    told = mf.trace(data(), recipe, weight=weight, step=2)
    layer, out, in_ = weight
    each = told.step.layers[layer - 1]
    gradient = each.d_bias[out - 1] if in_ == "b" else each.d_weight[in_ - 1, out - 1]
    symbol = next(line.symbol for line in told.lines if line.symbol.startswith("ΔL/Δ")).removeprefix("ΔL/Δ")

    assert symbol[0] == ("b" if in_ == "b" else "W")
    assert told[f"∂L/∂{symbol}"] == gradient
    assert told[f"ΔL/Δ{symbol}"] == pytest.approx(gradient, rel=1e-5, abs=1e-9)
    pulls = each.d_z[:, out - 1] * (1.0 if in_ == "b" else each.inputs[:, in_ - 1])
    product = next(line for line in told.lines if line.note and "pulls" in line.note.en)
    assert product.value == pytest.approx(pulls[0], rel=1e-12)
    assert pulls.sum() == pytest.approx(gradient, rel=1e-12)


def test_each_path_is_told_where_there_are_few():
    told = mf.trace(data(), Recipe(Dense((2, 2), "sigmoid"), batch_size=3))
    paths = [line for line in told.lines if line.symbol.startswith("path")]

    assert [line.symbol for line in paths] == ["path 1", "path 2"]
    assert paths[0].formula.count("·") == 6  # ∂L/∂ℓ, ∂ℓ/∂ŷ, ∂ŷ/∂z, and ∂z/∂a, ∂a/∂z twice
    assert sum(line.value for line in paths) == pytest.approx(told["∂L/∂z₁⁽¹⁾"], rel=1e-12)


def test_by_default_the_line_of_the_chapter_is_traced():
    told = mf.trace()

    assert told.account.title.en == "One training step on line"
    assert "1-2-1, sigmoid, mse, sgd; step 1" in told.account.about[0].en
    assert [part.kind for part in told.account.parts] == [
        "forward", "loss", "backward", "gradients", "weight", "update",
    ]  # fmt: skip
    assert told["L_new"] < told["L"]


def test_a_row_finds_the_step_in_which_it_takes_part():
    told = mf.trace(row=7)
    arrays = told.to_dict()

    assert arrays["row"] == 7
    assert 7 in arrays["rows"]
    assert arrays["epoch"] == 1
    assert told.step.t > 1


def test_rows_of_arrays_count_from_one():
    X, y = data(5)
    told = mf.trace((X, y), Recipe(Dense(()), optimizer=SGD(), batch_size=None), row=3)

    assert told["z₁⁽¹⁾"] == told.step.layers[0].z[2, 0]
    assert worth(told.lines[0].numbers) == pytest.approx(told["z₁⁽¹⁾"], abs=1e-2)
    assert told.to_dict()["rows"] == [1, 2, 3, 4, 5]


def test_state_before_a_later_step_is_what_the_steps_before_left():
    recipe = Recipe(Dense((2,), "tanh"), optimizer=Adam(), batch_size=3)
    second, third = mf.trace(data(), recipe, step=2), mf.trace(data(), recipe, step=3)

    for before, after in zip(third.step.leaves, second.step.leaves, strict=True):
        assert np.array_equal(before.before, after.after)
        assert all(np.array_equal(before.state[name], after.new_state[name]) for name in before.state)
    assert any(leaf.state["mean"].any() for leaf in third.step.leaves)


def test_tables_of_any_task_are_traced(tmp_path):
    path = tmp_path / "t.csv"
    draw = np.random.default_rng(0)
    frame = pl.DataFrame({"a": draw.normal(size=40), "kind": draw.choice(["x", "y", "z"], 40)})
    frame = frame.with_columns(
        b=pl.col("a") * 2, side=pl.when(pl.col("a") > 0).then(pl.lit("up")).otherwise(pl.lit("down"))
    )
    frame.write_csv(path)

    for target, formula in (("b", "(y − ŷ)²"), ("side", "ln(ŷ)"), ("kind", "−ln(ŷ")):
        told = mf.trace(path, target=target)
        loss = next(line for line in told.lines if line.symbol.startswith("ℓ"))
        assert formula in loss.formula


def test_weights_of_rows_are_told():
    weights = np.tile([0.5, 1.0, 2.0], 20)
    draw = np.random.default_rng(0)
    frame = pl.DataFrame({"x": draw.normal(size=60), "y": draw.normal(size=60), "w": weights})
    told = mf.trace(mf.load(frame, "y", weights="w"), digits=17)
    whole = next(line for line in told.lines if line.symbol == "L")

    assert whole.formula.endswith("/ Σw")
    assert check(told) > 20


@pytest.mark.parametrize("name", sorted(set(losses.all()) - {"custom"}))
def test_a_loss_of_any_kind_is_told_for_one_output(name):
    loss = losses.find(name)()
    kind = {"numbers": "numbers", "binary": "binary", "labels": "labels"}[loss.target]
    told = mf.trace(
        data(C=2 if kind == "labels" else 1, kind=kind), Recipe(Dense((2,), "tanh"), loss), digits=17
    )
    line = next(line for line in told.lines if line.symbol.startswith("ℓ"))

    assert line.formula and "ŷ" in line.formula
    assert check(told) > 12


@pytest.mark.parametrize("loss", [CrossEntropy(0.2), CrossEntropy(0.1, (1.0, 2.0, 0.5)), CrossEntropy(0.0, (2.0, 0.0, 3.0))])
def test_smoothed_labels_and_weighted_classes_are_told_by_their_numbers(loss):
    X, y = data(C=3, kind="labels")
    told = mf.trace((X, y), Recipe(Dense((2,), "tanh"), loss, batch_size=None), digits=17)
    step = told.step
    plain = CrossEntropy().rows(np, step.layers[-1].z, step.y)

    assert not np.allclose(step.row_losses, plain)
    assert step.loss == pytest.approx(step.row_losses.sum() / np.broadcast_to(loss.row_weight(np, step.y), 7).sum())
    assert not any("ln(ŷ" in line.formula for line in told.lines)
    assert check(told) > 12


class Odd(MSE):
    """A loss with options of its own, under the name of another."""

    name = "mse"

    def rows(self, xp, output, y):
        error = output - y
        return (error * error * xp.where(error > 0, 1.0, 3.0)).mean(-1)


def test_a_loss_that_is_not_the_textbooks_is_not_told_as_if_it_were():
    X = np.array([[1.0], [2.0]])
    for y in (np.array([[9.0], [8.0]]), np.array([[9.0, 9.0], [8.0, 8.0]])):
        told = mf.trace((X, y), Recipe(Dense(()), Odd(), batch_size=None), digits=17)
        first = told.step.layers[0]
        pull = first.d_z[0, 0] * first.inputs[0, 0]

        assert "(y − ŷ)²" not in str(told)
        assert check(told) >= 4
        product = next(line for line in told.lines if line.note and "pulls" in line.note.en)
        assert product.value == pytest.approx(pull, rel=1e-12)


OTHERS = {
    "gelu": lambda xp, z: 0.5 * z * (1 + xp.erf(z / 2**0.5)),
    "silu": lambda xp, z: z / (1 + xp.exp(-z)),
    "leaky": lambda xp, z: xp.where(z > 0, z, 0.01 * z),
    "softsign": lambda xp, z: z / (1 + xp.abs(z)),
}


@pytest.mark.parametrize("name", OTHERS)
def test_an_activation_of_anybodys_is_written_as_it_computes(name, monkeypatch):
    for module in (dense, member, story):
        monkeypatch.setattr(module, "ACTIVATIONS", {name: OTHERS[name]})
    told = mf.trace(data(), Recipe(Dense((3, 2), name), optimizer=SGD(), batch_size=3), digits=17)
    slopes = [line for line in told.lines if line.symbol.startswith("∂a")]

    assert check(told) > 20
    assert len(slopes) >= 5
    assert told["∂a₁⁽¹⁾/∂z₁⁽¹⁾"] == told.step.layers[0].slope[0, 0]


def test_wide_networks_show_the_first_units_and_the_one_that_is_followed():
    told = mf.trace(data(9, 30), Recipe(Dense((40, 8)), optimizer=SGD(), batch_size=4), weight=(1, 33, 29))
    symbols = [line.symbol for line in told.lines]

    assert {"z₁⁽¹⁾", "z₂⁽¹⁾", "z₃⁽¹⁾", "z₃₃⁽¹⁾"} == {s for s in symbols if re.fullmatch("z[₀-₉]+⁽¹⁾", s)}
    assert "∂L/∂W[33,29]⁽¹⁾" in symbols
    assert len(symbols) < 60
    assert len(told.to_dict()["parameters"]["W1"]["before"]) == 30  # JSON holds all of it


def test_json_is_valid_where_numbers_are_not():
    told = mf.trace("chain", values={"x": -0.5})  # ln 0

    assert told["f"] == -math.inf
    assert json.loads(told.to_json())["values"]["f"] is None


def test_answer_is_a_section_of_the_report():
    told = mf.trace("two-layer")
    answer = told.answer

    assert Answer.from_dict(json.loads(json.dumps(answer.to_dict()))).to_dict() == answer.to_dict()
    html = page([answer, mf.trace().answer], "zh").replace('<span class="short">', "").replace("</span>", "").replace("<wbr>", "")
    assert "两层网络的反向传播" in html
    assert "∂L/∂ŷ·∂ŷ/∂z₂·∂z₂/∂a₁·∂a₁/∂z₁·∂z₁/∂W₁" in html
    assert "计算图" in html


@pytest.mark.parametrize("width", [60, 80, 100])
def test_text_aligns_results_by_their_points(width):
    told = mf.trace(data(), Recipe(Dense((2,), "tanh"), batch_size=3))
    lines = ["".join(piece.text for piece in line) for line in text_of(told.account, "en", width)]
    part = told.account.parts[2]
    start = lines.index(part.title.en) + 1
    body = lines[start : lines.index("", start)]
    ends = [line for line in body if re.search(r" = +−?[\d.e−]+ *$", line) and not line.endswith("  ·")]
    results = [line for line in ends if cells(line) == max(map(cells, ends))]

    assert len(results) == len(part.lines)
    assert len({line.rindex(".") for line in results if "." in line[-9:]}) == 1
    # Only what can't be broken may stand out: one formula, or one row of numbers.
    assert all(cells(line) <= width for line in results)


def test_a_formula_that_does_not_fit_stands_above_its_numbers():
    told = mf.trace("two-layer")
    text = told.text(width=70).splitlines()
    above = next(k for k, line in enumerate(text) if "∂L/∂W₁  = ∂L/∂ŷ" in line)

    assert text[above].endswith("∂z₁/∂W₁")
    assert re.fullmatch(r" +=( \S+)+ +=( \S+)", text[above + 1])


def test_print_speaks_chinese():
    text = mf.trace().text("zh")

    assert "前向传播" in text
    assert "Forward" not in text


@pytest.mark.parametrize(
    ("options", "error", "said"),
    [
        ({"row": 0}, UsageError, "row 0 must be 1 to 100"),
        ({"row": 4, "step": 1}, UsageError, "row 4 is not in the batch of step 1"),
        ({"step": 99999}, UsageError, "step must be 1 to 540, got 99999"),
        ({"step": 0}, UsageError, "step must be 1 to 540, got 0"),
        ({"weight": (3, 1, 1)}, UsageError, "weight must name a layer 1 to 2, got 3"),
        ({"weight": (1, 3, 1)}, UsageError, "weight must name a unit 1 to 2 of layer 1"),
        ({"weight": (1, 1, "c")}, UsageError, "weight must name an input 1 to 1 of layer 1"),
        ({"weight": (1, 1)}, UsageError, "weight must be three"),
        ({"values": {"x": 1.0}}, UsageError, "values are for the built-in calculations only"),
        ({"source": "nothing.csv"}, DataError, "nothing.csv"),
        (
            {"recipe": Recipe(loss="cross_entropy")},
            RecipeError,
            "must hold one whole number a row|must fit the targets",
        ),
    ],
)
def test_what_makes_no_sense_is_refused(options, error, said):
    with pytest.raises(error, match=said):
        mf.trace(options.pop("source", None), **options)


def test_rows_locked_for_tests_are_not_shown():
    line = mf.load("line")
    locked = sorted(set(range(100)) - set(holdout(line).development.tolist()))

    assert len(locked) == 20
    with pytest.raises(UsageError, match=f"row {locked[0] + 1} is locked away for tests"):
        mf.trace(line, row=locked[0] + 1)
