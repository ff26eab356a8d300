"""Planted responses to the rate are read as they were planted: the best, the basin, the edge, and a word for each rate."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from manyfit.data import load
from manyfit.engines.choose import fit
from manyfit.hyper import Choice, LogRange
from manyfit.population import Population
from manyfit.questions import Interrupted, TableRows, Task, ask, default_recipe, measure_for
from manyfit.questions._rates.pictures import words_of
from manyfit.questions._rates.regions import regions_of, width_of
from manyfit.questions._rates.response import Response, beyond, read
from manyfit.questions.learning_rate import LearningRate
from manyfit.runs import Run

RATES = np.logspace(-4, 0, 9)
N, EPOCHS = 12, 20


def planted(mean: np.ndarray, noise: float = 0.05, *, rates: np.ndarray = RATES, seed: int = 0) -> Response:
    """Scores around given means; pairs share a common part, as replicates do. Training losses fall evenly."""
    random = np.random.default_rng(seed)
    shared = 0.3 * random.normal(size=N)
    score = np.asarray(mean)[:, None] + shared + noise * random.normal(size=(len(rates), N))
    loss = np.broadcast_to(0.9 ** np.arange(EPOCHS)[:, None, None], (EPOCHS, len(rates), N)).copy()
    return Response(rates, score, np.zeros((len(rates), N), dtype=bool), loss)


def valley(center: float) -> np.ndarray:
    return 2 + (np.log10(RATES) - center) ** 2


def test_planted_best_is_found_and_is_the_only_candidate():
    basin = read(planted(valley(-2), noise=0.01), 0.1, 0.1)

    assert basin.best == basin.chosen == 4
    assert np.flatnonzero(basin.candidates).tolist() == [4]
    assert basin.edge == ""


def test_planted_tie_leaves_both_among_the_candidates():
    mean = valley(-2)
    mean[3] = mean[4]
    found = [read(planted(mean, seed=seed), 0.05, 0.1).candidates[[3, 4]].all() for seed in range(20)]

    assert sum(found) >= 18  # a set of level 0.95 leaves a tied one out in a twentieth of all cases


def test_planted_equivalence_is_one_basin_and_its_middle_is_chosen():
    mean = np.array([9, 5, 2.0, 2.01, 2.0, 2.01, 2.0, 5, 9])
    basin = read(planted(mean, noise=0.01), 0.2, 0.1)

    assert np.flatnonzero(basin.good).tolist() == [2, 3, 4, 5, 6]
    assert basin.chosen == 4


def test_basin_ends_where_one_network_in_twelve_diverges():
    response = planted(np.full(9, 2.0))
    response.score[6, 0], response.diverged[6, 0] = np.inf, True
    basin = read(response, 0.5, 0.1)

    assert not basin.good[6:].any() or not basin.good[:6].any()
    assert not basin.good[6] and not np.isfinite(basin.mean[6])


@pytest.mark.parametrize(("center", "edge"), [(-4, "lowest"), (0, "highest"), (-2, "")])
def test_best_at_an_edge_is_said(center, edge):
    assert read(planted(valley(center), noise=0.01), 0.1, 0.1).edge == edge


def test_rates_beyond_an_edge_go_on_in_the_same_steps():
    np.testing.assert_allclose(beyond(RATES, "highest"), np.logspace(0.5, 2, 4), rtol=1e-5)
    np.testing.assert_allclose(beyond(RATES, "lowest"), np.logspace(-6, -4.5, 4), rtol=1e-5)


def test_each_region_gets_its_word_from_its_evidence():
    response = planted(np.array([9, 6, 4, 2, 2, 3, 4, 5, 9]), noise=0.01)
    epochs = np.arange(EPOCHS)[:, None]
    response.loss[:, 3:5] = 0.01 + 0.5 ** epochs[:, :, None]  # settled
    response.loss[:, 5] = 0.001 + 0.4**epochs  # fits the training rows better, others worse
    response.loss[:, 6] = 0.5 + 0.2 * (epochs % 2)  # up and down
    response.diverged[7, :3], response.score[7, :3] = True, np.inf
    response.loss[:, 7] = 3.0
    response.diverged[8], response.score[8], response.loss[1:, 8] = True, np.inf, np.nan

    words = words_of(regions_of(response, read(response, 0.2, 0.1)))
    assert tuple(words) == (*["small"] * 3, *["right"] * 2, "overfits", "oscillates", "diverges", "diverges")


def test_region_is_worse_by_what_was_planted():
    response = planted(valley(-2), noise=0.05)
    basin = read(response, 0.1, 0.1)
    below, right, above = regions_of(response, basin)

    assert right.word == "right" and right.minus is None
    for region in (below, above):
        truth = valley(-2)[list(region.rates)].mean() - valley(-2)[basin.good].mean()
        assert region.minus is not None and region.minus.contains(truth)


def test_region_that_is_not_shown_to_be_worse_gets_no_word():
    noisy = planted(np.array([2.3, 2.3, 2.0, 2.0, 2.0, 2.3, 2.3, 2.3, 2.3]), noise=1.0, seed=3)
    basin = read(noisy, 0.2, 0.1)
    found = [region for region in regions_of(noisy, basin) if region.word != "right"]

    assert found and all(region.word == "open" for region in found)
    assert all(region.minus is not None and region.minus.low <= 0 for region in found)


@pytest.mark.slow
@pytest.mark.parametrize(("n", "noise"), [(3, 0.5), (10, 0.5), (10, 0.1)])
def test_rates_that_are_alike_rarely_get_a_word(n, noise, monkeypatch):
    monkeypatch.setattr("manyfit.questions._rates.regions.N_DRAWS", 1000)
    false = 0
    for seed in range(150):
        random = np.random.default_rng(seed)
        score = 2 + 0.3 * random.normal(size=n) + noise * random.normal(size=(9, n))
        response = Response(RATES, score, np.zeros((9, n), dtype=bool), np.ones((EPOCHS, 9, n)))
        words = words_of(regions_of(response, read(response, 0.1, 0.1)))
        false += bool(set(words) - {"right", "open"})

    assert false <= 7.5 + 2 * np.sqrt(150 * 0.05 * 0.95)  # a twentieth, and two standard errors


def test_width_of_the_basin_has_an_interval_that_holds_it():
    mean = np.array([9, 5, 2.0, 2.01, 2.0, 2.01, 2.0, 5, 9])
    sure, unsure = (
        width_of(planted(mean, noise=noise), 0.1, 0.1, scope="planted") for noise in (0.01, 0.15)
    )

    assert sure.estimate == sure.low == sure.high == pytest.approx(100)
    assert unsure.low < 100 and unsure.n == N


def test_pairs_behind_each_score_are_named():
    answer = ask(PLAN, small())

    assert "the 3 pairs that chose the rate, the answer's of the 3 fresh ones" in answer.notes[1].en


def test_where_everything_diverges_lower_rates_are_asked_for():
    response = planted(valley(-2))
    response.diverged[:], response.score[:] = True, np.inf
    basin = read(response, None, 0.1)

    assert basin.edge == "lowest" and not basin.good.any()
    assert [region.word for region in regions_of(response, basin)] == ["diverges"]
    assert not np.isfinite(width_of(response, None, 0.1).estimate)


def small(name: str = "iris", **settings: object) -> Task:
    rows = TableRows(load(name, leaks=False))
    recipe = default_recipe(rows.task, 96).set("epochs", 4).set("network.hidden", (4,))
    for path, value in settings.items():
        recipe = recipe.set(path, value)
    return Task(name, rows, recipe, measure_for(rows.task), seed=1)


PLAN = LearningRate(rates=LogRange(1e-3, 1e-1), points=3, replicates=3, confirm=3, widen=1)


def test_range_widens_by_itself_and_the_answer_says_so():
    trained: list[Population] = []

    def watched(population: Population) -> Run:
        trained.append(population)
        return fit(population)

    plan = LearningRate(rates=LogRange(1e-6, 1e-5), points=3, replicates=3, confirm=3, widen=1)
    answer = ask(plan, small(), fit=watched)

    assert len(trained) == 3  # the range, what lies beyond, the chosen rate on fresh pairs
    assert max(m.recipe.optimizer.lr for m in trained[1].members) == pytest.approx(1e-3)
    assert "the best lay at the edge: 4 more" in answer.head[1].en.replace("rates ", "")
    assert "above what was tried" in answer.statement[-1].en


def test_chosen_rate_is_met_on_pairs_that_did_not_choose_it():
    trained: list[Population] = []

    def watched(population: Population) -> Run:
        trained.append(population)
        return fit(population)

    ask(PLAN, small(), fit=watched)
    streams = [{member.streams for member in population.members} for population in trained]

    assert not streams[-1] & set().union(*streams[:-1])


def test_interrupted_confirmation_leaves_an_answer_that_says_so():
    def broken(population: Population) -> Run:
        run = fit(population)
        if len(population) == 3:
            raise Interrupted(run)
        return run

    answer = ask(PLAN, small(), fit=broken)

    assert "Interrupted" in answer.statement[-1].en
    assert answer.numbers["interrupted"] is True


def test_interrupted_first_round_goes_through():
    def broken(population: Population) -> Run:
        raise Interrupted(fit(population))

    with pytest.raises(Interrupted):
        ask(PLAN, small(), fit=broken)


def test_rates_may_be_listed():
    assert LearningRate(rates=Choice((0.1, 1e-3))).tried(Choice((0.1, 1e-3))) == [0.001, 0.1]


def test_where_no_network_diverges_there_is_no_picture_of_it():
    def titles(plan: LearningRate) -> list[str]:
        return [figure.title.en for section in ask(plan, small(optimizer="sgd")).sections for figure in section.figures]

    plan = dataclasses.replace(PLAN, widen=0)
    assert "How many networks diverge" not in titles(plan)
    assert "How many networks diverge" in titles(dataclasses.replace(plan, rates=LogRange(1e-3, 1e9)))
