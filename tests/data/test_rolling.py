"""Splits in time that may cut anywhere."""

from __future__ import annotations

import numpy as np
import pytest

from manyfit.data import cuts
from manyfit.errors import DataError


def test_every_moment_from_a_third_on_begins_a_stretch_while_a_whole_one_follows():
    found = cuts(np.arange(600.0))

    assert found.cut.tolist() == list(range(200, 571))
    assert (found.end - found.cut == 30).all() and (found.cut - found.stop == 30).all()


def test_rows_of_one_moment_are_never_parted():
    time = np.repeat(np.arange(100.0), 7)
    found = cuts(time)
    assert (found.stop < found.cut).all()
    for edges in found:
        inside = edges[(edges > 0) & (edges < len(time))]
        assert (time[inside] > time[inside - 1]).all()
    assert (found.end - found.cut >= 35).all()


def test_stretch_of_a_large_table_stays_short():
    found = cuts(np.arange(100_000.0))

    assert (found.end - found.cut == 500).all()


def test_few_moments_are_cut_from_the_second_one_on():
    found = cuts(np.repeat(np.arange(6.0), [10, 30, 20, 20, 10, 10]))

    assert found.cut.tolist() == [40, 60, 80, 90]  # ten rows before the first cut are too few
    assert found.end.tolist() == [60, 80, 100, 100]
    assert found.stop.tolist() == [10, 40, 60, 60]


def test_two_moments_leave_one_cut_and_a_part_of_the_first_one_to_stop_by():
    found = cuts(np.repeat([3.0, 5.0], [15, 5]))

    assert [edges.tolist() for edges in found] == [[12], [15], [20]]
    assert found.shared == 0.0


def test_shared_rows_are_counted_over_all_pairs_of_cuts():
    found = cuts(np.arange(90.0))
    rows = [set(range(a, b)) for a, b in zip(found.cut.tolist(), found.end.tolist(), strict=True)]
    common = [len(x & y) / len(x) for i, x in enumerate(rows) for j, y in enumerate(rows) if i != j]

    assert found.shared == pytest.approx(np.mean(common), rel=1e-12)


def test_one_moment_can_not_be_cut():
    with pytest.raises(DataError, match="All 12 rows belong to one of the moments"):
        cuts(np.zeros(12))
