"""What remedies buy is what was planted; networks are scored under corruptions and attacks as they are without."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from manyfit.data import load
from manyfit.engines.choose import fit
from manyfit.errors import UnknownNameError
from manyfit.networks import Dense
from manyfit.population import Population
from manyfit.questions import ArrayRows, TableRows, Task, ask, default_recipe, measure_for
from manyfit.questions._stress.exposed import Exposed, masked_share, read
from manyfit.questions._stress.spoil import kind_of, known_kinds, on_spoiled_rows
from manyfit.questions.robustness import Robustness
from manyfit.recipe import Recipe
from manyfit.runs import Run
from manyfit.stats import Finding

KINDS = tuple(kind_of(name) for name in ("noise", "pgd"))
N = 12


def planted(by: float, noise: float = 0.05, clean: float = 0.0, seed: int = 0) -> Exposed:
    """Two recipes whose scores differ by so much under PGD at its reference strength and on clean rows, and not under noise."""
    random = np.random.default_rng(seed)
    pairs = 0.3 * random.normal(size=N)  # what networks of a pair have in common

    def scores(mean: float, shift: float) -> np.ndarray:
        return mean + pairs + np.array([[0.0], [shift]]) + noise * random.normal(size=(2, N))

    noisy = np.stack([scores(4.0, 0.0) for _ in KINDS[0].strengths])
    attacked = np.stack([scores(10.0, by if s == KINDS[1].reference else 0.0) for s in range(4)])
    spoiled = {"noise": noisy, "pgd": attacked}
    return Exposed(("as is", "decay"), scores(3.0, clean), spoiled, spoiled)


def test_planted_robustness_is_found_with_its_price():
    bought = read(planted(-1.0, clean=0.5), KINDS, 0.2, 0.1)["decay"]

    assert bought.by_kind["pgd"].finding is Finding.BETTER
    assert bought.by_kind["pgd"].difference.contains(-1.0)
    assert bought.price.finding is Finding.WORSE
    assert bought.price.difference.contains(0.5)
    assert bought.kinds(Finding.BETTER) == ["pgd"]


def test_planted_equivalence_is_called_the_same():
    bought = read(planted(0.0), KINDS, 0.2, 0.1)["decay"]

    assert {found.finding for found in bought.by_kind.values()} == {Finding.SAME}
    assert bought.price.finding is Finding.SAME


def test_planted_tie_in_much_noise_can_not_be_told_and_says_how_many_more():
    bought = read(planted(0.0, noise=2.0), KINDS, 0.2, 0.1)["decay"]

    assert bought.by_kind["pgd"].finding is Finding.UNKNOWN
    assert bought.by_kind["pgd"].more > 100


def test_remedy_whose_networks_diverge_is_worse():
    exposed = planted(0.0)
    exposed.clean[1, :6] = np.inf
    for table in exposed.spoiled.values():
        table[:, 1, :6] = np.inf

    bought = read(exposed, KINDS, 0.2, 0.1)["decay"]

    assert bought.price.finding in (Finding.WORSE, Finding.UNKNOWN)
    assert bought.price.diverged is not None


def test_pgd_weaker_than_fgsm_is_the_sign_of_masked_slopes():
    weak, strong = np.full((4, 2, N), 1.0), np.full((4, 2, N), 2.0)

    assert masked_share(Exposed(("as is",), weak[0], {}, {"fgsm": strong, "pgd": weak})) == 1.0
    assert masked_share(Exposed(("as is",), weak[0], {}, {"fgsm": weak, "pgd": strong})) == 0.0
    assert masked_share(Exposed(("as is",), weak[0], {}, {"pgd": strong})) == 0.0


def test_every_way_to_spoil_rows_has_a_name_and_a_wrong_one_is_answered():
    assert {kind_of(name).name for name in known_kinds()} == set(known_kinds())
    assert kind_of("PGD_L2", 2.0).strengths == tuple(2 * s for s in kind_of("pgd").strengths)
    with pytest.raises(UnknownNameError, match=r"unknown way to spoil rows 'nois'\. Did you mean 'noise'"):
        kind_of("nois")


def small(name: str = "iris", epochs: int = 4) -> Task:
    rows = TableRows(load(name, leaks=False))
    recipe = default_recipe(rows.task, 96).set("epochs", epochs).set("network.hidden", (6,))
    return Task(name, rows, recipe, measure_for(rows.task), seed=1)


def modules() -> Task:
    """A small convolution on images of noise, one of whose corners tells the class."""
    torch = pytest.importorskip("torch")
    from manyfit.networks.module import Module

    random = np.random.default_rng(0)
    X = random.normal(size=(60, 1, 4, 4)).astype(np.float32)
    y = (X[:, 0, 0, 0] > 0).astype(np.int64)

    def make() -> object:
        return torch.nn.Sequential(
            torch.nn.Conv2d(1, 2, 2), torch.nn.ReLU(), torch.nn.Flatten(), torch.nn.Linear(18, 2)
        )

    recipe = Recipe(Module(make), "cross_entropy", batch_size=16, epochs=2)
    return Task("images", ArrayRows(X, y, "multiclass"), recipe, measure_for("multiclass"))


def watched(kept: list[Run]):
    def train(population: Population) -> Run:
        kept.append(fit(population))
        return kept[-1]

    return train


def test_rows_spoiled_by_nothing_score_as_the_task_scores_them():
    task = small()
    pairs = task.replicates(2)
    run = fit(task.population([task.member(task.recipe, pair) for pair in pairs]))

    for i in range(2):
        rows = run.population.members[i].rows
        for kind in (None, kind_of("noise"), kind_of("shift"), kind_of("pgd")):
            found = on_spoiled_rows(task, run, [i], rows, kind, [0.0], 5)
            assert found.score[0, 0] == pytest.approx(task.scores(run)[i])
            assert found.loss[0, 0] == pytest.approx(task.losses(run)[i])


def test_diverged_network_scores_worst_and_disturbs_nobody():
    task = small()
    (pair,) = task.replicates(1)
    recipes = [task.recipe, task.recipe.set("optimizer", "sgd").set("optimizer.lr", 1e6), task.recipe]
    run = fit(task.population([task.member(recipe, pair) for recipe in recipes]))

    found = on_spoiled_rows(task, run, [0, 1, 2], run.population.members[0].rows, kind_of("pgd"), [0.1], 5)

    assert run.diverged.tolist() == [False, True, False]
    assert np.isinf(found.score[0, 1]) and np.isfinite(found.score[0, [0, 2]]).all()
    assert found.score[0, 0] == found.score[0, 2]


def test_wrong_targets_spoil_training_alone():
    task, kept = small(epochs=150), []
    task = dataclasses.replace(task, recipe=task.recipe.set("optimizer.lr", 0.02))  # long enough to learn wrong targets
    plan = Robustness(spoil=("labels",), remedies=(), replicates=3)

    answer = ask(plan, task, fit=watched(kept))

    (run,) = kept
    assert len(run) == 3 * (1 + len(kind_of("labels").strengths))
    spoiled = {name: view for name, view in run.population.views.items() if ", labels" in name}
    assert len(spoiled) == 9
    for name, view in spoiled.items():
        clean = run.population.views[name.split(",")[0]]
        share = float(name.split()[-1])
        np.testing.assert_array_equal(view.X, clean.X)
        assert 0 < (view.y != clean.y).mean() < 3 * share
    scores = np.array(answer.numbers["spoiled"]["labels"]["scores"]["as is"])
    assert scores[-1].mean() > np.mean(answer.numbers["clean"]["as is"])


@pytest.mark.parametrize("name", ["iris", "cubic", "moons"])
def test_any_table_has_an_answer_whose_numbers_are_those_of_its_tables(name: str):
    plan = Robustness(spoil=("noise", "missing", "shift", "pgd", "fgsm"), replicates=3)

    answer = ask(plan, small(name))

    table = answer.sections[0].tables[0]
    assert [title.en for title in table.head[1:]] == [
        "clean",
        "noise",
        "missing",
        "shift",
        "PGD L∞",
        "FGSM L∞",
    ]
    assert [row[0].en for row in table.rows] == [
        "strength",
        "as it is",
        "weight decay",
        "noise training",
        "dropout",
    ]
    figure = answer.sections[2].figures[3]
    assert figure.series[0].x.tolist() == [0.0, 0.02, 0.05, 0.1, 0.2]
    scores = np.array(answer.numbers["spoiled"]["pgd"]["scores"]["as is"])
    clean = np.array(answer.numbers["clean"]["as is"])
    np.testing.assert_allclose(figure.series[0].middle, [clean.mean(), *scores.mean(1)])
    assert (figure.series[0].low <= figure.series[0].middle).all()
    doubled = next((s for s, mean in enumerate(scores.mean(1)) if mean >= 2 * clean.mean()), None)
    (said,) = answer.sections[2].statement
    assert ("PGD" in said.en) == (doubled is not None)
    assert doubled is None or f"PGD L∞ {figure.series[0].x[1 + doubled]:g}" in said.en
    bought = answer.sections[1].tables[0]
    assert [row[0].en for row in bought.rows[::6]] == ["weight decay", "noise training", "dropout"]
    assert all(row[0].en for row in bought.rows)
    assert all(text.zh and text.en for text in answer.statement)


def test_recipe_that_has_the_remedy_already_is_no_remedy_of_itself():
    recipe = Recipe(Dense((4,), dropout=0.5)).set("augment.noise", 0.1)
    made = Robustness().recipes(recipe)

    assert list(made) == ["as is", "decay", "noise"]
    assert made["noise"].augment.noise == 0.5
    assert made["decay"].get("l2.strength") == 0.005
    with pytest.raises(UnknownNameError, match="unknown remedy 'nois'"):
        Robustness(remedies=("nois",)).recipes(recipe)


def test_module_of_ones_own_is_attacked_like_any_other():
    task = modules()

    answer = ask(Robustness(spoil=("noise", "fgsm", "pgd"), replicates=3), task)

    assert list(answer.numbers["remedies"]) == ["decay", "noise"]  # it has dropout of its own, or none
    attacked = np.array(answer.numbers["spoiled"]["pgd"]["scores"]["as is"])
    assert attacked[-1].mean() >= np.mean(answer.numbers["clean"]["as is"])
