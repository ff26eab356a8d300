"""Every registered rule and every engine is held to its contract."""

import pytest

from manyfit import attacks, losses, optimizers, penalties, schedules, testing
from manyfit.data import corrupt
from manyfit.engines.reference import Reference


@pytest.mark.parametrize("name", optimizers.registry.all())
def test_optimizer_keeps_its_contract(name):
    testing.check_optimizer(optimizers.registry.find(name))


@pytest.mark.parametrize("name", schedules.registry.all())
def test_schedule_keeps_its_contract(name):
    testing.check_schedule(schedules.registry.find(name))


@pytest.mark.parametrize("name", losses.registry.all())
def test_loss_keeps_its_contract(name):
    testing.check_loss(losses.registry.find(name))


@pytest.mark.parametrize("name", penalties.registry.all())
def test_penalty_keeps_its_contract(name):
    testing.check_penalty(penalties.registry.find(name))


@pytest.mark.parametrize("name", corrupt.registry.all())
def test_corruption_keeps_its_contract(name):
    testing.check_corruption(corrupt.registry.find(name))


@pytest.mark.parametrize("name", attacks.registry.all())
def test_attack_keeps_its_contract(name):
    testing.check_attack(attacks.registry.find(name))


def test_reference_engine_keeps_its_contract():
    testing.check_engine(Reference)


@pytest.mark.native
@pytest.mark.parametrize("layout", ["auto", "across", "within"])
@pytest.mark.parametrize("threads", [1, 2])
def test_native_engine_keeps_its_contract(layout, threads):
    from manyfit.engines.native import Native

    testing.check_engine(lambda: Native(threads=threads, layout=layout))
