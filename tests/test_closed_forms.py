"""Penalties and dropout where the answer is known: linear networks on squared error, against scikit-learn and closed forms."""

import numpy as np
import pytest
from scipy.stats import f as f_distribution
from sklearn.datasets import load_diabetes
from sklearn.linear_model import ElasticNet as SklearnElasticNet
from sklearn.linear_model import Lasso, Ridge

from manyfit.engines.choose import fit
from manyfit.networks import Dense
from manyfit.optimizers.adam import Adam
from manyfit.optimizers.momentum import Momentum
from manyfit.optimizers.sgd import SGD
from manyfit.penalties import L1, L2, ElasticNet
from manyfit.population import Population
from manyfit.recipe import Recipe

pytestmark = pytest.mark.native

STRENGTHS = (0.02, 0.1, 0.4)


def table():
    """Ten columns, some nearly the same, and one target; standardized."""
    X, y = load_diabetes(return_X_y=True)
    return (X - X.mean(0)) / X.std(0), (y - y.mean()) / y.std()


def trained(recipes):
    """Weights [P, D] and biases [P] of linear networks, full batch, float64."""
    X, y = table()
    run = fit(Population.of(recipes, X, y[:, None]), engine="native")
    assert set(run.fates) == {"finished"}
    layers = [run.weights(i)[0] for i in range(len(run))]
    return np.array([weight[0] for weight, _ in layers]), np.array([bias for _, bias in layers])


def linear(optimizer, penalty, epochs=6000):
    return Recipe(
        Dense(()),
        optimizer=optimizer,
        penalties=(penalty,),
        batch_size=None,
        epochs=epochs,
        precision="float64",
    )


def objective(w, b, l1, l2):
    """Mean squared error and penalties."""
    X, y = table()
    return ((X @ w + b - y) ** 2).mean() + l1 * np.abs(w).sum() + l2 * (w**2).sum()


@pytest.mark.parametrize("optimizer", [SGD(0.1), Momentum(0.02), Momentum(0.02, nesterov=True)])
def test_l1_is_the_lasso_with_its_zeros(optimizer):
    X, y = table()
    weights, biases = trained([linear(optimizer, L1(strength)) for strength in STRENGTHS])

    for w, b, strength in zip(weights, biases, STRENGTHS, strict=True):
        lasso = Lasso(alpha=strength / 2, tol=1e-14, max_iter=100_000).fit(X, y)
        best = objective(lasso.coef_, lasso.intercept_, strength, 0)
        assert objective(w, b[0], strength, 0) <= best + 1e-6
        assert np.array_equal(w == 0, lasso.coef_ == 0) and (w == 0).any()


def test_the_subgradient_form_comes_near_the_lasso_but_sets_nothing_to_zero():
    X, y = table()
    weights, _ = trained(
        [linear(optimizer, L1(0.1, proximal=False)) for optimizer in (SGD(0.02), Adam(0.003))]
    )

    lasso = Lasso(alpha=0.05, tol=1e-14, max_iter=100_000).fit(X, y)
    assert (weights != 0).all()
    # A weight that should be 0 hops about it by rate · λ = 0.002, and Adam's by its rate.
    np.testing.assert_allclose(weights, [lasso.coef_] * 2, atol=0.01)


def test_elastic_net_is_that_of_scikit_learn():
    X, y = table()
    weights, biases = trained(
        [linear(Momentum(0.02), ElasticNet(strength, l1_ratio=0.3)) for strength in STRENGTHS]
    )

    for w, b, strength in zip(weights, biases, STRENGTHS, strict=True):
        theirs = SklearnElasticNet(alpha=strength / 2, l1_ratio=0.3, tol=1e-14, max_iter=100_000).fit(X, y)
        parts = (0.3 * strength, 0.7 * strength / 2)
        assert objective(w, b[0], *parts) <= objective(theirs.coef_, theirs.intercept_, *parts) + 1e-6
        assert np.array_equal(w == 0, theirs.coef_ == 0)


def test_l2_is_ridge_and_a_weight_decay_of_twice_its_strength():
    X, y = table()
    penalized, _ = trained([linear(Momentum(0.02), L2(strength)) for strength in STRENGTHS])
    decayed, _ = trained(
        [linear(Momentum(0.02, weight_decay=2 * strength), L2(0.0)) for strength in STRENGTHS]
    )

    for w, other, strength in zip(penalized, decayed, STRENGTHS, strict=True):
        ridge = Ridge(alpha=len(X) * strength).fit(X, y)
        assert np.abs(w - ridge.coef_).max() < 1e-8
        assert np.abs(other - ridge.coef_).max() < 1e-8  # centered data: a bias of 0 pays nothing


def test_the_mean_of_networks_with_input_dropout_is_ridge():
    # Srivastava et al. 2014, 9.1: in the mean over the masks, dropout of the inputs of a linear network is ridge regression with
    # the penalty p/(1 − p) Σ w² Σ x². A step is linear in the weights and its masks are independent of them, so the mean of the
    # weights makes the step of the mean loss: it comes to rest at ridge itself, however far each network hops about it.
    X, y = table()
    p, n_networks = 0.25, 512
    recipe = Recipe(
        Dense((), input_dropout=p), optimizer=SGD(0.1), batch_size=None, epochs=300, precision="float64"
    )
    weights, _ = trained([recipe] * n_networks)

    D = X.shape[1]
    ridge = np.linalg.solve(X.T @ X + p / (1 - p) * np.diag((X**2).sum(0)), X.T @ y)
    away = weights.mean(0) - ridge
    # Hotelling's T²: the 95 % region around all ten means at once.
    T2 = n_networks * away @ np.linalg.solve(np.cov(weights.T), away)
    assert T2 * (n_networks - D) / (D * (n_networks - 1)) < f_distribution.ppf(0.95, D, n_networks - D)
    plain = np.linalg.lstsq(X, y, rcond=None)[0]
    further = weights.mean(0) - plain
    assert n_networks * further @ np.linalg.solve(np.cov(weights.T), further) > 100 * T2
