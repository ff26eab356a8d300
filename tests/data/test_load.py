"""From a source to a data set: roles of columns, rows that count, notes, and every refusal with its remedy."""

import dataclasses

import numpy as np
import polars as pl
import pytest

from manyfit.data import examples, load
from manyfit.data.examples import drifting_weights
from manyfit.errors import DataError

N = 200


def table(n: int = N, seed: int = 1, **more) -> pl.DataFrame:
    draw = np.random.RandomState(seed)
    size, rooms = draw.gamma(5, 20, n), draw.randint(1, 6, n)
    city = draw.choice(["Ulm", "Bonn", "Kiel"], n)
    price = 3 * size + 10 * rooms + 50 * (city == "Bonn") + 20 * draw.standard_normal(n)
    return pl.DataFrame(
        {"id": np.arange(1, n + 1), "size": size, "rooms": rooms, "city": city, "price": price, **more}
    )


def codes(data) -> list[str]:
    return [n.code for n in data.notes]


def test_table_is_read_column_by_column():
    data = load(table(), "price")

    assert [(c.name, c.kind) for c in data.columns] == [
        ("id", "dropped"),
        ("size", "number"),
        ("rooms", "number"),
        ("city", "category"),
    ]
    assert data.frame.columns == ["size", "rooms", "city"]
    assert data.task == "regression"
    assert np.array_equal(data.y, table()["price"].to_numpy())
    assert data.counts == {"number": 2, "category": 1}
    assert codes(data) == ["id"]


@pytest.mark.parametrize("name", examples())
def test_every_example_loads_without_a_target_and_without_a_leak(name):
    data = load(name)

    assert data.n_rows >= 100
    assert "leak" not in codes(data)
    assert data.name == name


def test_chapters_line_and_cubic_follow_their_laws():
    line, cubic = load("line"), load("cubic")
    slope, start = np.polyfit(line.frame["x"].to_numpy(), line.y, 1)
    x = cubic.frame["x"].to_numpy()

    assert (line.n_rows, cubic.n_rows) == (100, 100)
    assert slope == pytest.approx(2, abs=0.1) and start == pytest.approx(1, abs=0.3)
    assert np.std(cubic.y - (x**3 - x**2)) == pytest.approx(0.5, abs=0.1)
    assert np.allclose(np.diff(x), 6 / 99)


def test_bundled_examples_are_scikit_learns():
    from sklearn.datasets import load_breast_cancer

    data, bunch = load("breast_cancer"), load_breast_cancer()

    assert np.array_equal(data.frame.to_numpy(), bunch.data)
    assert [data.labels[int(code)] for code in data.y] == bunch.target_names[bunch.target].tolist()


def test_another_column_of_an_example_can_be_the_target():
    data = load("iris", "petal width (cm)")

    assert data.task == "regression"
    assert "species" in data.frame.columns


def test_fingerprint_is_of_the_content_alone(tmp_path):
    path = tmp_path / "t.csv"
    table().write_csv(path)
    first = load(path, "price")

    assert load(table(), "price").fingerprint == first.fingerprint
    assert load(table(), "price", weights="rooms").fingerprint != first.fingerprint
    assert load(table(seed=2), "price").fingerprint != first.fingerprint
    assert load(table(), "size").fingerprint != first.fingerprint


def test_data_set_can_not_be_changed():
    data = load("iris")

    with pytest.raises(dataclasses.FrozenInstanceError):
        data.name = "x"
    with pytest.raises(ValueError, match="read-only"):
        data.y[0] = 1


def test_columns_can_be_dropped_kept_and_given_a_kind():
    data = load(table(), "price", drop="size", keep=["id"], kinds={"rooms": "category"})

    assert [(c.name, c.kind) for c in data.used] == [
        ("id", "number"),
        ("rooms", "category"),
        ("city", "category"),
    ]


def test_rows_without_a_target_are_left_out():
    frame = table().with_columns(
        pl.when(pl.col("rooms") == 1).then(None).otherwise(pl.col("price")).alias("price")
    )

    data = load(frame, "price")

    assert data.n_rows == frame["price"].drop_nulls().len()
    assert data.frame["size"].to_list() == frame.filter(pl.col("price").is_not_null())["size"].to_list()
    assert "missing_target" in codes(data)


def test_copies_of_a_row_stay_together_and_can_be_dropped():
    twice = pl.concat([table(), table()[:30]])

    data, fewer = load(twice, "price", drop="id"), load(twice, "price", drop="id", duplicates="drop")

    assert data.block is not None
    assert data.block[:30].tolist() == data.block[N:].tolist()
    assert data.notes[0].text == "30 rows equal to another in every column used; copies stay on one side of every split"
    assert fewer.n_rows == N
    assert fewer.block is None


def test_copies_are_what_a_network_sees_whatever_a_column_that_is_left_out_says():
    twice = pl.concat([table(), table()[:30]]).with_columns(
        note=pl.format("said in row {}", pl.int_range(pl.len())), id=pl.int_range(pl.len())
    )

    data = load(twice, "price")

    assert {column.name for column in data.columns if column.kind == "dropped"} == {"id", "note"}
    assert data.block is not None and data.block[:30].tolist() == data.block[N:].tolist()


def test_equal_rows_of_a_coarse_table_are_no_copies():
    draw = np.random.RandomState(0)
    coarse = pl.DataFrame(
        {"a": draw.randint(0, 3, 300), "b": draw.choice(["u", "v"], 300), "y": draw.choice(["n", "j"], 300)}
    )

    data = load(coarse, "y")

    assert data.block is None
    assert "coarse" in codes(data)


def test_column_that_tells_the_target_alone_is_a_leak():
    leaking = table(fee=table()["price"] * 0.03 + 1)

    note = next(n for n in load(leaking, "price").notes if n.code == "leak")

    assert note.columns == ("fee",)
    assert note.flag == "--drop fee"


def test_column_that_tells_the_class_alone_is_a_leak():
    labels = np.where(table()["price"] > 400, "dear", "cheap")
    leaking = (
        table()
        .drop("price")
        .with_columns(tag=pl.Series(np.where(labels == "dear", "A", "B")), y=pl.Series(labels))
    )

    assert [n.columns for n in load(leaking, "y").notes if n.code == "leak"] == [("tag",)]


def test_leak_is_looked_for_among_development_rows_only():
    data = load(table(), "price")
    from manyfit.data import holdout

    locked = holdout(data, 0).test
    column = table()["price"].to_numpy().copy()
    column[holdout(data, 0).development] = np.random.RandomState(3).standard_normal(N - len(locked))

    assert "leak" not in codes(load(table(secret=column), "price"))


def test_rare_classes_are_said():
    y = ["a"] * 150 + ["b"] * 49 + ["c"]
    few = ["a"] * 190 + ["b"] * 10

    assert "rare_class" in codes(load(table().drop("price").with_columns(y=pl.Series(y)), "y"))
    imbalance = next(
        n
        for n in load(table().drop("price").with_columns(y=pl.Series(few)), "y").notes
        if n.code == "imbalance"
    )
    assert imbalance.text == "y: 'b' makes up only 5 % of the rows"
    assert imbalance.flag == "--class-weights balanced"


def test_small_and_wide_tables_are_said():
    draw = np.random.RandomState(0)

    data = load((draw.standard_normal((40, 50)), draw.standard_normal(40)))

    assert codes(data) == ["wide", "few_rows"]


def test_weights_count_and_class_weights_multiply():
    y = ["a"] * 150 + ["b"] * 50
    frame = table().drop("price").with_columns(y=pl.Series(y))

    data = load(frame, "y", weights="rooms", class_weights="balanced")

    assert "rooms" not in data.frame.columns
    assert data.class_weights.tolist() == pytest.approx([200 / 300, 2.0])
    assert data.training_weights()[0] == pytest.approx(frame["rooms"][0] * 200 / 300)
    assert load(frame, "y", class_weights={"b": 3}).class_weights.tolist() == [1, 3]
    assert load(frame, "y").training_weights() is None


def test_group_is_no_input_and_a_row_without_one_stands_alone():
    owner = ["x", "y", None, None] * 50

    data = load(table(owner=owner), "price", group="owner")

    assert "owner" not in data.frame.columns
    assert data.group[:6].tolist() == [0, 1, 2, 3, 0, 1]
    assert len(np.unique(data.group)) == 102
    assert data.block is data.group


def test_time_column_orders_the_rows_and_gives_no_growing_input():
    day = pl.date_range(pl.date(2024, 1, 1), pl.date(2024, 7, 18), eager=True).alias("day")

    data = load(table(day=day), "price", time="day")
    numbered = load(table(), "price", time="id")

    assert np.all(np.diff(data.time) > 0)
    assert next(c for c in data.columns if c.name == "day").is_time
    assert "id" not in numbered.frame.columns
    assert numbered.time.tolist() == list(range(1, N + 1))


def test_roles_can_be_arrays():
    data = load(table(), "price", weights=np.arange(N), group=np.arange(N) % 7)
    ordered = load(table(), "price", time=np.arange(N)[::-1])

    assert ordered.time.tolist() == list(range(N))[::-1]
    assert data.weights.tolist() == list(range(N))
    assert len(np.unique(data.group)) == 7


def test_test_table_is_locked_whole():
    test = table(40, seed=5).select("price", "city", "size", pl.lit("new").alias("extra"))

    data = load(table(), "price", test=test)

    assert data.test_rows.tolist() == list(range(N, N + 40))
    assert data.frame["rooms"].null_count() == 40
    assert [n.columns for n in data.notes if n.code in ("absent", "ignored")] == [("id", "rooms"), ("extra",)]


def test_test_table_may_hold_other_types():
    test = table(40, seed=5).with_columns(pl.col("rooms").cast(pl.String), pl.col("size").cast(pl.Float32))

    assert load(table(), "price", test=test).counts == {"number": 2, "category": 1}


def test_description_names_size_task_columns_and_flags():
    lines = load(
        table(fee=table()["price"] * 0.03 + table()["rooms"] * 0.3), "price", name="house"
    ).describe()

    assert lines[0] == "house   200 rows × 6 columns → price: regression"
    assert lines[1] == "3 numbers, 1 category; id dropped (unique, ordered)"
    assert lines[2].startswith("! fee alone predicts price (R² 0.9") and lines[2].endswith("--drop fee")
    assert load(table(), "price").describe("zh")[1] == "2 列数字、1 列类别；已去掉 id（互不相同且依次递增）"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, r"does not say what is to be predicted. Name it: target=… .*Columns: id, size"),
        ({"target": "prise"}, "target 'prise' is no column of table. Did you mean 'price'"),
        ({"target": "price", "drop": ["sise"]}, "drop 'sise' is no column .*Did you mean 'size'"),
        ({"target": "price", "drop": ["price"]}, "can't be the target as well"),
        ({"target": "price", "kinds": {"city": "text"}}, "kind of 'city' must be one of number"),
        ({"target": "price", "group": "city", "time": "id"}, "group and time can't be combined"),
        ({"target": "price", "weights": "city"}, "weights 'city' must be numbers"),
        ({"target": "price", "weights": -np.arange(N)}, "row 2 must be a number ≥ 0, got -1"),
        ({"target": "price", "weights": np.zeros(N)}, "must not all be 0"),
        ({"target": "price", "weights": np.ones(3)}, "one value for each of the 200 rows"),
        ({"target": "price", "time": "city"}, "time 'city' must be dates or numbers"),
        ({"target": "price", "class_weights": "balanced"}, "need classes"),
        ({"target": "city", "class_weights": {"Ulmm": 2}}, "Did you mean 'Ulm'"),
        ({"target": "city", "class_weights": {"Ulm": -2}}, "must be a number ≥ 0"),
        (
            {"target": "price", "drop": ["id", "size", "rooms", "city"]},
            "no usable column. Dropped were id: asked for",
        ),
        ({"target": "price", "duplicates": "merge"}, "duplicates must be one of"),
        ({"target": "price", "kinds": {"city": "date"}}, "column 'city' can't be read as date"),
        ({"target": "city", "task": "regression"}, "must be numbers"),
    ],
)
def test_what_can_not_be_done_is_refused_with_a_remedy(options, words):
    with pytest.raises(DataError, match=words):
        load(table(), **options)


def test_all_wrong_names_are_reported_at_once():
    with pytest.raises(DataError, match="3 problems in table") as caught:
        load(table(), "prise", drop=["sise"], keep=["nobody"])

    assert len(caught.value.problems) == 3


def test_header_made_of_values_is_suspected(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("1,2\n3,4\n5,6\n")

    with pytest.raises(DataError, match="--no-header"):
        load(path, "price")
    with pytest.raises(DataError, match="--no-header"):
        load(path, "2x")


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (table(5), "at least 10 rows, got 5"),
        (pl.DataFrame({"price": np.arange(20.0)}), "target alone"),
        (
            pl.DataFrame({"a": [1] * 20, "price": np.arange(20.0)}),
            "no usable column. Dropped were a: one value only",
        ),
        (pl.DataFrame({"a": [None] * 20, "price": np.arange(20.0)}), "a: no value at all"),
    ],
)
def test_table_that_is_too_small_is_refused(frame, words):
    with pytest.raises(DataError, match=words):
        load(frame, "price")


def test_values_given_apart_take_the_name_that_is_given():
    X, y = table().drop("price"), table()["price"].to_numpy()

    assert load((X, y), "cost").target.name == "cost"
    with pytest.raises(DataError, match="name of a column of X already"):
        load((X, y), "size")


def test_some_rows_can_be_taken():
    data = load(table(owner=["x", "y"] * 100), "price", group="owner", weights="rooms")
    rows = np.array([5, 3, 9])

    part = data.take(rows)

    assert part.y.tolist() == data.y[rows].tolist()
    assert part.frame["size"].to_list() == data.frame["size"][rows].to_list()
    assert part.block.tolist() == data.block[rows].tolist()
    assert part.weights.tolist() == data.weights[rows].tolist()
    assert part.fingerprint != data.fingerprint


def test_leak_is_found_among_hundreds_of_columns():
    draw = np.random.RandomState(0)
    X = draw.standard_normal((120, 260))
    X[::7, 3] = np.nan

    data = load((X, X[:, 200] * 2 + 0.01 * draw.standard_normal(120)))

    assert [n.columns for n in data.notes if n.code == "leak"] == [("x200",)]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"weights": np.ones((N, 2))}, r"weights must be one-dimensional, got shape \(200, 2\)"),
        ({"time": [None, *list(range(1, N))]}, r"row 1 has no moment"),
        ({"class_weights": "equal"}, "must be 'balanced' or a weight for each class"),
        ({"class_weights": {"Ulm": 0, "Bonn": 0, "Kiel": 0}}, "must not all be 0"),
        (
            {"test": table(12), "weights": np.ones(N)},
            "must be the name of a column when a test table is given",
        ),
        ({"test": table(12).drop("city")}, "column 'city' is not in the test table"),
        ({"test": table(12).with_columns(pl.lit(None).alias("city"))}, "no row with a target"),
    ],
)
def test_role_that_can_not_be_played_is_refused(options, words):
    with pytest.raises(DataError, match=words):
        load(table(), "city", **options)


def test_class_weights_can_be_listed_in_the_order_of_the_classes():
    assert load(table(), "city", class_weights=[1, 2, 3]).class_weights.tolist() == [1, 2, 3]


def test_groups_may_be_words_and_time_may_be_dates():
    words = np.array(["u", "v", "w", "x"] * 50, dtype=object)

    assert load(table(), "price", group=words).group[:5].tolist() == [0, 1, 2, 3, 0]
    assert load(table(), "price", time=np.arange(N).astype("datetime64[D]")).time[1] == 86_400_000_000


def test_lone_column_that_counts_the_rows_is_what_is_predicted_from():
    y = [float(i % 7) + i for i in range(30)]

    data = load({"x": list(range(30)), "y": y}, "y")
    beside = load({"x": list(range(30)), "u": [v * 0.5 + v % 3 for v in y], "y": y}, "y")

    assert [column.kind for column in data.columns] == ["number"]
    assert "x counts the rows" in " ".join(note.text for note in data.notes)
    assert {column.name: column.kind for column in beside.columns} == {"x": "dropped", "u": "number"}
    with pytest.raises(DataError, match="has no usable column"):
        load({"id": list(range(30)), "y": y}, "y")


def test_ravine_is_steep_across_and_flat_along():
    frame = load("ravine").frame
    inputs = frame.select("left", "right").to_numpy()
    across, along = np.linalg.eigvalsh(np.corrcoef(inputs.T))[::-1]

    assert 200 < across / along < 800


def test_sparse_columns_are_rarely_yes_and_all_count():
    data = load("sparse")
    yes = data.frame.to_numpy().astype(float)
    weights, *_ = np.linalg.lstsq(np.column_stack([yes, np.ones(len(yes))]), data.y, rcond=None)

    assert yes.shape[1] == 80 and 0.4 < yes[:, 0].mean() < 0.6 and 0 < yes[:, -1].mean() < 0.02
    assert np.mean(np.abs(weights[:-1]) > 0.1) > 0.8


def test_drifting_target_turns_and_noise_is_left_when_its_weights_are_known():
    data = load("drifting")
    moment = np.arange(data.n_rows)
    inputs = data.frame.to_numpy()
    left = data.y - (inputs * drifting_weights(moment)).sum(1)

    assert data.time is not None and data.time.tolist() == moment.tolist()
    assert data.frame.columns == ["x1", "x2", "x3", "x4"]
    assert left.std() == pytest.approx(0.3, rel=0.01)
    np.testing.assert_allclose(drifting_weights(10_000), -drifting_weights(0), atol=1e-12)


def test_order_of_an_example_gives_way_to_what_is_said():
    assert load("drifting", time="x1").time.tolist() != list(range(50_000))
    assert load("drifting", group="moment").time is None
