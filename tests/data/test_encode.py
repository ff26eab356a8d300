"""The encoder: equal to scikit-learn's transformers, of one width in every fold, unchanged by saving, patient with new rows."""

import dataclasses
import datetime as dt
import json

import numpy as np
import polars as pl
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, QuantileTransformer, StandardScaler

from manyfit.data import Encoder, folds, holdout, load
from manyfit.errors import DataError

N = 400


def table(n: int = N, seed: int = 1) -> pl.DataFrame:
    draw = np.random.RandomState(seed)
    holes = draw.uniform(size=n) < 0.2
    city = draw.choice(["Ulm", "Bonn", "Kiel", "Jena"], n, p=[0.4, 0.3, 0.2, 0.1])
    where = [None if u < 0.1 else c for u, c in zip(draw.uniform(size=n), city, strict=True)]
    where[7] = "Suhl"
    return pl.DataFrame(
        {
            "size": draw.standard_normal(n) * 20 + 100,
            "income": np.where(draw.uniform(size=n) < 0.3, 0.0, np.exp(2 * draw.standard_normal(n) + 3)),
            "age": pl.Series(np.where(holes, np.nan, draw.uniform(0, 90, n)), nan_to_null=True),
            "garden": pl.Series([None if u < 0.1 else bool(u < 0.5) for u in draw.uniform(size=n)]),
            "city": pl.Series(where),
            "sold": [dt.date(2020, 1, 1) + dt.timedelta(int(d)) for d in draw.randint(0, 1500, n)],
            "price": draw.standard_normal(n) * 50 + 300,
        }
    )


@pytest.fixture(scope="module")
def data():
    return load(table(), "price")


@pytest.fixture(scope="module")
def encoder(data):
    return Encoder.fit(data)


def by_scikit_learn(frame: pl.DataFrame, train: np.ndarray) -> np.ndarray:
    """The same preprocessing by scikit-learn's transformers alone, for every column but the date."""
    clip = FunctionTransformer(np.clip, kw_args={"a_min": -3, "a_max": 3})
    heavy = make_pipeline(
        SimpleImputer(strategy="median"),
        QuantileTransformer(n_quantiles=min(1000, len(train)), output_distribution="normal", random_state=0),
        clip,
        StandardScaler(),
    )
    one_hot = OneHotEncoder(
        handle_unknown="infrequent_if_exist", max_categories=32, min_frequency=2, sparse_output=False
    )
    model = ColumnTransformer(
        [
            ("size", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), [0]),
            ("income", heavy, [1]),
            ("age", make_pipeline(SimpleImputer(strategy="median", add_indicator=True)), [2]),
            ("garden", make_pipeline(SimpleImputer(strategy="most_frequent", add_indicator=True)), [3]),
            (
                "city",
                make_pipeline(
                    SimpleImputer(strategy="constant", fill_value="~none", missing_values=None), one_hot
                ),
                [4],
            ),
        ]
    )
    columns = [frame[name].cast(pl.Float64).to_numpy() for name in ("size", "income", "age", "garden")]
    cells = np.column_stack([*(c.astype(object) for c in columns), frame["city"].to_numpy()])
    X = model.fit(cells[train]).transform(cells).astype(float)
    for i in (2, 4):  # scale the two filled columns, not their indicators
        X[:, i] = StandardScaler().fit(X[train, i : i + 1]).transform(X[:, i : i + 1])[:, 0]
    return X


def test_encoder_agrees_with_scikit_learns_column_transformer(data):
    train = np.arange(300)
    encoder = Encoder.fit(data, train)
    X = encoder.transform(data.frame)
    without_date = np.flatnonzero([made.column != "sold" for made in encoder.inputs])

    # 1e-12: the quantiles are interpolated in another order of operations
    np.testing.assert_allclose(
        X[:, without_date], np.clip(by_scikit_learn(data.frame, train), -5, 5), atol=1e-12
    )


def test_names_say_column_value_and_part(encoder):
    names = encoder.names

    assert names[:6] == ["size", "income", "age", "age is missing", "garden", "garden is missing"]
    assert "city = Bonn" in names and "city = (missing)" in names and "city = (rare)" in names
    assert "city = Suhl" not in names
    assert "sold.month.sin" in names and "sold.elapsed" in names
    assert "sold.hour.sin" not in names


def test_groups_and_kinds_map_inputs_to_columns(encoder):
    groups = encoder.groups

    assert sorted(np.concatenate(list(groups.values()))) == list(range(encoder.n_inputs))
    assert [encoder.names[i] for i in groups["age"]] == ["age", "age is missing"]
    assert encoder.is_discrete[groups["city"]].all()
    assert encoder.is_discrete[:6].tolist() == [False, False, False, True, True, True]
    assert not encoder.is_discrete[groups["sold"]].any()


def test_inputs_are_standardised_on_the_training_rows_and_clipped(data):
    wild = data.frame.with_columns(pl.Series("size", np.r_[1e9, data.frame["size"].to_numpy()[1:]]))
    train = np.arange(10, N)
    X = Encoder.fit(data, train).transform(wild)

    assert X[0, 0] == 5.0
    assert X[train][:, [0, 1, 2, 4]].mean(0) == pytest.approx(0, abs=1e-12)
    assert X[train][:, [0, 1, 4]].std(0) == pytest.approx(1, abs=1e-12)


def test_every_fold_has_the_same_inputs_and_its_own_numbers(data):
    development = holdout(data, 0).development

    encoders = [Encoder.fit(data, fold.train, development) for fold in folds(data, development)]

    assert len({tuple(encoder.names) for encoder in encoders}) == 1
    assert len({encoder.parts[0].mean for encoder in encoders}) == 5


def test_fit_looks_at_no_other_row(data):
    train = np.arange(300)
    spoilt = data.frame.with_columns(
        pl.Series("size", np.r_[data.frame["size"].to_numpy()[:300], np.full(100, 1e6)])
    )
    other = dataclasses.replace(data, frame=spoilt)

    assert np.array_equal(
        Encoder.fit(data, train).transform(data.frame[:300]),
        Encoder.fit(other, train).transform(spoilt[:300]),
    )


def test_row_is_encoded_alike_alone_and_together(data, encoder):
    X = encoder.transform(data.frame)

    assert np.array_equal(np.vstack([encoder.transform(data.frame[i : i + 1]) for i in range(30)]), X[:30])


def test_encoder_survives_saving_bit_for_bit(data, encoder):
    meta, arrays = encoder.to_arrays()
    again = Encoder.from_arrays(json.loads(json.dumps(meta)), {name: a.copy() for name, a in arrays.items()})

    assert np.array_equal(again.transform(data.frame), encoder.transform(data.frame))
    assert again.names == encoder.names
    assert again.columns == encoder.columns
    assert again.target == encoder.target
    assert np.array_equal(again.decode_target(data.y), encoder.decode_target(data.y))


def test_encoder_of_a_newer_format_is_refused(encoder):
    meta, arrays = encoder.to_arrays()

    with pytest.raises(DataError, match="Update manyfit"):
        Encoder.from_arrays(meta | {"schema": 99}, arrays)


def test_target_is_scaled_and_comes_back(data):
    encoder = Encoder.fit(data, np.arange(300))
    z = encoder.encode_target(data.y)

    assert z[:300].mean() == pytest.approx(0, abs=1e-12) and z[:300].std() == pytest.approx(1)
    assert encoder.decode_target(z) == pytest.approx(data.y)


def test_classes_are_not_scaled():
    data = load("iris")
    encoder = Encoder.fit(data)

    assert np.array_equal(encoder.encode_target(data.y), data.y)
    assert encoder.n_outputs == 3
    assert Encoder.fit(load("moons")).n_outputs == 1


def test_new_rows_in_any_order_and_type_give_the_same_inputs(data, encoder):
    shuffled = table().select("city", "price", "sold", "garden", "age", "income", "size")
    as_text = shuffled.with_columns(pl.all().cast(pl.String))

    for new in (shuffled, as_text, shuffled.with_columns(pl.col("size").cast(pl.Float64))):
        rows = encoder.read(new)
        assert np.array_equal(encoder.transform(rows.frame), encoder.transform(data.frame))
        assert [n.code for n in rows.notes] == ["filled"]


def test_new_rows_read_from_csv_give_the_same_inputs(tmp_path, data, encoder):
    path = tmp_path / "new.csv"
    table().write_csv(path)

    assert np.array_equal(encoder.transform(encoder.read(path).frame), encoder.transform(data.frame))


def test_category_that_looks_like_a_number_is_read_as_text(tmp_path):
    draw = np.random.RandomState(0)
    zips = draw.choice(["00501", "A1", "10115"], 100)
    encoder = Encoder.fit(load(pl.DataFrame({"zip": zips, "y": draw.standard_normal(100)}), "y"))
    path = tmp_path / "new.csv"
    path.write_text("zip\n00501\n10115\n")

    assert encoder.transform(encoder.read(path).frame).tolist() == [[1, 0, 0], [0, 1, 0]]


def test_surprises_in_new_rows_are_filled_and_said(encoder):
    new = pl.DataFrame(
        {
            "size": [1e6, 100.0],
            "city": ["Rom", "Ulm"],
            "age": ["old", "30"],
            "dog": [1, 2],
            "sold": [None, None],
        }
    )

    rows = encoder.read(new)
    X = encoder.transform(rows.frame)

    assert {n.code: n.columns for n in rows.notes} == {
        "absent": ("income", "garden"),
        "ignored": ("dog",),
        "unreadable": ("age",),
        "filled": ("age", "sold"),
        "unseen": ("city",),
        "outside": ("size",),
    }
    assert np.isfinite(X).all()
    assert X[0, encoder.names.index("city = (rare)")] == 1
    assert X[:, encoder.names.index("age is missing")].tolist() == [1, 0]


def test_unseen_value_switches_nothing_on_where_no_value_was_rare():
    draw = np.random.RandomState(0)
    encoder = Encoder.fit(
        load(pl.DataFrame({"c": draw.choice(["a", "b"], 100), "y": draw.standard_normal(100)}), "y")
    )

    assert encoder.transform(encoder.read({"c": ["a", "zz", None]}).frame).tolist() == [
        [1, 0],
        [0, 0],
        [0, 0],
    ]


def test_bare_array_is_taken_by_place():
    draw = np.random.RandomState(0)
    X = draw.standard_normal((50, 3))
    encoder = Encoder.fit(load((X, draw.standard_normal(50))))

    assert encoder.transform(encoder.read(X[:5]).frame).shape == (5, 3)
    named = Encoder.fit(load(pl.DataFrame(X, schema=["a", "b", "c"]), X[:, 0]))
    assert named.read(X[:5]).frame.columns == ["a", "b", "c"]


def test_table_without_any_known_column_is_refused(encoder):
    with pytest.raises(DataError, match="none of the model's columns"):
        encoder.read({"Size": [1]})


def test_rare_values_share_an_input_and_widths_are_bounded():
    draw = np.random.RandomState(0)
    many = [f"v{int(v)}" for v in draw.zipf(1.3, 2000) % 300]
    encoder = Encoder.fit(
        load(pl.DataFrame({"c": many, "y": draw.standard_normal(2000)}), "y"), max_categories=10
    )

    assert encoder.n_inputs == 10
    assert encoder.names[-1] == "c = (rare)"


def test_column_with_one_value_and_holes_tells_by_its_holes():
    flag = ["Y" if i % 3 else None for i in range(60)]
    number = [1.0 if i % 3 else None for i in range(60)]
    data = load(
        pl.DataFrame({"flag": flag, "number": number, "y": np.arange(60.0) % 7}), "y", task="regression"
    )

    X = Encoder.fit(data).transform(data.frame)

    assert Encoder.fit(data).names == ["flag = Y", "flag = (missing)", "number", "number is missing"]
    assert np.array_equal(X[:, 3], X[:, 1])


def test_column_without_a_value_in_the_training_rows_is_filled(data):
    empty = np.flatnonzero(data.frame["age"].is_null().to_numpy())

    X = Encoder.fit(data, empty, np.arange(N)).transform(data.frame)

    assert np.isfinite(X).all()


def test_huge_and_tiny_numbers_are_held():
    draw = np.random.RandomState(0)
    frame = pl.DataFrame(
        {"huge": draw.standard_normal(50) * 1e99, "tiny": np.exp(3 * draw.standard_normal(50)) * 1e-12}
    )

    X = Encoder.fit(load(frame, draw.standard_normal(50))).transform(frame)

    assert np.isfinite(X).all()
    assert X.std(0) == pytest.approx(1)
    assert len(np.unique(X[:, 1])) > 40


def test_half_precision_halves_the_table(data, encoder):
    small = encoder.transform(data.frame, np.float32)

    assert small.dtype == np.float32
    assert small == pytest.approx(encoder.transform(data.frame), abs=1e-6)


def test_target_of_one_value_in_the_training_rows_is_refused():
    frame = pl.DataFrame({"a": np.arange(40.0) % 7, "y": [1.5] * 20 + list(np.arange(20.0))})

    with pytest.raises(DataError, match=r"one value in all 20 training rows, got 1.5"):
        Encoder.fit(load(frame, "y"), np.arange(20))


def test_fold_without_the_rows_that_differ_takes_its_unit_from_all_rows():
    data = load(pl.DataFrame({"a": np.arange(40.0) % 7, "y": [1.5] * 39 + [5.5]}), "y", task="regression")

    encoder = Encoder.fit(data, np.arange(30), np.arange(40))

    assert encoder.y_mean == 1.5
    assert encoder.y_scale == np.std(data.y)


def test_account_says_what_became_of_every_column():
    data = load(table().with_columns(pl.int_range(1, N + 1).alias("id")), "price")

    rows = {name: (kind, done) for name, kind, done, _ in Encoder.fit(data).account()}

    assert list(rows) == ["size", "income", "age", "garden", "city", "sold", "id"]
    assert rows["size"] == ("number", "standardized")
    assert rows["income"] == ("number", "ranks bent to a normal shape (heavy tail), standardized")
    assert rows["age"][1].endswith("and are marked, standardized")
    assert rows["city"] == ("category", "6 inputs, one of them for 1 rare value")
    assert rows["id"] == ("dropped", "left out")
    assert all("".join(row).isascii() is False for row in Encoder.fit(data).account("zh"))


def test_numbers_of_a_long_table_come_from_a_sample_that_never_changes(monkeypatch):
    from manyfit.data import fitting

    monkeypatch.setattr(fitting, "MOST_ROWS", 100)
    data = load(table(), "price")

    first, second = Encoder.fit(data), Encoder.fit(data)

    assert first.parts[0].mean == second.parts[0].mean != data.frame["size"].mean()
    assert first.parts[0].mean == pytest.approx(data.frame["size"].mean(), abs=6)
