"""Each finding on planted records: what is there is seen, chance is not taken for it, and what does no harm is left alone."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import polars as pl
import pytest

from manyfit.answers import Text
from manyfit.data import load
from manyfit.engines.choose import fit
from manyfit.errors import UsageError
from manyfit.losses import MSE
from manyfit.networks import Dense
from manyfit.population import Population, View
from manyfit.questions import GivenRows, Split, TableRows, Task, ask
from manyfit.questions._diagnosis.also import tried_text
from manyfit.questions._diagnosis.findings import Records, registry
from manyfit.questions._diagnosis.judgement import judge, leading
from manyfit.questions.diagnose import Diagnose
from manyfit.recipe import Recipe
from manyfit.runs import Ledger, Run
from manyfit.runs.ledger import Fate
from manyfit.stats import NEVER, Comparison, Finding, Interval, paired_ratios

N, EPOCHS, LAYERS = 12, 20, 3
RECIPE = Recipe(Dense((4, 4)), MSE(), "sgd", batch_size=None, epochs=EPOCHS)
NOISE = np.random.default_rng(5)


def task(n_rows: int = 200) -> Task:
    """Twelve data sets with the same few rows to score."""
    random = np.random.default_rng(1)
    X = random.normal(size=(N * 6 + n_rows, 2))
    views = {"all": View(X, X[:, :1] + random.normal(size=(len(X), 1)))}
    empty, score = np.empty(0, dtype=np.int64), np.arange(N * 6, len(X))
    splits = [Split("all", np.arange(6 * i, 6 * i + 6), empty, score) for i in range(N)]
    return Task.given("planted", views, splits, RECIPE, overlap=0.0)


def change(ratio: float, noise: float = 0.005) -> Comparison:
    """A twin that multiplies the score by so much."""
    base = np.exp(0.1 * NOISE.normal(size=N))
    return paired_ratios(
        ratio * base * np.exp(noise * NOISE.normal(size=N)), base, scope="planted", margin=0.01
    )


def records(about: Task | None = None, **planted: Any) -> Records:
    """Records of a recipe with which nothing is wrong, apart from what is planted: its loss, fates, layers, and so on."""
    about = about or task()
    pairs = about.replicates(N)
    own = about.population(about.member(about.recipe, pair) for pair in pairs)
    population = dataclasses.replace(own, watch=True)
    loss = 0.1 + 0.9 * np.exp(-np.arange(EPOCHS))[:, None] + np.zeros(N)
    layers = np.ones((EPOCHS, N, 3, LAYERS))
    layers[:, :, 2] = 0.0
    run = Run.of(population, Ledger.begin(population), seconds=0.0, core_seconds=0.0, engine={})
    fate = planted.pop("fate", np.full(N, Fate.FINISHED))
    run = dataclasses.replace(
        run, loss=planted.pop("loss", loss), layers=planted.pop("layers", layers), fate=fate
    )
    unseen = {"base": 0.5 + np.zeros(N), **planted.pop("unseen", {})}
    gap = planted.pop("gap", Interval(0.6, 0.5, 0.7, 0.95, N, "planted", "planted"))
    found = {"larger": change(1.0), "longer": change(1.0), **planted.pop("remedies", {})}
    code = planted.pop("code", "gap-without-harm")
    return Records(about, pairs, run, unseen, unseen["base"], found, gap, code, **planted)


def look(code: str, where: Records) -> Any:
    return registry.find(code)().look(where)


def noise(size: float, *shape: int) -> Any:
    return np.exp(size * np.random.default_rng(3).normal(size=shape))


@pytest.mark.parametrize("code", list(registry.all()))
def test_healthy_records_show_nothing(code: str) -> None:
    assert look(code, records()) is None


# trained-too-long


def test_half_the_epochs_that_are_better_want_to_be_tried_again() -> None:
    seen = look("trained-too-long", records(remedies={"shorter": change(0.9)}))

    assert seen.said.en.startswith("half the epochs would change the score by −0.1")
    assert [(twin.name.en, twin.recipe.epochs) for twin in seen.wants] == [("half the epochs", EPOCHS // 2)]


def test_training_was_not_too_long_where_shorter_is_no_better_or_overfitting_says_so() -> None:
    assert look("trained-too-long", records(remedies={"shorter": change(1.0)})) is None
    assert look("trained-too-long", records(remedies={"shorter": change(0.9)}, code="overfitting")) is None


# not-converged

FALLING = np.exp(-0.1 * np.arange(EPOCHS))[:, None] * np.ones(N)


def test_loss_that_falls_where_longer_is_better_is_not_converged() -> None:
    seen = look("not-converged", records(loss=FALLING, remedies={"longer": change(0.8)}))

    assert seen.numbers["fall"] == pytest.approx(0.2)  # two epochs are a tenth
    assert "18 %" in seen.said.en and "18 %" in seen.said.zh
    assert seen.tried[0].change.finding is Finding.BETTER


def test_fall_that_is_noise_or_of_no_use_is_no_finding() -> None:
    shaky = np.exp(-0.03 * np.arange(EPOCHS))[:, None] * noise(0.5, EPOCHS, N)

    assert look("not-converged", records(loss=shaky, remedies={"longer": change(0.8)})) is None
    assert look("not-converged", records(loss=FALLING, remedies={"longer": change(1.0)})) is None


# unstable


def test_trainings_that_diverge_are_counted() -> None:
    fate = np.full(N, Fate.FINISHED)
    fate[:4] = Fate.DIVERGED
    seen = look("unstable", records(fate=fate))

    assert (seen.numbers["diverged"], seen.numbers["n"]) == (4, N)
    assert seen.said.en.startswith("4 of 12 trainings diverged (33 % [")
    rates = [twin.recipe.optimizer.lr for twin in seen.wants]
    assert rates[0] == pytest.approx(RECIPE.optimizer.lr / 3)
    assert seen.wants[1].recipe.clip_norm == pytest.approx(3**0.5, rel=0.05)  # three layers of norm 1


def test_loss_that_leaps_is_unstable_and_one_training_is_bad_luck() -> None:
    loss = records().base.loss.copy()
    loss[15, :5] *= 4
    one = records().base.loss.copy()
    one[15, 0] *= 4

    assert look("unstable", records(loss=loss)).numbers["leapt"] == 5
    assert look("unstable", records(loss=one)) is None


def test_loss_that_only_shakes_is_not_unstable() -> None:
    assert look("unstable", records(loss=records().base.loss * noise(0.1, EPOCHS, N))) is None


# gradients


def layered(first: Any) -> Any:
    layers = np.ones((EPOCHS, N, 3, LAYERS))
    layers[:, :, 2] = 0.0
    layers[:, :, 0, 0] = first
    return layers


def test_gradient_that_vanishes_on_its_way_back_is_seen() -> None:
    seen = look("vanishing-gradients", records(layers=layered(1e-4 * noise(0.1, EPOCHS, N))))

    assert seen.numbers["layer"] == 1
    assert seen.numbers["ratio"] == pytest.approx(1e-4, rel=0.2)
    assert [twin.recipe.network.init for twin in seen.wants] == ["he", "torch"]
    assert seen.wants[1].recipe.network.norm == "layer"


def test_gradient_near_the_threshold_is_no_finding_without_evidence() -> None:
    shaky = np.broadcast_to(0.009 * noise(1.0, N), (EPOCHS, N))

    assert look("vanishing-gradients", records(layers=layered(shaky))) is None
    assert look("vanishing-gradients", records(layers=layered(0.3))) is None


def test_gradients_that_explode_in_many_trainings_are_seen_and_one_is_not() -> None:
    burst, single = np.ones((EPOCHS, N)), np.ones((EPOCHS, N))
    burst[12, :5], single[12, 0] = 1e4, 1e4
    seen = look("exploding-gradients", records(layers=layered(burst)))

    assert (seen.numbers["trainings"], seen.numbers["n"]) == (5, N)
    assert len(seen.wants) == 2
    assert look("exploding-gradients", records(layers=layered(single))) is None


def test_gradients_that_are_large_at_the_start_alone_do_not_explode() -> None:
    start = np.ones((EPOCHS, N))
    start[0] = 1e4

    assert look("exploding-gradients", records(layers=layered(start))) is None


def dying(dead: Any) -> Any:
    layers = layered(1.0)
    layers[:, :, 2, 0] = dead
    return layers


def test_dead_units_are_seen_beyond_a_tenth() -> None:
    seen = look("dead-units", records(layers=dying(2.0)))  # of eight
    few = np.where(np.arange(N) < 3, 1.0, 0.0)

    assert seen.numbers["share"] == pytest.approx(0.25)
    assert [twin.recipe.network.activation for twin in seen.wants] == ["leaky_relu", "relu"]
    assert look("dead-units", records(layers=dying(few))) is None  # 3 %
    assert (
        look("dead-units", records(layers=dying(np.where(np.arange(N) < 2, 6.0, 0.0)))) is None
    )  # two networks


# no-signal


def signal(ratio: Any, twin: Any = None) -> Any:
    from manyfit.questions._diagnosis.pairs import guesses

    about = task()
    pairs = about.replicates(N)
    guess = guesses(about, pairs, records(about).base)
    twins = {} if twin is None else {"larger": twin * guess}
    return look("no-signal", records(about, unseen={"base": ratio * guess, **twins}))


def test_recipe_that_is_no_better_than_a_guess_has_no_signal() -> None:
    same, worse = 1 + 0.001 * np.arange(N) / N, 1.2 + 0.01 * np.arange(N)

    assert signal(same) is not None
    assert signal(worse).said.en.startswith("against a guess that looks at no column")
    assert [tried.name.en for tried in signal(worse).tried] == ["twice the width", "twice the epochs"]


def test_recipe_or_twin_that_beats_the_guess_or_chance_is_not_without_signal() -> None:
    assert signal(0.8 + 0.01 * np.arange(N)) is None
    assert signal(1.2 + 0.01 * np.arange(N), twin=0.8 + 0.01 * np.arange(N)) is None
    assert signal(noise(0.3, N)) is None


def test_guess_is_the_mean_or_the_shares_of_the_classes() -> None:
    from manyfit.questions._diagnosis.pairs import _guess
    from manyfit.questions._frame.measure import Scored

    def of(target: Any, n_classes: int) -> Scored:
        return Scored(np.array(target), np.array(target), None, 0.0, 1.0, n_classes)

    from manyfit.losses import BCE, CrossEntropy

    assert _guess(of([[1.0], [3.0]], 0), MSE()) == pytest.approx([2.0])
    assert np.exp(_guess(of([0, 1, 1, 1], 2), CrossEntropy())) == pytest.approx([0.25, 0.75])
    assert _guess(of([[0.0], [1.0], [1.0], [1.0]], 2), BCE()) == pytest.approx([np.log(3)])


# what lies at an edge, and what can't be told


def test_edge_of_a_search_comes_with_what_twice_the_width_has_shown() -> None:
    edge = [["network.hidden", "highest", 64]]
    seen = look("edge-of-search", records(edges=edge, remedies={"larger": change(0.9)}))

    assert seen.said.en == "network.hidden 64 is at the upper end"
    assert seen.tried[0].change.finding is Finding.BETTER
    assert look("edge-of-search", records(edges=[["optimizer.lr", "lowest", 1e-4]])).tried == ()


def test_pairs_that_would_tell_are_named_where_the_verdict_cannot_be_told() -> None:
    unknown = dataclasses.replace(change(1.0), finding=Finding.UNKNOWN, more=40)
    never = dataclasses.replace(unknown, more=NEVER)
    seen = look("too-few-replicates", records(code="cannot-tell", remedies={"larger": unknown}))

    assert "40 more would tell twice the width   --replicates" in seen.said.en  # alone, so not "all of them" too
    assert "再加 40 对可判断宽度加倍" in seen.said.zh
    assert look("too-few-replicates", records(code="overfitting", remedies={"larger": unknown})) is None
    assert look("too-few-replicates", records(code="cannot-tell", remedies={"larger": never})) is None


def test_rows_that_decide_in_place_of_networks_are_too_few() -> None:
    none, wide = (Interval(g, g, g, 0.95, N, "planted", "planted") for g in (0.001, 50.0))
    seen = look("test-set-too-small", records(task(8), gap=none))

    assert seen.numbers["rows"] == 8
    assert seen.numbers["half"] > 0.01
    assert look("test-set-too-small", records(task(8), gap=wide)) is None


def test_row_in_the_views_of_two_folds_counts_once_where_its_number_is_known() -> None:
    own = task(20)
    rows = own.rows
    assert isinstance(rows, GivenRows)
    twice = tuple(dataclasses.replace(s, view=("all", "again")[i % 2]) for i, s in enumerate(rows.splits))
    views = {"all": rows.views["all"], "again": rows.views["all"]}
    apart = GivenRows(views, twice, 0.0)
    places = np.arange(len(views["all"].X))
    told = dataclasses.replace(apart, numbers={"all": places, "again": places})
    none = Interval(0.001, 0.001, 0.001, 0.95, N, "planted", "planted")

    counts = [
        look("test-set-too-small", records(dataclasses.replace(own, rows=each), gap=none)).numbers["rows"]
        for each in (rows, apart, told)
    ]

    assert counts == [20, 40, 20]


# leaking


def table(n: int = 60, **more: Any) -> Any:
    random = np.random.default_rng(4)
    a, y = random.normal(size=n), random.normal(size=n)
    return load(
        pl.DataFrame({"a": a, "fee": y + 1e-3 * random.normal(size=n), "y": y}), "y", leaks=False, **more
    )


def test_column_that_gives_the_target_away_is_found_and_tried_without() -> None:
    recipe = RECIPE.set("optimizer", "adam").set("optimizer.lr", 0.05)
    answer = ask(Diagnose(replicates=6), Task("planted", TableRows(table()), recipe))
    found = {each["code"]: each for each in answer.numbers["findings"]}

    assert found["leaking"]["numbers"]["columns"] == ["fee"]
    assert found["leaking"]["tried"][0]["name"]["en"] == "without fee"
    assert found["leaking"]["tried"][0]["finding"] == "worse"
    assert any(line.en.startswith("leaking: fee alone predicts y") for line in answer.also)
    assert any(section.title.en == "Also found" for section in answer.sections)


def test_copies_across_the_splits_are_counted() -> None:
    random = np.random.default_rng(2)
    a = np.concatenate([random.normal(size=30), np.tile(random.normal(size=12), 3)])
    frame = pl.DataFrame({"a": a, "y": np.sin(a)})
    apart, whole = (load(frame, "y", leaks=False, duplicates=how) for how in ("apart", "together"))
    once = Task("planted", TableRows(apart), RECIPE)
    seen = look("leaking", records(once))

    assert 0.3 < seen.numbers["copies"] < 0.7  # of the 36 rows that have copies, most meet one
    assert [tried.change.difference.n for tried in seen.tried] == [N]
    assert "have an equal row among the training rows" in seen.said.en
    assert look("leaking", records(Task("planted", TableRows(whole), RECIPE))) is None


# muting, and the pairs on which remedies are tried


def test_remedies_are_tried_on_pairs_that_had_no_part_in_the_finding() -> None:
    trained: list[Population] = []

    def watched(population: Population) -> Run:
        trained.append(population)
        run = fit(population, threads=1)
        if len(trained) == 1:  # half of the trainings leap
            loss = run.loss.copy()
            loss[-2, ::2] = 10 * loss[0, ::2]
            run = dataclasses.replace(run, loss=loss)
        return run

    answer = ask(Diagnose(replicates=8), task(), fit=watched)
    streams = [{member.streams for member in population.members} for population in trained]
    found = {each["code"]: each for each in answer.numbers["findings"]}

    assert streams[0] == streams[1] and not streams[0] & streams[2]
    assert found["unstable"]["tried"][0]["name"]["en"] == "a third of the rate"
    assert found["unstable"]["tried"][0]["difference"]["n"] == 8


def test_muted_findings_are_not_looked_for_and_listed() -> None:
    answer = ask(
        Diagnose(replicates=4, mute=("leaking", "test-set-too-small")), Task("t", TableRows(table()), RECIPE)
    )

    assert not {"leaking", "test-set-too-small"} & {each["code"] for each in answer.numbers["findings"]}
    assert answer.numbers["muted"] == ["leaking", "test-set-too-small"]
    assert answer.also[-1].en == "muted: leaking, test-set-too-small"
    assert answer.also[-1].zh == "已静音：leaking、test-set-too-small"


def test_muted_verdicts_decide_nothing() -> None:
    gap = Interval(0.3, 0.2, 0.4, 0.95, N, "planted", "planted")
    helps = {"penalised": change(0.8), "smaller": change(1.2), "longer": change(0.9)}

    def code(*mute: str) -> str:
        leader = leading(helps, mute)
        curbs = {name: helps[name] for name in ("penalised", "smaller")}
        return judge(leader, helps.get(leader), {**curbs, "briefly": change(1.2)}, gap, 0.01, mute)

    assert code() == "overfitting"
    assert code("overfitting") == "underfitting"
    assert code("overfitting", "underfitting") == "gap-without-harm"
    assert code("overfitting", "underfitting", "gap-without-harm") == "cannot-tell"


def test_one_kind_of_curb_does_not_show_that_a_gap_is_without_harm() -> None:
    gap = Interval(0.3, 0.2, 0.4, 0.95, N, "planted", "planted")
    curbs = {"shorter": change(1.2), "briefly": change(2.0), "strongly": change(1.0, noise=0.5)}

    assert judge("", None, curbs, gap, 0.01) == "cannot-tell"


def test_unknown_code_to_be_muted_is_refused_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"unstabel(.|\n)*unstable"):
        ask(Diagnose(replicates=4, mute=("unstabel",)), task())


def test_recipe_that_diverges_is_unstable_and_its_scores_are_not_told() -> None:
    about = dataclasses.replace(task(), recipe=RECIPE.set("optimizer.lr", 1e6))
    answer = ask(Diagnose(replicates=6), about)

    assert answer.numbers["code"] == "cannot-tell"
    codes = [each["code"] for each in answer.numbers["findings"]]
    assert codes[0] == "unstable" and not {"no-signal", "too-few-replicates", "test-set-too-small"} & set(
        codes
    )
    assert "some of its trainings diverged" in answer.statement[0].en
    assert "inf" not in " ".join(str(line) for line in (answer, *answer.also))


def test_remedy_has_no_number_where_the_recipe_as_it_is_diverged() -> None:
    own, twin = np.array([1.0, 1.1, 1.2, 1.0, np.inf, 1.1]), np.array([0.5, 0.6, 0.5, 0.4, 0.5, 0.6])
    better = dataclasses.asdict(paired_ratios(twin, own, scope="pairs", margin=0.01, level=0.9))
    whole = dataclasses.asdict(paired_ratios(twin, np.ones(6), scope="pairs", margin=0.01, level=0.9))
    told = {"name": {"en": "clipping", "zh": "裁剪"}}

    assert tried_text({**told, **better}) == Text("clipping: better", "裁剪：更好")
    assert "[" in tried_text({**told, **whole}).en
