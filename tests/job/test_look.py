"""The look at the test rows: intervals that know how few rows there are, paired differences, honest answers."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from job.tables import classes, numbers, trained

from manyfit.job.look import Resamples, bounded, statistic
from manyfit.job.main import answer
from manyfit.metrics import metric_for, registry
from manyfit.stats import Finding, Interval


@pytest.mark.parametrize("n", [5, 12, 40])
def test_interval_over_few_rows_still_covers_the_truth(n):
    metric = metric_for("regression", "mae")
    random = np.random.default_rng(n)
    covers = 0
    for trial in range(300):
        errors = random.exponential(size=n)
        interval = Resamples({"a": statistic(metric, np.zeros(n), errors, None)}, n, seed=trial).score("a")
        covers += interval.contains(1.0)  # the mean of the absolute errors

    assert covers / 300 > (0.85 if n == 5 else 0.88)  # a plain percentile bootstrap covers 0.78 at 5 rows


def test_two_rows_know_next_to_nothing():
    metric = metric_for("regression", "mae")

    interval = Resamples({"a": statistic(metric, np.zeros(2), np.array([1.0, 2.0]), None)}, 2).score("a")

    assert interval.low < 0 < 4 < interval.high


def test_difference_is_paired_by_row_and_its_finding_turns_with_the_metric(rng):
    hard = rng.exponential(size=60)  # rows differ much more than contenders do
    metric = metric_for("regression", "mae")
    both = {
        "a": statistic(metric, np.zeros(60), hard + 0.1, None),
        "b": statistic(metric, np.zeros(60), hard, None),
    }
    resamples = Resamples(both, 60, seed=3)

    minus = resamples.minus("a", "b")

    assert (minus.estimate, minus.low, minus.high) == pytest.approx((0.1, 0.1, 0.1))
    assert resamples.score("a").high - resamples.score("a").low > 0.3
    assert resamples.finding("a", "b", 0.01, is_loss=True) is Finding.WORSE
    assert resamples.finding("a", "b", 0.01, is_loss=False) is Finding.BETTER
    assert resamples.finding("a", "b", 0.2, is_loss=True) is Finding.SAME


def test_blocks_are_drawn_whole(rng):
    block = np.repeat(np.arange(10), 20)
    errors = np.abs(rng.normal(size=10))[block]  # rows of a block agree
    score = {"a": statistic(metric_for("regression", "mae"), np.zeros(200), errors, None)}

    apart, together = Resamples(score, 200).score("a"), Resamples(score, 200, blocks=block).score("a")

    assert together.high - together.low > 3 * (apart.high - apart.low)
    assert together.n == 10


def test_bounds_of_a_metric_are_kept():
    wide = Interval(0.5, -3.0, 4.0, 0.95, 2, "test rows", "planted")

    assert (bounded(wide, metric_for("regression")).low, bounded(wide, metric_for("regression")).high) == (
        0.0,
        4.0,
    )
    assert (
        bounded(wide, metric_for("binary", "auc")).low,
        bounded(wide, metric_for("binary", "auc")).high,
    ) == (0.0, 1.0)
    assert bounded(wide, metric_for("regression", "r2")).low == -3.0


@pytest.mark.parametrize("name", ["rmse", "r2", "accuracy", "auc", "log_loss"])
def test_statistic_of_ones_is_the_score(name, rng):
    metric = registry.find(name)
    if "regression" in metric.tasks:
        y, predicted = rng.normal(size=30), rng.normal(size=30)
    else:
        y, predicted = rng.integers(0, 2, 30), rng.dirichlet([1, 1], 30)
    w = rng.uniform(0.1, 1, 30)

    both = statistic(metric, y, predicted, w)(np.stack([np.ones(30), np.arange(30) % 2]))

    assert both[0] == pytest.approx(metric.score(y, predicted, w))
    assert both[1] == pytest.approx(metric.score(y, predicted, w * (np.arange(30) % 2)), rel=1e-6)


def test_minus_is_the_difference_of_the_scores_and_the_rivals_are_in_order():
    test = trained(classes()).facts["test"]
    ours, *rivals = test["contenders"]

    for rival in rivals:
        assert rival["minus"]["estimate"] == pytest.approx(
            rival["score"]["estimate"] - ours["score"]["estimate"]
        )
    scores = [rival["score"]["estimate"] for rival in rivals]
    assert scores == sorted(scores)


def test_large_is_good_turns_the_finding_but_not_the_difference():
    test = trained(classes(), metric="accuracy", epochs=30).facts["test"]
    majority = next(c for c in test["contenders"] if c["name"] == "majority")

    assert majority["minus"]["estimate"] < 0
    assert majority["finding"] == "worse"


@pytest.mark.parametrize(
    ("finding", "code"),
    [(Finding.WORSE, "yes"), (Finding.BETTER, "no"), (Finding.SAME, "same"), (Finding.UNKNOWN, "unknown")],
)
def test_answer_is_what_the_best_rival_shows(finding, code):
    given = answer(looked_at(finding, Finding.WORSE), is_loss=True)

    assert (given["code"], given["rival"]) == (code, "linear")
    assert (given["share"], given["low"], given["high"]) == (0.25, 0.05, 0.45)
    assert given["difference"] == [0.5, 0.1, 0.9]


def test_nobody_is_better_by_more_than_all_of_a_loss():
    looked = looked_at(Finding.WORSE, Finding.WORSE)
    looked.contenders[1].minus = dataclasses.replace(looked.contenders[1].minus, high=2.5)

    given = answer(looked, is_loss=True)

    assert (given["low"], given["high"]) == (0.05, 1.0)
    assert given["difference"] == [0.5, 0.1, 2.5]


@pytest.mark.parametrize("guess", [Finding.UNKNOWN, Finding.SAME, Finding.BETTER])
def test_networks_that_beat_no_guess_have_shown_nothing(guess):
    given = answer(looked_at(Finding.WORSE, guess), is_loss=True)

    assert (given["code"], given["rival"]) == ("nothing", "mean")


def looked_at(rival: Finding, guess: Finding) -> SimpleNamespace:
    """A look at test rows at which the best rival and the guess came out like this."""
    score, minus = Interval(2.0, 1, 3, 0.95, 9, "", ""), Interval(0.5, 0.1, 0.9, 0.95, 9, "", "")
    ours = SimpleNamespace(name="manyfit", score=score, minus=None, finding=None)
    linear = SimpleNamespace(name="linear", score=score, minus=minus, finding=rival)
    mean = SimpleNamespace(name="mean", score=score, minus=minus, finding=guess)
    return SimpleNamespace(contenders=(ours, linear, mean))


def test_intervals_cover_their_level_on_test_rows():
    covered = trained(numbers(400), epochs=30).facts["test"]["covered"]

    assert covered["low"] < 0.9 < covered["high"]
