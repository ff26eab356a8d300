"""Batch sizes: a planted noise scale is found, rules for the rate are called better, the same, worse, or not to be told."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from manyfit.data import load
from manyfit.engines.choose import fit
from manyfit.errors import UsageError
from manyfit.hyper import Choice, LogRange
from manyfit.networks import Dense
from manyfit.population import Population
from manyfit.questions import Interrupted, TableRows, Task, ask, default_recipe, measure_for
from manyfit.questions._batches.batches import SIZES, Pace, law_of, sizes_of, step_bytes, steps_to
from manyfit.questions._batches.told import Batches, batches_told
from manyfit.questions._contest.meeting import Found, Race, decide
from manyfit.questions._contest.options import Option
from manyfit.questions._rates.response import Response, read
from manyfit.questions.batch_size import BatchSize, epochs_to, goal_of, scaled_of, soonest, window
from manyfit.recipe import Recipe
from manyfit.runs import Run
from manyfit.stats import Finding, Looks

BATCHES = np.array([32.0, 64, 128, 256, 512, 1024])


def pace(
    critical: float, *, noise: float = 0.05, sizes: np.ndarray = BATCHES, n: int = 10, seed: int = 0
) -> Pace:
    random = np.random.default_rng(seed)
    steps = 20 * (1 + critical / sizes)[:, None] * np.exp(noise * random.normal(size=(len(sizes), n)))
    return Pace(sizes, np.full(len(sizes), 0.01), steps, np.full(len(sizes), 1e-3), 0.1)


# The noise scale


@pytest.mark.parametrize("critical", [60.0, 200.0, 700.0])
def test_planted_noise_scale_is_found_within_its_interval(critical):
    law = law_of(pace(critical), level=0.99, scope="planted")

    assert law is not None and law.finding == "told"
    assert law.critical.contains(critical) and law.critical.high < 2 * law.critical.low
    assert law.least == pytest.approx(20, rel=0.1)


def test_interval_of_the_noise_scale_holds_the_truth_as_often_as_it_says():
    held = sum(
        law_of(pace(200.0, noise=0.2, seed=s), level=0.9, scope="planted").critical.contains(200)
        for s in range(60)
    )

    assert held >= 48  # 54 are expected; 48 lie three standard errors below


def test_scale_beyond_the_sizes_is_named_as_such():
    above = law_of(pace(1e5, noise=0.01), level=0.95, scope="planted")
    below = law_of(pace(0.5, noise=0.002), level=0.95, scope="planted")

    assert above is not None and above.finding == "above"
    assert below is not None and below.finding == "below"


def test_noise_scale_that_the_replicates_do_not_show_cannot_be_told():
    vague = law_of(pace(1.0, noise=0.4), level=0.95, scope="planted")

    assert vague is not None and vague.finding == "unknown"


def test_steps_that_follow_another_law_tell_no_noise_scale():
    planted = pace(200.0, noise=0.01)
    odd = planted._replace(steps=planted.steps * np.array([1, 1, 1, 1, 1, 3.0])[:, None])
    law = law_of(odd, level=0.95, scope="planted")

    assert law is not None and law.off > 0.25 and law.finding == "unknown"


def test_sizes_that_rarely_come_to_the_target_are_no_part_of_the_fit():
    planted = pace(200.0)
    planted.steps[-1, :4] = np.inf
    law = law_of(planted, level=0.999, scope="planted")

    assert law is not None and law.sizes.tolist() == BATCHES[:-1].tolist() and law.critical.contains(200)
    planted.steps[2:4] = np.inf
    assert law_of(planted, level=0.95, scope="planted") is None


def trained(loss: np.ndarray, n_rows: int = 8, batch_size: int = 2) -> Run:
    recipes = [Recipe(Dense(()), batch_size=batch_size, epochs=len(loss))] * loss.shape[1]
    population = Population.of(recipes, np.arange(float(n_rows))[:, None], np.arange(float(n_rows)))
    zeros = np.zeros(loss.shape[1], dtype=np.int64)
    return Run(population, loss, np.full_like(loss, np.nan), zeros, zeros, zeros, zeros, ())


def test_steps_are_counted_to_where_the_loss_crosses_the_target():
    loss = np.array([[4.0, 4.0, 0.5], [1.0, 4.0, 0.5], [0.25, np.nan, 0.5]])
    steps = steps_to(trained(loss), 2.0)

    # Epochs of 4 steps stand at 2, 6, 10 steps; halfway down in the logarithm from 4 to 1 lies 2.
    assert steps.tolist() == [4.0, np.inf, 2.0]


# Sizes


def test_sizes_above_the_training_rows_are_named():
    assert sizes_of(Choice(SIZES), 1150)[1] == [2048, 4096, 8192]
    assert sizes_of(LogRange(3, 70), 50) == ([4, 8, 16, 32], [64])


@pytest.mark.parametrize(
    ("sizes", "message"), [((32.5, 64), "whole numbers ≥ 1, got 32.5"), ((64, 200), "two sizes or more")]
)
def test_sizes_that_make_no_sense_are_refused(sizes, message):
    with pytest.raises(UsageError, match=message):
        sizes_of(Choice(sizes), 100)


def test_bytes_are_those_of_weights_states_and_rows():
    recipe = Recipe(Dense((4,)), optimizer="adam", precision="float64")
    population = Population.of([recipe], np.zeros((5, 3)), np.zeros(5))

    # 3·4 + 4 + 4 + 1 = 21 numbers, each with a gradient and two states; a row has 3 inputs, 3 · 4 of units, 3 of its output.
    assert step_bytes(population, [1, 10]) == [8 * (21 * 4 + 18), 8 * (21 * 4 + 180)]


# The rate as the batch grows


def met(shifts: np.ndarray, *, noise: float = 0.05, n: int = 12, seed: int = 0) -> Found:
    """Tuned sizes whose scores on fresh pairs are 2 plus a shift, on shared pairs."""
    random = np.random.default_rng(seed)
    rates = np.geomspace(1e-3, 1e-1, 5)
    common = random.normal(size=(n, 1))
    score = 2 + common + shifts + noise * random.normal(size=(n, len(shifts)))
    search = 2 + np.abs(np.arange(5) - 2) + np.zeros((n, len(shifts), 5))
    loss = np.geomspace(1.0, 1e-3, 7)[:, None, None] + np.zeros((7, 5, n))
    tuning = tuple(Response(rates, search[:, k].T, np.zeros((5, n), bool), loss) for k in range(len(shifts)))
    races = tuple(
        Race(np.full(n, 0.01), score[:, [k]], np.ones((7, n)), np.zeros((n, 1), bool), np.ones(n), 1.0, 100)
        for k in range(len(shifts))
    )
    verdict = decide(
        search, score[:, :, None], margin=0.1, share=0.1, looks=Looks(n), scope="planted", reference=0
    )
    options = tuple(Option(str(32 * 2**k), {"batch_size": 32 * 2**k}) for k in range(len(shifts)))
    return Found(options, tuning, tuple(read(t, 0.1, 0.1) for t in tuning), races, verdict, 0.95)


def ways(found: Found, shifts: np.ndarray, noise: float = 0.05) -> np.ndarray:
    """[rules, sizes, n] scores that lie so far above the smallest size, on the same pairs."""
    random = np.random.default_rng(9)
    base = found.verdict.tuned[:, 0]
    return base + shifts[..., None] + noise * random.normal(size=(*shifts.shape, len(base)))


PLANTED = np.array([[0.0, 1.0], [0.0, 0.0], [1.0, 2.0]])


def test_planted_rules_are_told_apart():
    found = met(np.array([0.0, 0.0, 0.0]))
    scaled = scaled_of(found, ways(found, PLANTED), Looks(12), "planted")

    same, worse = Finding.SAME, Finding.WORSE
    assert [c.finding for c in scaled.of("unchanged")] == [same, worse]
    assert [c.finding for c in scaled.of("root")] == [same, same]
    assert [c.finding for c in scaled.of("linear")] == [worse, worse]
    assert [scaled.keeps(way) for way in ("unchanged", "root", "linear", "tuned")] == [1, 2, 0, 2]


def test_rules_that_noise_hides_cannot_be_told():
    found = met(np.zeros(3), noise=0.5)
    scaled = scaled_of(found, ways(found, np.zeros((3, 2)), noise=0.5), Looks(12), "planted")

    assert {c.finding for way in ("root", "linear", "tuned") for c in scaled.of(way)} == {Finding.UNKNOWN}
    assert scaled.keeps("root") == 0 and not scaled.loses("root")


def test_rule_that_diverges_is_worse():
    found = met(np.zeros(3))
    score = ways(found, PLANTED)
    score[2, :, :10] = np.inf
    scaled = scaled_of(found, score, Looks(12), "planted")

    assert {c.finding for c in scaled.of("linear")} == {Finding.WORSE}


def test_goal_lies_a_third_of_the_way_down_and_epochs_lead_there():
    found = met(np.zeros(2))

    assert goal_of(found) == pytest.approx(1e-1)
    assert epochs_to(found, 0.2) == 3 and epochs_to(found, 1e-9) == 7
    assert window(found, 0).tolist() == found.tuning[0].rates.tolist()


def test_soonest_rate_keeps_away_from_one_at_which_some_do_not_come():
    steps = np.array([[40.0, 40], [20, 20], [10, np.inf]])

    assert soonest(np.array([0.1, 0.2, 0.4]), steps) == 0.1  # next to 0.4 the average is infinite
    assert (
        soonest(np.array([0.1, 0.2, 0.4]), np.array([[np.inf, 9.0], [np.inf, np.inf], [np.inf, 5.0]])) == 0.4
    )


def told(known: Batches):
    rows = TableRows(load("iris", leaks=False))
    recipe = default_recipe(rows.task, 96)
    task = Task("iris", rows, recipe, measure_for(rows.task), seed=1)
    few = task.population([task.member(recipe, task.replicates(1)[0])])
    return batches_told(task, known, few, 5, 0.95)


def test_answer_says_what_was_planted_and_names_what_was_left_out():
    found = met(np.array([0.0, 0.0, 0.0]))
    scaled = scaled_of(found, ways(found, PLANTED), Looks(12), "planted")
    answer = told(Batches(found, scaled, pace(200.0), None, (2048,), 1150, True))
    text = " ".join(sentence.en for sentence in answer.statement)

    assert "As good as 32 with the rate unchanged up to 64, times √ up to 128, tuned up to 128." in text
    assert "Worse than 32 with the rate unchanged at 128; times ratio at 64 and 128." in text
    assert "noise scale is about" in text and answer.numbers["noise_scale"]["finding"] == "told"
    assert "1,150 training rows of a split: 2048" in answer.head[-1].en
    assert all(sentence.zh and sentence.zh != sentence.en for sentence in answer.statement)


def test_seconds_that_no_record_has_are_left_open():
    planted = pace(200.0)
    nothing = planted._replace(step_seconds=np.full(6, np.nan))
    found = met(np.zeros(3))
    answer = told(Batches(found, None, nothing._replace(sizes=BATCHES), None, (), 1150, True))
    table = answer.sections[1].tables[0]

    assert {row[-1] for row in table.rows} == {"–"}
    assert not any("faster" in str(row[0]) for row in answer.sections[-2].tables[0].rows)


# Asked

PLAN = BatchSize(
    sizes=Choice((8, 16, 32, 500)),
    rates=LogRange(1e-3, 1e-1),
    points=3,
    replicates=3,
    fresh=1,
    confirm=3,
    widen=0,
    paced=1,
)


def small() -> Task:
    rows = TableRows(load("iris", leaks=False))
    recipe = default_recipe(rows.task, 96).set("epochs", 4).set("network.hidden", (4,))
    return Task("iris", rows, recipe, measure_for(rows.task), seed=1)


def test_rules_start_from_what_each_replicate_picked_at_the_smallest_size():
    seen: list[tuple[Population, Run]] = []

    def train(population: Population) -> Run:
        seen.append((population, fit(population)))
        return seen[-1][1]

    answer = ask(PLAN, small(), fit=train)
    tuning, *meetings, rules, pacing = (population.members for population, _ in seen[:6])
    base = [m.recipe.optimizer.lr for m in meetings[0]]

    assert {m.recipe.batch_size for m in tuning} == {8, 16, 32}
    assert [m.recipe.optimizer.lr for m in rules[6:9]] == pytest.approx([lr * 2**0.5 for lr in base])
    assert [m.recipe.optimizer.lr for m in rules[15:18]] == pytest.approx([lr * 4 for lr in base])
    assert [m.streams for m in rules[:3]] == [m.streams for m in meetings[0]]
    assert not {m.streams for m in pacing} & {m.streams for p in (tuning, meetings[0]) for m in p}
    assert answer.question == "batch_size" and answer.numbers["left_out"] == [500]
    assert [section.title.en for section in answer.sections][:4] == [
        "Who is better",
        "The rate as the batch grows",
        "Steps and seconds to a target",
        "What fits in memory",
    ]


@pytest.mark.parametrize(("round_", "has_rules"), [(5, False), (6, True)])
def test_interrupted_later_rounds_leave_an_answer_that_says_so(round_, has_rules):
    n_rounds = []

    def broken(population: Population) -> Run:
        n_rounds.append(population)
        if len(n_rounds) == round_:
            raise Interrupted(fit(population))
        return fit(population)

    answer = ask(PLAN, small(), fit=broken)

    assert "Interrupted" in answer.statement[-1].en and answer.numbers["interrupted"]
    assert (answer.numbers["rules"] is not None) is has_rules and answer.numbers["pace"] is None


def test_question_takes_the_looks_of_a_contest():
    plan = dataclasses.replace(PLAN, most=6)

    assert plan.extended(3).looks == (3, 6)
