import dataclasses

import numpy as np
import pytest

from manyfit.augment import Augment
from manyfit.engines.choose import fit, predict
from manyfit.engines.reference import Reference
from manyfit.networks import Dense
from manyfit.optimizers.sgd import SGD
from manyfit.population import Member, Population, Rows, View
from manyfit.recipe import Recipe
from manyfit.rng import Streams
from manyfit.testing.knobs import check_knobs


def engines():
    return [pytest.param("native", marks=pytest.mark.native), "reference"]


def linear(augment, precision="float64", lr=0.1, epochs=1):
    return Recipe(
        Dense(()), optimizer=SGD(lr), augment=augment, batch_size=None, epochs=epochs, precision=precision
    )


def test_its_knobs_keep_the_contract():
    check_knobs(Augment)


@pytest.mark.parametrize("engine", engines())
@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_step_sees_the_inputs_noisy_and_then_dropped(engine, precision):
    # From weights of 0 a linear network on targets of 1 moves by 2·lr times the mean of the inputs that it was shown.
    augment = Augment(noise=0.5, drop=0.25)
    X = np.random.default_rng(0).normal(size=(6, 5))
    population = Population.of([linear(augment, precision, lr=0.5)] * 3, X, np.ones((6, 1)))
    from manyfit.engines.choose import engine_for
    from manyfit.runs import Ledger

    ledger = Ledger.begin(population)
    for flat in ledger.parameters:
        flat[:] = 0
    trainer = engine_for(population, engine)
    trainer.start(population, ledger)
    trainer.advance()

    for member, flat in zip(population.members, trainer.read().parameters, strict=True):
        shift, keep = augment.draw(member.streams.noise, 0, 6, 5)
        shown = (X + shift) * keep
        # Noise is drawn in the precision of training: 24 bits of a word give it, sums of 6 rows round it.
        np.testing.assert_allclose(
            flat, [*shown.mean(0), 1.0], rtol=0, atol=1e-6 if precision == "float32" else 1e-14
        )
    trainer.stop()


@pytest.mark.parametrize("engine", engines())
def test_scores_and_predictions_see_no_augmentation(engine):
    X = np.random.default_rng(0).normal(size=(9, 3))
    population = Population.of([linear(Augment(0.5, 0.5), epochs=2)] * 2, X, X[:, :1], held=np.arange(3))

    run = fit(population, engine=engine)

    errors = (predict(run, X[:3])[:, :, 0] - X[:3, 0]) ** 2
    np.testing.assert_allclose(run.score, errors.mean(1), rtol=1e-12)


@pytest.mark.native
@pytest.mark.parametrize("layout", ["across", "within"])
def test_networks_that_share_rows_have_noise_of_their_own(layout):
    from manyfit.engines.native import Native

    X = np.random.default_rng(0).normal(size=(9, 3))
    view, rows, same = View(X, X[:, :1]), Rows(np.arange(9)), Streams.of(0)
    streams = [same, same.replace(noise=1), same]
    members = [Member(linear(Augment(0.5)), one, rows) for one in streams]

    run = fit(Population(tuple(members), {"all": view}), engine=Native(layout=layout))

    assert np.array_equal(run.parameters[0], run.parameters[2])
    assert not np.isclose(run.parameters[0], run.parameters[1]).any()


def test_training_with_noise_shrinks_a_linear_network_as_ridge_does():
    # Bishop 1995: in the mean over the noise, squared error on noisy inputs is ridge regression of strength n·σ².
    n, sigma = 40, 0.5
    generator = np.random.default_rng(1)
    X = generator.normal(size=(n, 2))
    X -= X.mean(0)
    y = X @ [1.0, -2.0] + 0.1 * generator.normal(size=n)
    recipe = dataclasses.replace(linear(Augment(sigma), lr=0.02, epochs=400), optimizer=SGD(0.02))

    run = fit(Population.of([recipe] * 64, X, y[:, None] - y.mean()), engine="auto")

    weights = np.stack([run.weights(i)[0][0][0] for i in range(64)])
    ridge = np.linalg.solve(X.T @ X + n * sigma**2 * np.eye(2), X.T @ (y - y.mean()))
    standard_error = weights.std(0, ddof=1) / 8
    assert (np.abs(weights.mean(0) - ridge) < 3.5 * standard_error).all()
    plain = np.linalg.lstsq(X, y, rcond=None)[0]
    assert (np.abs(ridge - plain) > 20 * standard_error).all()


def test_off_means_off():
    assert not Augment().is_on and Augment(0.1).is_on and Augment(drop=0.1).is_on
    X = np.random.default_rng(0).normal(size=(9, 3))
    runs = [
        fit(Population.of([linear(a)], X, X[:, :1]), engine=Reference())
        for a in (Augment(), Augment(1e-300, 1e-9))
    ]
    assert np.array_equal(runs[0].parameters[0], runs[1].parameters[0])
