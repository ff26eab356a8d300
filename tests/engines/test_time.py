"""Networks whose time is up are cut between segments, as a fate in words; what they became can be had again, bit for bit."""

import dataclasses

import numpy as np
import pytest

from manyfit.engines.base import train
from manyfit.engines.choose import engine_for, fit, why_missing
from manyfit.population import Population, Rows
from manyfit.runs import Cursor, Fate, RunFolder
from tests.engines.test_resume import Stepwise, real_networks
from tests.staircase import Clock, KillAfter, Killed

ENGINES = [
    pytest.param(name, marks=[pytest.mark.native] if name == "native" else [])
    for name in ("native", "reference")
    if not why_missing(name)
]


def with_times(*seconds: float | None) -> Population:
    population = real_networks()
    members = [
        dataclasses.replace(member, recipe=member.recipe.set("stopping.max_seconds", limit))
        for member, limit in zip(population.members, seconds, strict=True)
    ]
    return dataclasses.replace(population, members=tuple(members))


@pytest.mark.parametrize("engine", ENGINES)
def test_each_network_ends_when_its_own_time_is_up_and_the_others_go_on(engine):
    # The clock reads a second more each time it is asked; a segment is three updates of the sixty that the first network has.
    population = with_times(6.5, 1000.0, 2.5, 1e-9, None)

    run = train(population, Stepwise(engine, 3), clock=Clock(1.0))
    whole = train(real_networks(), Stepwise(engine, 3))

    assert (
        run.fate[[0, 2, 3]].tolist() == [Fate.LATE] * 3
        and 0 == run.steps[3] < run.steps[2] < run.steps[0] < 60
    )
    assert run.fates[0] == f"out of time at step {run.steps[0]}" and run.fate_step[0] == run.steps[0]
    for i in (1, 4):
        assert run.fates[i] == whole.fates[i] and run.parameters[i].tobytes() == whole.parameters[i].tobytes()


@pytest.mark.parametrize("engine", ENGINES)
def test_what_was_cut_comes_again_from_its_number_of_steps(engine):
    cuts = [
        train(with_times(6.5, 4.5, 2.5, 1e-9, 3.5), Stepwise(engine, 2), clock=Clock(1.0)),
        train(real_networks(), Stepwise(engine, 2), seconds=5.5, clock=Clock(1.0)),
    ]
    for cut in cuts:
        assert {Fate.LATE, Fate.CUT} & set(cut.fate.tolist())
        members = [
            dataclasses.replace(m, recipe=cut.as_trained(i)) for i, m in enumerate(cut.population.members)
        ]
        again = fit(dataclasses.replace(cut.population, members=tuple(members)), engine=engine)

        for i in range(len(cut)):
            assert again.steps[i] == cut.steps[i]
            assert again.parameters[i].tobytes() == cut.parameters[i].tobytes()
            assert again.loss[:, i].tobytes() == cut.loss[:, i].tobytes()


def test_a_network_that_ends_by_itself_has_its_own_recipe():
    run = fit(with_times(*[1000.0] * 5))

    for i, member in enumerate(real_networks().members):
        assert run.as_trained(i) == member.recipe


@pytest.mark.parametrize("engine", ENGINES)
def test_time_before_a_resume_counts(engine, tmp_path):
    population = with_times(*[40.0] * 5)
    with pytest.raises(Killed):
        options = {"watchers": [KillAfter(4)], "clock": Clock(2.0)}  # a checkpoint after 20 s
        fit(population, engine=Stepwise(engine, 2), folder=tmp_path / "a", **options)
    kept = RunFolder.open(tmp_path / "a").resume(population, None)
    resumed = fit(
        population, engine=Stepwise(engine, 2), folder=tmp_path / "a", resume=True, clock=Clock(2.0)
    )
    whole = fit(population, engine=Stepwise(engine, 2), folder=tmp_path / "b", clock=Clock(2.0))

    assert kept.seconds == 20 and resumed.fate[0] == whole.fate[0] == Fate.LATE
    assert kept.ledger.cursor[0, Cursor.STEP] < resumed.steps[0] <= whole.steps[0] < 60


@pytest.mark.parametrize("engine", ENGINES)
def test_no_steps_leave_a_network_as_it_began(engine):
    population = real_networks()
    member = population.members[0]
    none = dataclasses.replace(member, recipe=member.recipe.set("stopping.max_steps", 0))
    never = dataclasses.replace(member, recipe=member.recipe.set("epochs", 0))

    a, b = (fit(dataclasses.replace(population, members=(m,)), engine=engine) for m in (none, never))

    assert a.fates == b.fates == ["finished"] and a.parameters[0].tobytes() == b.parameters[0].tobytes()


def test_the_score_of_a_network_without_held_out_rows_is_none_whatever_its_fate():
    population = real_networks()
    members = [
        dataclasses.replace(m, rows=Rows(m.rows.train))
        for m in population.members
        if not m.recipe.stopping.patience
    ]
    run = fit(dataclasses.replace(population, members=tuple(members)))
    scored = fit(population)

    assert Fate.DIVERGED in run.fate and Fate.FINISHED in run.fate
    assert np.isnan(run.score).all() and np.isinf(run.final_loss[run.diverged]).all()
    assert np.isinf(scored.score[scored.diverged]).all() and np.isfinite(scored.score[~scored.diverged]).all()


@pytest.mark.native
def test_cutting_one_changes_no_bit_of_the_others_on_several_threads():
    population = with_times(1e-9, None, None, None, None)

    run = train(population, engine_for(population, "native", threads=2))
    whole = fit(real_networks(), engine="native")

    assert run.fate[0] == Fate.LATE
    for i in range(1, 5):
        assert run.parameters[i].tobytes() == whole.parameters[i].tobytes()
        assert run.fates[i] == whole.fates[i]
