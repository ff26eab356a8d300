"""`--config run.toml`: a job that was done before, to be done again; or one that somebody has written down."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manyfit.data import load
from manyfit.errors import Problem, UsageError, did_you_mean
from manyfit.job.options import Options
from manyfit.job.plan import Plan
from manyfit.runs.header import read_header
from manyfit.space import Space
from manyfit.text import Text


@dataclass(frozen=True)
class Config:
    """What a configuration file says. Options that are None in it were not said."""

    source: str | None
    target: str | None
    loading: Mapping[str, Any]
    options: Mapping[str, Any]
    fingerprint: str | None

    def with_options(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Options of this file, those given now first. A plan takes them over; a budget given now makes a plan of its own."""
        options = {**self.options, **given}
        plan = options.get("plan")
        if plan is None:
            return options
        if "budget" in given or "max_width" in given:
            del options["plan"]
            if "max_width" in given:
                options.pop("space", None)
            return options
        changed = {name: given[name] for name in ("seed", "metric", "margin", "ensemble") if name in given}
        return {**options, "plan": dataclasses.replace(plan, **changed)}


def read_config(path: str | Path) -> Config:
    """Read a `run.toml`, or the folder that holds one.

    Args:
        path: The file. `[job]` holds source, target and what `load` and `train` take; `[plan]` a plan to repeat;
            `[space]` a search space.

    Raises:
        UsageError: If it does not exist or holds something unknown.
        RunError: If it can't be read.
    """
    path = Path(path)
    folder = path if path.is_dir() else path.parent
    if not path.exists():
        hint = Text("Every run folder holds a run.toml.", "每个运行文件夹里都有 run.toml。")
        raise UsageError(Problem(f"--config {path}", Text("does not exist", "不存在"), hint=hint))
    fields = read_header(folder) if path.is_dir() or path.name == "run.toml" else _read_toml(path)
    job = dict(fields.get("job", {}))
    plan = fields.get("plan") or None
    options: dict[str, Any] = {}
    if plan:
        options["plan"] = Plan.from_dict(plan)
        options["seed"] = options["plan"].seed
        options["metric"], options["margin"], options["ensemble"] = (
            plan["metric"],
            plan["margin"],
            plan["ensemble"],
        )
    if fields.get("space"):
        options["space"] = Space.from_dict(fields["space"]).check()
    option_names = {f.name for f in dataclasses.fields(Options)}
    load_names = set(inspect.signature(load).parameters) - {"source", "target", "seed"}
    source, target = job.pop("source", None), job.pop("target", None)
    known = option_names | load_names
    unknown = [
        Problem("", Text(f"unknown field {name!r} of [job]", f"[job] 没有 {name!r} 项"), hint=did_you_mean(name, known))
        for name in job
        if name not in known
    ]
    if unknown:
        raise UsageError(unknown, str(path))
    options.update({name: value for name, value in job.items() if name in option_names})
    if "mute" in options:
        options["mute"] = tuple(options["mute"])
    return Config(
        source,
        target,
        {name: value for name, value in job.items() if name in load_names},
        options,
        fields.get("fingerprint"),
    )


def _read_toml(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        rule = Text(f"can't be read: {error}", f"无法读取：{error}")
        raise UsageError(Problem(f"--config {path}", rule)) from error
