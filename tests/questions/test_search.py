"""What matters in a search is found where it was planted, its winner is met on fresh pairs, an edge needs evidence."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from manyfit.asking.inquiry import prepare
from manyfit.data import load
from manyfit.engines.choose import fit
from manyfit.errors import UsageError
from manyfit.hyper import Choice, IntRange, LogRange, Range
from manyfit.networks import Dense
from manyfit.population import Population
from manyfit.questions import ArrayRows, Interrupted, TableRows, Task, ask, default_recipe, measure_for
from manyfit.questions._search.importance import importance
from manyfit.questions._search.searched import searched, usual
from manyfit.questions._search.trials import Trials, edges_of, settings_of
from manyfit.questions.search import Search
from manyfit.recipe import Recipe
from manyfit.runs import Run
from manyfit.samplers.random import Random
from manyfit.stats import Finding

BASE = Recipe(Dense((8,)), epochs=2)


def test_planted_importance_is_found_and_what_does_nothing_is_not():
    random = np.random.default_rng(0)
    settings = random.uniform(size=(128, 3))
    scores = 3 * (settings[:, 0] - 0.5) ** 2 + 0.05 * random.normal(size=128)

    found = importance(settings, scores, scope="trials")

    assert found.of[0].low > 0.3 and found.known.low > 0.5
    assert all(of.contains(0.0) for of in found.of[1:])


def test_shares_of_two_settings_that_add_up_are_those_of_their_variance():
    random = np.random.default_rng(1)
    settings = random.uniform(size=(250, 2))
    found = importance(settings, 2 * settings[:, 0] + settings[:, 1], scope="trials")

    # uniform: variances 4/12 and 1/12, so 80 % and 20 % of the whole; ranks bend that a little
    assert found.of[0].estimate == pytest.approx(0.8, abs=0.15)
    assert found.of[1].estimate == pytest.approx(0.2, abs=0.1)


def test_noise_matters_to_nothing_and_the_forest_says_that_it_knows_nothing():
    random = np.random.default_rng(2)
    found = importance(random.uniform(size=(64, 2)), random.normal(size=64), scope="trials")

    assert all(of.contains(0.0) for of in found.of) and found.known.low < 0.1


def test_networks_that_diverged_are_the_last_ranks():
    settings = np.linspace(0, 1, 60)[:, None]
    scores = np.where(settings[:, 0] > 0.7, np.inf, 1.0 + 0.1 * np.random.default_rng(3).normal(size=60))

    assert importance(settings, scores, scope="trials").of[0].low > 0.1


def test_too_few_or_equal_trials_say_nothing():
    assert importance(np.zeros((8, 1)), np.arange(8.0), scope="trials") is None
    assert importance(np.zeros((20, 1)), np.ones(20), scope="trials") is None


def planted(center: float, noise: float = 0.02, n: int = 48) -> tuple:
    """Trials whose score is a valley of the rate's logarithm, from 1e-4 to 1."""
    found = searched(BASE, ["lr=1e-4..1", "activation=relu,tanh"])
    recipes = Random(8).draw(found.space, range(n), 5)
    rates = np.log10([recipe.optimizer.lr for recipe in recipes])
    random = np.random.default_rng(0)
    score = ((rates - center) ** 2)[:, None] + noise * random.normal(size=(n, 3))
    return found, Trials(tuple(recipes), score, np.zeros((n, 3), dtype=bool))


@pytest.mark.parametrize(("center", "edges"), [(0.5, [("optimizer.lr", "highest")]), (-2.0, [])])
def test_edge_is_named_where_trials_near_it_were_better(center, edges):
    found, trials = planted(center)
    best = trials.recipes[trials.best(1)[0]].set("optimizer.lr", 1.0 if edges else 0.01)

    assert [edge[:2] for edge in edges_of(found, trials, best)] == edges


def test_edge_by_luck_is_not_named():
    found, trials = planted(-2.0)
    at_the_edge = trials.recipes[0].set("optimizer.lr", 1.0)

    assert edges_of(found, trials, at_the_edge) == []


def test_places_of_settings_are_shares_of_their_ranges():
    found, _ = planted(-2.0)
    recipe = BASE.set("optimizer.lr", 0.01).set("network.activation", "tanh")

    assert settings_of(found, [recipe]).tolist() == [[1.0, 0.5]]


def test_rules_have_their_places_too():
    found = searched(BASE, ["optimizer=sgd,adam", "lr=1e-3..1e-1"])
    recipes = Random(4).draw(found.space, range(8), 1)

    assert set(settings_of(found, recipes)[:, 0]) == {0.0, 1.0}
    assert len(found.space.structures) == 2


def test_settings_are_read_as_they_are_meant():
    found = searched(
        BASE,
        [
            "hidden=4,8-8",
            "batch_size=8..32",
            "lr=1e-4..1e-1",
            "dropout=0..0.5",
            "weight_decay=0,1e-4",
            "l2=1e-6..1e-2",
        ],
    )

    assert found.shared == {"network.hidden": ((4,), (8, 8)), "batch_size": (8, 16, 32)}
    assert found.space.ranges == {
        "optimizer.lr": LogRange(1e-4, 1e-1),
        "network.dropout": Range(0.0, 0.5),
        "optimizer.weight_decay": Choice((0, 1e-4)),
        "l2.strength": LogRange(1e-6, 1e-2),
    }


def test_usual_space_fits_what_the_recipe_has():
    assert searched(BASE, []).paths == [
        "network.hidden",
        "network.activation",
        "optimizer.lr",
        "optimizer.weight_decay",
        "network.dropout",
        "augment.noise",
    ]
    assert usual(BASE.set("network.hidden", ()))[0].startswith("optimizer.lr")


@pytest.mark.parametrize(
    ("vary", "words"),
    [
        (["lr"], "PATH=LOW..HIGH"),
        (["lrr=1..2"], "knows no setting"),
        (["lr=a..b"], "numbers around the dots"),
        (["lr=-1..1"], "must be"),
        ([f"hidden={','.join(map(str, range(1, 18)))}"], "at most 16 structures"),
        (["activation=relu"], "something that varies"),
    ],
)
def test_space_that_makes_no_sense_is_refused_in_a_sentence(vary, words):
    with pytest.raises(UsageError, match=words):
        searched(BASE, vary)


def test_ranges_may_be_given_in_python_by_path():
    inquiry = prepare(
        "search",
        small(),
        {"vary": {"lr": LogRange(1e-4, 0.1), "hidden": [(4,), (8, 8)], "epochs": Choice((2, 3))}},
    )

    assert inquiry.question.vary == ("lr=0.0001..0.1", "hidden=4,8-8", "epochs=2,3")
    assert prepare("search", small(), {"vary": {"batch_size": IntRange(4, 8)}}).question.vary == (
        "batch_size=4..8",
    )


def small(**settings: object) -> Task:
    rows = TableRows(load("iris", leaks=False))
    recipe = default_recipe(rows.task, 96).set("epochs", 2).set("network.hidden", (4,))
    for path, value in settings.items():
        recipe = recipe.set(path, value)
    return Task("iris", rows, recipe, measure_for(rows.task), seed=1)


VARY = ("lr=1e-4..1", "activation=relu,tanh")
PLAN = Search(vary=VARY, trials=16, replicates=2, finalists=2, fresh=3, confirm=4)


def asked(plan: Search = PLAN, fails_at: int | None = None) -> tuple:
    runs: list[Run] = []

    def train(population: Population) -> Run:
        runs.append(fit(population))
        if len(runs) == fails_at:
            raise Interrupted(runs[-1])
        return runs[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("manyfit.questions._search.importance.N_RESAMPLES", 5)
        return ask(plan, small(), fit=train), runs


def test_winner_is_met_and_scored_on_pairs_that_chose_nothing():
    answer, runs = asked()
    streams = [{member.streams for member in run.population.members} for run in runs]

    assert [len(run) for run in runs] == [32, 6, 8]
    assert not (streams[0] & streams[1] or streams[0] & streams[2] or streams[1] & streams[2])
    last = runs[-1].population.members
    assert last[0].recipe.to_dict() == answer.numbers["recipe"] and last[-1].recipe == small().recipe
    assert json.dumps(answer.numbers) and all(text.en and text.zh for text in answer.statement)
    assert len(answer.numbers["best_after"]) == 16


def test_answer_is_the_same_from_the_same_runs(monkeypatch):
    monkeypatch.setattr("manyfit.questions._search.importance.N_RESAMPLES", 5)
    answer, runs = asked()
    stored = iter(runs)
    again = ask(
        PLAN, small(), fit=lambda population: dataclasses.replace(next(stored), population=population)
    )

    assert answer.to_dict() == again.to_dict()


def confirmed(winner: float, base: float, noise: float) -> tuple:
    random = np.random.default_rng(0)
    _, trials = planted(-2.0)
    pairs = 0.3 * random.normal(size=20)
    score = np.stack([winner + pairs, base + pairs]) + noise * random.normal(size=(2, 20))
    last = Trials((trials.recipes[0], BASE), score, np.zeros((2, 20), dtype=bool))
    return dataclasses.replace(PLAN, margin=0.1).read(small(), trials, trials.best(2), None, last), trials


@pytest.mark.parametrize(
    ("winner", "noise", "finding"),
    [
        (1.0, 0.02, Finding.BETTER),
        (2.0, 0.02, Finding.SAME),
        (2.5, 0.02, Finding.WORSE),
        (2.0, 2.0, Finding.UNKNOWN),
    ],
)
def test_winner_is_compared_with_the_recipe_as_it_is(winner, noise, finding):
    found, _ = confirmed(winner, 2.0, noise)

    assert found.against.finding is finding
    assert found.score.contains(winner) and found.base.contains(2.0)


def test_interrupted_after_the_trials_leaves_an_answer_that_says_so():
    answer, _ = asked(fails_at=2)

    assert "Interrupted" in answer.statement[-1].en and answer.numbers["interrupted"] is True
    assert "too good by the luck" in answer.statement[0].en


def test_interrupted_first_round_goes_through():
    with pytest.raises(Interrupted):
        asked(fails_at=1)


def test_bayesian_search_proposes_batch_by_batch():
    answer, runs = asked(dataclasses.replace(PLAN, sampler="bayes", trials=18))

    assert [len(run) for run in runs[:2]] == [32, 4]
    assert answer.numbers["best_after"] is None and "best so far" in str(
        answer.sections[2].figures[0].series[0].name
    )


def test_where_everything_diverges_nothing_is_taken():
    def broken(population: Population) -> Run:
        run = fit(population)
        run.fate[:] = 2  # diverged
        return run

    answer = ask(PLAN, small(), fit=broken)

    assert "diverged" in answer.statement[0].en and answer.numbers["best"] is None


def test_module_on_arrays_is_searched_over_its_own_settings():
    torch = pytest.importorskip("torch")
    from manyfit.networks.module import Module

    def net(width: int = 4) -> object:
        return torch.nn.Sequential(torch.nn.Linear(3, width), torch.nn.ReLU(), torch.nn.Linear(width, 1))

    random = np.random.default_rng(0)
    X = random.normal(size=(80, 3)).astype(np.float32)
    recipe = Recipe(Module(net), "mse", batch_size=16, epochs=1)
    task = Task(
        "arrays", ArrayRows(X, X.sum(1, keepdims=True), "regression"), recipe, measure_for("regression")
    )
    plan = dataclasses.replace(PLAN, trials=4, vary=("network.width=2,4", "lr=1e-3..1e-1"))

    answer = ask(plan, task)

    assert {trial["network.width"] for trial in answer.numbers["trials"]} <= {2, 4}
    assert searched(recipe, []).paths == ["optimizer.lr", "optimizer.weight_decay"]


def test_few_trials_leave_no_structure_out():
    _, runs = asked()

    assert {m.recipe.network.activation for m in runs[0].population.members} == {"relu", "tanh"}


def test_interrupted_batch_of_a_bayesian_search_is_said():
    answer, _ = asked(dataclasses.replace(PLAN, sampler="bayes", trials=32), fails_at=2)

    assert answer.numbers["interrupted"] is True and len(answer.numbers["trials"]) == 16
