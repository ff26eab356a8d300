"""The model: predictions before and after the disk, odd new rows, locked rows, errors."""

import json

import numpy as np
import polars as pl
import pytest
from job.tables import classes, numbers, trained

import manyfit as mf
from manyfit.errors import RunError, UsageError
from manyfit.model import forward, numpy_forward, tempered
from manyfit.networks import Dense, initial_parameters


@pytest.fixture(scope="module")
def regression():
    return trained(numbers())


@pytest.fixture(scope="module")
def classifier():
    return trained(classes())


NEW = pl.DataFrame({"kind": ["x", "never seen", None], "a": [1.0, None, -2.0], "extra": [1, 2, 3]})


def test_predictions_after_the_disk_are_equal_bit_for_bit(regression, classifier, tmp_path):
    for model, new in ((regression, NEW), (classifier, pl.DataFrame({"u": [0.1, -1.0], "v": [2.0, 0.3]}))):
        model.save(tmp_path / model.target.name)
        again = mf.load_model(tmp_path / model.target.name)

        assert np.array_equal(again.predict_frame(again.read(new)), model.predict_frame(model.read(new)))
        assert repr(again) == repr(model)
        assert again.facts == json.loads(json.dumps(model.facts))


def test_prediction_of_a_row_does_not_depend_on_the_others(regression):
    frame = regression.read(numbers(40).frame)
    together = regression.predict_frame(frame)

    alone = np.concatenate([regression.predict_frame(frame[i : i + 1]) for i in range(frame.height)])

    assert np.allclose(alone, together, rtol=1e-6)


def test_new_rows_may_lack_columns_and_hold_unseen_values(regression):
    predicted = regression.predict(NEW)

    assert predicted.shape == (3,)
    assert np.isfinite(predicted).all()
    assert {"absent", "ignored", "unseen"} <= {note.code for note in regression.notes}


def test_classes_come_in_their_own_type_with_probabilities_that_sum_to_one(classifier):
    data = classes()
    p = classifier.predict_proba(data.frame)

    assert p.shape == (150, 3)
    assert np.allclose(p.sum(1), 1)
    assert list(classifier.predict(data.frame)) == [classifier.target.labels[c] for c in p.argmax(1)]


def test_table_of_predictions_has_probabilities_or_intervals(regression, classifier):
    numbers_table = regression.predict_table(regression.read(NEW))
    classes_table = classifier.predict_table(classifier.read(classes().frame))

    assert numbers_table.columns == ["y", "y low", "y high"]
    assert (numbers_table["y low"] < numbers_table["y"]).all()
    assert classes_table.columns == ["way", "p(east)", "p(north)", "p(south)"]


def test_interval_covers_about_its_level(regression):
    new = numbers(400, seed=9)
    low, high = regression.predict_interval(new.frame, level=0.8).T

    assert 0.7 < np.mean((low <= new.y) & (new.y <= high)) < 0.95


def test_level_that_was_not_calibrated_names_those_that_were(regression, classifier):
    with pytest.raises(UsageError, match=r"Calibrated: 0.5, 0.8, 0.9, 0.95"):
        regression.predict_interval(NEW, level=0.7)
    with pytest.raises(UsageError, match="this model predicts numbers"):
        regression.predict_proba(NEW)
    with pytest.raises(UsageError, match="none: it predicts classes"):
        classifier.predict_interval(classes().frame)


def test_opening_the_test_rows_is_counted_also_on_disk(tmp_path):
    data = numbers()
    model = trained(data)
    assert model.openings == 1  # the job's own look
    model.save(tmp_path / "m")

    score = mf.load_model(tmp_path / "m").score_test(data)

    assert score == pytest.approx(model.facts["test"]["contenders"][0]["score"]["estimate"], rel=1e-12)
    assert mf.load_model(tmp_path / "m").openings == 2


def test_test_rows_of_another_table_are_refused(regression):
    with pytest.raises(UsageError, match="must be the table that the model was trained on"):
        regression.open_test(numbers(seed=5))


def test_folder_without_a_model_says_so(tmp_path):
    with pytest.raises(RunError, match="does not exist"):
        mf.load_model(tmp_path / "none")
    with pytest.raises(RunError, match="holds no model"):
        mf.load_model(tmp_path)


@pytest.mark.parametrize("spoil", ["{", '{"schema": 1}', '{"schema": 99}'])
def test_damaged_model_is_one_clear_error(regression, tmp_path, spoil):
    regression.save(tmp_path)
    (tmp_path / "model/model.json").write_text(spoil)

    with pytest.raises(RunError, match=r"is damaged|newer than"):
        mf.load_model(tmp_path)


def test_model_is_never_overwritten_unasked(regression, tmp_path):
    regression.save(tmp_path)

    with pytest.raises(RunError, match="must not exist yet"):
        regression.save(tmp_path)
    regression.save(tmp_path, force=True)


def test_no_training_value_is_in_the_saved_model(regression, tmp_path):
    regression.save(tmp_path)
    text = (tmp_path / "model/model.json").read_text()

    assert not [value for value in numbers().y if repr(float(value)) in text]


@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "identity"])
@pytest.mark.parametrize("hidden", [(), (5,), (4, 3)])
def test_forward_without_core_equals_forward_with_it(hidden, activation, rng):
    shape = Dense(hidden, activation)
    parameters = initial_parameters([1, 2, 3], shape.widths(2, 2)).astype(np.float32)
    X = rng.normal(size=(5, 2))

    assert numpy_forward(shape, parameters, X).shape == (3, 5, 2)
    assert np.allclose(numpy_forward(shape, parameters, X), forward(shape, parameters, X), atol=1e-5)


def test_temperature_of_one_changes_nothing_and_a_large_one_makes_even():
    p = np.array([[0.9, 0.1]])

    assert tempered(p, 1.0) is p
    assert np.allclose(tempered(p, 1e9), 0.5)
