"""Losses and fits of a run as figure data, and figures as pictures."""

import numpy as np
import pytest

import manyfit as mf
from manyfit.answers import Text
from manyfit.engines.choose import predict
from manyfit.errors import UsageError

X = np.linspace(-1, 1, 8)
y = X**2


@pytest.fixture(scope="module")
def run():
    recipes = [mf.Recipe(mf.Dense((3,), "tanh"), epochs=n) for n in (2, 3)]
    return mf.fit(mf.Population.of(recipes, X[:, None], y))


def test_losses_are_those_of_the_run(run):
    figure = mf.loss_curves(run, ["short", ("long", "长")], ("Two", "两条"), y_log=True)

    assert (figure.title, figure.x_title, figure.y_title) == (Text("Two", "两条"), Text("Epoch", "轮数"), Text("Loss", "损失"))
    assert [series.name for series in figure.series] == ["short", Text("long", "长")]
    assert figure.y_log
    for i, series in enumerate(figure.series):
        np.testing.assert_array_equal(series.x, [1, 2, 3])
        np.testing.assert_array_equal(series.middle, run.loss[:, i])


def test_fits_are_the_predictions_over_the_data(run):
    figure = mf.fit_curves(run, X, y)

    assert [series.name for series in figure.series] == [Text("network 1", "网络 1"), Text("network 2", "网络 2")]
    for series, expected in zip(figure.series, predict(run, X[:, None]), strict=True):
        np.testing.assert_array_equal(series.middle, expected[:, 0])
    np.testing.assert_array_equal(figure.points[0].x, X)
    np.testing.assert_array_equal(figure.points[0].middle, y)


def test_names_that_are_not_one_for_each_network_are_refused(run):
    with pytest.raises(UsageError, match="names must be 2, one for each network, got 3"):
        mf.loss_curves(run, ["a", "b", "c"])


def test_fits_of_several_inputs_are_refused(run):
    with pytest.raises(UsageError, match="fit_curves X must have one column, got 2"):
        mf.fit_curves(run, np.ones((8, 2)), y)


@pytest.mark.parametrize(("name", "magic"), [("loss.svg", b"<svg"), ("loss.PNG", b"\x89PNG")])
def test_a_figure_is_drawn_by_the_ending_of_its_file(run, tmp_path, name, magic):
    (made,) = mf.draw(mf.loss_curves(run), tmp_path / name)

    assert made == tmp_path / name
    assert made.read_bytes().startswith(magic)


def test_several_languages_are_several_files(run, tmp_path):
    both = [mf.loss_curves(run), mf.fit_curves(run, X, y)]
    english, chinese = mf.draw(both, tmp_path / "two.svg", ["en", "zh"])

    assert (english.name, chinese.name) == ("two.en.svg", "two.zh.svg")
    assert all(f">{word}<" in english.read_text("utf-8") for word in ("Training loss", "Fits", "network 2"))
    assert all(f">{word}<" in chinese.read_text("utf-8") for word in ("训练损失", "拟合效果", "网络 2"))


def test_another_ending_or_language_is_refused_before_anything_is_written(run, tmp_path):
    with pytest.raises(UsageError, match=r"path must end in \.svg or \.png"):
        mf.draw(mf.loss_curves(run), tmp_path / "loss.jpg")
    with pytest.raises(UsageError, match="language must be en or zh, got 'de'"):
        mf.draw(mf.loss_curves(run), tmp_path / "loss.svg", ["en", "de"])
    assert list(tmp_path.iterdir()) == []
