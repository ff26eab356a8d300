"""Bias, variance and noise: exact where they can be, unbiased, and always adding up to the loss."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.special import log_softmax

from manyfit.stats.decompose import Terms, cross_entropy, pure_error, squared_error

SHAPE = (7, 3, 2, 5, 4)  # groups, data sets, seeds, rows, columns: all different, so that swapped axes crash


def total(terms: Terms) -> np.ndarray:
    return terms.bias + terms.data + terms.seed + terms.noise


@pytest.mark.parametrize("n_seeds", [1, 2])
@pytest.mark.parametrize("weighted", [False, True])
def test_terms_add_up_to_the_loss(n_seeds: int, weighted: bool, rng: np.random.Generator) -> None:
    outputs = rng.normal(size=SHAPE)[:, :, :n_seeds]
    y, weights = rng.normal(size=(5, 4)), rng.uniform(0, 2, 5) if weighted else None
    labels = np.eye(4)[[0, 3, 1, 1, 2]]
    truth = np.exp(log_softmax(y, -1))

    squared = squared_error(outputs, y, weights)
    observed = cross_entropy(log_softmax(outputs, -1), labels, weights)
    known = cross_entropy(log_softmax(outputs, -1), truth, weights, is_truth=True)

    for terms in (squared, observed, known):
        np.testing.assert_allclose(total(terms), terms.loss, rtol=0, atol=1e-12)
    error = ((outputs - y) ** 2).mean(-1).mean((1, 2))
    np.testing.assert_allclose(squared.loss, np.average(error, axis=-1, weights=weights), atol=1e-12)
    right = -log_softmax(outputs, -1)[..., np.arange(5), [0, 3, 1, 1, 2]].mean((1, 2))
    np.testing.assert_allclose(observed.loss, np.average(right, axis=-1, weights=weights), atol=1e-12)
    entropy = -(truth * np.log(truth)).sum(-1)
    np.testing.assert_allclose(known.noise, np.average(entropy, weights=weights), atol=1e-12)


def test_targets_and_weights_may_differ_between_groups(rng: np.random.Generator) -> None:
    outputs, y, weights = rng.normal(size=SHAPE), rng.normal(size=(7, 5, 4)), rng.uniform(0, 2, (7, 5))

    together = squared_error(outputs, y, weights)

    for g in range(7):
        alone = squared_error(outputs[g : g + 1], y[g], weights[g])
        np.testing.assert_allclose([term[g] for term in together], [term[0] for term in alone], atol=1e-14)


def test_plugged_in_they_are_those_of_mlxtend() -> None:
    """mlxtend takes the mean over R networks for the expectation: its variance is (R − 1)/R of the unbiased one."""
    golden = json.loads((Path(__file__).parent / "mlxtend_golden.json").read_text())
    predictions, y = np.array(golden["predictions"]), np.array(golden["y"])
    n = len(predictions)

    terms = squared_error(predictions[None, :, None, :, None], y[:, None])

    variance = terms.variance[0] * (n - 1) / n
    np.testing.assert_allclose(
        [terms.loss[0], terms.loss[0] - variance, variance],
        [golden["loss"], golden["bias"], golden["variance"]],
        rtol=1e-13,
    )


@pytest.mark.parametrize("n_parts", [2, 3, 8])
@pytest.mark.parametrize("n_seeds", [1, 3])
def test_squared_error_is_right_on_average_however_few_networks(n_parts: int, n_seeds: int) -> None:
    """Networks 1 off the truth, with variance 0.5 by their data and 0.3 by their seed, seen through noise of variance 2."""
    random = np.random.default_rng(n_parts + 10 * n_seeds)
    shape = (4000, n_parts, n_seeds, 6, 1)
    by_data = random.normal(size=(*shape[:2], 1, 6, 1)) * 0.5**0.5
    outputs = 1.0 + by_data + random.normal(size=shape) * 0.3**0.5

    terms = squared_error(outputs, np.zeros((6, 1)), noise=2.0)

    exact = (3.8, 1.0, 0.5, 0.3, 2.0) if n_seeds > 1 else (3.8, 1.0, 0.8, 0.0, 2.0)
    for found, expected in zip(terms, exact, strict=True):
        error = found.std(ddof=1) / len(found) ** 0.5
        assert abs(found.mean() - expected) <= 4 * error + 1e-12


@pytest.mark.parametrize(("n_parts", "share"), [(2, 0.03), (4, 0.015), (8, 0.005)])
def test_cross_entropy_keeps_a_bias_of_second_order_only(n_parts: int, share: float) -> None:
    """Log probabilities that vary by 1: with two data sets the plain mean loses half of the variance, the jackknife 2 %."""
    random = np.random.default_rng(0)
    center = 1.5 * random.normal(size=(50, 3))
    labels = np.eye(3)[random.integers(0, 3, 50)]

    def networks(groups: int, parts: int, seeds: int) -> np.ndarray:
        by_data = 0.8 * random.normal(size=(groups, parts, 1, 50, 3))
        return log_softmax(center + by_data + 0.6 * random.normal(size=(groups, parts, seeds, 50, 3)), -1)

    exact = cross_entropy(networks(1, 12_000, 1), labels)
    found = cross_entropy(networks(6000 // n_parts, n_parts, 1), labels)

    # 6,000 networks on 50 rows know the variance to 0.3 %.
    assert abs(found.variance.mean() / exact.variance[0] - 1) < share + 0.005
    assert abs(found.bias.mean() / exact.bias[0] - 1) < share + 0.005


def test_seeds_and_data_part_the_variance_of_cross_entropy(rng: np.random.Generator) -> None:
    labels = np.eye(3)[rng.integers(0, 3, 30)]

    def share(by_data: float, by_seed: float) -> float:
        shift = by_data * rng.normal(size=(300, 2, 1, 30, 3))
        logits = shift + by_seed * rng.normal(size=(300, 2, 4, 30, 3))
        terms = cross_entropy(log_softmax(logits, -1), labels)
        return float(terms.seed.mean() / terms.variance.mean())

    assert abs(share(0.5, 0.0)) < 1e-12
    assert 0.97 < share(0.0, 0.5) < 1.03  # 300 groups: ± 1 %
    assert 0.45 < share(0.5, 0.5) < 0.55  # halves, but for terms of higher order


def test_networks_that_agree_have_no_variance() -> None:
    agreed = np.broadcast_to(np.log([0.2, 0.8]), (2, 2, 3, 4, 2))
    labels = np.eye(2)[[0, 1, 1, 0]]

    terms = cross_entropy(agreed, labels)

    np.testing.assert_allclose([terms.data, terms.seed], 0.0, atol=1e-15)
    np.testing.assert_allclose(terms.bias, terms.loss, atol=1e-15)


def test_probability_zero_of_a_wrong_class_is_no_trouble() -> None:
    z = np.log(np.maximum([[1.0, 0.0], [0.9, 0.1]], 1e-300)).reshape(1, 2, 1, 1, 2)

    terms = cross_entropy(z, np.array([[1.0, 0.0]]))

    assert np.isfinite([*terms]).all()


def test_pure_error_is_the_variance_within_rows_that_are_alike() -> None:
    y = np.array([[1.0, 0.0], [3.0, 0.0], [10.0, 5.0], [10.0, 5.0], [99.0, 1.0]])

    # First column: (1 + 1)/2 over two freedoms with the pair that agrees; second column: none. Their mean.
    assert pure_error(y, np.array([4, 4, 1, 1, 0])) == (0.5, 2)
    assert pure_error(y, np.arange(5)) == (0.0, 0)


def test_a_single_data_set_is_refused() -> None:
    with pytest.raises(ValueError, match="data sets ≥ 2"):
        squared_error(np.zeros((1, 1, 2, 3, 1)), np.zeros((3, 1)))
