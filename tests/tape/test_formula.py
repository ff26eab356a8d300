"""Formulas: what is written in symbols, what with numbers, and that both are what was computed."""

import numpy as np
import pytest

from manyfit.tape import Value
from manyfit.tape import arithmetic as xp
from manyfit.tape.formula import written

a, b, c = Value(0.5, "a"), Value(-3.0, "b"), Value(2.0, "c")


@pytest.mark.parametrize(
    ("value", "symbols", "numbers"),
    [
        (a * b + c, "a·b + c", "0.5·(−3) + 2"),
        (b * a, "b·a", "(−3)·0.5"),
        (a - (b - c), "a − (b − c)", "0.5 − (−3 − 2)"),
        (a * (b + c), "a·(b + c)", "0.5·(−3 + 2)"),
        (a / (b * c), "a / (b·c)", "0.5 / ((−3)·2)"),
        (-(a + b), "−(a + b)", "−(0.5 + (−3))"),
        (c - (-a), "c + a", "2 + 0.5"),
        (-a * b, "−a·b", "−0.5·(−3)"),
        ((a - c) ** 2, "(a − c)²", "(0.5 − 2)²"),
        (c * a * a, "c·a²", "2·0.5²"),
        (a * a, "a²", "0.5²"),
        (1 - a ** Value(3, "t"), "1 − aᵗ", "1 − 0.5³"),
        (a / xp.sqrt(a + c), "a / √(a + c)", "0.5 / √(0.5 + 2)"),
        (xp.sqrt(c) + 1e-8, "√c + 1e−8", "√2 + 1e−8"),
        (xp.log(xp.exp(a)), "ln(exp(a))", "ln(exp(0.5))"),
        (xp.maximum(0.0, b), "max(0, b)", "max(0, −3)"),
        (xp.total([a, b, c]), "a + b + c", "0.5 + (−3) + 2"),
        (xp.total([a, b, a, b, a, c]), "a + b + … + c", "0.5 + (−3) + … + 2"),
        (xp.where(b.data > 0, a * c, a + c), "a + c", "0.5 + 2"),
    ],
)
def test_formula_is_written_in_symbols_and_numbers(value, symbols, numbers):
    made = written(value)

    assert (made.symbols, made.numbers) == (symbols, numbers)
    assert made.value == float(value)


@pytest.mark.parametrize(
    ("value", "symbols"),
    [
        (1.0 * a, "a"),
        (a * b + 0.0, "a·b"),
        (a + 0.0 * b, "a"),
        (b * (1 - c * 0.0), "b"),
        (a / 1, "a"),
        (c**1, "c"),
        (c ** (Value(3) - 1), "c²"),
        (c / (1 - Value(0.0) ** Value(4.0, "t")), "c"),
        ((a * b).reshape(1, 1).mean(-1), "a·b"),
    ],
)
def test_what_changes_nothing_is_left_out(value, symbols):
    assert written(value).symbols == symbols


def test_one_element_of_an_array_is_shown_with_its_own_numbers():
    W = Value([[1.0, 2.0], [3.0, 4.0]], "W")
    made = written(W * Value([10.0, 20.0], "r") / (W * W).sum(), at=(1, 0))

    assert made == ("W·r / Σ(W²)", "3·10 / 30", 1.0)


def test_numbers_have_the_digits_asked_for():
    made = written(Value(1 / 3, "x") * 2, digits=7)

    assert made.numbers == "0.3333333·2"


def test_a_long_sum_is_written_without_deep_recursion():
    terms = [Value(float(k), f"x{k}") * 2 for k in range(5_000)]

    assert written(xp.total(terms)).symbols == "x0·2 + x1·2 + … + x4999·2"


def test_a_power_of_a_symbol_with_a_layer_above_it_has_brackets():
    assert written(Value(2.0, "a₁⁽¹⁾") ** 2).symbols == "(a₁⁽¹⁾)²"


def test_numbers_that_are_not_finite_are_written():
    with np.errstate(all="ignore"):
        made = written(a / (c - 2.0))

    assert (made.numbers, made.value) == ("0.5 / (2 − 2)", np.inf)
