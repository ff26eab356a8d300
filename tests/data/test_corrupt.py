"""What a corruption may know of an encoding, and what it does to rows."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from manyfit.data import Encoder, load
from manyfit.data.corrupt import registry
from manyfit.data.corrupt.drift import Drift
from manyfit.data.corrupt.labels import Labels
from manyfit.data.corrupt.missing import Missing
from manyfit.data.corrupt.noise import Noise
from manyfit.data.corrupt.outliers import Outliers
from manyfit.data.corrupt.shift import Shift, main_direction
from manyfit.data.domain import Domain, Sample


def table() -> tuple[np.ndarray, Encoder]:
    """A number with holes, a flag, a category and a target."""
    n = 60
    frame = pl.DataFrame(
        {
            "size": [None if i % 10 == 0 else float(i * i % 37) for i in range(n)],
            "new": [i % 3 == 0 for i in range(n)],
            "city": [("Paris", "Rome", "Oslo")[i % 3] for i in range(n)],
            "price": [float(i) for i in range(n)],
        }
    )
    data = load(frame, "price")
    encoder = Encoder.fit(data)
    return encoder.transform(data.frame), encoder


def sample_of(X: np.ndarray) -> Sample:
    return Sample(X, np.zeros((len(X), 1)), np.ones(len(X)))


def test_domain_of_a_table_knows_numbers_flags_and_what_an_empty_cell_looks_like() -> None:
    X, encoder = table()
    domain = Domain.of(X, encoder)

    assert encoder.names == ["size", "size is missing", "new", "city = Oslo", "city = Paris", "city = Rome"]
    assert domain.is_number.tolist() == [True, False, False, False, False, False]
    assert domain.mark.tolist() == [1, -1, -1, -1, -1, -1]
    assert [inputs.tolist() for inputs in domain.columns] == [[0, 1], [2], [3, 4, 5]]
    # Row 0 has no size: its inputs are those of an empty cell. No city was ever empty, so an empty one switches nothing on.
    assert domain.empty[:2].tolist() == X[0, :2].tolist() and domain.empty[1] == 1.0
    assert domain.empty[3:].tolist() == [0.0, 0.0, 0.0]
    assert domain.floor.tolist()[0] == -5.0 and domain.ceiling.tolist()[1:] == [1.0, 5.0, 1.0, 1.0, 1.0]
    assert (~domain.free(X)[::10, 0]).all() and domain.free(X)[1:10, 0].all()


def test_domain_of_bare_rows_takes_two_values_for_a_flag_and_one_for_nothing_to_nudge() -> None:
    X = np.array([[0.0, 7.0, 1.0], [1.0, 7.0, 2.0], [0.0, 7.0, 4.0]])
    domain = Domain.of(X)

    assert domain.is_number.tolist() == [False, False, True]
    assert domain.spread[1] == 0.0
    assert domain.empty.tolist() == [0.0, 7.0, 2.0]
    assert domain.columns[2].tolist() == [2]


def test_noise_has_the_asked_deviation_in_spreads_of_each_input() -> None:
    X = np.linspace(-1, 1, 4000)[:, None] * np.array([1.0, 100.0])
    domain = Domain.of(X)

    noise = (Noise().apply(sample_of(X), domain, 0.5, key=3).X - X) / domain.spread

    # The deviation of 4,000 draws is known to 1.1 %.
    np.testing.assert_allclose(noise.std(0), 0.5, rtol=0.05)
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.06
    twice = (Noise().apply(sample_of(X), domain, 1.0, key=3).X - X) / domain.spread
    np.testing.assert_allclose(twice, 2 * noise, atol=1e-12)


def test_noise_leaves_flags_categories_and_empty_cells_alone() -> None:
    X, encoder = table()

    noisy = Noise().apply(sample_of(X), Domain.of(X, encoder), 1.0, key=3).X

    np.testing.assert_array_equal(noisy[:, 1:], X[:, 1:])
    np.testing.assert_array_equal(noisy[::10, 0], X[::10, 0])
    assert (noisy[1:10, 0] != X[1:10, 0]).all() and np.abs(noisy).max() <= 5.0


def test_outliers_hit_the_asked_share_and_are_clipped_as_the_encoder_clips() -> None:
    X = np.random.default_rng(0).normal(size=(500, 4))
    domain = Domain.of(X)

    hit = Outliers().apply(sample_of(X), domain, 0.1, key=5).X != X

    assert 0.07 < hit.mean() < 0.13  # 2,000 numbers: 10 ± 1.3 %
    X, encoder = table()
    clipped = Outliers().apply(sample_of(X), Domain.of(X, encoder), 1.0, key=5).X
    assert set(np.unique(np.abs(clipped[1:10, 0]))) == {5.0}


def test_missing_empties_whole_columns_of_the_table() -> None:
    X, encoder = table()
    domain = Domain.of(X, encoder)

    emptied = Missing().apply(sample_of(X), domain, 1.0, key=2).X

    np.testing.assert_array_equal(emptied, np.broadcast_to(domain.empty, X.shape))
    some = Missing().apply(sample_of(X), domain, 0.5, key=2).X
    cities = some[:, 3:].sum(1)
    assert set(cities) == {0.0, 1.0}  # a row has its city or none, never half of one


def test_drift_is_the_same_line_for_every_row() -> None:
    X = np.random.default_rng(0).normal(size=(6, 2)) * np.array([1.0, 50.0])

    drifted = Drift().apply(sample_of(X), Domain.of(X), 0.3, key=9).X

    for k in range(2):
        gain, offset = np.polyfit(X[:, k], drifted[:, k], 1)
        np.testing.assert_allclose(drifted[:, k], gain * X[:, k] + offset, atol=1e-9)
        assert gain != pytest.approx(1.0) and offset != pytest.approx(0.0)


def test_shift_moves_the_mean_of_the_main_direction_by_the_asked_spreads() -> None:
    random = np.random.default_rng(0)
    common = random.normal(size=20_000)
    X = np.stack([common, 10 * (common + 0.1 * random.normal(size=20_000))], axis=1)
    domain = Domain.of(X)
    place = main_direction(X, domain)

    weights = Shift().apply(sample_of(X), domain, 1.0, key=1).weights

    # exp(s·z) tilts a normal of deviation 1 into one whose mean is s.
    assert abs(abs(np.average(place, weights=weights)) - 1.0) < 0.05
    assert abs(np.corrcoef(place, common)[0, 1]) > 0.99


@pytest.mark.parametrize("share", [0.1, 1.0])
def test_wrong_classes_are_other_classes(share: float) -> None:
    y = np.arange(3000) % 3
    X = np.zeros((3000, 1))

    wrong = Labels().apply(Sample(X, y, np.ones(3000), 3), Domain.of(X), share, key=4).y

    assert abs((wrong != y).mean() - share) < 0.02  # 3,000 rows: ± 0.5 %
    moved = (wrong[wrong != y] - y[wrong != y]) % 3
    assert set(moved) == {1, 2}


def test_wrong_numbers_lie_far_off_and_yes_becomes_no() -> None:
    X, numbers = np.zeros((4, 1)), np.array([[0.0], [2.0], [4.0], [8.0]])
    yes = np.array([[1.0], [0.0], [1.0], [1.0]])

    def wrong(y: np.ndarray) -> np.ndarray:
        return Labels().apply(Sample(X, y, np.ones(4)), Domain.of(X), 1.0, key=4).y

    np.testing.assert_allclose(np.abs(wrong(numbers) - numbers), 5 * numbers.std())
    np.testing.assert_array_equal(wrong(yes), 1 - yes)


def test_every_corruption_is_one_of_a_kind() -> None:
    assert list(registry.all()) == ["drift", "labels", "missing", "noise", "outliers", "shift"]
