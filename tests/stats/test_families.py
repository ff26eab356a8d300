"""Families of questions, held to scipy and statsmodels, and to counting."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats as scipy_stats
from statsmodels.stats.multitest import multipletests

from manyfit.stats import Finding, as_family, benjamini_hochberg, holm, paired, paired_ratios


def test_holm_steps_down_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


@pytest.mark.parametrize("n", [1, 7, 40])
def test_holm_and_benjamini_hochberg_follow_statsmodels(n: int) -> None:
    p = np.random.default_rng(n).uniform(size=n) ** 3

    np.testing.assert_allclose(holm(p), multipletests(p, method="holm")[1], rtol=1e-12)
    np.testing.assert_allclose(benjamini_hochberg(p), multipletests(p, method="fdr_bh")[1], rtol=1e-12)


def test_benjamini_hochberg_follows_scipy() -> None:
    p = np.random.default_rng(0).uniform(size=20) ** 3

    np.testing.assert_allclose(benjamini_hochberg(p), scipy_stats.false_discovery_control(p), rtol=1e-12)


def test_no_questions_have_no_answers() -> None:
    assert holm([]).size == benjamini_hochberg([]).size == len(as_family([])) == 0


def test_family_without_margins_is_holms() -> None:
    random = np.random.default_rng(1)
    alone = [paired(random.normal(0.5, 1, 8), random.normal(size=8), scope="seeds") for _ in range(6)]

    among = as_family(alone)

    np.testing.assert_allclose([each.p for each in among], holm([each.p for each in alone]), rtol=1e-12)


def test_family_with_margins_counts_what_may_still_be_true() -> None:
    random = np.random.default_rng(2)
    alone = [
        paired(random.normal(m, 1, 9), random.normal(size=9), scope="seeds", margin=0.7)
        for m in (0.0, 1.0, 3.0)
    ]
    tests = sorted((p, i) for i, each in enumerate(alone) for p in (each.p, each.p_same))
    # By hand: with each p-value in turn, as many of the rest may be true as comparisons have one left.
    expected, reached = {}, 0.0
    for k, (p, i) in enumerate(tests):
        owners = {owner for _, owner in tests[k:]}
        reached = max(reached, p * len(owners))
        expected.setdefault(i, []).append((p, min(reached, 1.0)))

    among = as_family(alone)

    for i, (before, after) in enumerate(zip(alone, among, strict=True)):
        adjusted = dict(expected[i])
        assert after.p == pytest.approx(adjusted[before.p], rel=1e-12)
        assert after.p_same == pytest.approx(adjusted[before.p_same], rel=1e-12)


def test_finding_that_does_not_stand_says_how_many_more_would_do() -> None:
    random = np.random.default_rng(3)
    base = random.normal(size=10)
    alone = [
        paired_ratios(
            np.exp(base + 0.2 * random.normal(size=10) - shift), np.exp(base), scope="s", margin=0.05
        )
        for shift in (0.07, 0.0, 0.0, 0.0, 0.0, 0.0)
    ]
    assert alone[0].finding is Finding.BETTER

    among = as_family(alone)

    assert among[0].finding is Finding.UNKNOWN
    assert among[0].more > 10


def test_family_of_like_options_rarely_names_any() -> None:
    random = np.random.default_rng(4)
    wrong = 0
    for scores in random.normal(size=(150, 5, 8)):
        found = [paired(a, b, scope="seeds", margin=0.05) for a, b in itertools.combinations(scores, 2)]
        wrong += any(each.finding in (Finding.BETTER, Finding.WORSE) for each in as_family(found))

    # 5 % of 150 at most, plus three standard errors of 2.7.
    assert wrong <= 15
