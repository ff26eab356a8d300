"""The run folder as a whole: made, refused, replaced, written, read back."""

import os
import subprocess
import sys
import tempfile
import threading
import tomllib
from enum import Enum
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from manyfit.engines.choose import fit
from manyfit.errors import RunError
from manyfit.population import Probe
from manyfit.runs import Fate, Ledger, Run, RunFolder
from tests.staircase import Clock, Staircase, networks

PLAN = {"epochs": 4, "rates": [0.1, 0.01], "network": {"hidden": (8, 8), "dropout": None}}


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_folder_holds_what_training_left(tmp_path):
    population = networks(probes=(Probe("corner", np.array([0, 4]), (0, 2)),))
    run = fit(population, engine=Staircase(diverges=1), folder=tmp_path / "a", plan=PLAN, seed=7)
    folder = RunFolder.open(tmp_path / "a")

    assert files(folder.path) == [
        "members.parquet",
        "metrics/part-000001.parquet",
        "run.toml",
        "state/checkpoint-000001.safetensors",
    ]
    assert (folder.state, folder.seed, folder.is_complete) == ("finished", 7, True)
    assert folder.plan == {"epochs": 4, "rates": [0.1, 0.01], "network": {"hidden": [8, 8]}}
    assert folder.header["engine"] == {"name": "staircase", "version": "1"}
    read = folder.run(population)
    for name in ("loss", "held_loss", "steps", "fate", "fate_step", "best_epoch", "score", "final_loss"):
        assert np.array_equal(getattr(read, name), getattr(run, name), equal_nan=True), name
    for ours, theirs in zip(read.parameters, run.parameters, strict=True):
        assert ours.dtype == theirs.dtype and np.array_equal(ours, theirs)
    assert np.array_equal(read.probes["corner"], run.probes["corner"], equal_nan=True)
    assert (read.seconds, read.core_seconds, read.engine) == (run.seconds, 0.25, run.engine)


def test_metrics_are_rows_by_network_and_epoch_until_the_network_ended(tmp_path):
    fit(networks(epochs=2, record_every=2), engine=Staircase(diverges=1), folder=tmp_path / "a")

    assert RunFolder.open(tmp_path / "a").metrics().rows() == [
        (0, 1, 1.0, None),
        (0, 2, 0.5, 1.0),
        (1, 1, 2.0, None),
        (2, 1, 3.0, None),
        (2, 2, 2.5, 3.0),
    ]


def test_members_are_a_row_for_each_network(tmp_path):
    fit(networks(), engine=Staircase(diverges=1), folder=tmp_path / "a")
    members = RunFolder.open(tmp_path / "a").members()

    assert members["member"].to_list() == [0, 1, 2]
    assert members["optimizer.rule"].to_list() == ["adam", "sgd", "momentum"]
    assert members["network.hidden"].to_list() == [[3], [4, 3], [32]]
    assert members["optimizer.beta1"].to_list() == [0.9, None, None]
    assert members["l2.strength"].null_count() == 2
    assert members["n_train"].to_list() == [4, 4, 4] and members["n_held"].to_list() == [1, 1, 1]
    assert members["fate"].to_list() == ["finished", "diverged", "finished"]
    assert members["fate_step"].to_list() == [8, 3, 8]
    assert members["steps"].to_list() == [8, 2, 8]
    assert members["final_loss"].to_list() == [0.25, np.inf, 2.25]
    assert members["score"].to_list() == [0.5, np.inf, 2.5]
    assert members["streams.init"].dtype == pl.UInt64


def test_networks_still_in_training_have_no_score_yet(tmp_path):
    population, engine = networks(), Staircase()
    with (
        RunFolder.create(tmp_path / "a", plan={}) as folder,
        folder.record(population, {}, clock=Clock(5.0)) as watcher,
    ):
        ledger = Ledger.begin(population)
        engine.start(population, ledger)
        engine.advance()
        watcher(ledger)
        members = RunFolder.open(tmp_path / "a").members()

    assert RunFolder.open(tmp_path / "a").state == "training"
    assert members["fate"].to_list() == ["training"] * 3
    assert members["steps"].to_list() == [2, 2, 2]
    assert members["score"].null_count() == members["final_loss"].null_count() == 3


def test_a_deadline_leaves_a_cut_folder(tmp_path):
    clock = Clock(1.0)
    fit(networks(), engine=Staircase(), folder=tmp_path / "a", seconds=5.0, clock=clock)
    folder = RunFolder.open(tmp_path / "a")

    assert (folder.state, folder.is_complete) == ("cut", True)
    assert set(folder.members()["fate"]) == {"cut"}
    assert set(folder.run(networks()).fate) == {Fate.CUT}


def test_rounds_of_a_job_are_folders_of_their_own(tmp_path):
    with RunFolder.create(tmp_path / "job", plan=PLAN, seed=3) as job:
        for k, epochs in enumerate((1, 3)):
            fit(networks(epochs=epochs), engine=Staircase(), folder=job.round(k))
        job.amend(realised={"rungs": [1, 3], "deadline": None})

    job = RunFolder.open(tmp_path / "job")
    assert job.header["realised"] == {"rungs": [1, 3]}
    assert [round.metrics()["epoch"].max() for round in job.rounds] == [1, 3]
    assert [round.state for round in job.rounds] == ["finished", "finished"]
    assert job.rounds[1].run(networks(epochs=3)).steps.tolist() == [6, 6, 6]
    assert not (tmp_path / "job/members.parquet").exists()
    with pytest.raises(RunError, match=r"holds no networks yet. A bigger job keeps them in rounds/"):
        job.members()


def test_plan_hash_depends_on_plan_and_seed_only(tmp_path):
    hashes = [
        RunFolder.create(tmp_path / name, plan=plan, seed=seed).header["plan_hash"]
        for name, plan, seed in [
            ("a", PLAN, 0),
            ("b", dict(reversed(PLAN.items())), 0),
            ("c", PLAN, 1),
            ("d", {}, 0),
        ]
    ]

    assert hashes[0] == hashes[1] and len(set(hashes)) == 3


# Making


def test_nothing_is_left_behind_when_the_command_fails_before_training(tmp_path):
    with pytest.raises(ValueError, match="bad option"), RunFolder.create(tmp_path / "deep/a", plan=PLAN):
        raise ValueError("bad option")

    assert list(tmp_path.iterdir()) == []


def test_what_was_trained_stays_when_the_command_fails_later(tmp_path):
    with pytest.raises(ValueError, match="later"), RunFolder.create(tmp_path / "a", plan=PLAN) as folder:
        fit(networks(), engine=Staircase(), folder=folder.round(0))
        raise ValueError("later")

    assert RunFolder.open(tmp_path / "a").rounds[0].state == "finished"


def test_an_existing_run_folder_is_refused_without_force(tmp_path):
    fit(networks(), engine=Staircase(), folder=tmp_path / "a")
    before = files(tmp_path)

    with pytest.raises(RunError, match=r"a must not exist yet: it is a run folder. .*--force.*resume"):
        fit(networks(), engine=Staircase(), folder=tmp_path / "a")
    assert files(tmp_path) == before


def test_force_replaces_a_run_folder_once_training_runs(tmp_path):
    (tmp_path / "a").mkdir()
    with RunFolder.create(tmp_path / "a", plan={"n": 1}) as folder:
        (folder.begin() / "old").touch()

    with pytest.raises(ValueError), RunFolder.create(tmp_path / "a", plan={"n": 2}, force=True):
        raise ValueError
    assert RunFolder.open(tmp_path / "a").plan == {"n": 1}

    fit(networks(), engine=Staircase(), folder=tmp_path / "a", plan={"n": 3}, force=True)
    assert RunFolder.open(tmp_path / "a").plan == {"n": 3}
    assert [p.name for p in tmp_path.iterdir()] == ["a"] and not (tmp_path / "a/old").exists()


def test_the_folder_one_stands_in_can_be_the_run_folder(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    monkeypatch.chdir(tmp_path / "a")
    fit(networks(), engine=Staircase(), folder=".")

    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert RunFolder.open(tmp_path / "a").state == "finished"


def test_an_older_run_folder_stays_when_it_cannot_be_replaced(tmp_path, monkeypatch):
    fit(networks(), engine=Staircase(), folder=tmp_path / "a", plan={"n": 1})
    rename = os.rename

    def stubborn(old: Path, new: Path) -> None:
        if Path(new) == tmp_path / "a" and not str(old).endswith(".old"):
            raise OSError(5, "Input/output error")
        rename(old, new)

    monkeypatch.setattr(os, "rename", stubborn)
    with pytest.raises(RunError, match="a can't be written: Input/output error"):
        fit(networks(), engine=Staircase(), folder=tmp_path / "a", plan={"n": 2}, force=True)
    assert RunFolder.open(tmp_path / "a").plan == {"n": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("kind", ["file", "folder", "link"])
def test_force_never_replaces_what_is_not_a_run_folder(tmp_path, kind):
    path = tmp_path / "thesis"
    if kind == "file":
        path.write_text("dear")
    else:
        (tmp_path / "real").mkdir()
        (tmp_path / "real/chapter.txt").write_text("dear")
        (tmp_path / "real").rename(path) if kind == "folder" else path.symlink_to(tmp_path / "real")
    before = files(tmp_path)

    with pytest.raises(
        RunError, match=r"thesis must not exist yet. It is not a run folder, so it is never replaced"
    ):
        RunFolder.create(path, plan={}, force=True)
    assert files(tmp_path) == before


def test_a_place_under_a_file_is_refused_before_training(tmp_path):
    (tmp_path / "file").touch()

    with pytest.raises(RunError, match=r"file/a can't be written: '.*/file' is not a folder. Make the folder first"):
        RunFolder.create(tmp_path / "file/a", plan={})


def test_a_place_without_the_right_to_write_is_refused_before_training(tmp_path, monkeypatch):
    def refused(dir):  # the tests may run as root, who may write nearly anywhere
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refused)

    with pytest.raises(RunError, match=r"a can't be written: Permission denied. Give another place"):
        RunFolder.create(tmp_path / "a", plan={})


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="nothing here refuses whatever the rights say")
def test_a_place_that_refuses_though_the_rights_allow_it_is_noticed_before_training():
    with pytest.raises(RunError, match=r"/proc/a can't be written: No such file or directory"):
        RunFolder.create("/proc/a", plan={})


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(tmp_path, monkeypatch):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(RunError, match=r"run.toml can't be written: No space left on device"):
        RunFolder.create(tmp_path / "a", plan={}).begin()
    assert list(tmp_path.iterdir()) == []


def test_a_plan_is_written_as_plain_values(tmp_path):
    class Color(Enum):
        RED = "red"

    plan = {
        "n": np.int64(3),
        "rates": np.array([0.5, 1.0]),
        "path": Path("x.csv"),
        "color": Color.RED,
        "off": None,
    }

    assert RunFolder.create(tmp_path / "a", plan=plan).plan == {
        "n": 3,
        "rates": [0.5, 1.0],
        "path": "x.csv",
        "color": "red",
    }


def test_a_plan_of_other_than_plain_values_is_refused(tmp_path):
    with pytest.raises(RunError, match=r"plan must hold plain values only .* got <object"):
        RunFolder.create(tmp_path / "a", plan={"x": [object()]})


def test_two_trainings_never_write_into_one_folder(tmp_path):
    pytest.importorskip("fcntl")
    with RunFolder.create(tmp_path / "a", plan={}) as folder:
        seen = []

        def second(ledger: object) -> None:
            with pytest.raises(RunError, match="a is being written by another training"):
                fit(networks(), engine=Staircase(), folder=RunFolder.open(folder.path), resume=True)
            seen.append(True)

        fit(networks(), engine=Staircase(), folder=folder, watchers=[second])
    assert seen


# Reading


def test_opening_what_is_no_run_folder_says_so(tmp_path):
    with pytest.raises(RunError, match="nowhere must be a run folder, and does not exist"):
        RunFolder.open(tmp_path / "nowhere")
    with pytest.raises(RunError, match=r"holds no run.toml: it is not a run folder"):
        RunFolder.open(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("schema = 99", r"schema must be 1 to 1, got 99. .*update"),
        ("]", "can't be read"),
        ("a = 1", "schema must be"),
    ],
)
def test_a_header_that_cannot_be_understood_says_so(tmp_path, text, message):
    (tmp_path / "run.toml").write_text(text)

    with pytest.raises(RunError, match=message):
        RunFolder.open(tmp_path)


def test_another_population_than_the_trained_one_is_not_read(tmp_path):
    fit(networks(), engine=Staircase(), folder=tmp_path / "a")

    with pytest.raises(RunError, match="the population must be the one that was trained here"):
        RunFolder.open(tmp_path / "a").run(networks(epochs=5))


def test_a_torn_part_is_left_out_with_a_note(tmp_path):
    fit(networks(), engine=Staircase(), folder=tmp_path / "a")
    whole = (tmp_path / "a/metrics/part-000001.parquet").read_bytes()
    (tmp_path / "a/metrics/part-000002.parquet").write_bytes(whole[: len(whole) // 2])
    folder = RunFolder.open(tmp_path / "a")

    assert len(folder.metrics()) == 12
    assert len(folder.notes) == 1 and "part-000002.parquet can't be read and is left out" in folder.notes[0]


def test_torn_members_say_so(tmp_path):
    fit(networks(), engine=Staircase(), folder=tmp_path / "a")
    (tmp_path / "a/members.parquet").write_bytes(b"PAR1")

    with pytest.raises(RunError, match=r"members.parquet can't be read"):
        RunFolder.open(tmp_path / "a").members()


def test_a_row_that_stands_in_two_parts_is_read_once(tmp_path):
    fit(networks(), engine=Staircase(), folder=tmp_path / "a")
    part = tmp_path / "a/metrics/part-000001.parquet"
    part.with_name("part-000002.parquet").write_bytes(part.read_bytes())

    assert len(RunFolder.open(tmp_path / "a").metrics()) == 12


def test_a_folder_without_metrics_or_checkpoint_says_what_is_there(tmp_path):
    with RunFolder.create(tmp_path / "a", plan={}) as folder:
        pass

    assert folder.metrics().columns == ["member", "epoch", "loss", "held_loss"]
    with pytest.raises(RunError, match="holds no whole checkpoint yet"):
        folder.run(networks())


def test_a_folder_is_read_while_it_is_written(tmp_path):
    # Every segment writes a part, a checkpoint, the members; at the end many parts are joined.
    population, clock = networks(epochs=80), Clock()

    def tick(ledger: Ledger) -> None:
        clock.now += 11.0

    def write() -> None:
        fit(population, engine=Staircase(), folder=folder, watchers=[tick], clock=clock)

    with RunFolder.create(tmp_path / "a", plan={}) as folder:
        folder.begin()
        writer = threading.Thread(target=write)
        writer.start()
        reader, counts = RunFolder.open(folder.path), []
        while writer.is_alive():
            counts.append(len(reader.refresh().metrics()))
            if reader.has_checkpoint:
                assert reader.run(population).steps.max() <= 160 and len(reader.members()) == 3
        writer.join()

    assert counts == sorted(counts) and reader.notes == []
    assert len(reader.metrics()) == 240 and len(list(folder.path.glob("metrics/*"))) == 1


def test_reading_and_writing_a_folder_never_imports_torch(tmp_path):
    code = """
import sys
from tests.staircase import Staircase, networks
from manyfit.engines.choose import fit
from manyfit.runs import RunFolder
fit(networks(), engine=Staircase(), folder="a")
folder = RunFolder.open("a")
folder.metrics(), folder.members(), folder.plan, folder.run(networks())
assert "torch" not in sys.modules
"""
    here = str(Path(__file__).parents[2])
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([here, *sys.path])}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, capture_output=True, text=True
    )

    assert done.returncode == 0, done.stderr


def test_importing_the_folder_does_not_import_polars():
    code = "import sys, manyfit.runs; assert not {'polars', 'torch', 'sklearn'} & set(sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_ten_thousand_networks_are_written_and_read(tmp_path):
    population = networks(epochs=20, n=10_000)
    engine = Staircase()
    ledger = Ledger.begin(population)
    ledger.loss[:], ledger.held_loss[:] = 1.0, 2.0
    ledger.cursor[:, :4] = 20, 0, 40, Fate.FINISHED
    run = Run.of(population, ledger, seconds=1.0, core_seconds=1.0, engine=engine.describe())

    with (
        RunFolder.create(tmp_path / "a", plan={}) as folder,
        folder.record(population, engine.describe()) as recorder,
    ):
        recorder.finish(run, ledger)

    again = RunFolder.open(folder.path)
    assert len(again.metrics()) == 200_000 and len(again.members()) == 10_000
    assert len(again.run(population)) == 10_000


def test_header_is_what_people_read(tmp_path):
    fit(networks(), engine=Staircase(), folder=tmp_path / "a", plan=PLAN)
    header = tomllib.loads((tmp_path / "a/run.toml").read_text())

    assert header["schema"] == 1
    assert header["population"]["networks"] == 3 and header["population"]["epochs"] == 4
    assert header["data"]["views"] == {"all": [5, 2, 1]}
    assert {"manyfit", "python", "numpy"} <= set(header["versions"])
