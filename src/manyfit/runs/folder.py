"""The run folder: what training writes and showing reads, plain files that any tool opens.

    run.toml                 schema, seed, plan, versions, engine, fingerprints, state
    members.parquet          one row for each network
    metrics/part-*.parquet   losses by network and epoch, a part a second at most
    state/*.safetensors      the newest checkpoint, from which a killed training goes on
    rounds/k/                the same, for each population of a bigger job

Writing never blocks reading: every file appears whole. Nothing here imports torch.
"""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from manyfit.errors import Problem, RunError
from manyfit.population import Population
from manyfit.runs import checkpoint, fingerprint
from manyfit.runs.checkpoint import Checkpoint
from manyfit.runs.files import refuse_unwritable, sync_folder, unwritable
from manyfit.runs.header import FILE as HEADER
from manyfit.runs.header import new_header, plain, read_header, versions, write_header
from manyfit.runs.ledger import Ledger
from manyfit.runs.members import read_members
from manyfit.runs.parts import read_parts
from manyfit.runs.recorder import Recorder
from manyfit.runs.run import Run
from manyfit.text import Text

if TYPE_CHECKING:
    import polars as pl

ROUNDS = "rounds"
_log = logging.getLogger("manyfit")


class RunFolder:
    """A trained population on disk, or a bigger job made of several. `create` makes one, `open` finds one.

    path: Where it is.
    header: What `run.toml` says.
    notes: What could not be read, and was left out.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "first.manyfit"
        >>> with RunFolder.create(path, plan={"epochs": 3}, seed=7) as folder:
        ...     folder.exists
        False
        >>> RunFolder.open(path).plan
        {'epochs': 3}
    """

    def __init__(
        self,
        path: Path,
        header: Mapping[str, Any],
        *,
        exists: bool,
        parent: RunFolder | None = None,
        force: bool = False,
    ) -> None:
        self.path = path
        self.header = dict(header)
        self.exists = exists
        self.notes: list[str] = []
        self._parent = parent
        self._force = force

    @classmethod
    def create(
        cls, path: str | Path, *, plan: Mapping[str, Any], seed: int = 0, force: bool = False
    ) -> RunFolder:
        """A new run folder. The disk is touched when something is first written, or when its `with` block ends well.

        A block that fails before that leaves nothing behind, and leaves an older folder of that name as it was.

        Args:
            path: Where; folders above it are made.
            plan: The resolved plan, plain values only: what has to be known to do the same again.
            seed: Root of all streams.
            force: Whether an older run folder of that name may be replaced. Anything else is never replaced.

        Raises:
            RunError: If something of that name is there already, or the place can't be written.
        """
        path = Path(path)
        _refuse_taken(path, force)
        refuse_unwritable(path, makes_folders=True)
        return cls(path, new_header(plan, seed), exists=False, force=force)

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """A run folder that is there, also while another process writes it.

        Raises:
            RunError: If there is none, or it can't be read.
        """
        path = Path(path)
        return cls(path, read_header(path), exists=True)

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.begin()

    def __repr__(self) -> str:
        return f"<RunFolder {self.path}: {self.state}>"

    # Reading

    @property
    def plan(self) -> dict[str, Any]:
        """The resolved plan, as it was given."""
        return dict(self.header.get("plan", {}))

    @property
    def seed(self) -> int:
        """Root of all streams."""
        return int(self.header["seed"])

    @property
    def state(self) -> str:
        """ "new", "training", "finished", or "cut" (ended before some networks had)."""
        return str(self.header.get("state", "new"))

    @property
    def is_complete(self) -> bool:
        """Whether the training recorded here came to its end, cut or not; a killed one did not."""
        return self.state in ("finished", "cut")

    @property
    def has_checkpoint(self) -> bool:
        """Whether there is a whole checkpoint to read a run from, or to go on from."""
        return checkpoint.newest(self.path, self._note) is not None

    @property
    def rounds(self) -> list[RunFolder]:
        """The populations of a bigger job that have begun, in their order."""
        numbers = [
            int(p.name)
            for p in (self.path / ROUNDS).glob("*")
            if p.name.isdecimal() and (p / HEADER).exists()
        ]
        return [self.round(number) for number in sorted(numbers)]

    def refresh(self) -> RunFolder:
        """Read `run.toml` again."""
        self.header = read_header(self.path)
        return self

    def members(self) -> pl.DataFrame:
        """One row for each network: recipe by dotted path, streams, rows, fate, steps; score and final_loss once it has ended."""
        return read_members(self.path)

    def metrics(self) -> pl.DataFrame:
        """Columns member, epoch (from 1), loss, held_loss (null where not recorded), sorted; all that is written so far."""
        return read_parts(self.path, self._note)

    def run(self, population: Population) -> Run:
        """The run as of the newest checkpoint: the final one when training came to its end.

        Args:
            population: The one that was trained here, made again from the plan.

        Raises:
            RunError: If another population was trained here, or there is no whole checkpoint yet.
        """
        found = self._problems(population, None)
        if found:
            raise RunError(found, str(self.path))
        kept = checkpoint.newest(self.path, self._note)
        if kept is None:
            rule = Text("holds no whole checkpoint yet", "还没有完整的检查点")
            hint = Text("Train on with resume=True.", "请用 resume=True 接着训练。")
            raise RunError(Problem(str(self.path), rule, hint=hint))
        engine = self.header.get("engine", {})
        return Run.of(
            population, kept.ledger, seconds=kept.seconds, core_seconds=kept.core_seconds, engine=engine
        )

    # Writing

    def round(self, number: int) -> RunFolder:
        """The run folder of one population of a bigger job, begun or not."""
        path = self.path / ROUNDS / str(number)
        if self.exists and (path / HEADER).exists():
            return RunFolder(path, read_header(path), exists=True, parent=self)
        return RunFolder(path, new_header({}, self.seed), exists=False, parent=self)

    def begin(self) -> Path:
        """Put the folder on disk, whole, if it is not there yet; returns where it is."""
        if self.exists:
            return self.path
        if self._parent is not None:
            self._parent.begin()
        _refuse_taken(self.path, self._force)
        if self.path.is_dir() and not any(self.path.iterdir()):
            write_header(self.path, self.header)  # the folder stays itself: somebody may stand in it
        else:
            _make_folder(self.path.absolute(), lambda fresh: write_header(fresh, self.header))
        self.exists = True
        return self.path

    def amend(self, **entries: Any) -> None:
        """Set entries of `run.toml`, for example what was realised of a plan. None takes an entry away.

        A folder that is not on disk yet appears with them: no reader sees it without.
        """
        for name, value in entries.items():
            self.header.pop(name, None)
            if value is not None:
                self.header[name] = plain(value)
        # Tables come last in TOML, and are read more easily there.
        self.header = dict(sorted(self.header.items(), key=lambda entry: isinstance(entry[1], dict)))
        if self.exists:
            write_header(self.path, self.header)
        else:
            self.begin()

    def record(
        self,
        population: Population,
        engine: Mapping[str, Any],
        *,
        since: Checkpoint | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> Recorder:
        """What writes a training into this folder: a watcher for `engines.base.train`, to be finished with its run.

        Args:
            population: What is trained.
            engine: `engine.describe()`.
            since: What `resume` gave, when training goes on.
            clock: Where the time comes from.

        Raises:
            RunError: If a training is recorded here already and `since` doesn't go on from it.
            RecipeError: If a network can't be written down.
        """
        if since is None and "population" in self.header:
            hint = Text("Go on with it (resume), or give another folder.", "请接着做（resume），或换一个文件夹。")
            rule = Text("must not hold a training yet", "不能已有训练")
            raise RunError(Problem(str(self.path), rule, hint=hint))
        for network in {id(m.recipe.network): m.recipe.network for m in population.members}.values():
            network.to_dict()  # what can't be written down is said before it is trained
        return Recorder(self, population, engine, since=since, clock=clock)

    def resume(self, population: Population, engine: Mapping[str, Any] | None) -> Checkpoint:
        """Where training goes on: the newest whole checkpoint, or a fresh start when it was killed before the first.

        Args:
            population: The same networks on the same data.
            engine: `engine.describe()` of the engine that will train on; None when nothing will be trained.

        Raises:
            RunError: If population, data, engine, instruction set or version differ: the bits would.
        """
        found = self._problems(population, engine)
        if found:
            raise RunError(found, f"resuming {self.path}")
        kept = checkpoint.newest(self.path, self._note) if self.exists else None
        return Checkpoint(Ledger.begin(population.check())) if kept is None else kept

    def claim(self, population: Population, engine: Mapping[str, Any]) -> None:
        """Write down what is trained here and with what."""
        views = {name: [*view.X.shape, view.n_outputs] for name, view in population.views.items()}
        self.amend(
            state="training",
            versions=versions(),
            engine=engine,
            population={
                "networks": len(population),
                "epochs": population.n_epochs,
                "hash": fingerprint.of_population(population),
            },
            data={"fingerprint": fingerprint.of_data(population.views), "views": views},
        )

    def _problems(self, population: Population, engine: Mapping[str, Any] | None) -> list[Problem]:
        """Why a training recorded here is not that of this population on this engine."""
        found = []
        recorded = self.header.get("population", {}).get("hash")
        if recorded is not None and recorded != fingerprint.of_population(population):
            hint = Text(
                "Give the plan and the seed of run.toml, or another folder.",
                "请给出 run.toml 中的计划和种子，或换一个文件夹。",
            )
            rule = Text(
                "must be the one that was trained here: recipes, streams or rows differ",
                "必须是在这里训练过的：配方、随机流或行不同",
            )
            found.append(Problem(Text("the population", "这批网络"), rule, hint=hint))
        recorded = self.header.get("data", {}).get("fingerprint")
        if recorded is not None and recorded != fingerprint.of_data(population.views):
            hint = Text("Give the same table, or another folder.", "请给出同一张表，或换一个文件夹。")
            rule = Text("must be those that were trained on here", "必须是在这里训练时所用的")
            found.append(Problem(Text("the data", "数据"), rule, hint=hint))
        recorded = self.header.get("engine")
        if engine is not None and recorded is not None:
            now = plain(engine)
            for key in sorted({*recorded, *now}):
                if recorded.get(key) != now.get(key):
                    hint = Text(
                        "On another, the results would differ in their last bits. Start anew in another folder.",
                        "换了就会在末位上不同。请在另一个文件夹重新开始。",
                    )
                    where, rule = Text(f"engine {key}", f"引擎 {key}"), _began(repr(recorded.get(key)))
                    found.append(Problem(where, rule, repr(now.get(key)), hint=hint))
            recorded, ours = self.header.get("versions", {}).get("manyfit"), versions()["manyfit"]
            if recorded != ours:
                hint = Text(
                    f"pip install manyfit=={recorded}, or start anew.",
                    f"请 pip install manyfit=={recorded}，或重新开始。",
                )
                found.append(Problem("manyfit", _began(recorded), ours, hint=hint))
        return found

    def _note(self, note: str) -> None:
        self.notes.append(note)
        _log.warning(note)


def _began(with_: object) -> Text:
    return Text(f"must be {with_}, with which this training began", f"必须是 {with_}，训练开始时用的就是它")


def _refuse_taken(path: Path, force: bool) -> None:
    if not path.exists() and not path.is_symlink():
        return
    if path.is_dir() and not path.is_symlink():
        if not any(path.iterdir()):
            return
        if (path / HEADER).exists():
            if force:
                return
            hint = Text(
                "Give another name; force (--force) replaces it, resume (--resume) goes on with it.",
                "请换一个名字；force（--force）可替换它，resume（--resume）可接着做。",
            )
            rule = Text("must not exist yet: it is a run folder", "不能已经存在：它是运行文件夹")
            raise RunError(Problem(str(path), rule, hint=hint))
    hint = Text(
        "It is not a run folder, so it is never replaced. Give another name.",
        "它不是运行文件夹，所以绝不替换。请换一个名字。",
    )
    raise RunError(Problem(str(path), Text("must not exist yet", "不能已经存在"), hint=hint))


def _make_folder(path: Path, fill: Callable[[Path], None]) -> None:
    """Make a folder that is never seen half-filled; what had its name goes after, or stays when that fails."""
    fresh = path.with_name(f".{path.name}.{uuid4().hex[:8]}")
    old = fresh.with_suffix(".old")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.mkdir()
        fill(fresh)
        if path.is_dir():
            os.rename(path, old)
        try:
            os.rename(fresh, path)
        except OSError:
            if old.exists():
                os.rename(old, path)
            raise
        sync_folder(path.parent)
    except BaseException as error:
        shutil.rmtree(fresh, ignore_errors=True)
        if isinstance(error, OSError):
            raise unwritable(path, error) from error
        raise
    shutil.rmtree(old, ignore_errors=True)
