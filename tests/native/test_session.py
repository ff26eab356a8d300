"""What a session refuses, in one clear sentence; deadlines; what it leaves alone."""

import time

import numpy as np
import pytest

native = pytest.importorskip("manyfit._native", reason="the C++ core is not built")
from tests.native import core  # noqa: E402  (needs the built core)

pytestmark = pytest.mark.native


CHANGES = [
    ("activation", "rely", "unknown activation 'rely'; the native core knows identity, relu, leaky_relu, tanh"),
    ("loss", "hinge", "unknown loss 'hinge'; the native core knows mse, mae, huber, cross_entropy,"),
    ("optimizer", "lion", "unknown optimizer 'lion'; the native core knows sgd, momentum, adagrad,"),
    ("layout", "along", "unknown layout 'along'; the native core knows auto, across, within"),
    ("flags", {"nesterov": 1}, "unknown flag of the optimizer 'nesterov'"),
    ("widths", [2], "widths must name at least inputs and outputs"),
    ("widths", [2, 0, 1], "widths must be at least 1, got 0"),
    (
        "widths",
        [3, 3, 1],
        "params must be a writable C-contiguous float64 array of shape .3, 16., got shape .3, 13.",
    ),
    ("batch_size", 0, "batch_size must be at least 1, got 0"),
    ("record_every", 0, "record_every must be at least 1, got 0"),
    (
        "hyper",
        np.zeros((3, 2)),
        "hyper must be a C-contiguous float64 array of shape .any, 5., got shape .3, 2.",
    ),
    ("hyper", np.zeros((3, 5), np.float32), "hyper .* got another dtype"),
    ("keys", [[1, 2]], "keys must be a C-contiguous uint64 array of shape .3, 2., got .*list"),
    ("plateau", np.zeros((3, 7)), "plateau must be a C-contiguous float64 array of shape .3, 8., got shape .3, 7."),
    ("table", np.array([0, 1, 99], np.int32), "unknown table 99 .member 2."),
    ("view", np.array([0, -1, 0], np.int32), "unknown view -1 .member 1."),
    ("epochs", np.array([3, 3, 4], np.int32), "epochs must be 0 to the columns of loss_record, 3 .member 2."),
    ("train_offsets", np.array([0, 13, 12, 39]), "train_offsets must rise from 0 to the number of rows, 39"),
    ("train_offsets", np.array([0, 0, 13, 39]), "a member needs at least one training row .member 0."),
    ("train_offsets", np.array([0, 13, 19, 39]), "members of a group must agree in batch size"),
    ("train", np.full(39, 23, np.int32), "training rows must be 0 to 22, got 23 .member 0."),
    ("keep16", np.full((3, 2), 65537, np.uint32), "keep16 must be at most 65536 .member 0."),
    (
        "patience",
        np.array([0, 0, 1], np.int32),
        "early stopping needs 'best' to keep parameters in .member 2.",
    ),
    ("params", np.zeros((13, 3)).T, "params must be a writable C-contiguous"),
    ("probes", [(5, np.zeros(1, np.int32), np.zeros(1))], "unknown probe 5"),
    ("speed", 9, "add_group does not know 'speed'"),
]


@pytest.mark.parametrize(
    "name, value, sentence", CHANGES, ids=[f"{n}-{i}" for i, (n, _, _) in enumerate(CHANGES)]
)
def test_a_wrong_group_is_refused_in_one_sentence(name, value, sentence, rng) -> None:
    one = core.Core(core.networks(rng))

    with pytest.raises(ValueError, match=sentence):
        one.session.add_group(**(one.spec | {name: value}))

    assert one.train().fate == [1, 1, 1]  # what was refused left nothing behind


def test_missing_words_and_read_only_arrays_are_refused(rng) -> None:
    one = core.Core(core.networks(rng))
    frozen = one.out.cursor.copy()
    frozen.flags.writeable = False

    with pytest.raises(ValueError, match="cursor must be a writable"):
        one.session.add_group(**(one.spec | {"cursor": frozen}))
    with pytest.raises(ValueError, match="add_group needs 'cursor'"):
        one.session.add_group(**{name: value for name, value in one.spec.items() if name != "cursor"})


def test_targets_must_suit_the_loss(rng) -> None:
    one = core.Core(core.networks(rng, 3, (2, 3, 3), loss="cross_entropy"))
    session, spec = one.session, one.spec

    with pytest.raises(ValueError, match="the loss needs targets that are numbers"):
        session.add_group(**(spec | {"loss": "mse"}))
    narrow = spec | {"widths": [2, 3, 2], "params": np.zeros((3, 17)), "state": np.zeros((3, 2, 17))}
    with pytest.raises(ValueError, match="class 2 needs more outputs than 2"):
        session.add_group(**narrow)


def test_a_session_without_work_is_done() -> None:
    session = native.Session("float32")

    assert session.advance(0.1, None, 2)
    assert session.advance(None, None, 1)
    session.flush()


def test_a_deadline_ends_a_segment(rng) -> None:
    networks = core.networks(rng, 2, (2, 30, 1), epochs=200_000)
    one = core.Core(networks, "float32")

    start = time.perf_counter()
    done = one.session.advance(0.02, None, 2)

    assert not done
    assert time.perf_counter() - start < 5
    assert 0 < one.session.seconds < 10
    one.session.flush()
    assert (one.out.cursor[:, 2] > 0).all()


def test_limits_of_a_segment_must_make_sense(rng) -> None:
    session = core.Core(core.networks(rng)).session

    with pytest.raises(ValueError, match="max_steps must be at least 1, got 0"):
        session.advance(None, 0, 1)
    with pytest.raises(ValueError, match="seconds must not be negative, got -1"):
        session.advance(-1.0, None, 1)
    with pytest.raises(ValueError, match="seconds must not be negative, got nan"):
        session.advance(float("nan"), None, 1)
    with pytest.raises(ValueError, match="threads must be at least 1, got 0"):
        session.advance(None, None, 0)
    assert session.advance(float("inf"), None, 1)


def test_unknown_precisions_and_instruction_sets_are_named() -> None:
    with pytest.raises(ValueError, match="unknown dtype 'float16'; the native core knows float32, float64"):
        native.Session("float16")
    with pytest.raises(ValueError, match="unknown instruction set 'mmx'; this processor and build have"):
        native.Session("float32", "mmx")


def test_catalog_names_what_the_core_can() -> None:
    catalog = native.catalog()

    assert catalog["optimizers"]["adam"] == {
        "hypers": ["lr", "beta1", "beta2", "eps", "weight_decay"],
        "flags": ["amsgrad", "maximize"],
        "states": [["mean", "size"], ["mean", "size", "largest"]],
        "linear": False,
    }
    assert catalog["optimizers"]["momentum"]["flags"] == ["nesterov", "maximize"]
    assert native.isa() == native.isas()[0]
