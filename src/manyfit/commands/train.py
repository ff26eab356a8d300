"""`manyfit train`."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from manyfit.commands.output import print_json
from manyfit.errors import Gathered, Problem, UsageError
from manyfit.job.config import read_config
from manyfit.job.options import Options
from manyfit.job.start import Request, keep
from manyfit.render.phrases import language, say
from manyfit.render.result import closing_lines, result_lines
from manyfit.render.terminal import Terminal
from manyfit.text import Text


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
    resume: bool = False,
    as_json: bool = False,
    quiet: bool = False,
    lang: str | None = None,
) -> None:
    """Train, print the result, write the folder."""
    began = time.perf_counter()
    lang = language(lang)
    gathered = Gathered()
    given_loading = {name: value for name, value in loading.items() if value is not None}
    given_options = {name: value for name, value in options.items() if value is not None}
    if "mute" in given_options:
        given_options["mute"] = codes_of(given_options["mute"])
    stored = None
    with gathered:
        if config is not None and resume:
            hint = Text(
                "--config repeats a finished plan, --resume goes on with a job that was killed.",
                "--config 重复已完成的计划，--resume 接着做被终止的任务。",
            )
            rule = Text("can't be combined", "不能同时使用")
            raise UsageError(Problem(Text("--config and --resume", "--config 与 --resume"), rule, hint=hint))
        stored = read_config(config) if config is not None else None
    with gathered:
        if "kinds" in given_loading:
            given_loading["kinds"] = kinds_of(given_loading.pop("kinds"))
    if stored is not None:
        source, target = source or stored.source, target or stored.target
        given_loading = {**stored.loading, **given_loading}
        given_options = stored.with_options(given_options)
    path = Path(out) if out is not None else folder_for(source) if source is not None else None
    request = Request(source, target, given_loading, Options(**given_options), path, force, resume)
    narrator = Terminal(lang, quiet=quiet)
    model = None if dry_run or gathered.errors else request.finished()
    if model is None:
        job = request.begin(narrator, began=began, gathered=gathered, is_rehearsal=dry_run)
        if stored is not None and stored.fingerprint not in (None, job.data.fingerprint):
            narrator.warn(say("other_table", lang))
        try:
            if dry_run:
                plan = job.prepare()
                if as_json:
                    print_json({"plan": plan.to_dict(), "hash": plan.hash})
                return
            model = job.run()
        finally:
            narrator.close()
        keep(model, job)
    else:
        narrator.say("finished", folder=str(path))
        narrator.close()
    if as_json:
        print_json({"folder": str(path), **model.facts})
    else:
        print("\n".join([*result_lines(model.facts, lang), *closing_lines(model.facts, str(path), lang)]))
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


def codes_of(given: list[str]) -> tuple[str, ...]:
    """CODE,CODE as codes.

    Example:
        >>> codes_of(["unstable,overfitting", "leaking"])
        ('unstable', 'overfitting', 'leaking')
    """
    return tuple(code.strip() for text in given for code in text.split(",") if code.strip())


def kinds_of(given: list[str]) -> dict[str, str]:
    """COLUMN=KIND by column.

    Raises:
        UsageError: If one is not of that form.
    """
    kinds = {}
    for text in given:
        column, sign, kind = text.rpartition("=")
        if not sign:
            hint = Text("For example --kind zip=category.", "例如 --kind zip=category。")
            rule = Text("must be COLUMN=KIND", "必须写作 COLUMN=KIND")
            raise UsageError(Problem("--kind", rule, repr(text), hint=hint))
        kinds[column] = kind
    return kinds
