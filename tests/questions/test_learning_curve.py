"""Planted learning curves are foretold as they were planted, and a curve of another shape is not trusted."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import polars as pl
import pytest

from manyfit.data import load
from manyfit.engines.choose import fit
from manyfit.population import Population
from manyfit.questions import ArrayRows, Interrupted, TableRows, Task, ask, default_recipe, measure_for
from manyfit.questions._growth.grown import Grown, for_rows, part_of, read, shares_of
from manyfit.questions.learning_curve import LearningCurve
from manyfit.recipe import Recipe, Stopping
from manyfit.runs import Run
from manyfit.stats import Finding

N = 30
X = 2.0 ** (-np.arange(10)[::-1] / 2)


def planted(mean: np.ndarray, noise: float = 0.1, *, seed: int = 0, n: int = N) -> Grown:
    """Scores around given means at ten numbers of rows up to 1,000; replicates share a part across all of them."""
    random = np.random.default_rng(seed)
    score = mean[:, None] + 0.5 * random.normal(size=n) + noise * random.normal(size=(len(mean), n))
    return Grown(1000 * X[-len(mean) :], score, 0.5 * score, np.zeros_like(score, dtype=bool))


def law(a: float, b: float, c: float) -> np.ndarray:
    return a + b * X**-c


def test_planted_gain_is_foretold_for_twice_and_four_times_the_rows():
    found = read(planted(law(1.0, 2.0, 0.5)), 0.1, 0.1)

    assert found.finding is Finding.BETTER and found.more == 0
    assert found.twice.contains(2 * (2**-0.5 - 1)) and found.four.contains(2 * (4**-0.5 - 1))
    assert found.check.holds and found.check.foretold.contains(3.0)
    assert found.half.difference.contains(2 - 2 * 0.5**-0.5)


def test_intervals_hold_the_planted_gain_as_often_as_they_say():
    truth = 2 * (2**-0.5 - 1)
    held = [
        read(planted(law(1.0, 2.0, 0.5), seed=seed), 0.1, 0.1).twice.contains(truth) for seed in range(25)
    ]

    assert sum(held) >= 9  # 95 %: fewer than 9 of 12 come out once in 450 times


def test_planted_flat_curve_is_no_more_than_the_margin():
    found = read(planted(np.full(10, 2.0), noise=0.05), 0.2, 0.1)

    assert found.finding is Finding.SAME and found.half.finding is Finding.SAME


def test_planted_gain_in_much_noise_can_not_be_told_and_says_how_many_more():
    found = read(planted(law(1.0, 0.2, 0.5), noise=1.0, n=8), 0.05, 0.1)

    assert found.finding is Finding.UNKNOWN and found.more > 10


def test_curve_that_flattens_suddenly_is_not_trusted_beyond_what_was_measured():
    mean = law(0.0, 3.0, 0.4)
    mean[-1] = 4.5  # worse than with half of the rows: no power law foretells that
    found = read(planted(mean), 0.1, 0.1)

    assert not found.check.holds and found.check.miss.low > 0
    assert found.finding is Finding.UNKNOWN


def test_numbers_of_rows_at_which_a_network_diverged_are_left_out_whole():
    grown = planted(law(1.0, 2.0, 0.5))
    grown.score[2, 0], grown.diverged[2, 0] = np.inf, True
    found = read(grown, 0.1, 0.1)

    assert np.flatnonzero(~found.kept).tolist() == [2] and len(found.curve.x) == 9
    assert found.twice.contains(2 * (2**-0.5 - 1))


def test_where_all_rows_diverge_nothing_is_foretold():
    grown = planted(law(1.0, 2.0, 0.5))
    grown.score[-1, 0], grown.diverged[-1, 0] = np.inf, True
    found = read(grown, 0.1, 0.1)

    assert found.curve is None and found.finding is Finding.UNKNOWN


def small(**settings: object) -> Task:
    rows = TableRows(load("iris", leaks=False))
    recipe = default_recipe(rows.task, 96).set("epochs", 2).set("network.hidden", (4,))
    for path, value in settings.items():
        recipe = recipe.set(path, value)
    return Task("iris", rows, recipe, measure_for(rows.task), seed=1)


def test_parts_are_nested_and_differ_between_replicates():
    task = small()
    first, second = task.replicates(2)
    known = task.member(task.recipe, first).rows.train
    parts = [set(part_of(task, first, known, share)) for share in (0.25, 0.5, 1.0)]

    assert parts[0] < parts[1] < parts[2] and [len(part) for part in parts] == [24, 48, 96]
    assert parts[0] != set(part_of(task, second, known, 0.25))


def test_groups_come_one_after_another():
    frame = pl.DataFrame(
        {"x": np.arange(60.0), "g": [f"g{i % 6}" for i in range(60)], "y": np.arange(60.0) ** 2}
    )
    rows = TableRows(load(frame, "y", group="g", leaks=False))
    task = Task("t", rows, default_recipe("regression", 40), measure_for("regression"))
    (pair,) = task.replicates(1)
    known = task.member(task.recipe, pair).rows.train
    group = rows.data.group[rows.development]

    part = part_of(task, pair, known, 0.5)
    whole = [g for g in np.unique(group[part]) if (group[part] == g).sum() == (group[known] == g).sum()]
    assert len(whole) >= len(np.unique(group[part])) - 1  # the last group may be cut


def test_fewest_rows_leave_some_for_each_class():
    task = small()

    assert [round(96 * share) for share in shares_of(task, 96, 10)] == [17, 24, 34, 48, 68, 96]
    assert shares_of(task, 96, 3) == [0.5, 2**-0.5, 1.0]


def test_fewer_rows_get_as_many_updates_and_as_much_patience():
    recipe = Recipe(epochs=10, batch_size=32, stopping=Stopping(patience=3))
    longer = for_rows(recipe, 320, 1280, same_updates=True)

    assert (longer.epochs, longer.stopping.patience) == (40, 12)
    assert for_rows(recipe, 320, 1280, same_updates=False) == recipe
    assert for_rows(recipe.set("batch_size", None), 320, 1280, same_updates=True).epochs == 10


PLAN = LearningCurve(points=4, replicates=4)


def test_answer_is_the_same_from_the_same_runs_and_networks_get_as_many_updates():
    kept: list[Run] = []

    def train(population: Population) -> Run:
        kept.append(fit(population))
        return kept[-1]

    first = ask(PLAN, small(), fit=train)
    stored = iter(kept)
    again = ask(
        PLAN, small(), fit=lambda population: dataclasses.replace(next(stored), population=population)
    )

    assert first.to_dict() == again.to_dict()
    steps = kept[0].steps.reshape(4, 2).mean(1)
    assert (np.abs(steps / steps[-1] - 1) < 0.2).all()
    assert json.dumps(first.numbers) and all(text.en and text.zh for text in first.statement)


def test_interrupted_second_half_leaves_an_answer_that_says_so():
    n_asked = 0

    def broken(population: Population) -> Run:
        nonlocal n_asked
        n_asked += 1
        run = fit(population)
        if n_asked == 2:
            raise Interrupted(run)
        return run

    answer = ask(PLAN, small(), fit=broken)

    assert "Interrupted" in answer.statement[-1].en and answer.numbers["interrupted"] is True
    assert len(answer.numbers["parts"][0]["scores"]) == 2


def test_interrupted_first_half_goes_through():
    def broken(population: Population) -> Run:
        raise Interrupted(fit(population))

    with pytest.raises(Interrupted):
        ask(PLAN, small(), fit=broken)


def test_table_of_few_rows_is_answered_with_cannot_tell():
    frame = pl.DataFrame({"x": np.arange(40.0), "y": np.arange(40.0) ** 2})
    rows = TableRows(load(frame, "y", leaks=False))
    task = Task("t", rows, default_recipe("regression", 25).set("epochs", 2), measure_for("regression"))

    answer = ask(PLAN, task)

    assert answer.statement[0].en == "Cannot tell: too few numbers of rows for a curve."


def test_module_on_arrays_is_asked_the_same():
    torch = pytest.importorskip("torch")
    from manyfit.networks.module import Module

    random = np.random.default_rng(0)
    X = random.normal(size=(200, 3)).astype(np.float32)
    recipe = Recipe(Module(lambda: torch.nn.Linear(3, 1)), "mse", batch_size=16, epochs=1)
    task = Task("arrays", ArrayRows(X, X.sum(1), "regression"), recipe, measure_for("regression"))

    answer = ask(PLAN, task)

    assert [part["rows"] for part in answer.numbers["parts"]] == [45, 64, 91, 128]


def test_parts_are_the_same_in_both_rounds_where_splits_differ_in_size():
    random = np.random.default_rng(0)
    groups = np.repeat(np.arange(12), random.integers(2, 24, size=12))
    frame = pl.DataFrame(
        {"x": random.normal(size=len(groups)), "g": groups.astype(str), "y": random.normal(size=len(groups))}
    )
    rows = TableRows(load(frame, "y", group="g", leaks=False))
    task = Task("t", rows, default_recipe("regression", 80).set("epochs", 1), measure_for("regression"))
    asked: list[Population] = []

    def train(population: Population) -> Run:
        asked.append(population)
        return fit(population)

    ask(PLAN, task, fit=train)
    assert len(asked[0]) == len(asked[1])
