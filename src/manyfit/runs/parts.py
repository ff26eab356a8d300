"""`metrics/part-*.parquet`: the losses of every network after every epoch, as rows that only ever grow in number.

Columns: member, epoch (from 1), loss, held_loss (null where it was not recorded); of a watched population also gradient_norm,
update_ratio and dead_units, lists by layer. A row stands in one part; should two parts hold it (a process was killed while it
joined parts), both say the same.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from manyfit.runs.files import replacing, sweep
from manyfit.runs.ledger import Cursor, Fate, Ledger
from manyfit.runs.watch import Noted

if TYPE_CHECKING:
    import polars as pl

FOLDER = "metrics"
_NOTED = {Noted.GRADIENT: "gradient_norm", Noted.UPDATE: "update_ratio", Noted.DEAD: "dead_units"}
MANY_PARTS = 60
"""More parts than this are joined when training ends: opening a file costs more than reading a few rows."""


class Parts:
    """Writes the epochs that came to their end since the last part.

    Args:
        folder: The run folder.
        n_networks: P.
    """

    def __init__(self, folder: Path, n_networks: int) -> None:
        self.folder = folder / FOLDER
        self.next_number = 1
        self.n_parts = 0
        self._written: NDArray[np.int64] = np.zeros(n_networks, dtype=np.int64)

    def write(self, ledger: Ledger) -> bool:
        """Write a part with the new epochs; False when there are none."""
        reached = _epochs_recorded(ledger)
        n_new = reached - self._written
        if not n_new.any():
            return False
        member = np.repeat(np.arange(len(n_new)), n_new)
        starts = np.cumsum(n_new) - n_new
        epoch = np.arange(len(member)) - np.repeat(starts - self._written, n_new)
        self._write_rows(member, epoch, ledger)
        self._written = reached
        return True

    def join(self, ledger: Ledger) -> None:
        """Put one part in the place of all: what the ledger records, no more and no less."""
        sweep(self.folder)
        old = part_paths(self.folder.parent)
        if old:
            self.next_number = number_of(old[-1]) + 1
        self._written = np.zeros_like(self._written)
        self.n_parts = 0
        self.write(ledger)
        for path in old:
            path.unlink(missing_ok=True)

    def _write_rows(self, member: NDArray[np.int64], epoch: NDArray[np.int64], ledger: Ledger) -> None:
        import polars as pl

        loss, layers = ledger.loss[member, epoch], ledger.layers[member, epoch]
        # The epoch in which a network diverged has no loss; its layers are what one wants to see.
        seen = ~np.isnan(loss) | ~np.isnan(layers).all((1, 2))
        member, epoch, loss, layers = member[seen], epoch[seen], loss[seen], layers[seen]
        if len(member) == 0:
            return
        rows = {
            "member": member,
            "epoch": epoch + 1,
            "loss": loss,
            "held_loss": ledger.held_loss[member, epoch],
        }
        frame = pl.DataFrame(rows).with_columns(pl.col("loss", "held_loss").fill_nan(None))
        if L := layers.shape[-1]:
            kind = pl.Array(pl.Float64, L)
            lists = [pl.Series(_NOTED[what], layers[:, what], dtype=kind).cast(pl.List(pl.Float64)) for what in Noted]
            frame = frame.with_columns(lists)
        self.folder.mkdir(exist_ok=True)
        with replacing(self.folder / f"part-{self.next_number:06d}.parquet") as aside:
            frame.write_parquet(aside)
        self.next_number += 1
        self.n_parts += 1


def read_parts(folder: Path, note: Callable[[str], None]) -> pl.DataFrame:
    """All the metrics written so far, by network and epoch.

    Safe while another process writes: a part that vanishes has been joined into a newer one.

    Args:
        folder: The run folder.
        note: Told about each part that can't be read and is left out.
    """
    import polars as pl

    for _ in range(3):
        frames, is_whole = [], True
        for path in part_paths(folder):
            try:
                frames.append(pl.read_parquet(path))
            except FileNotFoundError:
                is_whole = False
            except (OSError, pl.exceptions.PolarsError) as error:
                note(f"{path} can't be read and is left out: {error}")
        if is_whole:
            break
    schema = {"member": pl.Int64, "epoch": pl.Int64, "loss": pl.Float64, "held_loss": pl.Float64}
    joined = pl.concat(frames) if frames else pl.DataFrame(schema=schema)
    return joined.unique(["member", "epoch"], keep="first").sort("member", "epoch")


def part_paths(folder: Path) -> list[Path]:
    """The parts of a run folder, oldest first."""
    return sorted((folder / FOLDER).glob("part-*.parquet"), key=number_of)


def number_of(path: Path) -> int:
    """The number in the name of a part or a checkpoint.

    Example:
        >>> number_of(Path("metrics/part-000012.parquet"))
        12
    """
    digits = path.stem.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0


def _epochs_recorded(ledger: Ledger) -> NDArray[np.int64]:
    """[P] how many epochs of each network may have a loss: all it passed, and the one in which its training ended."""
    has_ended = ledger.fate != Fate.TRAINING
    return np.minimum(ledger.cursor[:, Cursor.EPOCH] + has_ended, ledger.loss.shape[1])
