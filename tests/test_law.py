"""Law 1: alone = together. A network's result depends on its recipe, its streams and its rows, bit for bit."""

import copy
import dataclasses
import itertools

import numpy as np
import pytest
from cases import CHAPTERS, PRODUCT, SHAPES, all_pairs, name_of_case, population_of, view_of

from manyfit.engines.reference import Reference
from manyfit.losses import CrossEntropy
from manyfit.networks import ACTIVATIONS, INITS, Dense
from manyfit.optimizers.adagrad import AdaGrad
from manyfit.optimizers.adam import Adam
from manyfit.optimizers.adamw import AdamW
from manyfit.optimizers.lamb import LAMB
from manyfit.optimizers.momentum import Momentum
from manyfit.optimizers.rmsprop import RMSprop
from manyfit.optimizers.sgd import SGD
from manyfit.population import Member, Population, Rows
from manyfit.recipe import Recipe
from manyfit.rng import Streams
from manyfit.runs import Fate, Ledger
from manyfit.testing.engine import advance_to_end, apart

P = 17  # one more than a vector of any instruction set has lanes
PAIRS = all_pairs(CHAPTERS | SHAPES)


def native(**options):
    from manyfit.engines.native import Native

    return Native(**({"threads": 1} | options))


def assert_same_bits(ledger, other, indices=None):
    """Network i of `other` is network `indices[i]` of `ledger`, in every record."""
    for j, i in enumerate(range(len(other.cursor)) if indices is None else indices):
        assert apart(ledger, i, other, j, relative=False) == {}, f"network {i}"


def chosen(population, indices):
    return dataclasses.replace(population, members=tuple(population.members[i] for i in indices))


EACH = [
    # Every value of every factor once: the reference engine trains network after network, and shares nothing between rules.
    {name: values[k % len(values)] for name, values in (CHAPTERS | SHAPES).items()}
    for k in range(max(map(len, (CHAPTERS | SHAPES).values())))
]


def check_law(case, make, alone=(0, 3, 8, 16), layouts=(), n=P):
    population = population_of(case, n, epochs=4)
    whole = advance_to_end(make(), population)
    assert whole.is_done and (whole.fate == Fate.FINISHED).any()

    for i in alone:
        assert_same_bits(whole, advance_to_end(make(), chosen(population, [i])), [i])
    backwards = list(range(n))[::-1]  # every network in another lane, beside others
    assert_same_bits(whole, advance_to_end(make(), chosen(population, backwards)), backwards)
    assert_same_bits(whole, advance_to_end(make(), population, steps=3))
    for layout in layouts:
        assert_same_bits(whole, advance_to_end(native(layout=layout, threads=2), population))

    # A checkpoint in mid-epoch, where networks of several batches stand at the second of them; resumed in the other layout.
    engine = make()
    engine.start(population, Ledger.begin(population))
    engine.advance(steps=7)
    saved = copy.deepcopy(engine.read())
    engine.stop()
    other = native(layout=layouts[-1]) if layouts else make()
    assert_same_bits(whole, advance_to_end(other, population, saved))


def test_pairs_cover_every_pair_in_few_cases():
    factors = CHAPTERS | SHAPES
    for a, b in itertools.combinations(factors, 2):
        assert {(case[a], case[b]) for case in PAIRS} == set(itertools.product(factors[a], factors[b]))
    # No fewer than the pairs of the two largest factors can do; at most a fifth more do.
    assert len(PAIRS) <= 1.2 * np.prod(sorted(map(len, factors.values()))[-2:])


@pytest.mark.native
@pytest.mark.parametrize("case", PAIRS, ids=name_of_case)
def test_network_alone_is_the_network_among_others(case):
    check_law(case, native, layouts=("across", "within"))


@pytest.mark.native
@pytest.mark.parametrize("case", [c | {"order": "kept"} for c in PAIRS if c["batch_size"] is not None][::12], ids=name_of_case)
def test_network_whose_rows_come_as_they_stand_is_the_network_among_others(case):
    check_law(case, native, layouts=("across", "within"))


@pytest.mark.long
@pytest.mark.native
@pytest.mark.parametrize("case", PRODUCT, ids=name_of_case)
def test_network_alone_is_the_network_among_others_in_every_combination(case):
    check_law(case, native, alone=range(P), layouts=("within", "across"))


@pytest.mark.slow
@pytest.mark.parametrize("case", EACH, ids=name_of_case)
def test_network_alone_is_the_network_among_others_on_the_reference_engine(case):
    check_law(case, Reference, alone=(1, 4), n=6)


@pytest.mark.long
@pytest.mark.parametrize("case", PAIRS, ids=name_of_case)
def test_network_alone_is_the_network_among_others_on_the_reference_engine_in_every_pair(case):
    check_law(case, Reference, alone=(0, 3, 16))


def crowd(n_members, epochs=6):
    """Networks of one structure that end at different times, so that lanes empty and fill."""
    X = np.random.default_rng(3).normal(size=(20, 3))
    generator = np.random.default_rng(4)
    base = Population.of([Recipe(Dense((6,), "tanh"), epochs=1, batch_size=5)], X, X[:, :1] ** 2)
    members = [
        Member(
            Recipe(
                Dense((6,), "tanh", dropout=0.2),
                optimizer=Adam(float(10 ** generator.uniform(-4, 6))),
                batch_size=5,
                epochs=int(generator.integers(0, epochs + 1)),
            ),
            Streams.of(1, replicate=i),
            Rows(np.arange(16) if i % 3 else np.arange(4, 20), np.arange(3)),
        )
        for i in range(n_members)
    ]
    return dataclasses.replace(base, members=tuple(members))


@pytest.mark.native
def test_lanes_that_empty_and_fill_change_no_bit():
    population = crowd(70)
    whole = advance_to_end(native(layout="across"), population)

    assert len(np.unique(whole.fate)) > 1
    for i in range(0, 70, 7):
        assert_same_bits(whole, advance_to_end(native(), chosen(population, [i])), [i])


@pytest.mark.native
@pytest.mark.parametrize("steps", [1, 2, 5, 1000])
@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_and_segments_change_no_bit(threads, steps):
    population = crowd(40)

    assert_same_bits(
        advance_to_end(native(), population),
        advance_to_end(native(threads=threads, layout="across"), population, steps=steps),
    )


@pytest.mark.native
def test_every_checkpoint_on_the_way_leads_to_the_same_end():
    population = crowd(20, epochs=3)
    whole = advance_to_end(native(), population)
    engine = native(layout="across")
    engine.start(population, Ledger.begin(population))

    is_done = False
    while not is_done:
        is_done = engine.advance(steps=1)
        saved = copy.deepcopy(engine.read())
        assert_same_bits(whole, advance_to_end(native(layout="across"), population, saved))


@pytest.mark.native
def test_a_network_that_diverges_disturbs_nobody():
    population = crowd(16)
    spoiled = list(population.members)
    spoiled[5] = dataclasses.replace(
        spoiled[5], recipe=dataclasses.replace(spoiled[5].recipe, optimizer=Adam(1e30), epochs=6)
    )
    other = dataclasses.replace(population, members=tuple(spoiled))

    whole, disturbed = (advance_to_end(native(layout="across"), p) for p in (population, other))

    assert disturbed.fate[5] == Fate.DIVERGED
    for i in set(range(16)) - {5}:
        assert apart(whole, i, disturbed, i, relative=False) == {}


@pytest.mark.native
def test_every_instruction_set_keeps_the_law():
    from manyfit import _native

    population = crowd(20)
    for isa in _native.isas():
        whole = advance_to_end(native(isa=isa, layout="across"), population)
        assert_same_bits(whole, advance_to_end(native(isa=isa, layout="within"), population))


def everything_mixed():
    """Seven optimizers by three batch sizes by four widths, shuffled; activations, loss settings, inits and rows differ too."""
    rules = [SGD(0.05), Momentum(), AdaGrad(0.05), RMSprop(1e-3), Adam(), AdamW(), LAMB()]
    settings = list(itertools.product(rules, (None, 4, 7), ((3,), (9,), (17, 5), (33,))))
    order = np.random.default_rng(2).permutation(len(settings))
    activations, inits = list(ACTIVATIONS), list(INITS)
    view = view_of(CrossEntropy(), 23, 3, 3)
    members = []
    for place, k in enumerate(order.tolist()):
        rule, batch_size, hidden = settings[k]
        loss = CrossEntropy(0.1 * (k % 3), ((), (1.0, 2.0, 0.5))[k % 2])
        network = Dense(hidden, activations[k % len(activations)], init=inits[k % len(inits)])
        recipe = Recipe(network, loss, rule, batch_size=batch_size, epochs=3, precision=("float32", "float64")[k % 2])
        rows = np.random.default_rng(k).permutation(23)
        members.append(Member(recipe, Streams.of(3, replicate=place), Rows(rows[: 16 + k % 3], rows[19:])))
    return Population(tuple(members), {"all": view}).check()


@pytest.mark.parametrize("make", [Reference, pytest.param(native, marks=pytest.mark.native)], ids=["reference", "native"])
def test_seven_optimizers_three_batch_sizes_and_four_widths_in_one_population(make):
    population = everything_mixed()
    whole = advance_to_end(make(), population)

    assert len(population) == 84 and len({type(m.recipe.optimizer) for m in population.members[:20]}) == 7
    for i in range(0, 84, 1 if make is native else 6):
        assert_same_bits(whole, advance_to_end(make(), chosen(population, [i])), [i])
