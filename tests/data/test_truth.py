"""The laws behind the embedded examples: what was drawn from them is what they say."""

from __future__ import annotations

import numpy as np
import pytest

from manyfit.data import load
from manyfit.data.truth import TRUTHS, truth_of


@pytest.mark.parametrize("name", ["line", "cubic"])
def test_numbers_lie_around_their_center_by_the_noise(name: str) -> None:
    truth = TRUTHS[name]
    rows = truth.rows(20_000, seed=1)

    errors = rows["y"].to_numpy() - truth.center(rows)

    assert abs(errors.mean()) < 4 * truth.noise / 20_000**0.5
    assert abs(errors.std() / truth.noise - 1) < 0.02  # 20,000 rows: ± 0.5 %


@pytest.mark.parametrize(("name", "column"), [("moons", "moon"), ("spirals", "arm")])
def test_classes_are_as_frequent_as_their_probabilities_say(name: str, column: str) -> None:
    truth = TRUTHS[name]
    rows = truth.rows(30_000, seed=1)
    labels = sorted(set(rows[column]))
    codes = np.array([labels.index(label) for label in rows[column]])

    p = truth.center(rows)

    np.testing.assert_allclose(p.sum(1), 1.0, rtol=1e-12)
    for k in range(len(labels)):
        for low in (0.0, 0.2, 0.4, 0.6, 0.8):
            inside = (p[:, k] >= low) & (p[:, k] <= low + 0.2)
            error = 4 * 0.5 / max(inside.sum(), 1) ** 0.5
            assert abs((codes[inside] == k).mean() - p[inside, k].mean()) < error


def test_examples_are_the_first_draw_of_their_law() -> None:
    for name, truth in TRUTHS.items():
        data = load(name, leaks=False)
        drawn = truth.draw(data.n_rows, np.random.RandomState(42))
        np.testing.assert_array_equal(data.frame["x"].to_numpy(), drawn["x"].to_numpy())
        assert truth_of(data) is truth
        assert list(data.labels) == sorted(data.labels)


def test_fresh_rows_are_a_pure_function_of_the_seed() -> None:
    draw = TRUTHS["moons"].rows

    assert draw(50, 1).equals(draw(50, 1))
    assert not draw(50, 1).equals(draw(50, 2))


def test_a_table_that_only_shares_the_name_has_no_known_law() -> None:
    data = load("line", leaks=False)

    assert truth_of(data.take(np.arange(50))) is None
