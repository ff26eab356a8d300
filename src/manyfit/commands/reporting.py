"""`manyfit report`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from manyfit.errors import Problem, RunError
from manyfit.render.document import report
from manyfit.render.phrases import language
from manyfit.render.terminal import Terminal


def run(folders: Sequence[str], out: str, *, force: bool = False, lang: str | None = None) -> None:
    """Write the report of run folders."""
    path = Path(out)
    if path.is_dir() or (path.exists() and not force):
        rule = "is a folder" if path.is_dir() else "must not exist yet"
        raise RunError(Problem(str(path), rule, hint="Give another name; --force replaces a file."))
    spoken = language(lang)
    written = report(list(folders), path, lang=spoken)
    Terminal(spoken).say("written", path=str(written))
