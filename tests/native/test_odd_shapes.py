"""Shapes at the edges: one row, one unit, batches larger than the table, seventeen members, no epochs, weights of zero."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

native = pytest.importorskip("manyfit._native", reason="the C++ core is not built")
from tests.native import core, numpy_loop  # noqa: E402  (they need the built core)

pytestmark = pytest.mark.native


@st.composite
def populations(draw: st.DrawFn) -> tuple[list[numpy_loop.Network], str]:
    hidden = draw(st.lists(st.integers(1, 18), max_size=2))
    loss = draw(st.sampled_from(["mse", "cross_entropy", "bce"]))
    n_outputs = draw(st.integers(2 if loss == "cross_entropy" else 1, 17))
    n_train, n_held = draw(st.integers(1, 20)), draw(st.integers(0, 70))
    networks = core.networks(
        np.random.default_rng(draw(st.integers(0, 10))),
        draw(st.sampled_from([1, 2, 3, 8, 16, 17])),
        [draw(st.integers(1, 17)), *hidden, n_outputs],
        n_rows=n_train + n_held,
        n_train=n_train,
        loss=loss,
        activation=draw(st.sampled_from(["relu", "tanh", "sigmoid", "identity"])),
        optimizer=draw(st.sampled_from(["sgd", "momentum", "adam", "adamw"])),
        batch_size=draw(st.integers(1, 25)),
        weighted=draw(st.booleans()),
        shared=draw(st.booleans()),
        epochs=draw(st.sampled_from([lambda p: 2, lambda p: p % 3])),
        keep16=[draw(st.sampled_from([65536, 50000])) for _ in range(len(hidden) + 1)],
        clip_norm=draw(st.sampled_from([np.inf, 0.3])),
        l2=draw(st.sampled_from([0.0, 0.01])),
    )
    return networks, draw(st.sampled_from(["float32", "float64"]))


@settings(max_examples=60)
@given(populations())
def test_any_shape_gives_the_same_bits_in_both_layouts_and_follows_numpy(
    population: tuple[list[numpy_loop.Network], str],
) -> None:
    networks, dtype = population

    across = core.Core(networks, dtype, layout="across").train()
    within = core.Core(networks, dtype, layout="within").train(threads=2, max_steps=1)

    for p in range(len(networks)):
        assert across.member(p) == within.member(p)
    if dtype == "float64":
        expected = numpy_loop.train(networks[-1])
        np.testing.assert_allclose(
            across.params[-1], expected.params, rtol=0, atol=1e-10 * np.abs(expected.params).max()
        )
        assert across.fate[-1] == expected.fate
