"""Planted differences, ties and equivalences between options are found, called a tie, called the same."""

from __future__ import annotations

import dataclasses
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

from manyfit.answers import Text
from manyfit.asking.task import task_of
from manyfit.data import cuts, load
from manyfit.engines.choose import fit
from manyfit.errors import UsageError
from manyfit.hyper import Choice, LogRange
from manyfit.population import Population
from manyfit.questions import Interrupted, TableRows, Task, ask, default_recipe, measure_for
from manyfit.questions._contest.compared import _others
from manyfit.questions._contest.meeting import (
    Found,
    Race,
    Verdict,
    arrivals,
    best_after,
    decide,
    eased,
    paid_by_trials,
    picked,
)
from manyfit.questions._contest.options import options_of, path_of
from manyfit.questions._contest.sensitivity import _sensitive
from manyfit.questions._frame.verdicts import gain_text
from manyfit.questions.compare import Compare
from manyfit.recipe import Recipe
from manyfit.runs import Run
from manyfit.stats import Finding, Looks, Overlap


def planted(
    shift: np.ndarray,
    seed: int = 0,
    *,
    n: int = 12,
    n_rates: int = 9,
    noise: float = 0.1,
    shared: float = 0.5,
    margin: float = 0.1,
    looks: Looks | None = None,
) -> Verdict:
    """Options with a valley over the rate, apart by a shift: each replicate tunes, and meets what it picked on fresh pairs."""
    random = np.random.default_rng(seed)
    valley = 2 + 0.1 * (np.arange(n_rates) - n_rates // 2) ** 2
    common = shared * random.normal(size=(n, 1, 1))
    search = valley + shift[:, None] + common + noise * random.normal(size=(n, len(shift), n_rates))
    chosen = np.stack([picked(search[:, k]) for k in range(len(shift))], axis=1)
    pairs = shared * random.normal(size=(n, 1, 2)) + noise * random.normal(size=(n, len(shift), 2))
    met = (valley[chosen] + shift)[:, :, None] + pairs
    looks = looks or Looks(n)
    return decide(search, met, margin=margin, share=0.1, looks=looks, scope="planted")


def findings(verdict: Verdict) -> list[Finding | None]:
    return [None if c is None else c.finding for c in verdict.against]


def test_planted_difference_is_found_and_its_interval_holds_the_truth():
    verdict = planted(np.array([0.0, 0.5, 1.0]))

    assert (verdict.reference, verdict.winner, verdict.order) == (0, 0, (0, 1, 2))
    assert findings(verdict) == [None, Finding.WORSE, Finding.WORSE]
    assert verdict.against[1] is not None and verdict.against[1].difference.contains(0.5)


def test_planted_equivalence_is_called_the_same():
    verdict = planted(np.array([0.0, 0.01]), noise=0.03)

    assert [f for f in findings(verdict) if f] == [Finding.SAME]


def test_planted_tie_with_much_noise_cannot_be_told_and_says_how_many_more_would():
    verdict = planted(np.array([0.0, 0.0]), noise=0.5)
    comparison = next(c for c in verdict.against if c is not None)

    assert comparison.finding is Finding.UNKNOWN
    assert comparison.more > 20


def test_option_that_turns_out_better_than_the_best_tuned_one_wins():
    random = np.random.default_rng(0)
    search = 2 + 0.1 * random.normal(size=(12, 2, 5))
    search[:, 0] -= 0.3  # lucky in the tuning
    met = 2 + 0.1 * random.normal(size=(12, 2, 2)) + np.array([0.5, 0.0])[None, :, None]
    verdict = decide(search, met, margin=0.05, share=0.1, looks=Looks(12), scope="planted")

    assert (verdict.reference, verdict.winner) == (0, 1)


def test_option_that_diverges_on_fresh_pairs_is_worse_whatever_its_other_scores():
    random = np.random.default_rng(0)
    search = 2 + 0.1 * random.normal(size=(12, 2, 5))
    met = 2 + 0.05 * random.normal(size=(12, 2, 2))
    met[:9, 1] = np.inf
    verdict = decide(search, met, margin=0.1, share=0.1, looks=Looks(12), scope="planted")

    assert verdict.order == (0, 1) and not np.isfinite(verdict.score[1].estimate)
    if verdict.reference == 0:
        assert findings(verdict)[1] is Finding.WORSE


@pytest.mark.slow
@pytest.mark.parametrize("n_options", [2, 5])
def test_same_recipe_under_several_labels_with_streams_apart_rarely_wins(n_options):
    """Through tuning, meeting and Holm: at most 5 % false findings, and two standard errors of 1,000 trials above it."""
    false = 0
    for seed in range(1000):
        verdict = planted(np.zeros(n_options), seed, n=10, shared=0.0, noise=0.3, margin=0.0)
        false += any(f in (Finding.BETTER, Finding.WORSE) for f in findings(verdict))

    assert false <= 50 + 14


@pytest.mark.slow
def test_five_declared_looks_find_no_more_by_chance_than_one():
    false = 0
    for seed in range(600):
        random = np.random.default_rng(seed)
        search, met = 2 + random.normal(size=(25, 2, 4)), 2 + random.normal(size=(25, 2, 2))
        found, taken = False, ()
        for n in (5, 10, 15, 20, 25):
            looks = Looks(25, taken=taken)
            verdict = decide(search[:n], met[:n], margin=0.0, share=0.1, looks=looks, scope="planted")
            found |= any(f in (Finding.BETTER, Finding.WORSE) for f in findings(verdict))
            taken = (*taken, n)
        false += found

    assert false <= 30 + 11


def test_options_alike_in_the_long_run_rarely_win_on_stretches_that_share_rows():
    """What sets them apart comes and goes in the rows: 33 % would win if pairs on them were counted as independent."""
    n_rows, places = 600, cuts(np.arange(600.0))
    sizes, false = places.end - places.cut, {True: 0, False: 0}
    for seed in range(300):
        random = np.random.default_rng(seed)
        sums = np.concatenate([[0.0], np.cumsum(random.normal(size=n_rows))])
        at = random.choice(len(sizes), 40, replace=False)
        apart = ((sums[places.end] - sums[places.cut]) / sizes)[at].reshape(10, 1, 4)
        level = random.normal(size=(10, 1, 4))
        met = 5 + np.concatenate([level, level + apart], axis=1)
        search = 5 + random.normal(size=(10, 2, 1))
        for is_told in false:
            overlap = Overlap.of_shared(places.shared) if is_told else Overlap()
            looks = Looks(10, overlap=overlap)
            verdict = decide(search, met, margin=0.0, share=0.1, looks=looks, scope="planted")
            false[is_told] += any(f in (Finding.BETTER, Finding.WORSE) for f in findings(verdict))

    assert false[False] > 75 and false[True] <= 15 + 12  # three standard errors


def test_moving_target_takes_a_rate_that_stays_and_adagrad_is_no_worse_than_rmsprop():
    task = task_of("drifting", rows=8000)
    plan = Compare(replicates=5, fresh=2, confirm=2, points=9, widen=0, rates=LogRange(3e-3, 1.0))
    of_schedules = ask(dataclasses.replace(plan, vary=("schedule=constant,cosine",)), task)
    of_optimizers = ask(dataclasses.replace(plan, optimizers=("adagrad", "rmsprop")), task)
    constant, cosine = (each["minus"] for each in of_schedules.numbers["options"])
    (minus,) = (each["minus"] for each in of_optimizers.numbers["options"] if each["minus"])

    assert constant is None and cosine["finding"] == "worse" and cosine["difference"]["low"] > 0.01
    assert (
        minus["finding"] in ("same", "cannot tell")
        and max(-minus["difference"]["low"], minus["difference"]["high"]) < 0.01
    )
    assert "seeds and overlapping stretches of time of drifting" in of_optimizers.scope.en


def test_score_next_to_a_cliff_is_not_picked():
    search = np.array([[4.0, 3.0, 2.5, 2.4, np.inf]])

    assert eased(search)[0].tolist() == [3.75, 3.125, 2.6, np.inf, np.inf]
    assert picked(search).tolist() == [2]


def test_where_all_but_one_rate_diverge_that_one_is_picked():
    assert picked(np.array([[np.inf, 2.0, np.inf]])).tolist() == [1]


def test_more_trials_tune_better_and_luck_is_not_counted():
    random = np.random.default_rng(0)
    search = np.array([3.0, 2.0, 1.0]) + 0.01 * random.normal(size=(20, 3))
    np.testing.assert_allclose(best_after(search), [2.0, 4 / 3, 1.0], atol=0.02)

    same = random.normal(size=(400, 3))  # options that differ by luck alone
    assert abs(best_after(same)[-1]) < 0.1  # 400 replicates: standard error 0.05


def test_rates_far_apart_do_not_ease_each_other():
    """Three rates, the highest of which diverges: the middle one is the best, and no step from the cliff."""
    search, rates = np.array([[4.0, 1.0, np.inf]]), np.array([1e-3, 1e-2, 1e-1])

    assert picked(search, rates).tolist() == [1]
    assert picked(search, np.array([1e-2, 2e-2, 4e-2])).tolist() == [0]


def test_what_tuning_is_worth_has_an_interval_that_holds_it():
    """Trials of which the first is the best by one: with two of three trials tuning has it in two thirds of the cases."""
    held = 0
    for seed in range(200):
        random = np.random.default_rng(seed)
        search = np.array([0.0, 1.0, 1.0]) + random.normal(size=(10, 1)) + 0.05 * random.normal(size=(10, 3))
        paid = paid_by_trials(search, 0.95)
        held += bool(paid.low[1] <= 1 / 3 <= paid.high[1])
        assert (paid.low <= paid.mean).all() and (paid.mean <= paid.high).all()

    assert held >= 200 * 0.95 - 2 * 3.1  # two standard errors of 200 trials below 95 %


def test_what_tuning_is_worth_has_no_interval_where_it_may_diverge():
    paid = paid_by_trials(np.array([[1.0, np.inf], [1.2, 2.0], [0.9, 2.1]]), 0.95)

    assert paid.mean[0] == np.inf and np.isnan(paid.low[0])
    assert np.isfinite([paid.mean[1], paid.low[1], paid.high[1]]).all()


def race(curves: np.ndarray, a_step: float = 10.0, seconds: float = 1.0, steps: int = 100) -> Race:
    n = curves.shape[1]
    return Race(
        np.ones(n), np.ones((n, 1)), curves, np.zeros((n, 1), bool), np.full(n, a_step), seconds, steps
    )


def test_arrival_is_the_first_epoch_at_or_below_the_target():
    curves = np.array([[3.0, 3.0, 3.0], [1.0, 2.0, np.nan], [0.5, 1.0, np.nan]])
    (found,) = arrivals([race(curves)], 1.0)

    assert found.share == pytest.approx(2 / 3)
    assert found.steps == 25.0  # epochs 2 and 3 of 10 steps each
    assert found.seconds == pytest.approx(0.25)


def test_classic_optimizers_are_compared_when_nothing_is_said():
    names = [option.name for option in options_of(Recipe(), (), ())]

    assert names[:2] == ["sgd", "momentum"] and {"adam", "adamw"} <= set(names)


def test_anything_that_can_be_set_may_vary():
    options = options_of(Recipe(), (), ["hidden=8,8-4", "loss=mse"])

    assert [option.settings for option in options] == [
        {"network.hidden": (8,), "loss": "mse"},
        {"network.hidden": (8, 4), "loss": "mse"},
    ]
    assert path_of(Recipe(), "dropout") == "network.dropout"


@pytest.mark.parametrize(
    ("rules", "vary", "message"),
    [
        (("adm",), (), "Did you mean 'adam'"),
        ((), ("activaton=relu,tanh",), "Did you mean 'activation'"),
        ((), ("activation",), "must be PATH=VALUE,VALUE"),
        (("sgd",), (), "needs 2 to 24 options"),
        ((), ("batch_size=16,-3",), "batch_size must be a whole number ≥ 1"),
        ((), ("epochs=3,3",), "needs options that differ"),
    ],
)
def test_options_that_make_no_sense_are_refused(rules, vary, message):
    with pytest.raises(UsageError, match=message):
        options_of(Recipe(), rules, vary)


PLAN = Compare(
    optimizers=("sgd", "adam"),
    rates=LogRange(1e-3, 1e-1),
    points=3,
    replicates=3,
    fresh=1,
    confirm=3,
    widen=0,
)


def small() -> Task:
    rows = TableRows(load("iris", leaks=False))
    recipe = default_recipe(rows.task, 96).set("epochs", 4).set("network.hidden", (4,))
    return Task("iris", rows, recipe, measure_for(rows.task), seed=1)


def watched(trained: list[Population]):
    def train(population: Population) -> Run:
        trained.append(population)
        return fit(population)

    return train


def test_every_option_gets_the_same_trials_on_the_same_pairs():
    trained: list[Population] = []
    answer = ask(PLAN, small(), fit=watched(trained))
    tuning = trained[0].members

    assert len(tuning) == 2 * 3 * 3
    assert [m.streams for m in tuning[:9]] == [m.streams for m in tuning[9:]]
    assert [m.recipe.optimizer.lr for m in tuning[:9]] == [m.recipe.optimizer.lr for m in tuning[9:]]
    assert answer.head[0].en == "2 optimizers × 3 rates × 3 seeds = 18 networks"


def test_pairs_that_meet_have_tuned_nothing_and_those_that_confirm_have_met_nothing():
    trained: list[Population] = []
    ask(PLAN, small(), fit=watched(trained))
    tuning, *meetings, confirming = [{m.streams for m in population.members} for population in trained]

    assert len(meetings) == 2 and meetings[0] == meetings[1]
    assert not (tuning & meetings[0]) and not (confirming & (tuning | meetings[0]))


def test_all_options_get_more_rates_where_one_is_best_at_the_edge():
    trained: list[Population] = []
    plan = Compare(
        optimizers=("sgd", "adam"), rates=LogRange(1e-5, 1e-4), points=3, replicates=3, fresh=1, confirm=3
    )
    answer = ask(plan, small(), fit=watched(trained))

    assert len(trained[1]) == 2 * 2 * 3  # two options, two more rates, three replicates
    assert "2 rates more for all" in answer.head[2].en
    assert any("still best at the edge" in text.en for text in answer.statement)


def test_added_replicates_train_only_what_is_new_and_are_another_look():
    first: list[Population] = []
    plan = Compare(**{**vars(PLAN), "most": 9})
    ask(plan, small(), fit=watched(first))
    both: list[Population] = []
    answer = ask(plan.extended(3), small(), fit=watched(both))

    assert [len(p) for p in both] == [18, 3, 3, 18, 3, 3, 3]
    assert [m.streams for m in both[0].members] == [m.streams for m in first[0].members]
    assert not {m.streams for m in both[3].members} & {m.streams for m in both[0].members}
    assert len(answer.numbers["options"][0]["tuned"]) == 6


def test_more_replicates_than_were_declared_are_refused():
    with pytest.raises(UsageError, match="must stay within the 3 replicates that were declared, got 6"):
        PLAN.extended(3)


def test_interrupted_confirmation_leaves_an_answer_that_says_so():
    rounds = []

    def broken(population: Population) -> Run:
        rounds.append(population)
        run = fit(population)
        if len(rounds) == 4:
            raise Interrupted(run)
        return run

    answer = ask(PLAN, small(), fit=broken)

    assert "Interrupted" in answer.statement[-1].en and answer.numbers["score"] is None


def test_losses_may_be_compared_and_have_no_common_race():
    plan = Compare(**{**vars(PLAN), "optimizers": (), "vary": ("loss=cross_entropy,mse",)})
    answer = ask(plan, small())

    assert [section.title.en for section in answer.sections] == ["Who is better", "Sensitivity to the rate"]
    ranks = answer.sections[0].tables[1]  # which are of scores, and stand whatever varies
    assert [cell.en for cell in ranks.head if isinstance(cell, Text)][1:] == [
        "average rank",
        "P(best)",
        "error %, interquartile mean",
        "P(diverge)",
    ]
    assert {row[0] for row in ranks.rows} == {"cross_entropy", "mse"}


def test_what_is_the_same_as_the_reference_is_not_said_to_be_so_of_another_winner():
    random = np.random.default_rng(0)
    search = 2 + 0.01 * random.normal(size=(12, 3, 5))
    search[:, 0] -= 0.3  # lucky in the tuning: the reference
    met = 2 + 0.01 * random.normal(size=(12, 3, 2)) + np.array([0.0, -0.2, 0.0])[None, :, None]
    verdict = decide(search, met, margin=0.1, share=0.1, looks=Looks(12), scope="planted")
    options = options_of(Recipe(), ("sgd", "adam", "lamb"), ())
    said = _others(small(), Found(options, (), (), (), verdict, 0.95))

    assert (verdict.reference, verdict.winner) == (0, 1)
    assert said[0] == Text("lamb is the same as sgd here.", "lamb 在此与 sgd 相同。")
    assert len(said) == 2 and said[1].en.startswith("Worse: sgd by 0.2")  # as planted
    assert said[1].zh.startswith("更差：sgd 0.2")


def test_where_everything_diverges_nothing_is_taken():
    plan = Compare(**{**vars(PLAN), "optimizers": ("sgd", "momentum"), "rates": Choice((1e18, 1e19))})
    recipe = small().recipe.set("loss", "mse")
    answer = ask(plan, Task("iris", small().rows, recipe, measure_for("multiclass"), seed=1))

    assert [text.en[:34] for text in answer.statement] == ["At every rate that was tried some "]
    assert not any("∞" in text.en or "?" in text.en for text in answer.statement)


def test_gain_by_pairing_is_printed():
    verdict = planted(np.array([0.0, 0.5]), shared=1.0, noise=0.1)
    comparison = next(c for c in verdict.against if c is not None)
    assert comparison.gain > 5  # scores share a part of sd 1, and differ by one of sd 0.1

    answer = ask(PLAN, small())
    assert "pairing made" in answer.notes[0].en and "配对" in answer.notes[0].zh


def test_decision_tree_stands_beside_optimizers_of_it():
    answer = ask(PLAN, small())

    table = answer.sections[-1].tables[0]
    assert table.rows[0][0].en.startswith("Adam is the default choice")


def test_options_that_ask_for_the_rate_alike_are_not_said_to_differ():
    """Basins of one rate each: none is less sensitive than another."""

    class Same(NamedTuple):
        options: tuple[Any, ...] = (SimpleNamespace(name="adam"), SimpleNamespace(name="sgd"))
        tuning: tuple[Any, ...] = (SimpleNamespace(rates=np.array([0.1, 1.0])),) * 2
        basins: tuple[Any, ...] = (SimpleNamespace(good=np.array([True, False])),) * 2

    said = _sensitive(Same())  # type: ignore[arg-type]

    assert said.en == "All ask for the right rate alike (×1)."


@pytest.mark.parametrize(
    ("gains", "said"),
    [
        ((2.0, 3.0), "pairing made intervals 2.5 times narrower"),
        ((0.9, 1.0), "pairing made no interval narrower"),
    ],
)
def test_gain_by_pairing_is_said_where_there_is_one(gains, said):
    against = [None, *(SimpleNamespace(gain=gain) for gain in gains)]

    assert gain_text(against).en == said  # type: ignore[arg-type]
