"""`manyfit report`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from manyfit.commands.output import refuse_taken
from manyfit.render.document import place_for, report
from manyfit.render.phrases import language
from manyfit.render.terminal import Terminal
from manyfit.runs.files import refuse_unwritable


def run(folders: Sequence[str], out: str | None, *, force: bool = False, lang: str | None = None) -> None:
    """Write the report of run folders: into a single one, which has one of its own already, or to a file of that name."""
    path = Path(out) if out is not None else place_for(folders)
    is_own = out is None and len(folders) == 1
    if not is_own:
        refuse_taken(path, force=force)
    elif path.parent.is_dir():
        refuse_unwritable(path)
    spoken = language(lang)
    written = report(list(folders), path, lang=spoken)
    Terminal(spoken).say("written", path=str(written))
