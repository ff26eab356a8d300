"""Variance taken apart: sums of squares as in statsmodels, planted components found, plans that follow."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols
from statsmodels.stats.anova import anova_lm

from manyfit.errors import UsageError
from manyfit.stats import components, crossed


def planted(
    shape: tuple[int, ...], sds: dict[tuple[int, ...], float], random: np.random.Generator
) -> np.ndarray:
    """Scores of a crossed design whose effects have the given deviations, by axes."""
    scores = np.zeros(shape)
    for axes, sd in sds.items():
        scores += sd * random.normal(size=tuple(n if i in axes else 1 for i, n in enumerate(shape)))
    return scores


def test_components_follow_from_statsmodels_sums_of_squares() -> None:
    scores = np.random.default_rng(0).normal(size=(4, 3, 5)) + 2 * np.arange(4)[:, None, None]
    a, b, c = (index.ravel() for index in np.indices(scores.shape))
    frame = pd.DataFrame({"y": scores.ravel(), "a": a, "b": b, "c": c})
    table = anova_lm(ols("y ~ C(a) * C(b) + C(a) * C(c) + C(b) * C(c)", frame).fit())
    ms = table["mean_sq"]

    found = components(scores, ["a", "b", "c"])

    three = float(ms["Residual"])
    ab, ac, bc = (float(ms[f"C({x}):C({y})"]) for x, y in ("ab", "ac", "bc"))
    expected = {
        ("a", "b", "c"): three,
        ("a", "b"): (ab - three) / 5,
        ("b", "c"): (bc - three) / 4,
        ("a",): (float(ms["C(a)"]) - ab - ac + three) / 15,
    }
    for factors, value in expected.items():
        assert found[factors].variance.estimate == pytest.approx(max(value, 0.0), rel=1e-9, abs=1e-12)


def test_two_by_two_by_hand() -> None:
    # Means of rows 2, 5; of columns 3, 4; nothing together: mean squares 2 · 4.5 and 2 · 0.5.
    found = components([[1.5, 2.5], [4.5, 5.5]], ["init", "order"])

    assert found["init"].variance.estimate == pytest.approx(4.5, rel=1e-12)
    assert found["order"].variance.estimate == pytest.approx(0.5, rel=1e-12)
    assert found[("init", "order")].variance.estimate == pytest.approx(0.0, abs=1e-12)
    assert found["init"].share.estimate == pytest.approx(0.9, rel=1e-12)


def test_planted_variances_lie_in_their_intervals_as_often_as_they_say() -> None:
    random = np.random.default_rng(1)
    sds = {(0,): 1.0, (1,): 0.5, (0, 1): 0.3}
    hits = np.zeros(3)
    for seed in range(100):
        found = components(planted((6, 8), sds, random), ["split", "init"], seed=seed)
        hits += [part.variance.contains(sd**2) for part, sd in zip(found.parts, sds.values(), strict=True)]

    # Standard error 0.0218; three of them around 0.95. The method is known to be a little conservative.
    assert (hits / 100 >= 0.95 - 0.066).all()


def test_estimates_are_right_on_average(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crossed, "N_DRAWS", 2)  # no intervals are asked for
    random = np.random.default_rng(2)
    sds = {(0,): 1.0, (1,): 0.8, (2,): 1.2, (0, 1): 0.5, (0, 1, 2): 0.4}
    found = [components(planted((5, 4, 6), sds, random), "abc", seed=0) for _ in range(150)]
    means = [np.mean([each[name].variance.estimate for each in found]) for name in "abc"]

    # Standard errors of about 0.07; cut off at 0 they are a little high.
    assert means == pytest.approx([1.0, 0.64, 1.44], abs=0.2)


def test_standard_error_of_the_mean_is_what_new_designs_show() -> None:
    random = np.random.default_rng(3)
    sds = {(0,): 1.0, (1,): 0.5, (0, 1): 0.4}
    means = [planted((4, 3), sds, random).mean() for _ in range(4000)]
    big = components(planted((300, 300), sds, random), ["split", "init"])

    # 300 levels estimate a variance to 8 %; the spread of 4,000 means to 1 %.
    assert big.standard_error({"split": 4, "init": 3}) == pytest.approx(np.std(means), rel=0.06)


def test_what_helps_most_is_doubling_the_larger_component() -> None:
    random = np.random.default_rng(4)
    found = components(planted((6, 6), {(0,): 2.0, (1,): 0.2, (0, 1): 0.1}, random), ["split", "init"])

    assert list(found.doubled()) == ["split", "init"]
    assert found.doubled()["split"] == pytest.approx(found.standard_error() / math.sqrt(2), rel=0.03)
    assert found.design(24) == {"split": 24, "init": 1}
    assert found.design(24, most={"split": 5}) == {"split": 5, "init": 4}
    assert found.fresh(24) <= found.standard_error(found.design(24)) + 1e-12


def test_levels_that_change_nothing_have_no_variance() -> None:
    found = components(np.ones((3, 4)), ["a", "b"])

    assert [part.variance.estimate for part in found.parts] == [0.0, 0.0, 0.0]
    assert [part.share.estimate for part in found.parts] == [0.0, 0.0, 0.0]


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(UsageError, match="2 problems") as error:
        components([[1.0, math.inf]], ["a", "b"])

    assert "2 levels" in str(error.value) and "finite" in str(error.value)
    with pytest.raises(UsageError, match="one axis for each"):
        components([[1.0, 2.0], [2.0, 3.0]], ["a", "a"])
