"""What a question is asked about: replicates, their rows, and how networks are scored."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from manyfit.data import holdout, load
from manyfit.engines.choose import fit, predict
from manyfit.errors import DataError, UsageError
from manyfit.losses import MSE, CrossEntropy
from manyfit.networks import Dense
from manyfit.questions import ArrayRows, TableRows, Task, default_recipe, measure_for
from manyfit.questions._frame.measure import OfLoss, Scored, probabilities
from manyfit.recipe import Recipe, Stopping


def table(n: int = 60, **roles: object):
    """A line with noise, in a unit of its own."""
    random = np.random.default_rng(3)
    x = random.normal(size=n)
    frame = pl.DataFrame({"x": x, "z": random.normal(size=n), "y": 500 + 40 * x + random.normal(size=n)})
    return load(frame, "y", leaks=False, **roles)


def task_on(data, recipe: Recipe | None = None, **more: object) -> Task:
    rows = TableRows(data)
    return Task("t", rows, recipe or Recipe(Dense((4,)), epochs=2), measure_for(rows.task), **more)


def test_replicate_is_a_new_seed_and_a_new_split():
    first, second = task_on(table()).replicates(2)

    assert first.streams != second.streams
    assert not np.array_equal(first.split.score, second.split.score)


def test_replicates_are_the_same_whenever_they_are_asked_for():
    task = task_on(table())
    (again,) = task.replicates(1, start=3)
    four = task.replicates(4)

    assert again.streams == four[3].streams
    np.testing.assert_array_equal(again.split.score, four[3].split.score)


def test_stages_and_questions_share_no_stream():
    task = task_on(table())
    streams = [
        pair.streams
        for asked in (task.named("a"), task.named("b"))
        for stage in (0, 1)
        for pair in asked.replicates(3, stage=stage)
    ]

    keys = [key for each in streams for key in (each.init, each.order, each.noise, each.split)]
    assert len(set(keys)) == len(keys)


def test_parts_of_a_split_share_no_row_and_hold_no_locked_row():
    data = table()
    rows = TableRows(data, seed=5)
    split = rows.split(11, 0, "a")
    parts = [rows.development[part] for part in (split.train, split.stop, split.score)]

    together = np.concatenate(parts)
    assert len(np.unique(together)) == len(together) == len(rows.development)
    assert not np.intersect1d(together, holdout(data, 5).test).size


def test_groups_stay_on_one_side_of_every_split():
    group = np.arange(60) % 12
    rows = TableRows(table(group=group))
    for key in range(4):
        split = rows.split(key, 0, "a")
        seen = [
            set(group[rows.development[part]].tolist()) for part in (split.train, split.stop, split.score)
        ]
        assert not (seen[0] & seen[2]) and not (seen[1] & seen[2]) and not (seen[0] & seen[1])


def test_with_a_time_order_every_replicate_predicts_the_stretch_right_after_a_cut_of_its_own():
    time = np.arange(600.0)[::-1]
    task = task_on(table(600, time=time))
    pairs = [*task.replicates(40), *task.replicates(40, stage=1)]
    first = set()
    for pair in pairs:
        train, stop, score = (
            time[task.rows.development[part]]
            for part in (pair.split.train, pair.split.stop, pair.split.score)
        )
        in_order = np.concatenate([train, stop, score])
        assert in_order.tolist() == sorted(in_order) and len(score) == len(stop) == 24
        assert (train[0], in_order[-1] - in_order[0]) == (0, len(in_order) - 1)  # not a row is left out
        first.add(score[0])

    assert len({pair.split.score[0] for pair in pairs[:40]}) == 40
    assert len(first) > 60  # stages cut elsewhere
    assert task.scope == "seeds and overlapping stretches of time of t"
    assert 0.06 < task.overlap < 0.1 and task.overlap.turns == 0


def test_networks_that_do_not_shuffle_see_the_rows_in_the_order_of_time():
    time = np.random.default_rng(0).permutation(60).astype(float)
    task = task_on(table(time=time))
    (pair,) = task.replicates(1)
    seen = time[task.rows.development[task.member(task.recipe, pair).rows.train]]

    assert seen.tolist() == sorted(seen)


def test_moments_that_are_few_come_back_in_turns_and_the_scope_counts_them():
    task = task_on(table(time=np.arange(60) // 10))
    pairs = task.replicates(8)
    cuts = [pair.split.score.tolist() for pair in pairs]

    assert task.overlap == 0 and task.overlap.turns == 3  # of six moments two are locked, and one only trains
    assert task.scope == "seeds and 3 stretches of time of t" and task.rows.scope.zh == "种子与 3 个时段"
    assert cuts[:3] == cuts[3:6] and len({tuple(cut) for cut in cuts}) == 3
    assert task.replicates(1, start=5)[0].split.score.tolist() == cuts[2]


def test_groups_that_are_few_come_back_in_turns_and_the_scope_counts_them():
    group = np.arange(60) % 5
    task = task_on(table(group=group))
    held = [frozenset(group[task.rows.development[pair.split.score]].tolist()) for pair in task.replicates(8)]

    assert task.overlap == 0 and task.overlap.turns == 4  # four groups are left when one is locked
    assert task.scope == "seeds and 4 splits of the groups of t"
    assert held[:4] == held[4:] and len(set(held)) == 4


def test_groups_share_splits_however_many_they_are_and_rows_alone_speak_of_their_table():
    many, none = task_on(table(group=np.arange(60) % 20)), task_on(table())

    assert many.overlap.turns == 0 and float(many.overlap) == pytest.approx(
        0.25
    )  # a fifth scores: 0.2 / (1 − 0.2)
    assert many.scope == "seeds and overlapping splits of the groups of t"
    assert none.overlap == 0 and none.scope == "seeds and splits of t"


def test_few_groups_of_which_two_score_share_what_their_ways_share():
    task = task_on(table(group=np.arange(60) % 10))
    held = {tuple(pair.split.score.tolist()) for pair in task.replicates(task.overlap.turns)}
    common = [len(set(a) & set(b)) / len(a) for a in held for b in held if a != b]

    assert len(held) == task.overlap.turns > 8
    assert float(task.overlap) == pytest.approx(np.mean(common) / (1 - np.mean(common)))
    assert task.scope == f"seeds and {len(held)} overlapping splits of the groups of t"


def test_pairs_that_are_averaged_share_a_split_where_splits_are_few():
    few = task_on(table(group=np.arange(60) % 5)).replicates(6, each=3, start=3)
    many = task_on(table()).replicates(6, each=3, start=3)

    assert [len({tuple(pair.split.score) for pair in of}) for of in (few[:3], few[3:], few)] == [1, 1, 2]
    assert len({tuple(pair.split.score) for pair in many}) == 6
    assert len({pair.streams for pair in few}) == 6


def test_most_rows_are_drawn_once_for_all_replicates():
    rows = TableRows(table(), most=30)

    assert len(rows.development) == 30
    assert np.isin(rows.development, TableRows(table()).development).all()


def test_encoding_is_fitted_on_training_rows_alone():
    rows = TableRows(table())
    split = rows.split(2, 0, "a")
    known = np.concatenate([split.train, split.stop])
    encoded = rows.encoded(split, "numbers")

    assert encoded.view.y[known].mean() == pytest.approx(0, abs=1e-12)
    assert encoded.mean == pytest.approx(rows.y[known].mean())
    assert encoded.scale == pytest.approx(rows.y[known].std())


def test_rows_that_stop_early_train_where_nothing_stops():
    task = task_on(table())
    (pair,) = task.replicates(1)
    free = task.member(task.recipe, pair)
    stops = task.member(task.recipe.set("stopping", Stopping(patience=2)), pair)

    np.testing.assert_array_equal(free.rows.held, pair.split.score)
    np.testing.assert_array_equal(stops.rows.held, pair.split.stop)
    assert sorted([*stops.rows.train, *stops.rows.held]) == free.rows.train.tolist()


def test_score_of_a_regression_is_in_the_unit_of_its_target():
    task = task_on(table())
    (pair,) = task.replicates(1)
    run = fit(task.population([task.member(task.recipe, pair)]))
    encoded, rows = task.encoded(run.population.members[0].rows), pair.split.score

    values = predict(run, encoded.view.X[rows])[0, :, 0] * encoded.scale + encoded.mean
    rmse = float(np.sqrt(np.mean((values - task.rows.y[rows]) ** 2)))
    assert task.scores(run)[0] == pytest.approx(rmse, rel=1e-12)


def test_losses_are_those_that_training_recorded_on_the_rows_that_score():
    task = task_on(table(), Recipe(Dense((4,)), epochs=3, precision="float64"))
    pairs = task.replicates(2)
    run = fit(task.population([task.member(task.recipe, pair) for pair in pairs]))

    np.testing.assert_allclose(task.losses(run), run.held_loss[-1], rtol=1e-12)


def test_network_that_diverged_scores_infinity():
    task = task_on(table(), Recipe(Dense((4,)), optimizer="sgd", epochs=5).set("optimizer.lr", 1e6))
    (pair,) = task.replicates(1)
    run = fit(task.population([task.member(task.recipe, pair)]))

    assert run.diverged.all() and task.scores(run).tolist() == [np.inf]


def test_loss_on_numbers_and_loss_on_classes_meet_on_the_same_rows():
    data = load("iris", leaks=False)
    task = task_on(data, default_recipe("multiclass", 96).set("epochs", 2))
    (pair,) = task.replicates(1)
    members = [task.member(task.recipe.set("loss", loss), pair) for loss in ("cross_entropy", "mse")]
    run = fit(task.population(members))

    assert {view.n_classes for view in run.population.views.values()} == {3, None}
    assert ((task.scores(run) >= 0) & (task.scores(run) <= 100)).all()


def test_loss_on_classes_refuses_numbers():
    task = task_on(table(), Recipe(loss="cross_entropy"))
    (pair,) = task.replicates(1)

    with pytest.raises(DataError, match="target 'y' holds numbers, and the loss takes classes"):
        task.population([task.member(task.recipe, pair)])


def test_error_is_the_percentage_of_rows_named_wrong():
    measure = measure_for("binary", "accuracy")
    rows = Scored(np.array([[0.0], [1.0], [1.0], [0.0]]), np.array([0, 1, 1, 0]), None, 0.0, 1.0, 2)

    assert measure.score(np.array([[-1.0], [2.0], [-3.0], [-1.0]]), CrossEntropy(), rows) == pytest.approx(50)


def test_probabilities_are_the_outputs_where_the_loss_is_on_numbers():
    shares = probabilities(np.array([[0.2, 1.4, -0.1]]), MSE())

    np.testing.assert_allclose(shares, [[0.2 / 1.2, 1 / 1.2, 0]])


def test_rare_class_makes_log_loss_the_default():
    assert measure_for("binary", None, np.array([0] * 9 + [1])).label.en == "log loss"
    assert measure_for("binary", None, np.array([0] * 7 + [1] * 3)).label.en == "error %"
    assert isinstance(measure_for("binary", "loss"), OfLoss)


def test_unknown_metric_names_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'accuracy'"):
        measure_for("binary", "acuracy")


def test_arrays_are_taken_as_they_are_and_a_fifth_is_locked():
    X = np.arange(100.0)[:, None] * np.array([1.0, 1000.0])
    rows = ArrayRows(X, np.arange(100) % 3, "multiclass")
    split = rows.split(4, 0, "a")

    assert len(rows.y) == 80
    np.testing.assert_array_equal(rows.encoded(split, "labels").view.X, X[rows.development])
    assert np.bincount(rows.y[split.score]).tolist() in ([6, 5, 5], [5, 6, 5], [5, 5, 6])


def test_default_recipe_gets_about_as_many_updates_whatever_the_table():
    steps = []
    for n in (60, 1150, 30_000):
        recipe = default_recipe("regression", n)
        assert recipe.batch_size is not None
        steps.append(recipe.epochs * -(-n // recipe.batch_size))

    assert all(300 <= n <= 800 for n in steps)


def test_examples_bring_a_recipe_that_anything_said_overrules():
    from manyfit.asking.task import task_of

    ravine = task_of("ravine").recipe
    assert (ravine.network.hidden, ravine.batch_size, ravine.epochs) == ((), None, 200)
    assert task_of("ravine", settings={"network.hidden": (4,)}, epochs=3).recipe.network.hidden == (4,)
    assert task_of("ravine", recipe=Recipe(epochs=7)).recipe == Recipe(epochs=7)
    drifting = task_of("drifting").recipe
    assert (drifting.shuffle, drifting.epochs, drifting.batch_size) == (False, 1, 8)
