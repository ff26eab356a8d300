"""The verdict: remedies that were tried or honestly not, sized by what there is time for, on rows that nobody else decided by."""

import dataclasses
import math

import numpy as np
import polars as pl
import pytest
from job.tables import classes, numbers, plan_for, trained

from manyfit.data import Dataset, load
from manyfit.job import Job, Options
from manyfit.job.plan import Size
from manyfit.job.rows import Table
from manyfit.job.training import Trainer
from manyfit.job.twins import NOTHING, Trial, seconds_of, size_trial, task_for, try_twins
from manyfit.job.verdict import enough
from manyfit.losses import BCE, MSE
from manyfit.networks import Dense
from manyfit.questions import GivenRows
from manyfit.recipe import Recipe
from manyfit.render.result import verdict_lines

RECIPE = Recipe(Dense((8,)), MSE(), "adamw", "constant", batch_size=16, epochs=6).set("optimizer.lr", 0.01)
SIZE = Size(10_000, 2000, 10, 1)


def test_every_development_row_scores_once_and_never_in_a_split_that_it_trains_or_stops():
    data = numbers(150)
    table = Table(data, 3)
    task = task_for(table, RECIPE, Trial(5, 1))

    for split in task.rows.splits:
        view = task.rows.views[split.view]
        assert sorted([*split.train, *split.stop, *split.score]) == list(range(len(view.X)))
        assert len(split.stop) > 0 and len(split.score) > 0
    assert sum(len(split.score) for split in task.rows.splits) == len(table.development)


def test_scores_are_in_the_unit_of_the_target():
    data = numbers(150)
    task = task_for(Table(data, 3), RECIPE, Trial(5, 1))
    split = task.rows.splits[0]
    y = task.rows.views[split.view].y[:, 0]

    # predicting the mean of the training rows errs by about the deviation of the target
    mean_loss = np.mean((y[split.score] - y[split.train].mean()) ** 2)

    assert task.measure.label.en == "RMSE"
    assert task.measure.to_score(mean_loss) == pytest.approx(data.y.std(), rel=0.35)


def test_two_classes_are_scored_by_log_loss():
    recipe = dataclasses.replace(RECIPE, loss=BCE())
    task = task_for(Table(classes(n_classes=2), 3), recipe, Trial(5, 1))

    assert (task.measure.label.en, task.measure.to_score(0.7)) == ("log loss", 0.7)


def test_groups_are_parted_by_no_split():
    frame = numbers(160).frame.with_columns(y=numbers(160).y, g=pl.int_range(160) // 8)
    data = load(frame, "y", group="g", leaks=False)
    table = Table(data, 3)
    task = task_for(table, RECIPE, Trial(5, 1))

    for split in task.rows.splits:
        view = task.rows.views[split.view]
        sides = [set(map(tuple, view.X[part].round(6))) for part in (split.train, split.stop, split.score)]
        assert not sides[0] & sides[2] and not sides[1] & sides[2]


def test_trial_that_fits_loses_seeds_first_then_rows_then_everything():
    cost = seconds_of(Trial(5, 1), RECIPE, SIZE, 1e9)
    most = Trial(5, 3)

    assert size_trial(RECIPE, SIZE, 1e9, 3.01 * cost, most) == most
    assert size_trial(RECIPE, SIZE, 1e9, 2.5 * cost, most) == Trial(5, 2)
    assert size_trial(RECIPE, SIZE, 1e9, 0.9 * cost, most) == Trial(5, 1, 5000)
    assert size_trial(RECIPE, SIZE, 1e9, 1e-6, most) == NOTHING
    assert size_trial(RECIPE, SIZE, 1e9, 1e6, NOTHING) == NOTHING


def test_rows_of_a_trial_are_capped_for_every_part():
    task = task_for(Table(numbers(400), 3), RECIPE, Trial(5, 1, 40))

    assert {len(split.train) for split in task.rows.splits} == {40}
    assert max(len(split.stop) for split in task.rows.splits) <= 10
    assert max(len(split.score) for split in task.rows.splits) <= 20


def test_row_that_scores_in_the_folds_of_two_seeds_is_one_row():
    data = numbers()
    table = Table(data, 3)
    task = task_for(table, RECIPE, Trial(5, 2))

    assert isinstance(task.rows, GivenRows)
    scored = [task.rows.numbered(split.view, split.score) for split in task.rows.splits]
    known, times = np.unique(np.concatenate(scored), return_counts=True)
    np.testing.assert_array_equal(known, np.sort(table.development))
    assert set(times.tolist()) == {2}


def parabola(n: int = 400) -> Dataset:
    """What goes down and up again: one hidden unit can only go one way, two can."""
    draw = np.random.default_rng(2)
    x = draw.uniform(-3, 3, n)
    return load(pl.DataFrame({"x": x, "y": x**2 + 0.05 * draw.normal(size=n)}), "y", name="parabola")


def test_planted_underfitting_is_found_by_larger_twins():
    recipe = dataclasses.replace(RECIPE, network=Dense((1,), "tanh"), epochs=100).set("optimizer.lr", 0.03)
    data = parabola()
    tried = try_twins(Table(data, 3), recipe, plan_for(data), Trial(5, 3), Trainer(threads=1))

    assert tried.facts["code"] == "underfitting"
    assert "better" in {tried.facts["remedies"][name]["finding"] for name in ("larger", "widest")}
    assert tried.facts["pairs"] == 15
    assert tried.answer is not None


def test_nothing_tried_says_so_and_what_would_be_enough():
    data = numbers()
    tried = try_twins(Table(data, 3), RECIPE, plan_for(data), NOTHING, Trainer(threads=1), needs_s=31.0)

    assert tried.facts == {"tried": False, "code": "cannot-tell", "why": "budget", "needs_s": 31.0}
    assert tried.trial == NOTHING


def test_interrupted_trial_proves_nothing_and_is_left_out_of_the_plan():
    data = numbers()
    trainer = Trainer(threads=1)
    trainer.interrupt.is_set = True
    tried = try_twins(Table(data, 3), RECIPE, plan_for(data), Trial(5, 1), trainer)

    assert (tried.facts["why"], tried.trial, tried.answer) == ("interrupted", NOTHING, None)


def test_trial_that_takes_much_longer_than_expected_is_given_up():
    data = numbers()
    now = iter(range(10**6))
    trainer = Trainer(threads=1, clock=lambda: float(next(now)))
    long = RECIPE.set("epochs", 20_000)  # longer than the loop lets pass between two looks at the clock
    tried = try_twins(Table(data, 3), long, plan_for(data), Trial(5, 1), trainer, expected_s=0.1)

    assert (tried.facts["why"], tried.trial) == ("budget", NOTHING)


def test_too_few_groups_to_hold_rows_out_twice_is_said():
    frame = numbers(60).frame.with_columns(y=numbers(60).y, g=pl.int_range(60) % 3)
    data = load(frame, "y", group="g", leaks=False)
    tried = try_twins(Table(data, 3), RECIPE, plan_for(data), Trial(5, 1), Trainer(threads=1))

    assert tried.facts["why"] == "rows"


def test_plan_with_twins_gives_the_same_verdict_twice():
    first, second = (trained(numbers(), twin_folds=5, twin_seeds=1).facts for _ in range(2))

    assert first["fit"]["tried"]
    assert first["fit"] == second["fit"]
    assert first["importance"] == second["importance"]
    assert first["plan"]["twin_seeds"] == 1


def test_budget_without_room_is_said_in_both_languages_and_in_the_plan():
    data = numbers()
    plan = plan_for(data, twin_folds=5, twin_seeds=3)
    job = Job(data, Options(budget=0.01, seed=3, threads=1))
    job.plan = plan
    job.prepare()
    facts = job.run().facts

    assert facts["fit"]["why"] == "budget"
    assert facts["plan"]["twin_folds"] == 0
    english, chinese = ("\n".join(verdict_lines(facts, lang)) for lang in ("en", "zh"))
    assert "cannot tell: no time was left to try remedies   --budget" in english
    assert "无法判断：没有时间尝试各种办法" in chinese


def test_verdict_lines_hold_every_remedy_the_rows_and_the_columns():
    facts = trained(numbers(), twin_folds=5, twin_seeds=1).facts
    text = "\n".join(verdict_lines(facts))

    for words in (
        "half the width",
        "decay ×10",
        "decay ×100",
        "half the epochs",
        "twice the width",
        "twice the epochs",
    ):
        assert words in text
    n = round(facts["fit"]["n_train"])
    assert f"rows     {n} more: " in text
    assert "columns  " in text
    assert text == facts["verdict"]


def test_enough_is_rounded_up():
    assert [enough(seconds) for seconds in (0.0, 0.31, 12.0, 100.0)] == pytest.approx([1.0, 0.4, 20.0, 100.0])
    assert math.isfinite(enough(1e9))
