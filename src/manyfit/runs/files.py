"""Files that are never seen half-written: made aside, synced, then renamed into place."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from manyfit.errors import Problem, RunError

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
    hint = "Give another place, or make room and the right to write there."
    return RunError(Problem(str(path), "can't be written", reason, hint=hint))
