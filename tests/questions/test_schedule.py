"""Schedules under the protocol of comparisons: lengths fit the training, the drawn rate is the rate that was used."""

from __future__ import annotations

import numpy as np
import pytest

from manyfit.data import load
from manyfit.engines.choose import fit
from manyfit.errors import UsageError
from manyfit.hyper import LogRange
from manyfit.population import Population
from manyfit.questions import TableRows, Task, ask, default_recipe, measure_for
from manyfit.questions._contest.meeting import Found, Race, picked
from manyfit.questions._rates.response import Response
from manyfit.questions.schedule import CLASSIC, Schedule, fitted, options_of, rate_over_steps
from manyfit.recipe import Recipe
from manyfit.runs import Run
from manyfit.schedules.plateau import Plateau


def small() -> Task:
    rows = TableRows(load("iris", leaks=False))
    recipe = default_recipe(rows.task, 96).set("epochs", 6).set("network.hidden", (4,))
    return Task("iris", rows, recipe, measure_for(rows.task), seed=1)


PLAN = Schedule(
    schedules=("constant", "plateau"),
    rates=LogRange(1e-3, 1e-1),
    points=3,
    replicates=3,
    fresh=1,
    confirm=3,
    widen=0,
)


def test_lengths_fit_the_epochs():
    table = fitted("step_lr", 30).table(30, 10)
    assert table[0] == 1.0 and table[-1] == pytest.approx(0.01)
    assert fitted("exponential_lr", 40).table(40, 1)[-1] == pytest.approx(
        0.01, rel=0.13
    )  # one epoch before the end
    warm = fitted("warmup >> cosine", 20).table(20, 10)
    assert warm[:20].max() <= 1.0 and warm.argmax() in range(19, 22) and warm[-1] < 0.01


def test_all_of_the_classic_ones_are_compared_when_nothing_is_said():
    assert [option.name for option in options_of(Recipe(), CLASSIC)] == list(CLASSIC)


def test_unknown_schedule_names_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'cosine'"):
        options_of(Recipe(), ("cosin", "constant"))
    with pytest.raises(UsageError, match="needs 2 to 24 schedules, got 1"):
        options_of(Recipe(), ("cosine",))


def test_where_one_schedule_watches_rows_all_leave_them_out_of_training():
    trained: list[Population] = []

    def watched(population: Population) -> Run:
        trained.append(population)
        return fit(population)

    task = small()
    ask(PLAN, task, fit=watched)
    for population in trained:
        for member in population.members:
            split = task.split_of(member) if id(member.rows) in task._owner else None
            assert split is None or not np.intersect1d(member.rows.train, split.score).size
        held = {tuple(member.rows.held) for member in population.members}
        train = {tuple(member.rows.train) for member in population.members}
        assert all(not set(a) & set(b) for a in held for b in train if len(held) == len(train) == 1)
    sizes = {len(member.rows.train) for population in trained for member in population.members}
    assert max(sizes) - min(sizes) <= 4  # all without the rows that stop


def test_rate_of_a_plateau_is_cut_where_the_watched_loss_no_longer_falls():
    recipe = Recipe(schedule=Plateau(factor=0.5, patience=0), epochs=4)
    losses = np.array([[3.0, 3.0, 3.0], [2.0, 2.0, 9.0], [2.0, 2.0, 9.0], [1.0, 1.0, 9.0]])
    rate = rate_over_steps(recipe, 2, losses)

    # Two of three networks are cut after the third epoch, which the fourth one feels.
    np.testing.assert_allclose(rate, [1, 1, 1, 1, 1, 1, 0.5, 0.5])


def test_rate_of_a_table_is_the_table():
    recipe = Recipe(schedule="cosine", epochs=3)

    np.testing.assert_array_equal(rate_over_steps(recipe, 5, np.empty((0, 0))), recipe.schedule.table(3, 5))


def test_answer_draws_the_rate_beside_the_score():
    answer = ask(PLAN, small())
    (figure,) = answer.sections[-1].figures

    assert answer.question == "schedule" and "2 schedules × 3 rates" in answer.head[0].en
    assert {series.name for series in figure.series} == {"constant", "plateau"}
    assert figure.series[0].x[0] == 1.0


def planted(shift: float, noise: float, n: int = 12) -> tuple[Schedule, Found]:
    """Two schedules over a valley of rates, the second worse by a shift; what each replicate picked is met on two fresh pairs."""
    plan = Schedule(schedules=("constant", "cosine"), replicates=n, margin=0.1)
    random, rates = np.random.default_rng(0), np.geomspace(1e-3, 1e-1, 9)
    options = options_of(small().recipe, plan.schedules)
    tuning, races = [], []
    common = random.normal(size=(n, 2))
    for by in (0.0, shift):
        valley = 2 + by + 0.1 * (np.arange(9) - 4)[:, None] ** 2
        score = valley + noise * random.normal(size=(9, n))
        tuning.append(Response(rates, score, np.zeros((9, n), bool), np.ones((6, 9, n))))
        chosen = picked(score.T, rates)
        met = valley[chosen] + common + noise * random.normal(size=(n, 2))
        curves = np.geomspace(1, 0.1, 6)[:, None] * np.ones((6, 2 * n))
        races.append(
            Race(rates[chosen], met, curves, np.zeros((n, 2), bool), np.full(2 * n, 5.0), 1.0, 60 * n)
        )
    return plan, plan.read(small(), options, tuning, races)


@pytest.mark.parametrize(
    ("shift", "noise", "said"),
    [
        (0.6, 0.05, "Worse: cosine by 0."),
        (0.0, 0.03, "constant is the same here."),
        (0.0, 0.6, "Cannot tell: "),
    ],
)
def test_planted_schedule_is_found_called_the_same_or_a_tie(shift, noise, said):
    plan, found = planted(shift, noise)
    answer = plan.answer(small(), found, None)

    assert answer.statement[1].en.startswith(said)
    comparison = next(each for each in found.verdict.against if each is not None)
    assert comparison.difference.contains(shift) or comparison.difference.contains(-shift)
    if said.startswith("Cannot tell"):
        assert comparison.more > 20 and "more replicates needed" in answer.notes[0].en
