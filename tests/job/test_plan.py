"""Plans: sized by the budget, named by their content, round trip."""

import pytest
from job.tables import PLAN

from manyfit.errors import UsageError
from manyfit.job.defaults import default_space
from manyfit.job.plan import Plan, Size, size_plan
from manyfit.samplers.halving import Rung

SPACE = default_space("regression", 1000)
SIZE = Size(1000, 250, 10, 1)


def sized(seconds: float, rate: float = 1e9, size: Size = SIZE) -> Plan:
    return size_plan(SPACE, size, rate=rate, seconds=seconds, seed=0, metric="rmse")


def test_larger_budget_never_makes_a_smaller_plan():
    plans = [sized(seconds) for seconds in (1, 3, 10, 30, 100, 1000)]

    assert [p.epochs for p in plans] == sorted(p.epochs for p in plans)
    work = [
        sum(r.recipes * r.epochs for r in p.rungs) + p.finalists * p.folds * p.seeds * p.epochs for p in plans
    ]
    assert work == sorted(work)


def test_plan_fits_its_budget_as_far_as_the_cost_model_knows():
    for seconds in (5, 20, 60):
        plan = sized(seconds)
        recipe = SPACE.at(0, dict.fromkeys(SPACE.ranges_of(0), 0.5))
        confirming = plan.finalists * plan.folds * plan.seeds * SIZE.work(recipe, plan.epochs) / 1e9

        assert sum(plan.expected_s) <= 0.5 * seconds * 1.001
        assert confirming < 0.5 * seconds


def test_tiny_budget_on_a_large_table_still_confirms_one_recipe_on_five_folds():
    plan = sized(1, rate=1e8, size=Size(10**6, 10**5, 200, 1))

    assert (plan.finalists, plan.folds, plan.seeds) == (1, 5, 1)
    assert plan.rungs[0].recipes >= 1


def test_no_budget_buys_more_than_the_largest_plan():
    assert sized(1e6) == sized(1e7)


def test_plan_round_trips_and_is_named_by_what_it_trains():
    again = Plan.from_dict(PLAN.to_dict())

    assert again == PLAN
    assert again.hash == PLAN.hash
    assert PLAN.realised([Rung(5, 2, 10)], 1).hash != PLAN.hash


def test_seconds_that_were_expected_are_no_part_of_a_plan():
    plan = sized(20)

    assert "expected_s" not in plan.to_dict()
    assert Plan.from_dict(plan.to_dict()).hash == plan.hash


def test_unknown_or_missing_field_of_a_plan_is_named():
    with pytest.raises(UsageError, match=r"unknown field 'epoch' of a plan.*Did you mean 'epochs'"):
        Plan.from_dict({**PLAN.to_dict(), "epoch": 3})
    with pytest.raises(UsageError, match="must have seed, rungs, finalists and epochs"):
        Plan.from_dict({"seed": 3})
