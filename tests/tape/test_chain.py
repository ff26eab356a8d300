"""The chapter's own: L = f(g(h(x))) of 3.3.1 and the two layers of 3.3.4, number by number."""

import math

import pytest

import manyfit as mf
from manyfit.errors import UsageError
from manyfit.recipe import Recipe


def sigma(z):
    return 1 / (1 + math.exp(-z))


def test_chain_rule_on_the_composite_is_the_product_of_its_factors():
    told = mf.trace("chain")

    # By hand at x = 0.5: h = 2, g = 4, f = ln 4; 1 · 1/4 · 2h · 2 = 2.
    assert [told[name] for name in ("h", "g", "f", "L")] == [2.0, 4.0, math.log(4), math.log(4)]
    assert [told[f"∂{above}/∂{below}"] for above, below in ("Lf", "fg", "gh", "hx")] == [1.0, 0.25, 4.0, 2.0]
    assert told["∂L/∂x"] == 2.0
    assert str(told.lines[-1]) == "∂L/∂x = ∂L/∂f·∂f/∂g·∂g/∂h·∂h/∂x = 1·0.25·4·2 = 2"


@pytest.mark.parametrize("x", [0.25, 1.0, 3.5])
def test_chain_at_other_points_has_the_derivative_of_the_closed_form(x):
    # L = 2 ln(2x + 1), so dL/dx = 4 / (2x + 1).
    assert mf.trace("chain", values={"x": x})["∂L/∂x"] == pytest.approx(4 / (2 * x + 1), rel=1e-14)


VALUES = {"x": 1.5, "y": 1.0, "W1": 0.4, "b1": -0.2, "W2": 0.7, "b2": 0.1}


@pytest.mark.parametrize("changed", [{}, {"x": -2.0, "y": 0.25}, {"W1": -1.5, "b2": 3.0}])
def test_two_layers_follow_the_chapter_number_by_number(changed):
    v = {**VALUES, **changed}
    told = mf.trace("two-layer", values=changed)

    # Forward, 3.3.4.
    z1 = v["W1"] * v["x"] + v["b1"]
    a1 = sigma(z1)
    z2 = v["W2"] * a1 + v["b2"]
    predicted = sigma(z2)
    forward = {"z₁": z1, "a₁": a1, "z₂": z2, "ŷ": predicted, "L": (v["y"] - predicted) ** 2}
    # Every factor of its two formulas.
    factors = {
        "∂L/∂ŷ": -2 * (v["y"] - predicted),
        "∂ŷ/∂z₂": predicted * (1 - predicted),
        "∂z₂/∂W₂": a1,
        "∂z₂/∂a₁": v["W2"],
        "∂a₁/∂z₁": a1 * (1 - a1),
        "∂z₁/∂W₁": v["x"],
    }
    to_z2 = factors["∂L/∂ŷ"] * factors["∂ŷ/∂z₂"]
    to_z1 = to_z2 * factors["∂z₂/∂a₁"] * factors["∂a₁/∂z₁"]
    products = {"∂L/∂W₂": to_z2 * a1, "∂L/∂b₂": to_z2, "∂L/∂W₁": to_z1 * v["x"], "∂L/∂b₁": to_z1}

    for symbol, number in {**forward, **factors, **products}.items():
        assert told[symbol] == pytest.approx(number, rel=1e-13), symbol


def test_two_layers_state_the_chapters_formulas():
    formulas = {line.symbol: line.formula for line in mf.trace("two-layer").lines}

    assert formulas["z₁"] == "W₁·x + b₁"
    assert formulas["a₁"] == "σ(z₁)"
    assert formulas["z₂"] == "W₂·a₁ + b₂"
    assert formulas["ŷ"] == "σ(z₂)"
    assert formulas["∂L/∂W₂"] == "∂L/∂ŷ·∂ŷ/∂z₂·∂z₂/∂W₂"
    assert formulas["∂L/∂W₁"] == "∂L/∂ŷ·∂ŷ/∂z₂·∂z₂/∂a₁·∂a₁/∂z₁·∂z₁/∂W₁"
    assert formulas["W₁_new"] == "W₁_old − η·g"


def test_two_layers_have_the_gradients_of_autograd():
    torch = pytest.importorskip("torch")
    t = {name: torch.tensor(value, dtype=torch.float64, requires_grad=True) for name, value in VALUES.items()}
    hidden = torch.sigmoid(t["W1"] * t["x"] + t["b1"])
    loss = (t["y"] - torch.sigmoid(t["W2"] * hidden + t["b2"])) ** 2
    loss.backward()
    told = mf.trace("two-layer")

    assert told["L"] == pytest.approx(loss.item(), rel=1e-12)
    for name, symbol in (("W1", "W₁"), ("b1", "b₁"), ("W2", "W₂"), ("b2", "b₂")):
        assert told[f"∂L/∂{symbol}"] == pytest.approx(t[name].grad.item(), rel=1e-12)


def test_two_layers_are_updated_by_the_rule_of_the_recipe():
    plain = mf.trace("two-layer", Recipe(optimizer="sgd").set("optimizer.lr", 0.25))
    assert plain["W₂_new"] == pytest.approx(0.7 - 0.25 * plain["∂L/∂W₂"], rel=1e-14)

    adam = mf.trace("two-layer", Recipe(optimizer="adam"))
    # Adam's first step is η against the gradient's sign, but for ε.
    assert adam["W₂_new"] == pytest.approx(0.7 + 0.001, abs=1e-9)


def test_gradients_of_the_graph_are_those_of_the_lines():
    told = mf.trace("two-layer")
    graph = told.account.graph

    slopes = dict(zip(graph.names, graph.gradient.tolist(), strict=True))
    assert {name: slopes[name] for name in ("W₁", "b₂", "ŷ")} == {
        name: pytest.approx(told[f"∂L/∂{name}"], rel=1e-13) for name in ("W₁", "b₂", "ŷ")
    }
    edges = {
        (graph.names[int(a)], graph.names[int(b)]): by
        for a, b, by in zip(graph.source, graph.target, graph.derivative, strict=True)
    }
    assert edges["z₁", "a₁"] == told["∂a₁/∂z₁"]
    assert len(edges) == 3 + 1 + 3 + 1 + 2  # into z₁, a₁, z₂, ŷ, L
    assert all(
        graph.x[int(b)] - graph.x[int(a)] == 1 for a, b in zip(graph.source, graph.target, strict=True)
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"values": {"w1": 1.0}}, "unknown value 'w1'. Did you mean 'W1'"),
        ({"row": 3}, "row has no meaning for 'two-layer'"),
        ({"step": 2}, "step has no meaning for 'two-layer'"),
        ({"digits": 0}, "digits must be 1 to 17, got 0"),
    ],
)
def test_what_makes_no_sense_is_refused(options, said):
    with pytest.raises(UsageError, match=said.replace("(", r"\(")):
        mf.trace("two-layer", **options)
