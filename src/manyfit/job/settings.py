"""The parts of the report that let somebody do it again: the "
"plan, the versions, and every recipe with all its settings."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from typing import Any

from manyfit.answers import Cell, Section, Table, Text
from manyfit.job.confirm import Confirmed
from manyfit.job.ensemble import SCOPE, against_best
from manyfit.metrics import registry
from manyfit.questions.diagnose import FINDINGS
from manyfit.render.numbers import digits_for, written
from manyfit.stats import mean_interval

LIBRARIES = ("manyfit", "numpy", "scipy", "scikit-learn", "polars")


def versions() -> dict[str, str]:
    """What this was computed with."""
    from importlib.metadata import PackageNotFoundError, version

    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def plan_section(facts: Mapping[str, Any]) -> Section:
    """Plan, seed, versions: what a repetition needs to know."""
    plan = facts["plan"]
    rungs = ", ".join(f"{r['recipes']} × {r['epochs']}" for r in plan["rungs"])
    twins = plan.get("twin_folds", 0) * plan.get("twin_seeds", 0)
    rows: list[tuple[Cell, ...]] = [
        (Text("plan", "计划"), _named(facts)),
        (Text("seed", "种子"), str(facts["seed"])),
        (Text("deciding metric", "决定指标"), registry.find(plan["metric"]).label),
        (Text("margin within which results are the same", "视为相同的范围"), f"{100 * plan['margin']:g} %"),
        (Text("search, recipes × epochs", "搜索，配方数 × 轮次"), rungs),
        (
            Text("confirmation, recipes × folds × seeds, epochs", "确认，配方数 × 折 × 种子，轮次"),
            f"{plan['finalists']} × {plan['folds']} × {plan['seeds']}, {plan['epochs']}",
        ),
        (Text("pairs of twins for each remedy", "每种办法的配对数"), str(twins)),
        (Text("seconds", "秒"), f"{facts['seconds']:g}" if "seconds" in facts else ""),
        (
            Text("engine", "引擎"),
            " ".join(str(v) for v in facts["engine"].values() if isinstance(v, (str, int))),
        ),
        (Text("fingerprint of the table", "数据指纹"), facts["fingerprint"][:16]),
        (Text("versions", "版本"), ", ".join(f"{name} {v}" for name, v in facts["versions"].items())),
    ]
    said = Text(
        "The plan and the seed decide every number here, the clock none; "
        "manyfit train --config with this folder repeats them bit for bit "
        "on the same instruction set.",
        "本报告的每个数字都由计划和种子决定，与计时无关；在相同的指令集上，"
        "用 manyfit train --config 指定本文件夹即可逐位重复。",
    )
    head = (Text("what", "项目"), Text("value", "值"))
    return Section(
        Text("Plan", "计划"),
        (said,),
        (),
        (Table(head, tuple(rows), Text("What was carried out", "实际执行的内容")),),
    )


def _named(facts: Mapping[str, Any]) -> Cell:
    """The plan that was carried out, and what it was cut from where the terminal has named another one first."""
    name, planned = facts["plan_hash"], facts.get("planned_hash")
    if planned in (None, name):
        return str(name)
    return Text(f"{name}, what was carried out of {planned}", f"{name}，{planned} 中实际执行的部分")


def recipes_section(confirmed: Confirmed, chosen: Sequence[int], metric: str, margin: float) -> Section:
    """The recipes of the model: how they did, what they share, where they differ."""
    rule = registry.find(metric)
    sign = 1.0 if rule.is_loss else -1.0
    settings = {r: flat(confirmed.recipes[r].to_dict()) for r in chosen}
    paths = list(dict.fromkeys(path for of in settings.values() for path in of))
    values = {path: [settings[r].get(path, "–") for r in chosen] for path in paths}
    shared = [path for path in paths if len(set(values[path])) == 1]
    differing = [path for path in paths if path not in shared]
    standings = against_best(confirmed, margin)
    rows: list[tuple[Cell, ...]] = []
    for place, r in enumerate(chosen):
        interval = mean_interval(confirmed.pairs[r], scope=SCOPE, overlap=confirmed.overlap)
        digits = digits_for((interval.high - interval.low) / 2)
        low, high = sorted((sign * interval.low, sign * interval.high))
        standing = Text("best", "最佳") if r not in standings else FINDINGS[standings[r].finding]
        score = (
            f"{written(sign * interval.estimate, digits)} [{written(low, digits)}, {written(high, digits)}]"
        )
        rows.append((str(place + 1), score, standing, *(settings[r].get(path, "–") for path in differing)))
    head = (
        Text("recipe", "配方"),
        Text(f"{rule.label}, held out", f"{rule.label}，留出行"),
        Text("against the best", "与最佳相比"),
        *(Text(path, path) for path in differing),
    )
    each = confirmed.scores.shape[1] * confirmed.scores.shape[2]
    n = len(confirmed.recipes)
    said = Text(
        f"Confirmed recipes that make the model: {len(chosen)} of {n}, each met on {each} pairs of fold and seed.",
        f"{n} 个确认过的配方中有 {len(chosen)} 个组成模型，每个在 {each} 对折与种子上确认。",
    )
    tables = [Table(head, tuple(rows), Text("How they did, and where they differ", "表现与不同之处"))]
    if shared:
        common = tuple((path, values[path][0]) for path in shared)
        tables.append(
            Table((Text("setting", "设置"), Text("value", "值")), common, Text("What they share", "相同之处"))
        )
    return Section(Text("Recipes", "配方"), (said,), (), tuple(tables))


def flat(fields: Mapping[str, Any], path: str = "") -> dict[str, str]:
    """A recipe's settings by dotted path, as text.

    Example:
        >>> flat({"optimizer": {"rule": "adam", "lr": 0.00123456}, "penalties": [{"rule": "l1"}], "hidden": [64, 64]})
        {'optimizer.rule': 'adam', 'optimizer.lr': '0.00123', 'penalties.1.rule': 'l1', 'hidden': '64, 64'}
    """
    found: dict[str, str] = {}
    for name, value in fields.items():
        where = f"{path}.{name}" if path else name
        if isinstance(value, Mapping):
            found.update(flat(value, where))
        elif isinstance(value, list) and any(isinstance(part, Mapping) for part in value):
            for place, part in enumerate(value):
                found.update(flat(part, f"{where}.{place + 1}"))
        elif isinstance(value, (list, tuple)):
            if value:
                found[where] = ", ".join(str(part) for part in value)
        elif isinstance(value, float):
            found[where] = f"{value:.3g}"
        else:
            found[where] = str(value)
    return found
