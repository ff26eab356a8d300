"""`manyfit train`."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manyfit.commands.output import print_json
from manyfit.data import examples, load
from manyfit.errors import Problem, UsageError
from manyfit.job.config import read_config
from manyfit.job.main import Job
from manyfit.job.options import Options
from manyfit.job.start import keep, opened_before
from manyfit.render.phrases import language, say
from manyfit.render.result import result_lines
from manyfit.render.terminal import Terminal
from manyfit.runs import RunFolder


def run(
    source: str | None,
    target: str | None,
    loading: Mapping[str, Any],
    options: Mapping[str, Any],
    *,
    config: str | None = None,
    dry_run: bool = False,
    out: str | None = None,
    force: bool = False,
    as_json: bool = False,
    quiet: bool = False,
    lang: str | None = None,
) -> None:
    """Train, print the result, write the folder."""
    began = time.perf_counter()
    lang = language(lang)
    stored = read_config(config) if config is not None else None
    given_loading = {name: value for name, value in loading.items() if value is not None}
    given_options = {name: value for name, value in options.items() if value is not None}
    if "kinds" in given_loading:
        given_loading["kinds"] = _kinds(given_loading["kinds"])
    if stored is not None:
        source, target = source or stored.source, target or stored.target
        given_loading = {**stored.loading, **given_loading}
        given_options = {**stored.options, **given_options}
    if source is None:
        hint = f"Name a file, or one of the embedded examples: {', '.join(examples())}."
        raise UsageError(Problem("manyfit train", "needs a table", hint=hint))
    chosen = Options(**given_options).check()
    path = Path(out) if out is not None else folder_for(source)
    folder = None if dry_run else RunFolder.create(path, plan={}, seed=chosen.seed, force=force)
    data = load(source, target, seed=chosen.seed, **given_loading)
    narrator = Terminal(lang, quiet=quiet)
    narrator.found(data)
    if stored is not None and stored.fingerprint not in (None, data.fingerprint):
        narrator.warn(say("other_table", lang))
    opened = opened_before(path, data, chosen.seed)
    job = Job(data, chosen, narrator=narrator, folder=folder, began=began, opened=opened)
    try:
        plan = job.prepare()
        if dry_run:
            if as_json:
                print_json({"plan": plan.to_dict(), "hash": plan.hash})
            return
        model = job.run()
    finally:
        narrator.close()
    assert folder is not None
    keep(model, job, folder, source, target, given_loading)
    if as_json:
        print_json({"folder": str(path), **model.facts})
    else:
        print("\n".join(result_lines(model.facts, lang)))
        print(say("wrote", lang, folder=path))
        print(say("next", lang, folder=path))
    sys.stdout.flush()


def folder_for(source: str) -> Path:
    """The default folder: the table's name without its endings, in the working folder.

    Example:
        >>> folder_for("data/house.csv.gz").name, folder_for("digits").name, folder_for("-").name
        ('house.manyfit', 'digits.manyfit', 'stdin.manyfit')
    """
    name = "stdin" if source == "-" else Path(source).name
    for ending in (
        ".gz",
        ".bz2",
        ".xz",
        ".zip",
        ".csv",
        ".tsv",
        ".txt",
        ".parquet",
        ".arrow",
        ".feather",
        ".ipc",
    ):
        name = name[: -len(ending)] if name.lower().endswith(ending) and len(name) > len(ending) else name
    return Path(f"{name}.manyfit")


def _kinds(given: list[str]) -> dict[str, str]:
    kinds = {}
    for text in given:
        column, sign, kind = text.rpartition("=")
        if not sign:
            raise UsageError(
                Problem("--kind", "must be COLUMN=KIND", repr(text), hint="For example --kind zip=category.")
            )
        kinds[column] = kind
    return kinds
