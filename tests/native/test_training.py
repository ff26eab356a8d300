"""The C++ core trains as the plain NumPy loop does, in both layouts and precisions."""

import numpy as np
import pytest

native = pytest.importorskip("manyfit._native", reason="the C++ core is not built")
from tests.native import core, numpy_loop  # noqa: E402  (they need the built core)

pytestmark = pytest.mark.native

LAYOUTS = ["across", "within"]


def assert_follows_the_loop(networks: list, tolerance: float = 1e-10, **options) -> None:
    trained = core.Core(networks, **options).train()
    for p, network in enumerate(networks):
        expected = numpy_loop.train(network)
        assert trained.fate[p] == expected.fate
        assert trained.cursor[p, 4] == expected.fate_step
        scale = np.abs(expected.params).max()
        np.testing.assert_allclose(trained.params[p], expected.params, rtol=0, atol=tolerance * scale)
        n = network.epochs
        np.testing.assert_allclose(trained.loss[p, :n], expected.loss, rtol=tolerance * 10)
        np.testing.assert_allclose(trained.held_loss[p, :n], expected.held_loss, rtol=tolerance * 10)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("loss", ["mse", "cross_entropy", "bce"])
@pytest.mark.parametrize("activation", ["identity", "relu", "leaky_relu", "tanh", "sigmoid", "elu"])
def test_losses_and_activations_follow_numpy(loss, activation, layout, rng) -> None:
    networks = core.networks(rng, 3, (2, 4, 3), loss=loss, activation=activation, weighted=True)

    assert_follows_the_loop(networks, layout=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "adam", "adamw"])
def test_rules_follow_numpy(optimizer, nesterov, layout, rng) -> None:
    networks = core.networks(rng, 3, (2, 5, 4, 1), optimizer=optimizer, nesterov=nesterov)

    assert_follows_the_loop(networks, layout=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("batch_size", [1, 4, 5, 13, 100])
def test_batches_of_any_size_follow_numpy(batch_size, layout, rng) -> None:
    networks = core.networks(rng, 2, batch_size=batch_size)

    assert_follows_the_loop(networks, layout=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("activation", ["relu", "tanh", "sigmoid", "identity"])
def test_dropout_of_inputs_and_units_follows_numpy(activation, layout, rng) -> None:
    networks = core.networks(
        rng, 3, (9, 11, 3, 2), activation=activation, keep16=lambda p: [60000, 65536 - 20000 * p, 40000]
    )

    assert_follows_the_loop(networks, layout=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("keep16", [65536, 50000])
def test_augmentation_of_inputs_follows_numpy(keep16, layout, rng) -> None:
    networks = core.networks(
        rng, 5, (9, 3, 2), keep16=[keep16, 60000], noise=lambda p: 0.2 * (p % 3), input_keep16=lambda p: [65536, 40000][p % 2]
    )

    assert_follows_the_loop(networks, layout=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_penalties_and_clipping_follow_numpy(layout, rng) -> None:
    networks = core.networks(
        rng,
        4,
        l1=lambda p: 0.01 * (p == 1),
        l2=lambda p: 0.1 * (p == 2),
        l2_bias=lambda p: 0.05 * (p == 3),
        l1_bias=lambda p: 0.02 * (p == 3),
        clip_value=lambda p: [np.inf, np.inf, 0.02, 0.05][p],
        clip_norm=lambda p: [np.inf, 0.1, 0.05, 1.0][p],
    )

    assert_follows_the_loop(networks, layout=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("optimizer", "nesterov"), [("sgd", False), ("momentum", False), ("momentum", True)])
def test_thresholds_follow_numpy_and_give_zeros(optimizer, nesterov, layout, rng) -> None:
    networks = core.networks(
        rng,
        5,
        (2, 9, 1),
        optimizer=optimizer,
        nesterov=nesterov,
        l2=0.01,
        threshold=lambda p: 0.1 * p,
        threshold_bias=lambda p: 0.1 * (p == 4),
        epochs=9,
    )

    trained = core.Core(networks, layout=layout).train()

    assert ((trained.params == 0).sum(1) > [-1, 0, 0, 0, 0]).all() and (trained.params[0] != 0).all()
    assert_follows_the_loop(networks, layout=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_members_that_read_the_same_rows_follow_numpy(layout, rng) -> None:
    networks = core.networks(rng, 4, shared=True, epochs=lambda p: 2 + p)

    assert_follows_the_loop(networks, layout=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_early_stopping_keeps_the_best_parameters(layout, rng) -> None:
    networks = core.networks(
        rng, 5, optimizer="sgd", patience=lambda p: [0, 1, 2, 3, 30][p], min_delta=0.01, epochs=40
    )

    trained = core.Core(networks, layout=layout).train()

    assert core.Trained is type(trained) and numpy_loop.STOPPED_EARLY in trained.fate
    assert_follows_the_loop(networks, layout=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_target_loss_ends_training(layout, rng) -> None:
    networks = core.networks(rng, 3, epochs=30, target_loss=lambda p: [-np.inf, 0.8, 0.6][p])

    trained = core.Core(networks, layout=layout).train()

    assert trained.fate == [numpy_loop.FINISHED, numpy_loop.TARGET_REACHED, numpy_loop.TARGET_REACHED]
    assert_follows_the_loop(networks, layout=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_most_steps_end_training_amid_an_epoch_or_at_its_end(layout, rng) -> None:
    networks = core.networks(rng, 5, epochs=4, max_steps=lambda p: [1, 3, 5, 6, 100][p])  # epochs of 3 steps

    trained = core.Core(networks, layout=layout).train()

    assert trained.cursor[:, 2].tolist() == trained.cursor[:, 4].tolist() == [1, 3, 5, 6, 12]
    assert_follows_the_loop(networks, layout=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_divergence_is_a_fate_and_leaves_the_others_alone(layout, rng) -> None:
    networks = core.networks(rng, 3, optimizer="sgd", activation="identity", epochs=20)
    networks[1].hyper = {"lr": 1e3, "weight_decay": 0.0}

    trained = core.Core(networks, layout=layout).train()

    assert trained.fate == [numpy_loop.FINISHED, numpy_loop.DIVERGED, numpy_loop.FINISHED]
    assert np.isfinite(trained.params).all()
    assert_follows_the_loop(networks, layout=layout, tolerance=1e-6)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_record_every_spares_held_losses_but_not_the_last(layout, rng) -> None:
    networks = core.networks(rng, 2, epochs=7, record_every=3)

    trained = core.Core(networks, layout=layout).train()

    assert np.isfinite(trained.held_loss).tolist() == [[False, False, True, False, False, True, True]] * 2


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_of_weight_zero_change_nothing(layout, rng) -> None:
    networks = core.networks(rng, 2, n_train=6)
    networks[0].table.weights = np.zeros(23)

    trained = core.Core(networks, layout=layout).train()

    assert np.array_equal(trained.loss, np.zeros((2, 3)))


@pytest.mark.parametrize("layout", LAYOUTS)
def test_no_epochs_is_a_finished_member_with_its_parameters_untouched(layout, rng) -> None:
    networks = core.networks(rng, 3, epochs=lambda p: 2 * (p == 1))

    trained = core.Core(networks, layout=layout).train()

    assert trained.fate == [numpy_loop.FINISHED] * 3
    assert np.array_equal(trained.params[0], networks[0].params)
    assert trained.cursor[:, 4].tolist() == [0, 6, 0]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_probes_are_predictions_before_during_and_after(layout, rng) -> None:
    networks = core.networks(rng, 3, epochs=4)
    probe = (networks[0].table, np.array([3, 0, 22]), [0, 2, 4])
    halfway = core.networks(np.random.default_rng(20260101), 3, epochs=4)
    for network in halfway:
        network.epochs = 2

    trained = core.Core(networks, layout=layout, probes=[probe]).train()

    after_two = core.Core(halfway, layout=layout).train().params
    X = networks[0].table.X[probe[1]]
    for p, network in enumerate(networks):
        for k, params in enumerate([network.params, after_two[p], trained.params[p]]):
            expected = numpy_loop.forward(params, network, X, None)[1][-1]
            np.testing.assert_allclose(trained.probes[0][p, k], expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("layout", LAYOUTS)
def test_float32_follows_the_loop_to_its_own_precision(layout, rng) -> None:
    networks = core.networks(rng, 3, (2, 4, 3), loss="cross_entropy", activation="tanh")

    # 9 steps of Adam at lr 0.02: roundings of 6e-8, amplified where a gradient is small.
    assert_follows_the_loop(networks, tolerance=2e-5, dtype="float32", layout=layout)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", "sigmoid", "identity", "gelu", "silu", "elu"])
def test_a_number_that_is_none_in_the_table_is_seen(activation, bad, layout, rng) -> None:
    # A relu that maps NaN to 0 would hide it. An infinite input is fine where the activation is bounded.
    networks = core.networks(rng, 3, activation=activation, batch_size=13)
    networks[1].table = numpy_loop.Table(networks[0].table.X.copy(), networks[0].table.y)
    networks[1].table.X[networks[1].train[3], 0] = bad

    trained = core.Core(networks, layout=layout).train()

    if np.isnan(bad) or activation not in ("tanh", "sigmoid"):
        assert trained.fate == [numpy_loop.FINISHED, numpy_loop.DIVERGED, numpy_loop.FINISHED]
        assert trained.cursor[1, 4] == 1 and np.array_equal(trained.params[1], networks[1].params)
    assert np.isfinite(trained.params[[0, 2]]).all()
