"""Resume: a training that was killed anywhere ends with the bits of one that was not."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manyfit.engines.choose import engine_for, fit, why_missing
from manyfit.errors import RunError
from manyfit.population import Member, Population, Probe, Rows, View
from manyfit.recipe import Recipe
from manyfit.rng import Streams
from manyfit.runs import RunFolder
from tests.staircase import Clock, KillAfter, Killed, Staircase, networks

ENGINES = [
    pytest.param(name, marks=[pytest.mark.native] if name == "native" else [])
    for name in ("native", "reference")
    if not why_missing(name)
]


def real_networks() -> Population:
    """All that a checkpoint must keep: states, dropout, early stopping, divergence, unequal ends, batches that don't divide."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(23, 3))
    y = (X @ [1.0, -2.0, 0.5])[:, None] + 0.3 * rng.normal(size=(23, 1))
    base = Recipe(epochs=12, batch_size=4, schedule="cosine").set("network.hidden", (6,))
    recipes = [
        base.set("network.dropout", 0.3).set("optimizer.lr", 0.02),
        base.set("optimizer", "adamw").set("stopping.patience", 2).set("optimizer.lr", 0.05),
        base.set("optimizer", "momentum").set("l2.strength", 0.01).set("epochs", 7),
        base.set("optimizer", "sgd").set("optimizer.lr", 1e4),
        base.set("precision", "float64").set("network.hidden", (5, 4)),
    ]
    rows = [Rows(np.arange(3, 23), np.arange(3)), Rows(np.arange(18), np.arange(18, 23))]
    members = [Member(r, Streams.of(1, replicate=i), rows[i % 2]) for i, r in enumerate(recipes)]
    return Population(tuple(members), {"all": View(X, y)}, (Probe("first", np.arange(2), (0, 3, 12)),))


def assert_same_bits(ours, theirs) -> None:
    for name in ("loss", "held_loss", "steps", "fate", "fate_step", "best_epoch"):
        assert getattr(ours, name).tobytes() == getattr(theirs, name).tobytes(), name
    for a, b in zip(ours.parameters, theirs.parameters, strict=True):
        assert a.dtype == b.dtype and a.tobytes() == b.tobytes()
    for name in theirs.probes:
        assert ours.probes[name].tobytes() == theirs.probes[name].tobytes()


class Stepwise:
    """An engine whose segments are so many updates, not so much time: what is killed when does not depend on the machine."""

    def __init__(self, name: str, n_steps: int) -> None:
        self.engine = engine_for(real_networks(), name)
        self.n_steps = n_steps

    def advance(self, *, seconds: float | None = None, steps: int | None = None) -> bool:
        return self.engine.advance(steps=self.n_steps)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.engine, name)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("clock_step", [0.5, 3.0, 11.0])
def test_a_training_killed_between_segments_ends_with_the_same_bits(tmp_path, engine, clock_step):
    whole = fit(real_networks(), engine=engine)
    kills = 0
    for n_segments in (3, 2, 5, 1, 4, 10**6):
        try:
            # The clock reads so many seconds more each time: checkpoints fall between arbitrary segments.
            fit(
                real_networks(),
                engine=Stepwise(engine, 3),  # 20 segments in all
                folder=tmp_path / "a",
                resume=True,
                watchers=[KillAfter(n_segments)],
                clock=Clock(clock_step),
            )
        except Killed:
            kills += 1
    folder = RunFolder.open(tmp_path / "a")

    assert kills == 5
    assert folder.state == "finished"
    assert_same_bits(folder.run(real_networks()), whole)
    assert len(folder.metrics()) == np.isfinite(whole.loss).sum()
    by_row = folder.metrics()["member", "epoch"].to_numpy()
    assert np.array_equal(folder.metrics()["loss"], whole.loss[by_row[:, 1] - 1, by_row[:, 0]])


PROGRAM = """
import os, signal, sys
from pathlib import Path
from manyfit.engines.choose import fit
from tests.engines.test_resume import Stepwise, real_networks
from tests.staircase import Clock, Staircase, networks

folder, engine, where, nth = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
whole, left = getattr(os, where), [nth]

def fatal(*args):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(*args)

setattr(os, where, fatal)
population, engine = (networks(12), Staircase()) if engine == "staircase" else (real_networks(), Stepwise(engine, 7))
fit(population, engine=engine, folder=folder, clock=Clock(1.0))
"""


def kill_in_the_middle(folder: Path, engine: str, where: str, nth: int) -> None:
    """A process that is killed by SIGKILL the nth time it is about to sync, or to rename, a file that it wrote."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", PROGRAM, str(folder), engine, where, str(nth)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("engine", ENGINES)
def test_a_process_killed_while_it_writes_ends_with_the_same_bits(tmp_path, engine):
    kill_in_the_middle(tmp_path / "a", engine, "replace", 8)
    folder = RunFolder.open(tmp_path / "a")
    assert folder.state == "training" and len(folder.metrics()) > 0 and folder.notes == []

    resumed = fit(real_networks(), engine=engine, folder=folder, resume=True)

    assert_same_bits(resumed, fit(real_networks(), engine=engine))
    assert not [path for path in (tmp_path / "a").rglob("*") if path.name.endswith(".aside")]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize(
    ("where", "nth"), [("fsync", 1), ("rename", 1), ("replace", 2), ("fsync", 9), ("replace", 7)]
)
def test_a_folder_is_whole_wherever_its_writer_was_killed(tmp_path, where, nth):
    kill_in_the_middle(tmp_path / "a", "staircase", where, nth)

    # Killed before the folder had its name: there is none. After: all that it holds can be read.
    if (tmp_path / "a").exists():
        folder = RunFolder.open(tmp_path / "a")
        folder.metrics()
        assert folder.notes == []
    run = fit(networks(12), engine=Staircase(), folder=tmp_path / "a", resume=True)
    assert_same_bits(run, fit(networks(12), engine=Staircase()))
    assert len(RunFolder.open(tmp_path / "a").metrics()) == 36


def killed(folder: Path) -> Path:
    with pytest.raises(Killed):
        fit(networks(), engine=Staircase(), folder=folder, watchers=[KillAfter(3)], clock=Clock(4.0))
    assert list(folder.glob("state/*"))
    return folder


def test_another_population_is_refused(tmp_path):
    folder = killed(tmp_path / "a")

    with pytest.raises(
        RunError, match=r"the population must be the one that was trained here: recipes, streams or rows"
    ):
        fit(networks(epochs=5), engine=Staircase(), folder=folder, resume=True)


def test_other_data_are_refused(tmp_path):
    folder, population = killed(tmp_path / "a"), networks()
    view = population.views["all"]
    other = Population(population.members, {"all": View(view.X + 1, view.y)})

    with pytest.raises(RunError, match="the data must be those that were trained on here"):
        fit(other, engine=Staircase(), folder=folder, resume=True)


def test_another_engine_or_version_is_refused_with_all_that_differs(tmp_path):
    class Other(Staircase):
        name = "other"

        def describe(self):
            return {"name": "other", "version": "2", "isa": "v3"}

    with pytest.raises(RunError) as caught:
        fit(networks(), engine=Other(), folder=killed(tmp_path / "a"), resume=True)
    text = str(caught.value)
    assert text.startswith("3 problems in resuming")
    assert "engine name must be 'staircase', with which this training began, got 'other'" in text
    assert "engine version must be '1', with which this training began, got '2'" in text
    assert "engine isa must be None, with which this training began, got 'v3'" in text


def test_another_version_is_refused(tmp_path):
    folder = RunFolder.open(killed(tmp_path / "a"))
    folder.amend(versions={"manyfit": "0.0.1"})

    with pytest.raises(RunError, match=r"manyfit must be 0.0.1, .* got .*pip install manyfit==0.0.1"):
        fit(networks(), engine=Staircase(), folder=tmp_path / "a", resume=True)


def test_a_torn_checkpoint_means_from_the_beginning(tmp_path):
    folder = killed(tmp_path / "a")
    for path in folder.glob("state/*"):
        path.write_bytes(path.read_bytes()[:50])

    engine = Staircase()
    run = fit(networks(), engine=engine, folder=folder, resume=True)
    assert engine.n_advances == 4 and run.fates == ["finished"] * 3
    assert len(RunFolder.open(folder).metrics()) == 12


def test_metrics_beyond_the_checkpoint_are_written_once(tmp_path):
    # Checkpoint after 10 s, parts each second: at the kill the parts are ahead of the checkpoint.
    with pytest.raises(Killed):
        fit(
            networks(30),
            engine=Staircase(),
            folder=tmp_path / "a",
            watchers=[KillAfter(18)],
            clock=Clock(0.5),
        )
    ahead = RunFolder.open(tmp_path / "a").metrics()["epoch"].max()
    engine = Staircase()
    fit(networks(30), engine=engine, folder=tmp_path / "a", resume=True, clock=Clock(0.5))

    import polars as pl

    assert 30 - engine.n_advances < ahead
    parts = [pl.read_parquet(path) for path in (tmp_path / "a").glob("metrics/*.parquet")]
    assert sum(len(part) for part in parts) == 90
