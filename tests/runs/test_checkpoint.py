"""Checkpoints: the ledger there and back, and what a torn one does."""

import numpy as np
import pytest
from safetensors.numpy import load_file

from manyfit.population import Probe
from manyfit.runs import Cursor, Fate, Ledger
from manyfit.runs.checkpoint import Checkpoint, checkpoint_paths, newest, save
from tests.staircase import Staircase, networks


@pytest.fixture
def ledger():
    population = networks(probes=(Probe("a", np.array([1]), (0, 1)), Probe("b", np.array([0, 2]), (3,))))
    engine, ledger = Staircase(), Ledger.begin(population)
    engine.start(population, ledger)
    engine.advance()
    for i, best in enumerate(ledger.best):
        best += i + 0.5
    return ledger


def never(note: str) -> None:
    raise AssertionError(note)


def test_ledger_comes_back_bit_for_bit(ledger, tmp_path):
    save(tmp_path, Checkpoint(ledger, 1.5, 0.25))
    read = newest(tmp_path, never)

    assert (read.seconds, read.core_seconds) == (1.5, 0.25)
    for name in ("cursor", "sums", "loss", "held_loss"):
        ours, theirs = getattr(read.ledger, name), getattr(ledger, name)
        assert ours.dtype == theirs.dtype and ours.tobytes() == theirs.tobytes(), name
    for name in ("parameters", "state", "best", "probes"):
        for ours, theirs in zip(getattr(read.ledger, name), getattr(ledger, name), strict=True):
            assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), name
            assert ours.tobytes() == theirs.tobytes() and ours.flags.writeable and ours.flags.c_contiguous


def test_networks_that_ended_are_kept_with_their_parameters_only(ledger, tmp_path):
    ledger.cursor[0, Cursor.FATE] = Fate.FINISHED  # the only one with Adam's two states, and in float32
    path = save(tmp_path, Checkpoint(ledger))
    tensors = load_file(path)
    read = newest(tmp_path, never).ledger

    assert tensors["state.float32"].size == 0 < tensors["parameters.float32"].size
    assert read.state[0].shape == ledger.state[0].shape and not read.state[0].any()
    assert np.array_equal(read.parameters[0], ledger.parameters[0])
    assert np.array_equal(read.state[2], ledger.state[2])


def test_a_population_of_no_networks_has_a_checkpoint_too(tmp_path):
    save(tmp_path, Checkpoint(Ledger.begin(networks(n=0))))

    assert newest(tmp_path, never).ledger.parameters == []


def test_a_torn_checkpoint_gives_way_to_the_one_before_it(ledger, tmp_path):
    first = save(tmp_path, Checkpoint(ledger, 1.0))
    whole = first.read_bytes()
    notes = []
    for length in (0, 5, 100, len(whole) - 1):
        (tmp_path / "state/checkpoint-000002.safetensors").write_bytes(whole[:length])
        assert newest(tmp_path, notes.append).seconds == 1.0
    assert len(notes) == 4 and all("can't be read and is left out" in note for note in notes)

    first.unlink()
    assert newest(tmp_path, notes.append) is None


def test_an_older_checkpoint_stays_until_the_newer_is_in_place(ledger, tmp_path, monkeypatch):
    import os

    from manyfit.errors import RunError

    save(tmp_path, Checkpoint(ledger, 1.0))

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(RunError, match="No space left on device"):
        patched.setattr(os, "fsync", full)
        save(tmp_path, Checkpoint(ledger, 2.0))
    assert newest(tmp_path, never).seconds == 1.0
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["checkpoint-000001.safetensors"]

    save(tmp_path, Checkpoint(ledger, 3.0))
    assert [path.name for path in checkpoint_paths(tmp_path)] == ["checkpoint-000002.safetensors"]
