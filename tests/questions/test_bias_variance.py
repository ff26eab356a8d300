"""Bias, variance and noise are found where they are known, and add up to the loss."""

from __future__ import annotations

import dataclasses

import numpy as np
import polars as pl
import pytest

from manyfit.data import load
from manyfit.engines.choose import fit
from manyfit.errors import UsageError
from manyfit.hyper import Choice
from manyfit.networks import Dense
from manyfit.population import Population
from manyfit.questions import (
    ArrayRows,
    TableRows,
    Task,
    ask,
    default_recipe,
    interval_text,
    measure_for,
)
from manyfit.questions._variance.decomposed import Decomposed, log_probabilities, read
from manyfit.questions._variance.draws import DrawnRows, data_sets
from manyfit.questions.bias_variance import BiasVariance
from manyfit.recipe import Recipe, Stopping
from manyfit.runs import Run
from manyfit.stats import Finding, Interval
from manyfit.stats.decompose import Terms, squared_error

G = 12


def planted(
    bias: tuple[float, float], variance: tuple[float, float], sd: float = 0.01, noise: float = 0.5
) -> Decomposed:
    """Two settings with given terms; groups share a part."""
    random = np.random.default_rng(0)
    shared = 0.1 * random.normal(size=G)

    def table(means: tuple[float, float]) -> np.ndarray:
        return np.array(means)[:, None] + shared + sd * random.normal(size=(2, G))

    b, v, s = table(bias), table(variance), np.full((2, G), noise)
    terms = Terms(b + v + s, b, v, np.zeros((2, G)), s)
    return Decomposed(np.array([2.0, 64.0]), 1, terms, np.zeros(2), True)


def test_planted_trade_off_is_found():
    reading = read(planted((2.0, 0.5), (0.2, 0.9)), 0.05)

    assert reading.bias_over.finding is Finding.BETTER  # it falls from the smallest to the largest
    assert reading.variance_over.finding is Finding.WORSE
    assert reading.best == 1 and reading.against[0].finding is Finding.WORSE
    assert reading.dominates == "variance"
    assert reading.of["bias"][0].contains(2.0) and reading.of["variance"][1].contains(0.9)


def test_planted_equivalence_is_the_same_and_balanced():
    reading = read(planted((0.6, 0.6), (0.6, 0.6)), 0.05)

    assert reading.bias_over.finding is reading.variance_over.finding is Finding.SAME
    assert reading.against[0].finding is Finding.SAME
    assert reading.dominates == "balanced"


def test_planted_tie_in_much_noise_can_not_be_told():
    reading = read(planted((0.6, 0.6), (0.6, 0.6), sd=1.0), 0.01)

    assert reading.bias_over.finding is Finding.UNKNOWN
    assert reading.dominates == "cannot-tell"


def test_setting_at_which_networks_diverge_is_worse_than_any_other():
    found = planted((0.6, 0.6), (0.6, 0.6))
    terms = Terms(*(np.where(np.arange(2)[:, None] == 0, np.inf, term) for term in found.terms))
    reading = read(found._replace(terms=terms, diverged=np.array([1.0, 0.0])), 0.05)

    assert reading.best == 1
    assert reading.against[0].finding is Finding.WORSE


def small(name: str, epochs: int = 3, **settings: object) -> Task:
    rows = TableRows(load(name, leaks=False))
    recipe = default_recipe(rows.task, 96).set("epochs", epochs).set("network.hidden", (4,))
    for path, value in settings.items():
        recipe = recipe.set(path, value)
    return Task(name, rows, recipe, measure_for(rows.task), seed=1)


PLAN = BiasVariance(widths=Choice((2, 8)), replicates=3, seeds=2)


@pytest.mark.parametrize("data", ["fresh", "halves", "bootstraps"])
@pytest.mark.parametrize("name", ["cubic", "moons"])
def test_terms_of_real_networks_add_up_to_the_loss(name: str, data: str):
    answer = ask(dataclasses.replace(PLAN, data=data), small(name))

    terms = {term: np.array(table) for term, table in answer.numbers["groups"].items()}
    summed = terms["bias"] + terms["data"] + terms["seed"] + terms["noise"]
    np.testing.assert_allclose(summed, terms["loss"], rtol=0, atol=1e-12 * terms["loss"].max())
    assert terms["loss"].shape == (3, 3)  # 2, 4 as it is, 8
    assert answer.numbers["noise_is_known"] is True
    assert answer.numbers["as_it_is"] == 4.0
    data, seed = (interval_text(Interval(**answer.numbers["terms"][name][1])) for name in ("data", "seed"))
    assert answer.sections[1].statement[0].en == (
        f"As it is (width 4): {data} of the variance comes from the data, {seed} from the seed."
    )
    assert all(text.en and text.zh for text in answer.statement)


@pytest.mark.parametrize(("name", "word"), [("diabetes", "squared error"), ("iris", "cross-entropy")])
def test_where_nobody_knows_the_law_the_noise_stands_with_the_bias(name: str, word: str):
    answer = ask(PLAN, small(name))

    table = answer.sections[0].tables[0]
    assert [title.en for title in table.head] == ["width", word, "bias² + noise", "variance", "vs as it is"]
    assert answer.numbers["dominates"] == ""
    figure = answer.sections[0].figures[0]
    np.testing.assert_allclose(
        [series.middle for series in figure.series],
        [
            [interval["estimate"] for interval in answer.numbers["terms"][n]]
            for n in ("loss", "bias", "variance")
        ],
    )


def test_loss_is_the_mean_loss_of_the_networks():
    """The loss of the groups is that which the networks have on the rows that score, in the unit of the target."""
    kept: list[Run] = []

    def train(population: Population) -> Run:
        kept.append(fit(population))
        return kept[-1]

    task = small("diabetes")
    answer = ask(PLAN, task, fit=train)

    of_networks = (task.scores(kept[0], measure=measure_for("regression", "rmse")) ** 2).reshape(3, 3, -1)
    np.testing.assert_allclose(np.array(answer.numbers["groups"]["loss"]), of_networks.mean(2), rtol=1e-5)


def test_halves_share_no_row_and_keep_the_shares_of_the_classes():
    task = small("iris")
    (pair,) = task.replicates(1)

    first, second = data_sets(task, pair, 2, "halves")

    known = np.concatenate([pair.split.train, pair.split.stop])
    np.testing.assert_array_equal(np.sort(np.concatenate([first, second])), np.sort(known))
    counts = [np.bincount(task.rows.y[rows]) for rows in (first, second)]
    assert np.abs(counts[0] - counts[1]).max() <= 2
    assert not set(pair.split.score) & set(known)


def test_recipe_that_stops_early_keeps_its_stopping_rows_out_of_the_halves():
    task = small("iris")
    task = dataclasses.replace(task, recipe=dataclasses.replace(task.recipe, stopping=Stopping(patience=2)))
    (pair,) = task.replicates(1)

    assert not set(pair.split.stop) & set(np.concatenate(data_sets(task, pair, 2, "halves")))


def test_bootstraps_share_63_percent_of_their_rows():
    rows = ArrayRows(np.zeros((5000, 2)), np.arange(5000.0), "regression")
    task = Task("many", rows, Recipe(), measure_for("regression"))
    (pair,) = task.replicates(1)

    first, second = data_sets(task, pair, 2, "bootstraps")

    n = len(first)
    assert abs(len(set(first)) / n - (1 - np.exp(-1))) < 0.02
    assert abs(len(set(first) & set(second)) / len(set(second)) - (1 - np.exp(-1))) < 0.02


def test_parts_of_arrays_are_disjoint_too():
    rows = ArrayRows(np.zeros((100, 2)), np.arange(100.0), "regression")
    task = Task("some", rows, Recipe(), measure_for("regression"))
    (pair,) = task.replicates(1)
    parts = data_sets(task, pair, 3, "halves")

    assert len(set(np.concatenate(parts))) == sum(map(len, parts))
    assert {len(part) for part in parts} == {(len(pair.split.train) + len(pair.split.stop)) // 3}


def test_rows_with_the_same_inputs_tell_the_noise():
    random = np.random.default_rng(0)
    x = np.repeat(np.arange(40) / 10, 5)
    data = load(
        pl.DataFrame({"x": x, "y": x + 0.5 * random.normal(size=200)}), "y", leaks=False, duplicates="apart"
    )
    rows = TableRows(data)
    task = Task("repeated", rows, Recipe(Dense((4,)), epochs=2), measure_for("regression"))

    answer = ask(PLAN, task)

    assert answer.numbers["noise_is_known"] is True
    # 160 rows on 40 places know the variance 0.25 to 13 %.
    assert answer.numbers["terms"]["noise"][0]["estimate"] == pytest.approx(0.25, rel=0.4)


def test_fresh_data_sets_of_a_table_without_a_law_are_refused():
    with pytest.raises(UsageError, match="needs rows from a known law"):
        ask(dataclasses.replace(PLAN, data="fresh"), small("iris"))


def test_width_of_a_network_without_one_is_refused_and_decay_taken_instead():
    task = small("iris", **{"network.hidden": ()})

    with pytest.raises(UsageError, match="needs hidden layers of one width"):
        ask(PLAN, task)
    answer = ask(BiasVariance(over="l2", strengths=Choice((0.01, 0.1)), replicates=2), task)
    assert answer.numbers["settings"] == [0.0, 0.01, 0.1] and answer.numbers["as_it_is"] == 0.0
    assert answer.sections[0].figures[0].series[0].x.tolist() == [0.01, 0.1]  # 0 has no place on a logarithm


def test_module_whose_class_takes_a_width_is_taken_apart_over_it():
    torch = pytest.importorskip("torch")
    from manyfit.networks.module import Module

    class Net(torch.nn.Sequential):
        """One hidden layer."""

        def __init__(self, width: int = 4) -> None:
            super().__init__(torch.nn.Linear(3, width), torch.nn.Tanh(), torch.nn.Linear(width, 1))

    X = np.random.default_rng(0).normal(size=(80, 3)).astype(np.float32)
    recipe = Recipe(Module(Net), "mse", batch_size=16, epochs=2)
    task = Task("arrays", ArrayRows(X, X.sum(1), "regression"), recipe, measure_for("regression"))

    answer = ask(BiasVariance(widths=Choice((2, 8)), replicates=2), task)

    assert answer.numbers["settings"] == [2.0, 4.0, 8.0] and answer.numbers["as_it_is"] == 4.0


def test_log_probabilities_are_those_of_the_loss():
    from manyfit.losses import registry

    logits = np.array([[1.0, -2.0, 0.5]])
    assert np.exp(log_probabilities(logits, registry.find("cross_entropy")())).sum() == pytest.approx(1.0)
    two = log_probabilities(np.array([[800.0], [-800.0]]), registry.find("bce")())
    np.testing.assert_allclose(two, [[-800.0, 0.0], [0.0, -800.0]])
    assert np.isfinite(log_probabilities(np.array([[0.0, 1.0]]), registry.find("mse")())).all()


def test_module_of_ones_own_is_taken_apart_over_its_decay():
    torch = pytest.importorskip("torch")
    from manyfit.networks.module import Module

    random = np.random.default_rng(0)
    X = random.normal(size=(80, 3)).astype(np.float32)

    def make() -> object:
        return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 1))

    recipe = Recipe(Module(make), "mse", batch_size=16, epochs=2)
    task = Task("arrays", ArrayRows(X, X.sum(1), "regression"), recipe, measure_for("regression"))

    answer = ask(BiasVariance(over="l2", strengths=Choice((0.01, 1.0)), replicates=2, seeds=1), task)

    terms = {name: np.array(table) for name, table in answer.numbers["groups"].items()}
    np.testing.assert_allclose(terms["bias"] + terms["data"], terms["loss"], atol=1e-12)
    assert len(answer.sections) == 1  # with one seed on each data set the sources can't be told


STRENGTHS = (0.01, 0.1, 1.0)
SD = 1.5


def ridge(n_groups: int, n_rows: int = 20) -> tuple[DrawnRows, dict[float, tuple[float, float]]]:
    """Fresh targets on a fixed design, and the exact bias² and variance of ridge regression at each strength."""
    random = np.random.default_rng(4)
    X = random.normal(size=(n_rows, 3)) @ np.array([[1.0, 0.8, 0.0], [0.0, 0.6, 0.0], [0.0, 0.0, 2.0]])
    center = 1.0 + np.sin(2 * X[:, 0]) + 2 * X[:, 1] - X[:, 2]  # no linear network has no bias
    each = 2 * n_rows + n_rows + n_rows  # two sets, rows to stop by, rows that score: all on the design
    y = np.tile(center, n_groups * each // n_rows)
    y = y + SD * random.normal(size=len(y))
    rows = DrawnRows(
        np.tile(X, (len(y) // n_rows, 1)),
        y,
        np.tile(center, len(y) // n_rows),
        SD,
        n_sets=2,
        n_rows=n_rows,
        n_stop=n_rows,
        n_score=n_rows,
        task="regression",
    )
    middle = X - X.mean(0)
    exact = {}
    for strength in STRENGTHS:
        inverse = np.linalg.inv(middle.T @ middle / n_rows + strength * np.eye(3))
        hat = 1 / n_rows + middle @ inverse @ middle.T / n_rows  # the bias is not punished
        exact[strength] = (
            float(np.mean((hat @ center - center) ** 2)),
            SD**2 * float(np.trace(hat @ hat.T)) / n_rows,
        )
    return rows, exact


@pytest.mark.slow
def test_linear_networks_have_the_bias_and_variance_of_ridge_regression():
    rows, exact = ridge(n_groups=60)
    recipe = Recipe(Dense(()), optimizer="sgd", batch_size=None, epochs=1500, precision="float64")
    task = Task("ridge", rows, recipe.set("optimizer.lr", 0.1), measure_for("regression"))
    plan = BiasVariance(over="l2", strengths=Choice(STRENGTHS), replicates=60, seeds=1, level=0.99)

    answer = ask(plan, task)

    terms = answer.numbers["terms"]
    assert answer.numbers["settings"] == [0.0, *STRENGTHS]
    for place, strength in enumerate(STRENGTHS, start=1):
        for name, value in zip(("bias", "variance"), exact[strength], strict=True):
            interval = terms[name][place]
            assert interval["low"] <= value <= interval["high"], (name, strength, value, interval)
            assert (
                interval["high"] - interval["low"] < 0.6 * value
            )  # and they are narrow enough to mean something
    assert terms["noise"][0]["estimate"] == pytest.approx(SD**2)


@pytest.mark.slow
def test_intervals_cover_the_exact_terms_of_ridge_regression():
    """The same without networks, by ridge's own formula: 300 times ten groups of two data sets."""
    rows, exact = ridge(n_groups=1)
    n, X = rows.n_rows, rows.X[: rows.n_rows]
    center = rows.center[:n]
    middle = X - X.mean(0)
    hat = 1 / n + middle @ np.linalg.inv(middle.T @ middle / n + 0.1 * np.eye(3)) @ middle.T / n
    random = np.random.default_rng(1)
    hits = np.zeros(2)
    for _ in range(300):
        outputs = (center + SD * random.normal(size=(10, 2, 1, n))) @ hat.T
        terms = squared_error(outputs[..., None], center[:, None], noise=SD**2)
        found = Decomposed(
            np.ones(2), 0, Terms(*(np.tile(term, (2, 1)) for term in terms)), np.zeros(2), True
        )
        of = read(found, 0.05).of
        hits += [
            of[name][0].contains(value) for name, value in zip(("bias", "variance"), exact[0.1], strict=True)
        ]

    # 95 % of 300 are 285 ± 4; the terms are skewed, which costs a little coverage at ten groups.
    assert (hits >= 0.91 * 300).all(), hits / 300
