"""Several engines on one population: each network as if its engine had trained it alone."""

import numpy as np
import pytest

from manyfit.engines.choose import fit, why_missing
from manyfit.engines.mixed import Mixed
from manyfit.population import Population, Probe
from tests.engines.test_resume import assert_same_bits, real_networks
from tests.staircase import Staircase, networks


def part(population: Population, indices: list[int]) -> Population:
    return Population(tuple(population.members[i] for i in indices), population.views, population.probes)


def test_each_engine_trains_its_own_networks():
    population = networks(n=5, probes=(Probe("a", np.array([1]), (2,)),))
    first, second = (
        Staircase(),
        Staircase("2", diverges=0),
    )  # network 0 of the second one's own: the second of all
    run = fit(population, engine=Mixed([first, second], [0, 1, 0, 1, 0]))

    assert run.fates == ["finished", "diverged at step 3", "finished", "finished", "finished"]
    assert run.loss[:, 4].tolist() == [3, 2.5, 2 + 1 / 3, 2.25]  # network 2 of the first one's own
    assert run.probes["a"][0, :, 0, 0].tolist()[2:] == [2, 2, 3]
    assert run.core_seconds == 0.5
    assert run.engine == {"name": "mixed", "staircase": {"name": "staircase", "version": "2"}}


def test_records_keep_their_length_when_one_share_has_fewer_epochs():
    short, long = networks(epochs=2), networks(epochs=4)
    population = Population((*short.members[:1], *long.members[1:2]), short.views)
    run = fit(population, engine=Mixed([Staircase(), Staircase()], [0, 1]))

    assert run.loss.shape == (4, 2) and np.isnan(run.loss[:, 0]).tolist() == [False, False, True, True]
    assert run.steps.tolist() == [4, 8]


@pytest.mark.skipif(bool(why_missing("reference")), reason="no torch")
def test_a_mixed_training_has_the_bits_of_its_parts():
    from manyfit.engines.reference import Reference

    population = real_networks()
    run = fit(population, engine=Mixed([Reference(), Reference()], [0, 1, 1, 0, 1]), segment_s=0.005)

    assert_same_bits(run, fit(population, engine=Reference()))


@pytest.mark.native
@pytest.mark.skipif(bool(why_missing("native") or why_missing("reference")), reason="no core or no torch")
def test_a_network_of_the_core_has_the_same_bits_beside_one_of_torch():
    from manyfit.engines.native import Native
    from manyfit.engines.reference import Reference

    population = real_networks()
    run = fit(population, engine=Mixed([Native(1), Reference()], [0, 1, 0, 1, 0]), segment_s=0.005)
    alone = fit(part(population, [0, 2, 4]), engine=Native(1))

    for ours, theirs in zip([run.parameters[i] for i in (0, 2, 4)], alone.parameters, strict=True):
        assert ours.tobytes() == theirs.tobytes()
