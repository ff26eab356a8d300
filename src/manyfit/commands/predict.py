"""`manyfit predict`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manyfit.commands.output import refuse_taken
from manyfit.errors import Problem, UsageError
from manyfit.model import load_model
from manyfit.render.phrases import language
from manyfit.render.terminal import Terminal
from manyfit.runs.files import replacing
from manyfit.text import Text

WRITERS = {
    ".csv": "write_csv",
    ".tsv": "write_csv",
    ".parquet": "write_parquet",
    ".json": "write_json",
    ".arrow": "write_ipc",
    ".feather": "write_ipc",
}


def run(
    model: str,
    source: str,
    options: Mapping[str, Any],
    *,
    out: str | None = None,
    level: float = 0.9,
    force: bool = False,
    as_json: bool = False,
    quiet: bool = False,
    lang: str | None = None,
) -> None:
    """Predict and write."""
    lang = language(lang)
    path = Path(out) if out is not None else None
    if path is not None:
        if path.suffix.lower() not in WRITERS:
            rule = Text(f"must end in {', '.join(WRITERS)}", f"的结尾必须是 {'、'.join(WRITERS)}")
            raise UsageError(Problem("--out", rule, repr(path.suffix)))
        refuse_taken(path, force=force)
    trained = load_model(model)
    trained.check_level(level)
    frame = trained.read(source, **{name: value for name, value in options.items() if value is not None})
    terminal = Terminal(lang, quiet=quiet)
    for note in trained.notes:
        terminal.note(note)
    table = trained.predict_table(frame, level)
    if path is None:
        text = table.write_json() + "\n" if as_json else table.write_csv()
        sys.stdout.write(text)
    else:
        extra = {"separator": "\t"} if path.suffix.lower() == ".tsv" else {}
        with replacing(path) as aside:
            getattr(table, WRITERS[path.suffix.lower()])(aside, **extra)
    terminal.say("predicted.one" if table.height == 1 else "predicted", rows=table.height, networks=len(trained.networks))
    if path is not None:
        terminal.say("written", path=str(path))
