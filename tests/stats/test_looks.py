"""Several looks find no more by chance than one, at boundaries that others have published."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from scipy import stats as scipy_stats

from manyfit.errors import RunError, UsageError
from manyfit.stats import Finding, Looks, paired, paired_look
from manyfit.stats.spending import boundaries, nominal, repeated_p, spent

FIVE = (0.2, 0.4, 0.6, 0.8, 1.0)


def test_boundaries_are_those_of_the_published_tables() -> None:
    # Two-sided 0.05, five even looks; Lan–DeMets spending as in Jennison & Turnbull 1999 and gsDesign's manual.
    assert boundaries(FIVE, 0.025) == pytest.approx((4.8769, 3.3569, 2.6803, 2.2898, 2.0310), abs=2e-4)
    assert boundaries(FIVE, 0.025, "pocock") == pytest.approx(
        (2.4380, 2.4268, 2.4101, 2.3966, 2.3859), abs=2e-4
    )


def test_boundaries_spend_what_they_say_by_scipys_normal_integral() -> None:
    fractions = np.array([0.3, 0.35, 0.8, 1.0])
    z = np.array(boundaries(tuple(fractions), 0.025))
    shared = np.sqrt(np.minimum.outer(fractions, fractions) / np.maximum.outer(fractions, fractions))

    inside = scipy_stats.multivariate_normal(cov=shared, seed=0).cdf(z, lower_limit=-z)

    # Both sides together: 0.05, less the chance of crossing both, which is below 1e-5. scipy's integral is good to 1e-4.
    assert 1 - inside == pytest.approx(0.05, abs=2e-4)


def test_single_look_is_the_usual_test() -> None:
    assert nominal((1.0,), 0.025) == pytest.approx(0.05, rel=1e-7)
    assert repeated_p(0.03, (1.0,)) == pytest.approx(0.03, rel=1e-3)
    random = np.random.default_rng(0)
    a, b = random.normal(0.8, 1, 9), random.normal(size=9)

    found, _ = paired_look(a, b, Looks(most=9), scope="seeds", margin=0.1)
    alone = paired(a, b, scope="seeds", margin=0.1)

    assert (found.difference.low, found.finding, found.more) == (
        pytest.approx(alone.difference.low, rel=1e-6),
        alone.finding,
        alone.more,
    )
    assert (found.p, found.p_same) == pytest.approx((alone.p, alone.p_same), rel=2e-3)


def test_error_is_spent_to_the_end_and_no_further() -> None:
    for spending in ("obrien-fleming", "pocock"):
        assert spent(1.0, 0.025, spending) == 0.025
        assert spent(1e-9, 0.025, spending) < 1e-6
        assert spent(0.3, 0.025, spending) < spent(0.6, 0.025, spending) < 0.025


def test_repeated_p_value_is_a_finding_where_the_boundary_is() -> None:
    for fractions in ((0.25,), (0.25, 0.5), FIVE):
        for error in (0.01, 0.05, 0.3):
            # Interpolated between errors: good to a thousandth of its value.
            assert repeated_p(nominal(fractions, error / 2), fractions) == pytest.approx(error, rel=1e-3)


def same_recipe_looked_at(spending: str, n_trials: int, n_looks: int = 5) -> float:
    """Share of trials in which some look calls a recipe better or worse than itself."""
    random = np.random.default_rng(6)
    wrong = 0
    for a, b in random.normal(size=(n_trials, 2, 5 * n_looks)):
        looks = Looks(most=5 * n_looks, spending=spending)
        for n in range(5, 5 * n_looks + 1, 5):
            found, looks = paired_look(a[:n], b[:n], looks, scope="seeds")
            if found.finding in (Finding.BETTER, Finding.WORSE):
                wrong += 1
                break
    return wrong / n_trials


@pytest.mark.slow
@pytest.mark.parametrize("spending", ["obrien-fleming", "pocock"])
def test_five_looks_find_no_more_by_chance_than_one(spending: str) -> None:
    # Standard error 0.0089 at 600; three of them above 0.05. A quick one is in test_false_winners.
    assert same_recipe_looked_at(spending, 600) <= 0.05 + 0.027


def test_five_looks_without_spending_find_more() -> None:
    random = np.random.default_rng(7)
    wrong = sum(
        any(paired(a[:n], b[:n], scope="seeds").finding is not Finding.UNKNOWN for n in range(5, 26, 5))
        for a, b in random.normal(size=(300, 2, 25))
    )

    # Armitage, McPherson & Rowe 1969: 0.142 for five looks at known deviations.
    assert wrong / 300 > 0.08


def test_looks_after_overlapping_folds_know_that_more_of_them_bring_little() -> None:
    plain, overlapping = Looks(20, taken=(5, 10)), Looks(20, overlap=0.25, taken=(5, 10))

    assert plain.fractions == (0.25, 0.5)
    # Information 1 / (1/n + 0.25): 2.22, 2.86 of 3.33.
    assert overlapping.fractions == pytest.approx((0.3 / 0.45, 0.3 / 0.35), rel=1e-12)


def test_record_goes_into_the_run_folder_and_back(tmp_path: Path) -> None:
    looks = Looks(most=30, level=0.9, spending="pocock", overlap=0.2, taken=(5, 12))

    assert Looks.read(tmp_path) is None
    looks.write(tmp_path)

    assert Looks.read(tmp_path) == looks
    assert json.loads((tmp_path / "looks.json").read_text())["taken"] == [5, 12]


def test_record_that_can_not_be_read_is_an_error_not_a_fresh_start(tmp_path: Path) -> None:
    (tmp_path / "looks.json").write_text("{")

    with pytest.raises(RunError, match="can't be read"):
        Looks.read(tmp_path)


def test_looking_twice_at_the_same_replicates_is_one_look() -> None:
    looks = Looks(most=20).take(5)

    assert looks.take(5) is looks


def test_last_look_is_the_last() -> None:
    looks = Looks(most=20).take(5).take(22)  # two more than declared, all at once: the rest is spent on them

    assert looks.left == 0 and looks.fractions[-1] == 1.0
    with pytest.raises(UsageError, match="was declared for 20 replicates"):
        looks.take(30)
    with pytest.raises(UsageError, match="at least 22"):
        looks.take(10)


def test_unknown_spending_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="pocock"):
        Looks(most=20, spending="pococ")
    with pytest.raises(UsageError, match="≥ 2"):
        Looks(most=1)


def test_diverged_networks_are_ranked_at_each_look() -> None:
    a, b = np.array([1.0, math.inf] * 10), np.zeros(20)

    found, looks = paired_look(a[:10], b[:10], Looks(most=20), scope="seeds")
    assert found.finding is Finding.WORSE or found.p > 0.003  # ten pairs can just tell at a nominal 0.003
    found, looks = paired_look(a, b, looks, scope="seeds")

    assert found.finding is Finding.WORSE
    assert looks.taken == (10, 20)
