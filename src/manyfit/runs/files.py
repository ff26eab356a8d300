"""Files that are never seen half-written: made aside, synced, then renamed into place."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from manyfit.errors import Problem, RunError
from manyfit.text import Text

ASIDE = ".aside"
"""Ending of a file that is being written. Readers don't look for it; what a killed process leaves, a resume sweeps."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A path to write to in place of `path`, which takes its name, whole and synced, when the block ends well.

    Whoever opens `path` meanwhile sees the old file or the new one, and a power cut leaves one of them: which one is
    certain only after `sync_folder`.

    Raises:
        RunError: If the disk refuses; nothing is left aside.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "note.txt"
        >>> with replacing(path) as aside:
        ...     _ = aside.write_text("whole")
        >>> path.read_text(), [p.name for p in path.parent.iterdir()]
        ('whole', ['note.txt'])
    """
    aside = path.with_name(f".{path.name}{ASIDE}")
    try:
        yield aside
        with open(aside, "rb+") as written:
            os.fsync(written.fileno())
        os.replace(aside, path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise unwritable(path, error) from error
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Make the names in a folder outlive a power cut."""
    if os.name == "nt":  # Windows opens no folders, and syncs names by itself
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sweep(folder: Path) -> None:
    """Remove what a killed process was writing."""
    for left in folder.glob(f".*{ASIDE}"):
        left.unlink(missing_ok=True)


def unwritable(path: Path, error: OSError) -> RunError:
    """The one error for a disk that refuses."""
    reason = error.strerror or str(error)
    hint = Text(
        "Give another place, or make room and the right to write there.", "请换一个位置，或腾出空间、取得写入权限。"
    )
    return RunError(Problem(str(path), Text(f"can't be written: {reason}", f"无法写入：{reason}"), hint=hint))


def refuse_unwritable(path: Path, *, makes_folders: bool = False) -> None:
    """Notice before any work that a place can't be written, by writing there: rights alone don't tell.

    Args:
        path: A file or folder that is to be made.
        makes_folders: Whether folders above it that are not there will be made.

    Raises:
        RunError: If nothing can be written there, or the folder is missing.
    """
    above = path.absolute().parent
    while makes_folders and not above.exists() and above != above.parent:
        above = above.parent
    try:
        if not above.is_dir():
            where, hint = str(above), Text("Make the folder first, or give another place.", "请先建好文件夹，或换一个位置。")
            rule = Text(f"can't be written: there is no folder {where!r}", f"无法写入：没有文件夹 {where!r}")
            if above.exists():
                rule = Text(f"can't be written: {where!r} is not a folder", f"无法写入：{where!r} 不是文件夹")
            raise RunError(Problem(str(path), rule, hint=hint))
        with tempfile.TemporaryFile(dir=above):
            pass
    except OSError as error:
        raise unwritable(path, error) from error
