"""What the twins show is what the diagnosis says: planted overfitting, underfitting, harmless gap, and nothing to tell."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from manyfit import optimizers
from manyfit.engines.choose import fit
from manyfit.hyper import hyper
from manyfit.losses import MSE
from manyfit.networks import Dense
from manyfit.population import Population, View
from manyfit.questions import ArrayRows, Split, Task, ask, measure_for
from manyfit.questions._diagnosis.judgement import idle_kinds, judge, leading
from manyfit.questions._frame.words import interval_text
from manyfit.questions.diagnose import WORDS, Diagnose, twins
from manyfit.recipe import Recipe
from manyfit.runs import Run
from manyfit.stats import Comparison, Interval, paired

RANDOM = np.random.default_rng(0)


def shifted(by: float, noise: float = 0.01) -> Comparison:
    """A remedy that changes the score by so much, on 15 pairs."""
    base = RANDOM.normal(1.0, 0.1, size=15)
    scatter = RANDOM.normal(size=15)
    return paired(base + by + noise * (scatter - scatter.mean()), base, scope="planted", margin=0.01)


def gap_of(low: float, high: float) -> Interval:
    return Interval((low + high) / 2, low, high, 0.95, 15, "planted", "planted")


GAP = gap_of(0.4, 0.6)


def test_curb_that_helps_again_means_overfitting() -> None:
    remedies = {"penalised": shifted(-0.2), "shorter": shifted(-0.1), "larger": shifted(-0.1)}

    assert leading(remedies) == "penalised"
    assert judge("penalised", shifted(-0.1), remedies, GAP, 0.01) == "overfitting"


def test_boost_that_helps_again_means_underfitting() -> None:
    remedies = {"smaller": shifted(0.3), "larger": shifted(-0.2)}

    assert leading(remedies) == "larger"
    assert judge("larger", shifted(-0.2), {"smaller": shifted(0.3)}, GAP, 0.01) == "underfitting"


def test_remedy_that_helps_no_more_on_fresh_pairs_decides_nothing() -> None:
    curbs = {"shorter": shifted(-0.05), "briefly": shifted(0.3), "strongly": shifted(0.3)}

    assert judge("larger", shifted(0.0, 0.5), curbs, GAP, 0.01) == "gap-without-harm"
    assert judge("larger", None, curbs, GAP, 0.01) == "cannot-tell"


def test_half_the_epochs_alone_are_no_verdict_and_a_32nd_of_them_is() -> None:
    assert leading({"shorter": shifted(-0.1), "briefly": shifted(0.3)}) == ""
    assert leading({"shorter": shifted(-0.2), "briefly": shifted(-0.1)}) == "briefly"


def test_verdict_that_is_muted_has_no_leader() -> None:
    remedies = {"penalised": shifted(-0.2), "larger": shifted(-0.1)}

    assert leading(remedies, ("overfitting",)) == "larger"
    assert leading(remedies, ("overfitting", "underfitting")) == ""


def test_gap_that_curbs_of_two_kinds_can_not_use_is_without_harm() -> None:
    curbs = {"smaller": shifted(0.1), "penalised": shifted(0.0, 0.001)}

    assert idle_kinds(curbs) == {"width", "decay"}
    assert judge("", None, curbs, GAP, 0.01) == "gap-without-harm"
    assert judge("", None, {**curbs, "smaller": shifted(0.0, 0.5)}, GAP, 0.01) == "cannot-tell"


def test_no_gap_and_no_remedy_is_a_fit() -> None:
    assert judge("", None, {"smaller": shifted(0.1)}, gap_of(-0.005, 0.005), 0.01) == "fits"


def test_noise_is_called_noise() -> None:
    curbs = {"smaller": shifted(0.0, 0.5), "penalised": shifted(0.0, 0.5)}

    assert leading(curbs) == ""
    assert judge("", None, curbs, gap_of(0.2, 0.3), 0.01) == "cannot-tell"


def test_twin_that_would_be_the_same_is_left_out() -> None:
    names = list(twins(Recipe(Dense(()), epochs=1)))

    assert "smaller" not in names and "larger" not in names and "shorter" not in names
    assert names[0] == "base"


def test_decay_of_a_twin_grows_from_nothing() -> None:
    made = twins(Recipe(optimizer="adamw"))

    assert made["penalised"].get("optimizer.weight_decay") == pytest.approx(0.1)
    assert made["strongly"].get("optimizer.weight_decay") == pytest.approx(1.0)


def test_four_times_the_width_is_tried_where_twice_is_not_much() -> None:
    assert twins(Recipe(Dense((1, 64))))["widest"].network.hidden == (4, 256)
    assert "widest" not in twins(Recipe(Dense((64, 64))))


def test_module_is_half_and_twice_as_wide_where_its_class_takes_a_width() -> None:
    pytest.importorskip("torch")
    from nets_of_tests import Words

    from manyfit.networks.module import Module

    sized = twins(Recipe(Module(Words, {"width": 6}), epochs=40))
    fixed = twins(Recipe(Module("torch.nn:Linear", {"in_features": 3, "out_features": 1}), epochs=40))

    assert [sized[name].get("network.width") for name in ("smaller", "larger", "widest")] == [3, 12, 24]
    assert list(fixed) == ["base", "penalised", "strongly", "shorter", "briefly", "longer", "quarter", "half"]


def test_optimizer_without_a_decay_of_its_own_gets_it_as_a_penalty(registries: None) -> None:
    @optimizers.rule
    class Bare:
        """A rule of somebody's own, which knows no decay."""

        lr: float = hyper(0.1, low=0, doc="Step length.")
        examples: ClassVar = ({},)
        oracle: ClassVar = None

        @staticmethod
        def init(xp, p, h):
            """No state."""
            return {}

        @staticmethod
        def step(xp, p, g, s, t, h):
            """W ← W − η·g."""
            return p - h.lr * g, {}

    made = twins(Recipe(optimizer=Bare()))

    assert [made[name].get("l2.strength") for name in ("penalised", "strongly")] == pytest.approx(
        [1e-3, 1e-2]
    )


def test_module_of_ones_own_is_diagnosed() -> None:
    torch = pytest.importorskip("torch")
    from manyfit.networks.module import Module

    random = np.random.default_rng(0)
    X = random.normal(size=(120, 3)).astype(np.float32)
    recipe = Recipe(Module(lambda: torch.nn.Linear(3, 1)), "mse", batch_size=16, epochs=2)
    task = Task("arrays", ArrayRows(X, X.sum(1), "regression"), recipe, measure_for("regression"))

    answer = ask(Diagnose(replicates=4), task)

    assert answer.numbers["code"] == "underfitting"
    assert answer.numbers["remedies"]["longer"]["finding"] == "better"


def planted(hidden: tuple[int, ...], sd: float, epochs: int, n_data: int = 12) -> Task:
    """The chapter's cubic with noise of a given size: data sets of 30 rows, and many fresh rows to score."""
    random, n = np.random.default_rng(7), 30 * n_data
    x = np.concatenate([random.uniform(-3, 3, n), np.linspace(-3, 3, 400)])
    y = x**3 - x**2 + sd * random.normal(size=n + 400)
    X, target = (x / 1.75)[:, None], (y - y.mean()) / y.std()
    stop, score = np.empty(0, dtype=np.int64), np.arange(n, n + 400)
    splits = tuple(Split("all", np.arange(30 * i, 30 * i + 30), stop, score) for i in range(n_data))
    recipe = Recipe(Dense(hidden), MSE(), "adamw", "constant", batch_size=None, epochs=epochs)
    return Task.given(
        "cubic", {"all": View(X, target)}, splits, recipe.set("optimizer.lr", 0.01), overlap=0.0
    )


def test_one_hidden_unit_underfits_the_cubic() -> None:
    answer = ask(Diagnose(replicates=12), planted((1,), sd=0.5, epochs=300))

    assert answer.numbers["code"] == "underfitting"
    again = answer.numbers["again"]
    assert again["remedy"] in ("larger", "widest", "longer")
    assert again["finding"] == "better"
    assert (
        again["difference"]["estimate"]
        != answer.numbers["remedies"][again["remedy"]]["difference"]["estimate"]
    )
    assert "What helps most, once more with fresh seeds: " in answer.statement[1].en


def test_pairs_that_share_their_data_count_once() -> None:
    answer = ask(Diagnose(replicates=12), planted((4,), sd=0.5, epochs=30, n_data=3))

    intervals = [each["difference"] for each in answer.numbers["remedies"].values()]
    assert {each["n"] for each in [*intervals, answer.numbers["gap"], answer.numbers["doubling"]]} == {3}
    assert answer.numbers["data_sets"] == 3
    assert "3 data sets of cubic" in answer.scope.en


def test_pairs_on_one_data_set_speak_of_seeds() -> None:
    answer = ask(Diagnose(replicates=5), planted((4,), sd=0.5, epochs=30, n_data=1))

    assert answer.numbers["gap"]["n"] == 5
    assert answer.numbers["gap"]["scope"] == "seeds of cubic"


def test_answer_has_no_number_that_is_not_in_its_evidence() -> None:
    answer = ask(Diagnose(replicates=6), planted((4,), sd=0.5, epochs=30))

    rows = answer.sections[0].tables[0].rows
    remedies = answer.numbers["remedies"]
    assert [row[1] for row in rows] == [
        interval_text(Interval(**remedies[name]["difference"]), signed=True) for name in remedies
    ]
    curve = answer.sections[1].figures[0].series[0]
    for part, name in (("middle", "score"), ("low", "low"), ("high", "high")):
        assert getattr(curve, part).tolist() == answer.numbers["rows"][name]
    assert (curve.low < curve.middle).all() and (curve.middle < curve.high).all()


def test_answer_names_the_remedy_that_decides_with_its_interval_and_what_was_trained() -> None:
    trained: list[int] = []

    def counted(population: Population) -> Run:
        trained.append(len(population))
        return fit(population)

    answer = ask(Diagnose(replicates=8), planted((1,), sd=0.5, epochs=300), fit=counted)

    remedies = answer.numbers["remedies"]
    boosts = {name: remedies[name]["difference"]["estimate"] for name in ("larger", "widest", "longer")}
    best = min(boosts, key=boosts.__getitem__)
    again = answer.numbers["again"]
    by = interval_text(Interval(**again["difference"]), signed=True)
    assert (again["remedy"], again["finding"]) == (best, "better")
    assert answer.numbers["code"] == "underfitting"
    assert (
        answer.statement[1].en == f"What helps most, once more with fresh seeds: {WORDS[best].en} {by} better."
    )
    assert answer.head[0].en == (
        f"the recipe as it is and {sum(trained[:2]) // 8 - 1} twins × 8 pairs = {sum(trained[:2])} networks"
    )
    assert [f"{sum(trained[2:])} networks" in line.en for line in answer.head[1:]] == [True] * bool(trained[2:])


def test_gap_is_told_where_no_remedy_decides() -> None:
    answer = ask(Diagnose(replicates=4), planted((4,), sd=8.0, epochs=3))

    gap = interval_text(Interval(**answer.numbers["gap"]), signed=True)
    assert answer.numbers["code"] in ("cannot-tell", "fits", "gap-without-harm")
    assert f"loss {gap}" in answer.statement[1].en
