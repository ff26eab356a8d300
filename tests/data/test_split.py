"""Splits: pure functions of a seed that keep classes in proportion, groups whole, and time in order."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from manyfit.data import folds, group_ways, hold_out, holdout, load, shared_rows
from manyfit.errors import DataError


@dataclass
class Rows:
    """The least that a split looks at."""

    y: np.ndarray
    task: str = "regression"
    block: np.ndarray | None = None
    time: np.ndarray | None = None
    test_rows: np.ndarray | None = None


def plain(n: int = 100) -> Rows:
    return Rows(np.arange(float(n)))


def test_a_fifth_of_the_rows_is_locked():
    development, test = holdout(plain(), 7)

    assert (len(development), len(test)) == (80, 20)
    assert sorted([*development, *test]) == list(range(100))
    assert np.all(np.diff(test) > 0)


def test_split_depends_on_the_seed_and_on_nothing_else():
    first, again, other = holdout(plain(), 7), holdout(plain(), 7), holdout(plain(), 8)

    assert np.array_equal(first.test, again.test)
    assert not np.array_equal(first.test, other.test)
    assert holdout(plain(), 2**100).test.size == 20


def test_test_rows_are_those_of_philox():
    words = np.random.Philox(key=7, counter=[0, 0, 0, 1]).random_raw(100)

    assert holdout(plain(), 7).test.tolist() == sorted(np.argsort(words)[80:].tolist())


def test_folds_cover_the_development_rows_once():
    development = holdout(plain(), 1).development

    parts = folds(plain(), development, 5, seed=3)

    assert sorted(np.concatenate([part.held for part in parts])) == development.tolist()
    for part in parts:
        assert sorted([*part.train, *part.held]) == development.tolist()
        assert len(part.held) == 16


def test_folds_of_another_seed_are_fresh():
    rows = np.arange(100)
    first, second = folds(plain(), rows, 5, 0)[0].held, folds(plain(), rows, 5, 1)[0].held

    assert len(np.intersect1d(first, second)) < 15


def test_classes_keep_their_shares():
    y = np.repeat([0, 1, 2], [60, 30, 10])
    data = Rows(y, "multiclass")

    development, test = holdout(data, 4)
    parts = folds(data, development, 4, 0)

    assert np.bincount(y[test]).tolist() == [12, 6, 2]
    assert [np.bincount(y[part.held]).tolist() for part in parts] == [[12, 6, 2]] * 4


def test_groups_are_never_parted():
    draw = np.random.RandomState(0)
    group = draw.randint(0, 40, 400)
    data = Rows(draw.randint(0, 2, 400), "binary", block=group)

    for train, held in [holdout(data, 0), *folds(data, holdout(data, 0).development, 5, 1)]:
        assert not set(group[train]) & set(group[held])
        assert 0.1 < len(held) / (len(train) + len(held)) < 0.3


def test_classes_keep_their_shares_over_groups():
    draw = np.random.RandomState(0)
    group = np.repeat(np.arange(60), 5)
    y = (group % 3 == 0).astype(int)
    data = Rows(y, "binary", block=draw.permutation(60)[group])

    shares = [y[part.held].mean() for part in folds(data, np.arange(300), 5, 2)]

    assert np.allclose(shares, 1 / 3, atol=0.05)


def test_copies_of_a_row_are_never_parted_and_the_rest_is_stratified():
    block = np.r_[np.arange(90), np.arange(10)]
    y = np.r_[np.zeros(50, int), np.ones(40, int), np.zeros(10, int)]
    data = Rows(y, "binary", block=block)

    development, test = holdout(data, 5)

    assert not set(block[development]) & set(block[test])
    assert np.bincount(y[test]).tolist() == [12, 8]


def test_latest_rows_are_locked_whatever_the_seed():
    time = np.random.RandomState(0).permutation(100).astype(float)
    data = Rows(np.zeros(100), time=time)

    development, test = holdout(data, 3)

    assert time[test].min() > time[development].max()
    assert len(test) == 20
    assert np.array_equal(test, holdout(data, 4).test)


def test_folds_in_time_look_back_only():
    time = np.random.RandomState(0).permutation(120).astype(float)
    data = Rows(np.zeros(120), time=time)

    parts = folds(data, np.arange(120), 5, 0)

    assert [len(part.held) for part in parts] == [20] * 5
    assert [len(part.train) for part in parts] == [20, 40, 60, 80, 100]
    assert all(time[part.train].max() < time[part.held].min() for part in parts)


def test_rows_of_one_moment_stay_together():
    time = np.repeat([0.0, 1, 2, 3], [70, 10, 10, 10])
    data = Rows(np.zeros(100), time=time)

    assert set(time[holdout(data).test]) == {2, 3}
    assert [set(time[part.held]) for part in folds(data, np.arange(100), 3, 0)] == [{1}, {2}, {3}]


def test_rows_of_a_test_file_are_the_test_rows():
    data = Rows(np.zeros(10), test_rows=np.array([8, 9]))

    assert holdout(data, 3).test.tolist() == [8, 9]
    assert holdout(data, 3).development.tolist() == list(range(8))


def test_search_split_is_not_the_first_fold():
    rows = np.arange(100)

    assert len(np.intersect1d(hold_out(plain(), rows, 0).held, folds(plain(), rows, 5, 0)[0].held)) < 15


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: holdout(plain(), share=1.0), "share must be > 0 and < 1"),
        (lambda: folds(plain(), np.arange(100), 1), "folds must be ≥ 2"),
        (lambda: folds(plain(), np.arange(3), 5), "at least 5 rows"),
        (
            lambda: holdout(Rows(np.zeros(10), block=np.zeros(10, int))),
            "All 10 rows belong to one of the groups",
        ),
        (lambda: holdout(Rows(np.zeros(10), time=np.zeros(10))), "one of the moments"),
        (
            lambda: folds(Rows(np.zeros(10), time=np.arange(10.0) // 5), np.arange(10), 3),
            "need at least 4 moments, got 2",
        ),
    ],
)
def test_cut_that_can_not_be_made_is_refused(call, words):
    with pytest.raises(DataError, match=words):
        call()


@settings(max_examples=60)
@given(
    y=st.lists(st.integers(0, 4), min_size=10, max_size=60),
    n_groups=st.integers(0, 20),
    seed=st.integers(0, 2**64),
    k=st.integers(2, 5),
)
def test_any_table_is_cut_into_all_its_rows(y, n_groups, seed, k):
    y = np.array(y)
    block = np.random.RandomState(0).randint(0, n_groups, len(y)) if n_groups else None
    data = Rows(y, "multiclass", block=block)

    try:
        cuts = [holdout(data, seed), *folds(data, np.arange(len(y)), k, seed)]
    except DataError:
        assert block is not None and len(np.unique(block)) < max(k, 2)
        return
    for train, held in cuts:
        assert sorted([*train, *held]) == list(range(len(y)))
        assert len(train) and len(held)
        assert block is None or not set(block[train]) & set(block[held])


def test_data_set_can_be_split():
    data = load("digits")
    development, test = holdout(data, 0)

    assert len(test) == pytest.approx(0.2 * data.n_rows, abs=1)
    assert np.allclose(np.bincount(data.y[test]) / np.bincount(data.y), 0.2, atol=0.01)
    assert len(folds(data, development)) == 5


def test_two_groups_are_one_to_learn_and_one_to_test():
    group = np.repeat([0, 1], [150, 50])

    development, test = holdout(Rows(np.zeros(200), block=group), 0)

    assert (set(group[development]), set(group[test])) == ({0}, {1})


def test_ways_of_few_groups_are_those_that_holding_out_finds_and_keep_groups_whole():
    group = np.random.default_rng(2).integers(0, 6, 9000)
    data = Rows(np.zeros(9000), block=group)
    ways = group_ways(data, np.arange(9000), 1)
    found = {frozenset(group[hold_out(data, np.arange(9000), seed).held].tolist()) for seed in range(60)}

    assert {frozenset(group[way.held].tolist()) for way in ways} >= found
    for way in ways:
        assert not set(group[way.train]) & set(group[way.held])
        assert len(way.train) + len(way.held) == 9000


def test_ways_of_many_groups_and_of_single_rows_are_not_listed():
    assert group_ways(Rows(np.zeros(90), block=np.arange(90) % 30), np.arange(90)) == ()
    assert group_ways(Rows(np.zeros(90)), np.arange(90)) == ()


def test_rows_that_ways_share_are_counted_over_all_pairs_of_them():
    ways = group_ways(Rows(np.zeros(90), block=np.arange(90) % 8), np.arange(90))
    held = [set(way.held.tolist()) for way in ways]
    common = [len(x & y) for i, x in enumerate(held) for j, y in enumerate(held) if i != j]

    assert len(ways) > 8
    assert shared_rows(ways) == pytest.approx(np.mean(common) / np.mean([len(x) for x in held]), rel=1e-12)
