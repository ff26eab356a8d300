import math
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manyfit.errors import RecipeError
from manyfit.hyper import Choice, IntRange, LogRange, Range, hyper, is_number, knobs, problems_of


@dataclass(frozen=True)
class Rule:
    lr: float = hyper(0.1, low=0, usual=(1e-4, 1), doc="Rate.")
    memory: float = hyper(0.9, low=0, below=1, doc="Memory.")
    size: int = hyper(3, low=1, doc="Size.")
    is_wide: bool = hyper(False, doc="Width.")
    name: str = hyper("a", doc="Name.")
    patience: int | None = hyper(None, low=1, optional=True, kind="whole number", doc="Patience.")
    norm: float | None = hyper(None, above=0, optional=True, kind="number", doc="Norm.")
    free: float = hyper(0.0, doc="Anything.")


def said(**values):
    return [str(problem) for problem in problems_of(Rule(**values))]


def test_defaults_have_no_problem():
    assert said() == []


def test_knobs_are_in_the_order_of_their_fields():
    assert list(knobs(Rule)) == ["lr", "memory", "size", "is_wide", "name", "patience", "norm", "free"]
    assert knobs(Rule(lr=3))["lr"].default == 0.1


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"lr": -1}, "Rule.lr must be ≥ 0, got -1. Usual values are 0.0001 to 1; the default is 0.1."),
        ({"lr": math.nan}, "Rule.lr must be ≥ 0, got nan. Usual values are 0.0001 to 1; the default is 0.1."),
        ({"memory": 1.0}, "Rule.memory must be ≥ 0 and < 1, got 1.0. The default is 0.9."),
        ({"memory": "much"}, "Rule.memory must be ≥ 0 and < 1, got 'much'. The default is 0.9."),
        ({"memory": True}, "Rule.memory must be ≥ 0 and < 1, got True. The default is 0.9."),
        ({"memory": None}, "Rule.memory must be ≥ 0 and < 1, got None. The default is 0.9."),
        ({"size": 2.5}, "Rule.size must be a whole number ≥ 1, got 2.5. The default is 3."),
        ({"size": math.inf}, "Rule.size must be a whole number ≥ 1, got inf. The default is 3."),
        ({"is_wide": 1}, "Rule.is_wide must be true or false, got 1. The default is False."),
        ({"name": 3}, "Rule.name must be text, got 3. The default is a."),
        ({"patience": 0}, "Rule.patience must be a whole number ≥ 1, got 0. The default is None, which turns it off."),
        ({"norm": np.float32(0)}, "Rule.norm must be > 0, got 0.0. The default is None, which turns it off."),
        ({"free": -math.inf}, "Rule.free must be a finite number, got -inf. The default is 0.0."),
    ],
)
def test_bad_value_is_refused_with_field_bound_and_value(values, message):
    assert said(**values) == [message]


def test_numpy_scalars_are_numbers_and_arrays_are_not():
    assert said(lr=np.float32(0.5), size=np.int64(4), memory=np.float64(0)) == []
    assert is_number(np.uint8(3)) and not is_number(np.bool_(True)) and not is_number(np.array(3.0))


def test_none_means_off_only_where_declared():
    assert said(patience=None, norm=None) == []
    assert len(said(size=None)) == 1


@given(st.floats(0, 1))
def test_draws_from_a_range_never_leave_it(u):
    assert 0.05 <= LogRange(0.05, 0.3).at(u) <= 0.3
    assert 0.1 <= Range(0.1, 0.7).at(u) <= 0.7
    assert 2 <= IntRange(2, 5).at(u) <= 5
    assert Choice(("a", "b")).at(u) in ("a", "b")


def test_ranges_reach_their_ends_exactly():
    for low, high in ((1e-4, 1.0), (0.1, 0.3), (1e-3, 0.7)):
        assert (LogRange(low, high).at(0), LogRange(low, high).at(1)) == (low, high)
        assert (Range(low, high).at(0), Range(low, high).at(1)) == (low, high)


def test_grids_are_evenly_spread():
    assert LogRange(0.01, 1).grid(3) == pytest.approx([0.01, 0.1, 1])
    assert Range(0, 1).grid(3) == [0, 0.5, 1]
    assert IntRange(1, 3).grid(10) == [1, 2, 3]
    assert Choice(("a", "b", "c")).grid(2) == ["a", "b"]
    assert Range(2, 4).grid(1) == [2]


def test_whole_numbers_and_options_are_equally_likely():
    shares = np.arange(1000) / 1000

    assert np.bincount([IntRange(0, 3).at(u) for u in shares]).tolist() == [250] * 4
    assert [Choice((0, 1)).at(u) for u in shares].count(1) == 500


@pytest.mark.parametrize(
    "make",
    [
        lambda: LogRange(0, 1),
        lambda: LogRange(1, 0.1),
        lambda: LogRange(1, math.inf),
        lambda: Range(1, 0),
        lambda: Range(math.nan, 1),
        lambda: IntRange(3, 2),
        lambda: Choice(()),
    ],
)
def test_empty_ranges_are_refused(make):
    with pytest.raises(RecipeError, match="must have"):
        make()
