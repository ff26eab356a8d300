"""The recorder: how often it writes, what stands in the parts, and when checkpoints come and go."""

import pytest

from manyfit.errors import RunError
from manyfit.population import Population
from manyfit.runs import Cursor, Ledger, Recorder, RunFolder
from manyfit.runs.parts import MANY_PARTS, part_paths
from tests.staircase import Clock, Staircase, networks


class Bench:
    """A recorder on a population, advanced by hand, a segment at a time."""

    def __init__(self, path, population: Population, engine: Staircase | None = None) -> None:
        self.clock = Clock()
        self.engine = engine or Staircase()
        self.ledger = Ledger.begin(population)
        self.engine.start(population, self.ledger)
        self.folder = RunFolder.create(path, plan={})
        self.recorder: Recorder = self.folder.record(population, self.engine.describe(), clock=self.clock)

    def segment(self, at: float) -> None:
        self.clock.now = at
        self.engine.advance()
        self.recorder(self.ledger)

    @property
    def parts(self) -> list[str]:
        return [path.stem for path in part_paths(self.folder.path)]

    @property
    def checkpoints(self) -> list[str]:
        return [path.stem for path in self.folder.path.glob("state/*")]


@pytest.fixture
def bench(tmp_path):
    bench = Bench(tmp_path / "a", networks(epochs=40))
    yield bench
    bench.recorder.close()


def test_a_part_is_written_a_second_at_most(bench):
    for at in (0.0, 0.9, 1.0, 1.1, 1.9, 2.1, 2.5):
        bench.segment(at)

    assert bench.parts == ["part-000001", "part-000002"]
    epochs = [bench.folder.metrics().filter(member=i)["epoch"].to_list() for i in range(3)]
    assert epochs == [[1, 2, 3, 4, 5, 6]] * 3


def test_a_part_holds_new_rows_only(bench):
    import polars as pl

    for at in (0.0, 1.0, 2.0, 3.0):
        bench.segment(at)

    rows = [
        pl.read_parquet(path)["epoch"].unique().sort().to_list() for path in part_paths(bench.folder.path)
    ]
    assert rows == [[1, 2], [3], [4]]


def test_networks_at_different_epochs_are_written_as_far_as_they_are(bench):
    bench.segment(0.0)
    bench.ledger.cursor[1, Cursor.EPOCH] = 0  # as if the second one waited for its turn
    bench.ledger.loss[1] = float("nan")
    bench.segment(1.0)

    counts = bench.folder.metrics().group_by("member").len().sort("member")["len"].to_list()
    assert counts == [2, 1, 2]


def test_no_part_is_written_when_no_epoch_ended(bench):
    bench.segment(0.0)
    bench.segment(1.0)
    bench.clock.now = 5.0
    bench.recorder(bench.ledger)

    assert bench.parts == ["part-000001"]


def test_a_checkpoint_comes_every_ten_seconds_and_the_older_one_goes(bench):
    seen = []
    for at in (0.0, 9.9, 10.0, 19.9, 20.0):
        bench.segment(at)
        seen.append(bench.checkpoints)

    assert seen == [[], [], ["checkpoint-000001"], ["checkpoint-000001"], ["checkpoint-000002"]]


def test_what_takes_long_to_write_is_written_seldom(bench, monkeypatch):
    from manyfit.runs import checkpoint

    save = checkpoint.save

    def slow(*args):
        bench.clock.now += 2.0  # 2 s of writing are followed by 40 s of rest
        return save(*args)

    monkeypatch.setattr(checkpoint, "save", slow)
    seen = []
    for at in (0.0, 10.0, 30.0, 51.0, 53.0):
        bench.segment(at)
        seen.append(bench.checkpoints)

    assert seen == [[], *[["checkpoint-000001"]] * 3, ["checkpoint-000002"]]


def test_fates_are_written_as_soon_as_one_is_known(tmp_path):
    bench = Bench(tmp_path / "a", networks(epochs=9), Staircase(diverges=2))
    fates = []
    for at in (0.0, 1.0, 2.0):
        bench.segment(at)
        fates.append(bench.folder.members()["fate"].to_list() if at else None)
    bench.recorder.close()

    assert fates[1:] == [["training", "training", "diverged"]] * 2


def test_many_parts_are_joined_at_the_end(tmp_path):
    bench = Bench(tmp_path / "a", networks(epochs=MANY_PARTS + 5))
    for at in range(MANY_PARTS + 5):
        bench.segment(float(at))
    before = bench.folder.metrics()
    from manyfit.runs import Run

    assert len(bench.parts) >= MANY_PARTS
    bench.recorder.finish(
        Run.of(bench.recorder.population, bench.ledger, seconds=1.0, core_seconds=1.0, engine={})
    )

    assert bench.parts == [f"part-{MANY_PARTS + 5:06d}"]
    assert bench.folder.metrics().equals(before)


def test_finishing_without_a_ledger_is_an_error(tmp_path):
    bench = Bench(tmp_path / "a", networks())
    from manyfit.runs import Run

    run = Run.of(bench.recorder.population, bench.ledger, seconds=1.0, core_seconds=1.0, engine={})
    with pytest.raises(RunError, match="needs the ledger of a training that ended before its first segment"):
        bench.recorder.finish(run)


def test_a_recorder_that_never_recorded_leaves_no_folder(tmp_path):
    bench = Bench(tmp_path / "a", networks())
    bench.recorder.close()

    assert list(tmp_path.iterdir()) == []
