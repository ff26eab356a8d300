"""Regularization: a planted gain is found, a planted tie is called the same or not to be told, and columns are those planted."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from manyfit.data import load
from manyfit.engines.choose import fit
from manyfit.errors import UsageError
from manyfit.hyper import Choice, IntRange, LogRange, Range
from manyfit.networks import Dense
from manyfit.optimizers.adam import Adam
from manyfit.optimizers.adamw import AdamW
from manyfit.population import Population
from manyfit.questions import Interrupted, TableRows, Task, ask, default_recipe, measure_for
from manyfit.questions._curbs.curbed import Curbed, Met, Tuning, kept_of, read
from manyfit.questions._curbs.curbs import CURBS, Weights, curbs_of, strengths, weights_of
from manyfit.questions._curbs.told import Again, regularized
from manyfit.questions.regularize import Regularize
from manyfit.recipe import Recipe
from manyfit.runs import Run
from manyfit.stats import Finding, paired

NAMES = ("l1", "l2", "dropout")


def tuning(shift: float = 0.0, *, n: int = 12, seed: int = 0) -> Tuning:
    """Valleys over five strengths, as deep as the recipe as it is plus a shift; under L1 the second column goes at the third."""
    random = np.random.default_rng(seed)
    values = np.geomspace(1e-3, 1e-1, 5)
    valley = np.array([0.3, 0.2, 0.0, 0.1, 2.0])
    plain = 2 + random.normal(size=n)
    score = tuple(plain + shift + valley[:, None] + 0.01 * random.normal(size=(5, n)) for _ in NAMES)
    size = np.ones((5, n, 2))
    kept = np.ones((5, n, 2), dtype=bool)
    kept[2:, :, 1] = False
    weights = {
        "l1": Weights(("tall", "short"), size, kept),
        "l2": Weights(("tall", "short"), size, np.ones_like(kept)),
    }
    return Tuning(NAMES, (values,) * 3, score, plain, weights)


def found(
    shifts: tuple[float, float, float],
    *,
    noise: float = 0.05,
    seed: int = 1,
    sparse: float = 0.0,
    n: int = 12,
) -> Curbed:
    """Curbs that are so far from the recipe as it is on fresh pairs."""
    random = np.random.default_rng(seed)
    plain = 2 + random.normal(size=(n, 2))
    curbs = np.stack([plain + shift + noise * random.normal(size=(n, 2)) for shift in shifts])
    kept = np.ones((2 * n, 2), dtype=bool)
    kept[3:, 1] = False
    thin = plain + sparse + noise * random.normal(size=(n, 2))
    met = Met(plain, curbs, thin, kept, None, np.zeros(4))
    return read(tuning(), met, margin=0.2, share=0.1, level=0.95, scope="planted", sparse_at=1e-2)


def small(epochs: int = 4, network: Dense | None = None) -> Task:
    rows = TableRows(load("iris", leaks=False))
    recipe = default_recipe(rows.task, 96).set("epochs", epochs).set("network.hidden", (4,))
    recipe = recipe if network is None else dataclasses.replace(recipe, network=network)
    return Task("iris", rows, recipe, measure_for(rows.task), seed=1)


def said(known: Curbed, again: Again | None = None) -> str:
    answer = regularized(small(), known, again, (), is_whole=True)
    assert all(text.zh and text.zh != text.en for text in (*answer.statement, *answer.head))
    return " ".join(text.en for text in answer.statement)


def test_planted_gain_is_found_and_its_interval_holds_the_truth():
    known = found((0.5, -0.5, 0.0))

    assert known.winner == "l2" and known.against("l2").difference.contains(-0.5)
    assert known.those(Finding.WORSE) == ["l1"] and known.those(Finding.SAME) == ["dropout"]


def test_where_none_is_better_none_pays():
    text = said(found((0.0, 0.01, 0.6)))

    assert text.startswith("None pays: the recipe as it is has error")
    assert "The same as without: L1 and L2." in text or "The same as without: L2 and L1." in text
    assert "Worse than without: dropout." in text


def test_tie_in_much_noise_is_not_called_a_loss_or_a_gain():
    known = found((0.0, 0.0, 0.0), noise=1.5)

    assert known.winner is None and set(known.those(Finding.UNKNOWN)) == set(NAMES)
    assert said(known).startswith("No gain is shown")


def test_best_tuned_curb_is_still_compared_with_the_recipe_as_it_is():
    known = found((-0.5, -0.6, -0.7))

    assert known.verdict.reference == 0 and known.winner == "dropout"


def test_gain_that_other_pairs_do_not_show_is_not_to_be_counted_on():
    known = found((0.0, -0.5, 0.0))
    on_others = paired([1.0, 2.1, 3.0, 1.9], [1.1, 2.0, 2.9, 2.0], scope="planted", margin=0.2)
    text = said(known, Again(known.verdict.score[2], on_others))

    assert "do not count on it" in text and "Take" not in text


def test_curb_that_diverges_on_fresh_pairs_is_worse():
    known = found((0.0, 0.0, 0.0))
    curbs = known.met.curbs.copy()
    curbs[0, :9] = np.inf
    again = read(
        tuning(), known.met._replace(curbs=curbs), margin=0.2, share=0.1, level=0.95, scope="planted"
    )

    assert again.against("l1").finding is Finding.WORSE


@pytest.mark.slow
def test_curbs_that_do_nothing_are_rarely_called_better_or_worse():
    false = 0
    for seed in range(100):
        known = found((0.0, 0.0, 0.0), noise=1.0, seed=seed, n=8)
        false += any(known.those(finding) for finding in (Finding.BETTER, Finding.WORSE))

    assert false <= 5 + 7  # 5 % of 100, and three standard errors above it


# Columns


def test_planted_column_is_kept_and_the_other_goes():
    kept = kept_of(found((0.0, 0.0, 0.0)), "planted")

    assert kept is not None and kept.names == ("tall", "short")
    assert kept.until == pytest.approx([1e-1, 10**-2.5])
    assert [share.estimate for share in kept.share] == [1.0, 3 / 24] and kept.n == 1 + 3 / 24
    assert "keeps 1 of 2 columns in most networks (at the same score): tall." in said(found((0.0, 0.0, 0.0)))


def test_columns_kept_at_a_loss_are_said_to_be_so():
    known = found((0.0, 0.0, 0.0), sparse=0.8)

    assert "(at a worse score)" in said(known)
    rows = regularized(small(), known, None, (), is_whole=True).sections[-1].tables[0].rows
    assert rows[0][-1].en == "costs score here" and rows[1][-1].en == "holds here"


def test_sparsest_strength_is_the_strongest_within_the_margin():
    assert tuning().sparsest(0.05) == pytest.approx(1e-2)
    assert tuning().sparsest(0.15) == pytest.approx(10**-1.5)
    assert tuning(5.0).sparsest(0.15) is None


def test_weights_are_added_up_by_column_and_hopping_ones_count_as_nothing():
    task = small(network=Dense((2,)))
    members = [
        task.member(task.recipe.set("optimizer", rule).set("optimizer.lr", 1e-3), pair)
        for rule in ("adam", "sgd")
        for pair in task.replicates(1)
    ]
    population = task.population(members)
    run = fit(population)
    first = np.array([[0.5, 0.009, 0.0, 0.0], [-0.5, 0.0, 0.0, 0.02]])  # units × inputs
    for flat in run.parameters:
        flat[:8] = first.T.ravel()
    weights = weights_of(task, run, np.arange(2)[:, None])

    assert weights is not None and len(weights.names) == 4
    np.testing.assert_allclose(weights.size[0, 0], [1.0, 0.009, 0.0, 0.02], rtol=1e-5)
    assert weights.kept[:, 0].tolist() == [[True, False, False, True], [True, True, False, True]]


# What is tried


def test_curbs_change_nothing_but_their_strength():
    recipe = Recipe(Dense((4,)), optimizer=Adam(lr=0.02, beta1=0.8))
    decayed = CURBS["adamw"].of(recipe, 0.3)

    assert decayed.optimizer == AdamW(lr=0.02, beta1=0.8, weight_decay=0.3)
    assert CURBS["l1"].of(recipe, 0.1).get("l1.strength") == 0.1
    assert CURBS["stopping"].of(recipe, 3.0).stopping.patience == 3
    assert (
        CURBS["noise"].of(recipe, 0.2).augment.noise == 0.2
        and CURBS["dropout"].of(recipe, 0.4).network.dropout == 0.4
    )


def test_patience_stays_within_half_of_the_epochs():
    assert Regularize().tried("stopping", 10).tolist() == [1, 2, 3, 4, 5]
    assert len(Regularize().tried("l2", 10)) == 12
    assert strengths(Choice((0.3, 0.1)), 1).tolist() == [0.1, 0.3]
    assert strengths(IntRange(1, 50), 3).tolist() == [1, 26, 50] or strengths(IntRange(1, 50), 3)[1] == 25


def test_what_a_recipe_cannot_have_is_left_out_or_refused():
    names, why = curbs_of(Recipe(Dense(()), optimizer="sgd"), ())

    assert names == ("l1", "l2", "stopping", "noise") and len(why) == 2
    with pytest.raises(UsageError, match="can't hold adamw: AdamW is asked of Adam alone"):
        curbs_of(Recipe(optimizer="sgd"), ("adamw",))
    with pytest.raises(UsageError, match="Did you mean 'dropout'"):
        curbs_of(Recipe(), ("dropuot",))


PLAN = Regularize(
    methods=("l1", "dropout", "stopping"),
    l1=LogRange(1e-3, 1e-1),
    dropout=Range(0.1, 0.3),
    points=2,
    replicates=3,
    fresh=1,
    confirm=3,
)


def asked(plan: Regularize, interrupts: int | None = None):
    trained: list[Population] = []

    def train(population: Population) -> Run:
        trained.append(population)
        run = fit(population)
        if len(trained) == interrupts:
            raise Interrupted(run)
        return run

    return ask(plan, small(), fit=train), trained


def test_every_curb_gets_the_same_trials_on_the_same_pairs_and_meets_on_others():
    answer, trained = asked(PLAN)
    tuned, met = trained[0].members, trained[1].members

    assert len(tuned) == 3 * (1 + 2 + 2 + 2)
    assert all(
        [m.streams for m in tuned[3 * k : 3 * k + 3]] == [m.streams for m in tuned[:3]] for k in range(7)
    )
    assert not {m.streams for m in tuned} & {m.streams for m in met}
    assert all(m.streams == met[i % 3].streams for i, m in enumerate(met))
    watching = [m for m in met if m.recipe.stopping.patience]
    assert len(watching[0].rows.train) < len(met[0].rows.train)
    last = met[-1]  # the recipe as it is, without the rows that early stopping watches
    assert last.recipe.stopping.patience is None and len(last.rows.train) == len(watching[0].rows.train)
    assert answer.numbers["early_stopping"]["rows"] is not None


def test_interrupted_confirmation_leaves_an_answer_that_says_so():
    known = found((0.0, -0.5, 0.0))
    answer = regularized(small(), known, None, (), is_whole=False)

    assert "Interrupted" in answer.statement[-1].en and answer.numbers["interrupted"]
    with pytest.raises(Interrupted):  # before anything has met nothing can be said
        asked(PLAN, interrupts=2)


def test_networks_without_hidden_units_have_paths_too():
    plan = dataclasses.replace(PLAN, methods=())
    answer = ask(plan, small(network=Dense(())))

    assert "left out: a network without hidden units has none to drop" in answer.head[-1].en
    assert {section.title.en for section in answer.sections} >= {
        "Weights over λ, and what L1 keeps",
        "The choice tree",
    }
    assert len(answer.numbers["columns"]["columns"]) == 4
