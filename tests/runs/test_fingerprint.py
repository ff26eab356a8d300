"""Fingerprints: equal for what trains to the same bits, different for everything else."""

from dataclasses import replace

import numpy as np
import pytest

from manyfit.population import Population, Probe, Rows, View
from manyfit.runs.fingerprint import of_data, of_population
from tests.staircase import networks


def changed(population: Population, index: int, **changes) -> Population:
    members = list(population.members)
    members[index] = replace(members[index], **changes)
    return replace(population, members=tuple(members))


def test_the_same_population_made_twice_has_the_same_fingerprint():
    assert of_population(networks()) == of_population(networks())
    assert of_data(networks().views) == of_data(networks().views)


@pytest.mark.parametrize(
    "change",
    [
        lambda p: changed(p, 2, recipe=p.members[2].recipe.set("optimizer.lr", 0.002)),
        lambda p: changed(p, 1, streams=p.members[1].streams.replace(noise=1)),
        lambda p: changed(p, 0, rows=Rows(np.array([1, 0, 2, 3]), np.array([4]))),
        lambda p: changed(p, 0, rows=Rows(np.arange(5))),
        lambda p: replace(p, record_every=2),
        lambda p: replace(p, probes=(Probe("a", np.array([0]), (1,)),)),
        lambda p: replace(p, members=p.members[::-1]),
        lambda p: replace(p, members=p.members[:2]),
    ],
    ids=[
        "rate",
        "stream",
        "order of rows",
        "no held rows",
        "record_every",
        "probe",
        "order of networks",
        "fewer",
    ],
)
def test_whatever_changes_a_result_changes_the_fingerprint(change):
    assert of_population(change(networks())) != of_population(networks())


def test_every_bit_of_the_data_counts():
    X, y = np.arange(6.0).reshape(3, 2), np.arange(3)
    base = of_data({"all": View(X, y)})
    moved = X.copy()
    moved[2, 1] = np.nextafter(moved[2, 1], 9)

    others = [
        of_data({"all": View(moved, y)}),
        of_data({"all": View(X, y, np.ones(3))}),
        of_data({"all": View(X, y, n_classes=3)}),
        of_data({"all": View(X.reshape(2, 3)[:, :2], y[:2])}),
        of_data({"some": View(X, y)}),
        of_data({}),
    ]
    assert len({base, *others}) == 7
