"""Planted responses to the size are read as they were planted: the best, the smallest as good, the words, a second descent."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from manyfit.data import load
from manyfit.engines.choose import fit
from manyfit.errors import UsageError
from manyfit.hyper import Choice, IntRange
from manyfit.population import Population
from manyfit.questions import Interrupted, TableRows, Task, ask, default_recipe, measure_for
from manyfit.questions._sizes.sizes import Found, Met, Response, Size, beyond, read
from manyfit.questions.capacity import Capacity
from manyfit.recipe import Recipe
from manyfit.runs import Run
from manyfit.stats import Finding

N = 12
WIDTHS = 2 ** np.arange(8)


def planted(
    mean: np.ndarray,
    train: np.ndarray | None = None,
    noise: float = 0.02,
    *,
    seed: int = 0,
    n: int = N,
    depth: int = 1,
    shared: float = 0.3,
) -> Response:
    """Scores around given means at widths 1, 2, 4, …; pairs share a common part, as replicates do."""
    random = np.random.default_rng(seed)
    common = shared * random.normal(size=n)
    n_sizes = len(mean)
    score = np.asarray(mean)[:, None] + common + noise * random.normal(size=(n_sizes, n))
    fitted = 2.0 * 0.5 ** np.arange(n_sizes) if train is None else np.asarray(train)
    return Response(
        tuple(Size(depth, int(width)) for width in WIDTHS[:n_sizes]),
        10.0 * WIDTHS[:n_sizes],
        score,
        np.repeat(fitted[:, None], n, axis=1),
        np.zeros((n_sizes, n), dtype=bool),
        0.05,
    )


def met(response: Response, fresh: Response, margin: float = 0.1) -> tuple[Found, Met]:
    plan, task = Capacity(margin=margin), small()
    found = plan.read(task, response)
    return found, plan.meet(task, response, found, fresh)


def small(**settings: object) -> Task:
    rows = TableRows(load("iris", leaks=False))
    recipe = default_recipe(rows.task, 96).set("epochs", 3)
    for path, value in settings.items():
        recipe = recipe.set(path, value)
    return Task("iris", rows, recipe, measure_for(rows.task), seed=1)


def test_planted_best_is_found_with_what_is_too_small_and_too_large():
    found = read(planted(np.array([9, 6, 4, 2, 3, 4, 5, 6.0])), 0.1, 0.1)

    assert found.best == 3 and np.flatnonzero(found.candidates).tolist() == [3]
    assert found.words == ("underfits",) * 3 + ("right",) + ("overfits",) * 4
    assert found.rivals == () and found.dip is None


def test_larger_one_that_also_fits_its_training_rows_worse_is_not_said_to_overfit():
    found = read(planted(np.array([9, 2, 3.0]), train=np.array([1.0, 0.1, 0.5])), 0.1, 0.1)

    assert found.words == ("underfits", "right", "worse")


def test_smaller_one_that_fits_its_training_rows_as_well_is_not_said_to_overfit():
    found = read(planted(np.array([9, 3, 2.0]), train=np.zeros(3)), 0.1, 0.1)

    assert found.words == ("worse", "worse", "right")


def test_size_that_may_be_the_best_is_not_said_to_be_too_small_or_too_large():
    noisy = read(planted(np.array([2.1, 2.0, 2.1]), train=np.array([1.0, 0.1, 0.0]), noise=1.0), 0.01, 0.1)

    assert noisy.candidates.all()
    assert sorted(set(noisy.words)) == ["open", "right"]


def test_training_error_of_about_zero_counts_from_where_it_stays():
    mean = np.full(6, 2.0)
    train = np.array([1.0, 0.01, 0.2, 0.04, 0.0, 0.0])

    assert read(planted(mean, train), 0.1, 0.1).fitted == {1: 3}
    assert read(planted(mean, np.full(6, 0.3)), 0.1, 0.1).fitted == {1: None}


def test_planted_equivalence_takes_the_smallest_that_is_as_good():
    mean = np.array([9, 5, 2.0, 2.0, 2.0, 1.98, 2.0, 2.0])
    found, on_fresh = met(planted(mean), planted(mean, seed=1, n=20))

    assert found.best == 5 and found.rivals[0] == 2
    assert all(on_fresh.against[s].finding is Finding.SAME for s in found.rivals)


def test_planted_difference_that_luck_had_hidden_is_found_on_fresh_pairs():
    lucky = np.array([9, 5, 2.0, 2.0])
    found, on_fresh = met(planted(lucky), planted(np.array([9, 5, 2.6, 2.0]), seed=1, n=20))

    pair = (2, 3) if found.best == 3 else (3, 2)
    finding = on_fresh.against[2 if found.best == 3 else 3].finding
    assert finding is (Finding.WORSE if pair[0] == 2 else Finding.BETTER)


def test_planted_tie_in_much_noise_can_not_be_told():
    mean = np.array([9, 5, 2.0, 2.0])
    found, on_fresh = met(planted(mean, noise=0.05), planted(mean, noise=1.0, seed=1, n=20))

    against = on_fresh.against[next(s for s in (2, 3) if s != found.best)]
    assert against.finding is Finding.UNKNOWN and against.more > 50


def test_planted_tie_leaves_both_among_the_candidates():
    mean = np.array([9, 2.0, 2.0, 5])
    kept = [read(planted(mean, seed=seed), 0.05, 0.1).candidates[[1, 2]].all() for seed in range(20)]

    assert sum(kept) >= 18  # a set of level 0.95 leaves a tied one out in a twentieth of all cases


TWICE = np.array([6, 3, 2.5, 4.0, 5.0, 3.0, 2.2, 2.0])


def test_planted_second_descent_is_seen_with_its_three_places():
    found, on_fresh = met(planted(TWICE), planted(TWICE, seed=1, n=20))

    assert found.dip == (2, 4, 7)
    assert on_fresh.has_descended_twice
    assert on_fresh.rise.difference.contains(2.5) and on_fresh.fall.difference.contains(3.0)


def test_peak_by_luck_is_not_called_a_second_descent():
    flat = np.array([6, 3, 2.0, 2.0, 2.0, 2.0, 2.0, 2.0])
    seen = []
    for seed in range(20):  # places are chosen where noise made a peak, and met on other noise
        found, on_fresh = met(planted(flat, noise=0.4, seed=seed), planted(flat, noise=0.4, seed=100 + seed))
        if found.dip is not None:
            seen.append(on_fresh.has_descended_twice)

    assert len(seen) >= 10 and sum(seen) <= 1


def test_no_peak_asks_for_no_test():
    falling = np.array([6, 5, 4, 3, 2.5, 2.2, 2.1, 2.0])
    found, on_fresh = met(planted(falling), planted(falling, seed=1))

    assert found.dip is None and on_fresh.rise is None and not on_fresh.has_descended_twice


@pytest.mark.parametrize(
    ("mean", "edge", "more"),
    [
        (np.array([9, 6, 4, 2.0]), "widest", [Size(1, 16)]),
        (np.array([9, 6, 2, 2.0]), "deepest", [Size(2, 2), Size(2, 4), Size(2, 8)]),
        (np.array([9, 2, 4, 6.0]), "deepest", [Size(2, 1), Size(2, 2), Size(2, 4)]),
    ],
)
def test_edge_is_named_where_the_evidence_points_beyond(mean, edge, more):
    response = planted(mean)
    found = read(response, 0.1, 0.1)
    if (
        edge == "deepest"
    ):  # a plateau in width: the best lies inside it or at its end, and no deeper one was tried
        found = found._replace(best=min(found.best, 2))

    assert beyond(response, found, scope="seeds", level=0.95) == (edge, more)


def test_plateau_that_reaches_the_edge_is_no_edge():
    wide, deep = planted(np.array([9, 6, 2, 2.0])), planted(np.array([9, 6, 2, 2.0]), depth=2)
    deep = deep._replace(weights=deep.weights + 5)
    response = wide.joined(deep)
    found = read(response, 0.15, 0.1)

    assert found.mean[found.best] < 2.3
    assert beyond(response, found, scope="seeds", level=0.95) == ("", [])


def test_size_at_which_one_network_diverges_is_not_the_best():
    response = planted(np.array([9, 4, 2.0, 4]))
    response.score[2, 0], response.diverged[2, 0] = np.inf, True
    found = read(response, 0.1, 0.1)

    assert found.best != 2 and found.words[2] == "diverges" and not np.isfinite(found.mean[2])


def test_where_everything_diverges_the_answer_says_so():
    def broken(population: Population) -> Run:
        run = fit(population)
        run.fate[:] = 2  # diverged
        return run

    answer = ask(PLAN, small(), fit=broken)

    assert "diverged" in answer.statement[0].en and "发散" in answer.statement[0].zh


PLAN = Capacity(widths=IntRange(2, 4), depths=IntRange(0, 1), replicates=3, confirm=4, widen=0)


def test_widths_double_and_may_be_listed():
    assert Capacity(widths=IntRange(3, 20), depths=IntRange(0, 1)).tried() == ([3, 6, 12, 20], [0, 1])
    assert Capacity(widths=Choice((8, 2)), depths=Choice((2,))).tried() == ([2, 8], [2])


def test_single_size_is_no_question():
    with pytest.raises(UsageError, match="needs two sizes or more, got 1"):
        ask(Capacity(widths=Choice((8,)), depths=Choice((1,)), replicates=3, confirm=3), small())


def test_smaller_sizes_that_may_be_the_best_are_not_said_to_be_far_off():
    plan = Capacity(widths=Choice((1, 16)), depths=Choice((1,)), replicates=3, confirm=3, widen=0, margin=1e-9)
    answer = ask(plan, small())

    assert answer.numbers["best"]["width"] == 16 and len(answer.numbers["candidates"]) == 2
    assert answer.statement[1].en.startswith("No smaller mean lies within the margin, but the best may be as small as 1:")


def test_what_was_chosen_is_met_on_pairs_that_did_not_choose_it():
    trained: list[Population] = []

    def watched(population: Population) -> Run:
        trained.append(population)
        return fit(population)

    answer = ask(PLAN, small(), fit=watched)
    streams = [{member.streams for member in population.members} for population in trained]

    assert len(trained) == 2 and not streams[0] & streams[1]
    assert {m.recipe.network.hidden for m in trained[0].members} == {(), (2,), (4,)}
    # 4 inputs, 3 classes: 4·3 + 3 weights without a hidden layer, (4 + 1)·2 + (2 + 1)·3 with two units
    assert [size["weights"] for size in answer.numbers["sizes"]] == [15, 19, 35]
    assert json.dumps(answer.numbers) and all(text.en and text.zh for text in answer.statement)


def test_answer_is_the_same_from_the_same_runs():
    kept: list[Run] = []

    def train(population: Population) -> Run:
        kept.append(fit(population))
        return kept[-1]

    first = ask(PLAN, small(), fit=train)
    stored = iter(kept)
    again = ask(
        PLAN, small(), fit=lambda population: dataclasses.replace(next(stored), population=population)
    )

    assert first.to_dict() == again.to_dict()


def test_interrupted_meeting_leaves_an_answer_that_says_so():
    def broken(population: Population) -> Run:
        run = fit(population)
        if len(population) != 9:
            raise Interrupted(run)
        return run

    answer = ask(PLAN, small(), fit=broken)

    assert "Interrupted" in answer.statement[-1].en and answer.numbers["interrupted"] is True


def test_interrupted_first_round_goes_through():
    def broken(population: Population) -> Run:
        raise Interrupted(fit(population))

    with pytest.raises(Interrupted):
        ask(PLAN, small(), fit=broken)


def test_module_with_a_width_is_sized_and_one_without_is_refused_in_a_sentence():
    torch = pytest.importorskip("torch")
    from manyfit.networks.module import Module
    from manyfit.questions import ArrayRows

    def net(width: int = 4) -> object:
        return torch.nn.Sequential(torch.nn.Linear(3, width), torch.nn.ReLU(), torch.nn.Linear(width, 1))

    random = np.random.default_rng(0)
    X = random.normal(size=(80, 3)).astype(np.float32)
    rows = ArrayRows(X, X[:, :1] - X[:, 1:2], "regression")
    recipe = Recipe(Module(net), "mse", batch_size=16, epochs=2)

    answer = ask(PLAN, Task("arrays", rows, recipe, measure_for("regression")))
    assert [(size["width"], size["weights"]) for size in answer.numbers["sizes"]] == [(2, 11), (4, 21)]

    fixed = Recipe(Module(lambda: torch.nn.Linear(3, 1)), "mse", batch_size=16, epochs=2)
    with pytest.raises(UsageError, match="takes a width"):
        ask(PLAN, Task("arrays", rows, fixed, measure_for("regression")))
