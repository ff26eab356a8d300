import dataclasses

import numpy as np
import pytest

from manyfit.engines.base import train
from manyfit.networks import Dense, initial_parameters
from manyfit.optimizers.adam import Adam
from manyfit.optimizers.sgd import SGD
from manyfit.population import Member, Population, Probe, Rows, View
from manyfit.recipe import Recipe, Stopping
from manyfit.rng import Streams
from manyfit.runs import Cursor, Fate, Ledger, Run, Sums

X = np.arange(10.0).reshape(5, 2)
ROWS = Rows(np.arange(4), np.array([4]))


def population(*recipes, probes=()):
    members = [Member(recipe, Streams.of(0, replicate=i), ROWS) for i, recipe in enumerate(recipes)]
    return Population(tuple(members), {"all": View(X, X)}, probes)


def three():
    """Three networks of three epochs: one goes to its end, one diverges in the second, one stops with its first weights best."""
    made = population(Recipe(epochs=3), Recipe(epochs=3), Recipe(epochs=3, stopping=Stopping(patience=1)))
    ledger = Ledger.begin(made)
    ledger.loss[:] = [[3, 2, 1], [3, np.nan, np.nan], [5, 4, np.nan]]
    ledger.held_loss[:] = [[4, 3, 2], [4, np.nan, np.nan], [1, 6, np.nan]]
    ledger.cursor[:, Cursor.FATE] = (Fate.FINISHED, Fate.DIVERGED, Fate.STOPPED)
    ledger.cursor[:, Cursor.FATE_STEP] = (3, 2, 2)
    ledger.cursor[:, Cursor.STEP] = (3, 1, 2)
    ledger.cursor[2, Cursor.BEST_EPOCH] = 0
    return made, ledger


def run_of(made, ledger):
    return Run.of(made, ledger, seconds=1.0, core_seconds=0.5, engine={"name": "none"})


def test_a_new_ledger_is_empty_but_for_the_initial_weights():
    made = population(
        Recipe(Dense((3,)), epochs=2),
        Recipe(Dense((4,)), optimizer=SGD(), epochs=5, precision="float64", stopping=Stopping(patience=2)),
        probes=(Probe("p", np.array([0, 1, 2]), (0, 4)),),
    )

    ledger = Ledger.begin(made)

    assert ledger.cursor.tolist() == [[0, 0, 0, 0, 0, -1, 0, 0]] * 2
    assert ledger.sums[:, Sums.BEST].tolist() == [np.inf] * 2
    assert ledger.loss.shape == ledger.held_loss.shape == (2, 5) and np.isnan(ledger.loss).all()
    assert [flat.shape for flat in ledger.parameters] == [(17,), (22,)]
    assert [(s.shape, s.dtype) for s in ledger.state] == [((2, 17), np.float32), ((0, 22), np.float64)]
    assert [best.shape for best in ledger.best] == [(0,), (22,)]
    assert ledger.probes[0].shape == (2, 2, 3, 2)
    key = made.members[0].streams.init
    assert np.array_equal(ledger.parameters[0], initial_parameters([key], (2, 3, 2))[0].astype(np.float32))
    assert not ledger.is_done


def test_networks_that_share_a_stream_start_alike_in_arrays_of_their_own():
    member = population(Recipe()).members[0]
    ledger = Ledger.begin(Population((member, member), {"all": View(X, X)}))

    ledger.parameters[0][:] = 0

    assert ledger.parameters[1].any()


def test_run_turns_the_ledgers_axes():
    made, ledger = three()

    run = run_of(made, ledger)

    assert (len(run), run.loss.shape, run.epoch.tolist()) == (3, (3, 3), [1, 2, 3])
    assert run.loss[:, 0].tolist() == [3, 2, 1]
    assert run.steps.tolist() == [3, 1, 2]
    assert run.best_epoch.tolist() == [0, 0, 1]


def test_run_says_fates_in_words():
    run = run_of(*three())

    assert run.fates == ["finished", "diverged at step 2", "stopped early at step 2"]
    assert run.diverged.tolist() == [False, True, False]
    assert repr(run) == "<Run of 3 networks: 1 finished, 1 diverged, 1 stopped; 1.00 s on none>"


def test_scores_are_of_the_weights_that_were_kept_and_diverged_networks_rank_worst():
    run = run_of(*three())

    assert run.final_loss.tolist() == [1, np.inf, 4]
    assert run.score.tolist() == [2, np.inf, 1]


def test_score_of_sparse_records_is_the_last_one():
    made, ledger = three()
    ledger.held_loss[0] = [7, 3, np.nan]

    assert run_of(made, ledger).score[0] == 3


def test_networks_still_in_training_are_cut_and_keep_their_best_weights():
    made, ledger = three()
    ledger.cursor[[0, 2], Cursor.FATE] = Fate.TRAINING
    ledger.best[2][:] = 7

    run = run_of(made, ledger)

    assert run.fates == ["cut at step 3", "diverged at step 2", "cut at step 2"]
    assert (run.parameters[2] == 7).all()
    assert np.array_equal(run.parameters[0], ledger.parameters[0])


def test_weights_by_layer_are_those_of_a_linear_layer_of_torch():
    made = population(Recipe(Dense((3,))))
    ledger = Ledger.begin(made)
    ledger.parameters[0][:] = np.arange(17)

    (weight, bias), (weight2, bias2) = run_of(made, ledger).weights(0)

    assert weight.tolist() == [[0, 3], [1, 4], [2, 5]]
    assert bias.tolist() == [6, 7, 8]
    assert weight2.shape == (2, 3) and bias2.tolist() == [15, 16]


@pytest.mark.parametrize("recipes", [(), (Recipe(epochs=0), Recipe(epochs=0))])
def test_run_of_nothing_has_nothing_in_it(recipes):
    made = population(*recipes)
    ledger = Ledger.begin(made)
    ledger.cursor[:, Cursor.FATE] = Fate.FINISHED

    run = run_of(made, ledger)

    assert run.loss.shape == (0, len(recipes))
    assert np.isnan(run.score).all() and np.isnan(run.final_loss).all()
    assert run.fates == ["finished"] * len(recipes)


class Scripted:
    """An engine that makes one step a segment; each network ends at its recipe's number of epochs."""

    name = "scripted"

    def __init__(self):
        self.segments, self.is_stopped = [], False

    def describe(self):
        return {"name": self.name}

    def start(self, made, ledger):
        self.made, self.ledger = made, ledger

    def advance(self, *, seconds=None, steps=None):
        self.segments.append(seconds)
        for i, member in enumerate(self.made.members):
            if self.ledger.cursor[i, Cursor.STEP] < member.recipe.epochs:
                self.ledger.cursor[i, Cursor.STEP] += 1
            if self.ledger.cursor[i, Cursor.STEP] == member.recipe.epochs:
                self.ledger.cursor[i, [Cursor.FATE, Cursor.FATE_STEP]] = Fate.FINISHED, member.recipe.epochs
        return self.ledger.is_done

    def read(self):
        return self.ledger

    def stop(self):
        self.is_stopped = True
        return 0.25


def test_loop_goes_on_until_every_network_is_done():
    engine = Scripted()

    run = train(population(Recipe(epochs=2), Recipe(epochs=4)), engine)

    assert run.steps.tolist() == [2, 4]
    assert engine.segments == [0.1] * 4
    assert engine.is_stopped and run.core_seconds == 0.25


def test_deadline_shortens_the_last_segment_and_cuts():
    engine, ticks = Scripted(), iter(range(100))

    run = train(
        population(Recipe(epochs=9)), engine, seconds=3.5, segment_s=1.0, clock=lambda: float(next(ticks))
    )

    # The clock moves on by one at each look: began at 0, then 1, 2, 3 have passed.
    assert engine.segments == [1.0, 1.0, 0.5]
    assert run.fates == ["cut at step 3"]


def test_watchers_see_every_segment_and_may_end_the_training():
    seen = []

    def watch(ledger):
        seen.append(int(ledger.cursor[0, Cursor.STEP]))
        return len(seen) == 2

    run = train(population(Recipe(epochs=9)), Scripted(), watchers=(watch, lambda ledger: None))

    assert seen == [1, 2]
    assert run.fates == ["cut at step 2"]


def test_engine_is_stopped_when_something_breaks():
    engine = Scripted()

    def breaks(ledger):
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        train(population(Recipe(epochs=9)), engine, watchers=(breaks,))

    assert engine.is_stopped


def test_loop_goes_on_from_a_ledger_and_leaves_a_finished_one_alone():
    made = population(Recipe(epochs=4))
    ledger = Ledger.begin(made)
    ledger.cursor[0, Cursor.STEP] = 3
    engine = Scripted()

    assert train(made, engine, ledger=ledger).steps.tolist() == [4]
    assert len(engine.segments) == 1
    assert train(made, Scripted(), ledger=ledger).steps.tolist() == [4]


def test_loop_refuses_a_population_with_problems():
    bad = dataclasses.replace(Recipe(), optimizer=Adam(lr=-1.0))

    with pytest.raises(ValueError, match=r"Adam.lr must be ≥ 0"):
        train(population(bad), Scripted())
