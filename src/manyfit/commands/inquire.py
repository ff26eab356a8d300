"""What a question's command does: options to an inquiry, its answer to stdout, its folder to disk."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from manyfit.answers import Answer, Text
from manyfit.asking.folder import read_knobs
from manyfit.asking.functions import example_of, narrate, origin_of
from manyfit.asking.inquiry import Inquiry, prepare
from manyfit.asking.task import task_of
from manyfit.commands.output import print_json
from manyfit.commands.settings import find_modules_here, pairs_of, recipe_in
from manyfit.commands.train import folder_for, kinds_of
from manyfit.errors import Problem, UsageError
from manyfit.hyper import Knob, knobs, read_range, read_value
from manyfit.questions import Interrupted, ask, registry
from manyfit.render.phrases import language, say
from manyfit.render.terminal import Terminal
from manyfit.render.told import answer_lines
from manyfit.runs.header import read_header


def run(
    name: str,
    source: str | None,
    values: Mapping[str, Any],
    loading: Mapping[str, Any],
    *,
    target: str | None = None,
    recipe: str | None = None,
    set: Sequence[str] | None = None,
    epochs: int | None = None,
    metric: str | None = None,
    rows: int | None = None,
    seed: int | None = None,
    engine: str | None = None,
    threads: int | None = None,
    config: str | None = None,
    add: int | None = None,
    dry_run: bool = False,
    out: str | None = None,
    force: bool = False,
    json: bool = False,
    quiet: bool = False,
    lang: str | None = None,
) -> None:
    """Ask the question, print its answer, keep both."""
    spoken = language(lang)
    narrator = Terminal(spoken, quiet=quiet)
    if add is not None and out is None:
        rule = Text("needs the folder of a stored run", "需要存有运行的文件夹")
        raise UsageError(Problem("--add", rule, hint=Text("Name it with -o.", "请用 -o 指明。")))
    named = "--config"
    if add is not None:
        config, named = (config, named) if config else (out, "-o")
    given = {key: value for key, value in loading.items() if value is not None}
    if "kinds" in given or "kind" in given:
        given["kinds"] = kinds_of(given.pop("kind", None) or given.pop("kinds"))
    settings = {path: read_value(path, text) for path, text in pairs_of(set or ())}
    chosen = {key: read_option(name, key, value) for key, value in values.items()}
    fields: Any = None if recipe is None else recipe_in(recipe)
    if config is not None:
        stored = _config(config, name, named)
        origin = dict(stored.get("origin", {}))
        plan = stored.get("plan", {})
        source, target = source or origin.pop("source", None), target or origin.pop("target", None)
        given = {**{key: value for key, value in origin.items() if key not in ("source", "target")}, **given}
        chosen = {**read_knobs(name, plan.get("knobs", {})), **chosen}
        fields = plan.get("recipe") if fields is None else fields
        metric, rows = metric or plan.get("metric"), rows or plan.get("rows")
        seed = int(stored.get("seed", 0)) if seed is None else seed
    source = example_of(name) if source is None else source
    find_modules_here()
    task = task_of(
        source,
        target,
        recipe=fields,
        settings=settings,
        epochs=epochs,
        metric=metric,
        rows=rows,
        seed=seed or 0,
        loading=given,
    )
    inquiry = prepare(name, task, chosen, metric=metric, origin=origin_of(source, target, given))
    before = inquiry
    if add is not None:
        inquiry = inquiry.extended(add)
    narrate(task, narrator)
    n_networks = len(_first_round(inquiry))
    narrator.say("question.plan", hash=inquiry.hash, networks=f"{n_networks:,}")
    if dry_run:
        if json:
            print_json({"plan": inquiry.plan, "hash": inquiry.hash, "networks": n_networks})
        return
    folder = inquiry.open(_place(out, source, inquiry), force=force, before=before)
    if folder.exists:
        narrator.say("question.stored", folder=folder.path)
    try:
        answer = inquiry.ask(folder, engine=engine or "auto", threads=threads, narrator=narrator)
    except Interrupted as stop:
        narrator.warn(say("question.interrupted", spoken))
        if folder.exists:
            narrator.warn(say("question.goes_on", spoken, folder=folder.path))
        raise KeyboardInterrupt from stop
    inquiry.keep(answer, folder, spoken)
    if json:
        print_json(as_json(answer, folder.path, spoken))
    else:
        print("\n".join(answer_lines(answer, spoken)))
    narrator.say("question.wrote", folder=folder.path)
    sys.stdout.flush()


def read_option(name: str, key: str, given: Any) -> Any:
    """An option's text as the value that the question takes.

    Example:
        >>> read_option("learning_rate", "rates", "1e-3..1e-1")
        LogRange(low=0.001, high=0.1)
    """
    knob: Knob = knobs(registry.find(name))[key]
    flag = f"--{key.replace('_', '-')}"
    if knob.kind == "texts" and isinstance(given, list):
        # PATH=VALUE,VALUE holds commas of its own
        parts = [text if "=" in text else text.split(",") for text in given]
        return tuple(
            p.strip() for part in parts for p in ([part] if isinstance(part, str) else part) if p.strip()
        )
    if not isinstance(given, str):
        return given
    if knob.kind == "range":
        return read_range(given, knob.default, flag)
    return given


def as_json(answer: Answer, folder: Path, lang: str) -> dict[str, Any]:
    """An answer for other programs: its words in one language, and all its numbers."""
    said = {
        "question": answer.question,
        "plan": answer.plan,
        "folder": str(folder),
        "seconds": answer.seconds,
    }
    words = {
        "title": answer.title.to(lang),
        "answer": [text.to(lang) for text in answer.statement],
        "scope": answer.scope.to(lang),
    }
    return {**said, **words, **_plain(answer.numbers, lang)}


def _plain(value: Any, lang: str) -> Any:
    if isinstance(value, Text):
        return value.to(lang)
    if isinstance(value, Mapping):
        return {str(key): _plain(part, lang) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part, lang) for part in value]
    return value


def _first_round(inquiry: Inquiry) -> Any:
    """The first population that the question plans; nothing is trained."""

    class PlannedError(Exception):
        pass

    found: list[Any] = []

    def look(population: Any) -> Any:
        found.append(population.check())
        raise PlannedError

    try:
        ask(inquiry.question, inquiry.task.named(inquiry.name), fit=look)
    except PlannedError:
        return found[0]
    return ()


def _place(out: str | None, source: str, inquiry: Inquiry) -> Path:
    """The folder that was asked for, else one with the name of the data, the question and the plan."""
    if out is not None:
        return Path(out)
    return Path(f"{folder_for(source).stem}.{inquiry.name.replace('_', '-')}-{inquiry.hash}")


def _config(path: str, name: str, named: str) -> dict[str, Any]:
    """What a run.toml says, or the one in a folder, by the option that named it."""
    place = Path(path)
    if not place.exists():
        hint = Text("Every run folder holds a run.toml.", "每个运行文件夹里都有 run.toml。")
        raise UsageError(Problem(f"{named} {path}", Text("does not exist", "不存在"), hint=hint))
    fields = read_header(place if place.is_dir() else place.parent)
    asked = fields.get("plan", {}).get("question")
    if asked != name:
        holds = Text("no plan of a question", "不是提问的计划")
        if asked:
            holds = Text(f"a plan of {asked}", f"是 {asked} 的计划")
        wanted = name.replace("_", "-")
        rule = Text(f"holds {holds.en}, not of {wanted}", f"里面{holds.zh}，不是 {wanted} 的")
        raise UsageError(Problem(f"{named} {path}", rule))
    return fields
