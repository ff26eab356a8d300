"""Law 1 in the core: a member's bits depend on nothing but itself. Both layouts give the same ones."""

import numpy as np
import pytest

native = pytest.importorskip("manyfit._native", reason="the C++ core is not built")
from tests.native import core, numpy_loop  # noqa: E402  (they need the built core)

pytestmark = pytest.mark.native

ISAS = native.isas()

# Everything that a lane could leak: dropout, noise, penalties, clipping for some, different ends.
MIXED = dict(
    epochs=lambda p: 2 + p % 4,
    keep16=lambda p: [65536, 65536 if p % 3 else 40000],
    noise=lambda p: 0.1 * (p % 5 == 3),
    input_keep16=lambda p: 50000 if p % 6 == 2 else 65536,
    l1=lambda p: 0.01 * (p % 4 == 1),
    l2=lambda p: 0.01 * (p % 5 == 2),
    clip_value=lambda p: 0.1 if p % 7 == 3 else np.inf,
    clip_norm=lambda p: [np.inf, 0.5][p % 2],
    patience=lambda p: [0, 1, 3][p % 3],
)


def mixed(n_members: int = 19, **changes) -> list[numpy_loop.Network]:
    networks = core.networks(
        np.random.default_rng(5), n_members, (3, 17, 2), weighted=True, **(MIXED | changes)
    )
    if n_members > 4:
        networks[4].hyper = networks[4].hyper | {"lr": 1e30}  # diverges
    return networks


def assert_same(a: core.Trained, b: core.Trained, members: list[int] | None = None) -> None:
    for p in range(len(a.params)) if members is None else members:
        assert a.member(p) == b.member(p), f"member {p}"


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy", "bce"])
def test_across_and_within_give_the_same_bits(loss, dtype, isa) -> None:
    across = core.Core(mixed(loss=loss), dtype, isa=isa, layout="across").train()
    within = core.Core(mixed(loss=loss), dtype, isa=isa, layout="within").train()

    assert len(set(across.fate)) >= 3
    assert_same(across, within)


@pytest.mark.parametrize("layout", ["across", "within"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_member_alone_is_the_member_in_company(dtype, layout) -> None:
    together = core.Core(mixed(), dtype, layout=layout).train()

    for p, network in enumerate(mixed()):
        network.rates = np.concatenate([network.rates, np.ones(20)])
        one = core.Core([network], dtype, layout=layout).train()
        n = network.epochs
        assert one.params[0].tobytes() == together.params[p].tobytes()
        assert one.state[0].tobytes() == together.state[p].tobytes()
        assert one.loss[0, :n].tobytes() == together.loss[p, :n].tobytes()
        assert one.held_loss[0, :n].tobytes() == together.held_loss[p, :n].tobytes()
        assert one.cursor[0].tolist() == together.cursor[p].tolist()


@pytest.mark.parametrize("layout", ["across", "within"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "tanh", "sigmoid", "identity", "gelu", "silu", "elu"])
@pytest.mark.parametrize("optimizer", ["sgd", "adagrad", "rmsprop", "adam", "lamb"])
def test_lanes_do_not_matter(optimizer, activation, layout) -> None:
    thresholds = {"threshold": lambda p: 0.1 * (p % 3)} if optimizer in ("sgd", "momentum") else {}
    networks = mixed(optimizer=optimizer, activation=activation, **thresholds)

    forth = core.Core(networks, "float32", layout=layout).train()
    back = core.Core(networks[::-1], "float32", layout=layout).train()

    for p in range(len(networks)):
        assert forth.member(p) == back.member(len(networks) - 1 - p)


@pytest.mark.parametrize("layout", ["across", "within", "auto"])
@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("max_steps", [1, 2, 7])
def test_threads_and_segments_do_not_matter(max_steps, threads, layout) -> None:
    whole = core.Core(mixed(), "float32", layout="across").train()
    pieces = core.Core(mixed(), "float32", layout=layout).train(threads=threads, max_steps=max_steps)

    assert_same(whole, pieces)


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize(
    "layouts", [("across", "across"), ("within", "within"), ("across", "within"), ("within", "auto")]
)
def test_a_new_session_goes_on_with_the_same_bits(layouts, shared) -> None:
    whole = core.Core(mixed(shared=shared), "float32", layout="across").train()

    out = None
    for segment in range(1000):
        one = core.Core(mixed(shared=shared), "float32", layout=layouts[segment % 2], resume=out)
        done = one.session.advance(None, 2, 1)
        one.session.flush()
        out = one.out
        if done:
            break

    assert_same(whole, out)


def test_flushing_does_not_disturb_a_session() -> None:
    whole = core.Core(mixed(), "float32").train()
    flushed = core.Core(mixed(), "float32")

    while not flushed.session.advance(None, 1, 2):
        flushed.session.flush()

    assert_same(whole, flushed.out)


@pytest.mark.parametrize("layout", ["across", "within"])
@pytest.mark.parametrize("batch_size", [5, 13])
def test_reading_rows_together_gives_the_same_bits_as_apart(batch_size, layout) -> None:
    # With a stranger among them, whose rows differ, the members can't share what they read.
    shared = mixed(7, shared=True, batch_size=batch_size)
    stranger = mixed(7, batch_size=batch_size)[6]
    stranger.table = shared[0].table

    together = core.Core(shared, "float32", layout=layout).train()
    apart = core.Core([*shared[:6], stranger], "float32", layout=layout).train()

    assert_same(together, apart, list(range(6)))


def test_neighbors_of_another_size_of_data_do_not_matter() -> None:
    # 13 and 15 rows: batches of 5, last ones of 3 and 5 rows, both filled up to 5.
    alone = mixed(3)
    company = mixed(3)
    extra = core.networks(np.random.default_rng(6), 4, (3, 17, 2), n_train=15)
    for network in extra:
        network.keep16 = [65536, 30000]

    a = core.Core(alone, "float32", layout="across").train()
    b = core.Core([*company, *extra], "float32", layout="across").train()

    for p in range(3):
        assert a.params[p].tobytes() == b.params[p].tobytes()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("loss", ["mse", "cross_entropy", "bce"])
def test_instruction_sets_with_fused_multiply_add_agree(loss, dtype) -> None:
    # More than is promised, and all that differs from one set to the next is how many numbers lie in a vector.
    fused = [isa for isa in ISAS if isa != "x86-64-v2"]
    if len(fused) < 2:
        pytest.skip("this processor has only one set with FMA")

    first, *others = [core.Core(mixed(loss=loss), dtype, isa=isa).train() for isa in fused]

    for other in others:
        assert_same(first, other)
