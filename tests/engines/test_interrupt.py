"""Ctrl-C: the first one ends training in good order, the second one is an exception."""

import os
import signal
import threading

import numpy as np
import pytest

from manyfit.engines.choose import fit
from manyfit.engines.interrupt import Interrupt
from manyfit.runs import RunFolder
from tests.staircase import Staircase, networks


def press(times: int = 1):
    """A watcher during which Ctrl-C is pressed."""

    def watcher(ledger: object) -> None:
        for _ in range(times):
            os.kill(os.getpid(), signal.SIGINT)

    return watcher


@pytest.fixture(autouse=True)
def pythons_own_handler():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_returns_the_run_of_what_there_is(tmp_path):
    run = fit(networks(epochs=5), engine=Staircase(), folder=tmp_path / "a", watchers=[press()])

    assert run.fates == ["cut at step 2"] * 3
    assert RunFolder.open(tmp_path / "a").state == "cut"
    assert np.array_equal(
        RunFolder.open(tmp_path / "a").run(networks(epochs=5)).loss, run.loss, equal_nan=True
    )


def test_a_second_ctrl_c_is_an_exception():
    with pytest.raises(KeyboardInterrupt):
        fit(networks(epochs=5), engine=Staircase(), watchers=[press(2)])


def test_the_outer_block_learns_of_it():
    with Interrupt() as interrupt:
        runs = [
            fit(networks(epochs=2), engine=Staircase(), watchers=[w, interrupt])
            for w in (press(), lambda ledger: None)
        ]

    assert interrupt.is_set
    assert [run.fates[0] for run in runs] == ["cut at step 2", "cut at step 2"]


def test_somebody_elses_handler_stays():
    heard = []
    signal.signal(signal.SIGINT, lambda number, frame: heard.append(number))
    try:
        run = fit(networks(epochs=2), engine=Staircase(), watchers=[press()])
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)

    assert run.fates == ["finished"] * 3 and heard == [signal.SIGINT] * 2


def test_a_training_in_another_thread_leaves_signals_alone():
    runs = []
    thread = threading.Thread(target=lambda: runs.append(fit(networks(), engine=Staircase())))
    thread.start()
    thread.join()

    assert runs[0].fates == ["finished"] * 3
