"""The arithmetic, the splits and the fairness of the benchmark on real tables. Nothing is timed here."""

import argparse
import json
import sys
from pathlib import Path
from queue import SimpleQueue

import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from benchmarks.tables import __main__ as command
from benchmarks.tables import seeds, sources
from benchmarks.tables.rivals import SKIPS, Pace, boosted, columns_of, settings_of, tuned_mlp
from benchmarks.tables.scores import calibration_error, scores
from benchmarks.tables.show import HEADS, cells, markdown, terminal
from benchmarks.tables.sources import PRACTICE, TABLES, Absent, Source
from benchmarks.tables.splits import Split, split_of
from benchmarks.tables.verdict import closing_lines, standings, ways

pd = pytest.importorskip("pandas")


def small(task: str) -> Source:
    """Ten rows of a number, a word with holes, and a target, the last without it."""
    frame = pd.DataFrame(
        {
            "size": [1.0, 2.0, 3.0, 4.0, 5.0, np.nan, 7.0, 8.0, 9.0, 10.0, 11.0],
            "color": ["red", "blue", None, "red", "blue", "red", "blue", "red", "blue", "red", "red"],
            "y": [0, 1, 0, 1, 0, 1, 0, 1, 0, 1, None],
        }
    )
    return Source("none", "none", task, "y", (10, 2), lambda: frame, "made up")


def record(system: str, split: int, value: float, **more: object) -> dict:
    return {
        "table": "chile",
        "split": split,
        "repeat": 0,
        "system": system,
        "budget": 1.0,
        "seconds": 1.0,
        "scores": {"accuracy": value, "log_loss": 1 - value},
        **more,
    }


def three_systems(differences: list[float]) -> list[dict]:
    found = []
    for split, difference in enumerate(differences):
        found += [
            record("manyfit", split, 0.5 + difference, ece={"raw": 0.04, "tempered": 0.02}),
            record("mlp", split, 0.5),
            record("boosting", split, 0.5),
        ]
    return found


def test_there_are_ten_tables_five_of_each_task_and_none_is_practiced_on() -> None:
    tasks = [source.task for source in TABLES.values()]

    assert len(tasks) >= 10
    assert min(tasks.count("regression"), tasks.count("classification")) >= 5
    assert not set(TABLES) & set(PRACTICE)


@pytest.mark.parametrize("name", [n for n, s in sources.EVERY.items() if s.package == "scikit-learn"])
def test_bundled_table_has_the_shape_that_is_recorded(name: str) -> None:
    source = sources.EVERY[name]

    frame = source.load()

    assert (len(frame), frame.shape[1] - 1) == source.shape
    assert frame[source.target].notna().all()


def test_missing_package_is_named() -> None:
    def read() -> object:
        raise ModuleNotFoundError("No module named 'nowhere'", name="nowhere")

    with pytest.raises(Absent, match="nowhere is not installed"):
        Source("nowhere", "none", "regression", "y", (1, 1), read, "").load()


def test_load_leaves_out_rows_without_target_and_names_classes() -> None:
    frame = small("classification").load()

    assert len(frame) == 10
    assert sorted(frame["y"].unique()) == ["class 0.0", "class 1.0"]


def test_split_is_fixed_parts_all_rows_and_keeps_the_shares_of_classes() -> None:
    first, again, other = (split_of(small("classification"), number) for number in (3, 3, 4))

    assert first.test.equals(again.test)
    assert not first.test.equals(other.test)
    assert len(first.train) == 8
    assert sorted(first.y_test.tolist()) == [0, 1]
    sizes = pd.concat([first.train, first.test])["size"]
    assert sorted(sizes.dropna()) == [1, 2, 3, 4, 5, 7, 8, 9, 10]


def test_scores_of_numbers_are_by_the_formulas() -> None:
    frame = pd.DataFrame({"y": [1.0, 2.0, 3.0]})
    split = Split(frame, frame, "y", "regression", ())

    found = scores(split, np.array([1.0, 2.0, 4.0]))

    assert found == pytest.approx({"r2": 1 - 1 / 2, "rmse": np.sqrt(1 / 3)})


def test_scores_of_classes_stay_finite_when_sure_and_wrong() -> None:
    frame = pd.DataFrame({"y": ["a", "b"]})
    split = Split(frame, frame, "y", "classification", ("a", "b"))

    found = scores(split, np.array([[1.0, 0.0], [1.0, 0.0]]))

    assert found["accuracy"] == 0.5
    assert found["log_loss"] == pytest.approx(-np.log(1e-7) / 2, rel=1e-4)


def test_calibration_error_is_zero_when_as_right_as_sure() -> None:
    sure = np.tile([0.75, 0.25], (8, 1))

    assert calibration_error(np.array([0, 0, 0, 0, 0, 0, 1, 1]), sure, 1) == pytest.approx(0)
    assert calibration_error(np.array([1] * 8), sure, 1) == pytest.approx(0.75)


def test_difference_is_corrected_for_overlapping_splits() -> None:
    differences = [0.01, 0.03]

    (standing,) = standings(three_systems(differences))

    # Student's t with one degree of freedom, 12.706; sd 0.01·√2; variance × (1/2 + 1/4)
    half = 12.7062 * 0.01 * np.sqrt(2) * np.sqrt(0.5 + 0.25)
    assert standing.difference.estimate == pytest.approx(0.02)
    assert standing.difference.low == pytest.approx(0.02 - half, rel=1e-4)
    assert standing.ece == pytest.approx((0.04, 0.02))


def test_repeats_of_a_split_are_averaged_first_so_that_splits_alone_count() -> None:
    once = three_systems([0.01, 0.03])
    noisy = [
        {**each, "repeat": repeat, "scores": {name: value + sign * 0.2 for name, value in each["scores"].items()}}
        for each in once
        for repeat, sign in ((1, 1), (2, -1))
    ]

    (single,), (double,) = standings(once), standings(noisy)

    assert double.difference.low == pytest.approx(single.difference.low)
    assert (double.n_splits, double.n_tasks) == (2, 4)
    assert "2 × 2" in cells(double)


def test_tables_with_few_test_rows_are_repeated_from_seeds_that_no_first_look_had() -> None:
    seeds_of = {
        table: [task.seed for task in command.tasks([table], range(2))] for table in ("cars", "chile")
    }

    assert seeds_of["chile"] == [0, 1]
    assert len(set(seeds_of["cars"])) == 10
    assert not set(range(10)) & set(seeds_of["cars"])


@pytest.mark.parametrize(
    ("differences", "verdict"),
    [
        ([0.02, 0.021, 0.02, 0.021], "better"),
        ([-0.001, 0.001, -0.001, 0.001], "not inferior"),
        ([-0.1, 0.1, -0.1, 0.1], "not shown"),
        ([-0.05, -0.051, -0.05, -0.051], "inferior"),
    ],
)
def test_verdict_follows_the_interval_and_the_margin(differences: list[float], verdict: str) -> None:
    (standing,) = standings(three_systems(differences))

    assert standing.verdict == verdict
    assert f"{verdict}: 1 (chile)" in closing_lines([standing])


def test_split_that_a_system_has_not_done_is_left_out() -> None:
    records = [r for r in three_systems([0.0, 0.1]) if (r["system"], r["split"]) != ("mlp", 1)]

    (standing,) = standings([*records, {**record("mlp", 1, 0.5), "scores": None}][:-1])

    assert standing.n_splits == 1
    assert standing.verdict == "not shown"


def test_text_has_a_cell_for_each_head() -> None:
    (standing,) = standings(three_systems([0.0, 0.1]))

    assert len(cells(standing)) == len(HEADS)
    assert "chile" in terminal([standing])
    assert "processor here" in markdown([standing], {"processor": "here"})


def test_ways_are_averaged_by_table() -> None:
    scored = [{"same": {"accuracy": value, "log_loss": 2 * value}} for value in (0.4, 0.6)]

    found = ways(record("manyfit", i, 0.5, ways=each) for i, each in enumerate(scored))

    assert found == {"chile": {"same": pytest.approx((0.5, 1.0))}}


def test_first_settings_of_the_mlp_are_its_defaults_and_others_repeat_with_the_seed() -> None:
    drawn, again = (settings_of(5) for _ in range(2))

    assert next(drawn) == next(again) == {}
    assert next(drawn) == next(again)


def test_pace_tells_how_many_epochs_fit() -> None:
    pace = Pace(1000)
    pace.learn({}, epochs=10, seconds=2.0)

    assert pace.epochs_within({}, 1.0) == 5


def test_mlp_ends_when_its_time_is_up_and_tries_at_least_one_setting() -> None:
    ticks = iter(np.arange(0, 1e6, 0.5))  # every look at the clock costs half a second
    split = split_of(small_numbers(), 0)

    predicted, told = tuned_mlp(split, 10.0, 0, lambda: float(next(ticks)))

    assert predicted.shape == (12,)
    assert 1 <= told["tried"] <= 20
    assert next(ticks) < 10 + SKIPS  # settings passed over cost looks too


def small_numbers() -> Source:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"a": rng.normal(size=60), "color": ["red", "blue", None] * 20})
    frame["y"] = frame["a"] * 3
    return Source("none", "none", "regression", "y", (60, 2), lambda: frame, "made up")


def test_columns_are_told_apart_and_boosting_takes_categories_and_holes() -> None:
    split = split_of(small("classification"), 0)

    assert columns_of(split) == (["size"], ["color"])
    probabilities = boosted(split, 0)
    assert probabilities.shape == (2, 2)
    assert 0 <= accuracy_score(split.y_test, probabilities.argmax(1)) <= 1


def test_run_goes_on_where_it_broke_and_the_mlp_gets_the_time_that_manyfit_took(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def ask(core: int, system: str, table: str, split: int, seconds: float, clock: str, seed: int) -> dict:
        asked.append((system, split, seconds))
        return {"seconds": 7.0, "scores": {"accuracy": 0.5, "log_loss": 1.0}}

    monkeypatch.setattr(command, "ask", ask)
    path = tmp_path / "book.jsonl"
    given = argparse.Namespace(seconds=5.0, systems=["manyfit", "mlp"], clock="cpu")
    for splits in (range(1), range(2)):
        todo = SimpleQueue()
        for task in command.tasks(["chile"], splits):
            todo.put(task)
        command.work(0, todo, command.Book(path), given)

    assert asked == [("manyfit", 0, 5.0), ("mlp", 0, 7.0), ("manyfit", 1, 5.0), ("mlp", 1, 7.0)]
    assert len([json.loads(line) for line in path.read_text().splitlines()]) == 4
    assert "chile 1 0 mlp" in capsys.readouterr().err


@pytest.mark.slow
def test_contender_in_its_own_process_answers_with_scores() -> None:
    answer = command.ask(0, "boosting", "wine", 0, 1.0, "cpu", 0)

    assert answer["scores"]["accuracy"] > 0.8


def test_who_claims_something_else_than_most_contradicts_and_who_can_not_tell_does_not() -> None:
    headline = seeds.tally(["yes"] * 6 + ["unknown"] * 2 + ["no", "same"], seeds.ADVICE)
    fit = seeds.tally(["gap-without-harm", "fits", "cannot-tell"], seeds.CLAIMS)

    assert (headline.n, headline.agreeing, headline.contradicting) == (10, 6, 2)
    assert (fit.agreeing, fit.contradicting) == (1, 0)
    assert seeds.tally([], seeds.ADVICE).agreeing == 0


def test_seeds_are_run_on_the_same_split_and_a_broken_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def ask(core: int, system: str, table: str, split: int, seconds: float, clock: str, seed: int) -> dict:
        asked.append((system, table, split, seed))
        plan = {"answer": "yes" if seed else "no", "fit": "fits", "verdict": "VERDICT  Yes"}
        return {"failed": "broke"} if len(asked) == 2 else {"scores": {}, "plan": plan}

    monkeypatch.setattr(seeds, "ask", ask)
    flags = ["seeds", "--tables", "cars", "--seeds", "3", "--split", "7", "--cores", "0", "--seconds", "1"]
    monkeypatch.setattr(sys, "argv", [*flags, "--out", str(tmp_path / "s.jsonl")])
    seeds.main()
    seeds.main()

    assert asked == [("manyfit", "cars", 7, seed) for seed in (0, 1, 2, 1)]
    last = capsys.readouterr().out.splitlines()[-3:]
    said = " ".join(last[0].split())
    assert said == "cars headline 2/3 (yes 2, no 1), 1 contradicting fit 3/3 (fits 3)"
    assert "on 0 of 1 tables" in last[1]
    assert "on 1 of 1 tables" in last[2]
