"""Gaps and shifts are found where they were planted, and rows held back are seen by nobody."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import polars as pl
import pytest

from manyfit.data import Dataset, load
from manyfit.engines.choose import fit
from manyfit.errors import UsageError
from manyfit.population import Population
from manyfit.questions import ArrayRows, TableRows, Task, ask, default_recipe, measure_for
from manyfit.questions._stress.beyond import Scores, read
from manyfit.questions._stress.held_back import held_back, without
from manyfit.questions.generalisation import Generalisation
from manyfit.recipe import Recipe
from manyfit.runs import Run
from manyfit.stats import Finding

N = 12


def planted(gap: float, shift: float, noise: float = 0.02, seed: int = 0) -> Scores:
    random = np.random.default_rng(seed)
    pairs = 0.3 * random.normal(size=N)

    def scores(mean: float) -> np.ndarray:
        return mean + pairs + noise * random.normal(size=N)

    return Scores(scores(1.0), scores(1.0 + gap), scores(1.0 + gap + shift), scores(2.0))


def test_planted_gap_and_shift_are_found():
    found = read(planted(0.5, 0.8), 0.1, 0.1)

    assert found.gap.finding is Finding.WORSE and found.gap.difference.contains(0.5)
    assert found.shift is not None and found.shift.finding is Finding.WORSE
    assert found.shift.difference.contains(0.8)
    assert found.worth is not None and found.worth.finding is Finding.WORSE  # a constant guess scores 2.0


def test_planted_equivalence_is_no_gap_and_the_same_beyond():
    found = read(planted(0.0, 0.0), 0.1, 0.1)

    assert found.gap.finding is Finding.SAME
    assert found.shift is not None and found.shift.finding is Finding.SAME


def test_planted_tie_in_much_noise_can_not_be_told():
    found = read(planted(0.0, 0.0, noise=1.0), 0.1, 0.1)

    assert found.gap.finding is Finding.UNKNOWN and found.gap.more > 50
    assert found.shift is not None and found.shift.finding is Finding.UNKNOWN


def test_random_rows_have_no_beyond():
    none = np.full(N, np.nan)
    found = read(planted(0.5, 0.0)._replace(beyond=none, constant=none), 0.1, 0.1)

    assert found.shift is found.worth is None


def table(n: int = 240, **roles: object) -> Dataset:
    """y is a line in x; `late` orders the rows, `place` groups them, `kind` has three values."""
    random = np.random.default_rng(3)
    x = random.normal(size=n)
    frame = pl.DataFrame(
        {
            "x": x,
            "z": 0.3 * random.normal(size=n),
            "kind": [("a", "b", "c")[i % 3] for i in range(n)],
            "late": np.arange(n, dtype=float),
            "place": [f"p{i % 6}" for i in range(n)],
            "y": 3 * x + 0.5 * random.normal(size=n),
        }
    )
    return load(frame, "y", leaks=False, keep=["late"], **roles)


def task_on(data: Dataset, hidden: tuple[int, ...] = (4,), epochs: int = 3) -> Task:
    rows = TableRows(data)
    recipe = default_recipe(rows.task, 150).set("network.hidden", hidden).set("epochs", epochs)
    return Task(data.name or "t", rows, recipe.set("optimizer.lr", 0.02), measure_for(rows.task))


def sets_of(task: Task, name: str) -> list[np.ndarray]:
    (pair,) = task.replicates(1)
    return held_back(task, name, task.member(task.recipe, pair), 0.2, 1)


def test_ends_of_a_column_are_its_extremes():
    task = task_on(table())
    high, low = sets_of(task, "x")

    x = task.rows.data.frame["x"].to_numpy()[task.rows.development]
    assert len(high) == len(low) == round(0.2 * len(x))
    assert x[high].min() >= np.quantile(x, 0.79) and x[low].max() <= np.quantile(x, 0.21)


def test_ends_of_the_main_direction_lie_apart():
    task = task_on(table())
    high, low = sets_of(task, "direction")

    assert not set(high) & set(low) and len(high) == len(low)


def test_values_of_a_category_are_held_back_in_turn():
    task = task_on(table())
    sets = sets_of(task, "kind")

    kinds = task.rows.data.frame["kind"].to_numpy()[task.rows.development]
    assert [set(kinds[rows]) for rows in sets] == [{"a"}, {"b"}, {"c"}]


def test_clusters_cover_no_more_than_half_of_the_rows_each_and_share_none():
    sets = sets_of(task_on(table()), "cluster")

    rows = np.concatenate(sets)
    assert len(set(rows)) == len(rows)
    assert 2 <= len(sets) <= 5


def test_groups_are_held_back_whole():
    task = task_on(table(group="place"))
    sets = sets_of(task, "group")

    group = task.rows.data.group[task.rows.development]
    assert all(len(set(group[rows])) == 1 for rows in sets)
    assert all(len(rows) == (group == group[rows[0]]).sum() for rows in sets)


def test_latest_rows_are_held_back_and_earlier_ones_score_at_random():
    task = task_on(table(time="late"))
    (rows,) = sets_of(task, "time")
    (pair,) = task.replicates(1)
    split = without(task, pair, rows, "time").split

    time = task.rows.data.time[task.rows.development]
    assert time[rows].min() > np.concatenate([time[split.train], time[split.score]]).max()
    assert time[split.score].min() < time[split.train].max()  # not a stretch of their own


@pytest.mark.parametrize("kind", ["direction", "cluster", "x"])
def test_rows_held_back_train_stop_and_score_nobody_and_no_encoding_has_seen_them(kind: str):
    task = task_on(table())
    rows = sets_of(task, kind)[0]
    (pair,) = task.replicates(1)
    twin = without(task, pair, rows, kind)
    member = task.member(task.recipe, twin)

    parts = (twin.split.train, twin.split.stop, twin.split.score)
    assert not set(rows) & set(np.concatenate(parts))
    X = task.encoded(member.rows).view.X
    # The encoder has scaled by the rows that train: their own mean is 0 and their deviation 1, those of all rows are not.
    assert abs(X[member.rows.train, 0].mean()) < 1e-9 and abs(X[:, 0].mean()) > 0.01


def test_straight_line_goes_on_beyond_and_a_bend_does_not():
    """A linear network learns a line from its middle; no network learns from there that the truth is bent at the ends."""
    random = np.random.default_rng(5)
    x = random.uniform(-1, 1, size=300)
    noise = 0.1 * random.normal(size=300)
    straight = load(pl.DataFrame({"x": x, "y": 3 * x + noise}), "y", leaks=False)
    bent = load(
        pl.DataFrame({"x": x, "y": np.where(np.abs(x) > 0.6, -3 * x, 3 * x) + noise}), "y", leaks=False
    )
    plan = Generalisation(beyond=("x",), replicates=6, margin=0.05)

    on_line = ask(plan, task_on(straight, hidden=(), epochs=150)).numbers["x"]["shift"]
    on_bend = ask(plan, task_on(bent, hidden=(16,), epochs=150)).numbers["x"]

    assert on_line["finding"] == "same"
    assert on_bend["shift"]["finding"] == "worse"
    assert on_bend["against_constant"]["finding"] != "better"


def test_constant_guess_is_the_best_that_looks_at_no_column():
    rows = TableRows(load("iris", leaks=False))
    task = Task(
        "iris", rows, default_recipe("multiclass", 96).set("epochs", 2), measure_for("multiclass", "log_loss")
    )

    answer = ask(Generalisation(beyond=("cluster",), replicates=3), task)

    constant = np.array(answer.numbers["cluster"]["scores"]["constant"])
    # Three classes, of which a cluster holds one or two: log 3 or more.
    assert (constant > 1.0).all() and np.isfinite(constant).all()


def test_answer_is_the_same_from_the_same_run_and_says_where_it_is_worth_nothing():
    kept: list[Run] = []

    def train(population: Population) -> Run:
        kept.append(fit(population))
        return kept[-1]

    task = task_on(table(group="place"))
    plan = Generalisation(beyond=("direction", "group", "time"), replicates=3)
    first = ask(plan, task, fit=train)
    again = ask(plan, task, fit=lambda population: dataclasses.replace(kept[0], population=population))

    assert list(first.numbers) == ["random", "direction", "group"]  # there is no time
    assert json.dumps(first.numbers) == json.dumps(again.numbers)
    table_ = first.sections[0].tables[0]
    assert [row[0].en for row in table_.rows] == [
        "random rows",
        "an end of the main direction",
        "whole groups",
    ]
    bars = first.sections[0].figures[1]
    assert bars.estimate.tolist() == [
        first.numbers["random"]["gap"]["estimate"],
        first.numbers["direction"]["shift"]["estimate"],
        first.numbers["group"]["shift"]["estimate"],
    ]
    assert all(text.en and text.zh for text in first.statement)


def test_column_that_there_is_not_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match=r"--beyond xx is no column.*Did you mean 'x'"):
        ask(Generalisation(beyond=("xx",), replicates=3), task_on(table()))


def test_time_that_the_data_have_not_is_left_out_and_named_where_it_was_asked_for():
    asked = ask(Generalisation(beyond=("time",), replicates=3), task_on(table()))

    assert list(asked.numbers) == ["random"]
    assert [note.en for note in asked.notes] == [
        "not held back, no column of time is named (--time): later rows"
    ]
    assert not ask(Generalisation(replicates=3), task_on(table())).notes


def test_what_could_not_be_held_back_is_named():
    x = np.random.default_rng(0).normal(size=300)
    frame = pl.DataFrame({"x": x, "site": ["a"] * 292 + ["b"] * 8, "y": 2 * x})
    data = load(frame, "y", leaks=False)

    answer = ask(Generalisation(beyond=("site", "direction"), replicates=3), task_on(data, hidden=(2,)))

    assert list(answer.numbers) == ["random", "direction"]
    assert [note.en for note in answer.notes] == ["not held back, too few rows on one side: ends of site"]


def test_intervals_of_scores_are_widened_where_splits_overlap(monkeypatch):
    from manyfit.questions import generalisation

    seen = []
    real = generalisation.mean_interval
    monkeypatch.setattr(generalisation, "mean_interval", lambda *a, **k: seen.append(k["overlap"]) or real(*a, **k))
    task = dataclasses.replace(task_on(table()))
    monkeypatch.setattr(type(task), "overlap", 0.25)

    ask(Generalisation(beyond=("direction",), replicates=3), task)

    assert seen == [0.25, 0.25, 0.25]  # training rows, unseen ones, those beyond


def test_module_of_ones_own_is_held_to_the_same():
    torch = pytest.importorskip("torch")
    from manyfit.networks.module import Module

    random = np.random.default_rng(0)
    X = random.normal(size=(120, 3)).astype(np.float32)
    recipe = Recipe(Module(lambda: torch.nn.Linear(3, 1)), "mse", batch_size=16, epochs=2)
    task = Task("arrays", ArrayRows(X, X.sum(1), "regression"), recipe, measure_for("regression"))

    answer = ask(Generalisation(replicates=3), task)

    assert list(answer.numbers) == ["random", "direction", "cluster"]


def test_network_without_a_number_column_still_has_a_gap():
    frame = pl.DataFrame({"kind": ["a", "b"] * 60, "y": [1.0, 2.0] * 60})
    data = load(frame, "y", leaks=False, duplicates="apart")

    answer = ask(Generalisation(replicates=3), task_on(data, hidden=(2,)))

    assert list(answer.numbers) == ["random"]
