"""The result of a job as lines of text: the TEST table and the verdict, from the facts a model carries."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from manyfit.metrics import registry
from manyfit.render.numbers import compact, digits_for, ranged, written
from manyfit.render.phrases import say
from manyfit.render.terminal import percent
from manyfit.render.verdict import finding_lines, trust_line

VAGUE = 0.15
MOST_SHARE = 2.0
"""Larger differences are not said as shares of the rival's score but in the metric itself."""


def result_lines(facts: Mapping[str, Any], lang: str = "en") -> list[str]:
    """TEST and VERDICT.

    Args:
        facts: `Model.facts` of a trained model.
        lang: "en" or "zh".
    """
    lines = test_lines(facts["test"], lang)
    return [*lines, "", *verdict_lines(facts, lang)]


def closing_lines(facts: Mapping[str, Any], folder: str, lang: str = "en") -> list[str]:
    """Where it was written, by which name the plan is found there, and what to do next."""
    name, planned = facts["plan_hash"], facts.get("planned_hash")
    key = "carried" if planned in (None, name) else "carried.part"
    return [
        say("wrote", lang, folder=folder),
        say(key, lang, hash=name, planned=planned, folder=folder),
        say("next", lang, folder=folder),
    ]


def test_lines(test: Mapping[str, Any], lang: str = "en") -> list[str]:
    """The TEST table: manyfit first, then its rivals, the best first."""
    metric = registry.find(test["metric"])
    contenders = test["contenders"]
    ours = contenders[0]["score"]
    scale = 1.0 if metric.is_loss or metric.label == "R²" else 100.0  # shares read better as percent
    label = metric.label if scale == 1.0 else f"{metric.label} %"
    widths = [scale * (c["score"]["high"] - c["score"]["low"]) / 2 for c in contenders[:1]]
    digits = digits_for(widths[0] if math.isfinite(widths[0]) else abs(scale * ours["estimate"]) / 10)
    # a score of almost nothing must not give every other one ten decimals
    worst = max(abs(scale * c["score"]["estimate"]) for c in contenders)
    digits = min(digits, digits_for(worst) + 2)
    title = say("test.first", lang) if test["opening"] == 1 else say("test.again", lang, n=test["opening"])
    table = [[title, label, say("test.rows", lang), say("test.minus", lang)]]
    for contender in contenders:
        score = contender["score"]
        row = [
            say(contender["name"], lang),
            written(scale * score["estimate"], digits),
            ranged(scale * score["low"], scale * score["high"], digits),
            "",
        ]
        minus = contender["minus"]
        if minus is not None:
            ends = ", ".join(written(scale * minus[end], digits, signed=True) for end in ("low", "high"))
            finding = say(str(contender["finding"]), lang)
            row[3] = f"{written(scale * minus['estimate'], digits, signed=True)} [{ends}] {finding}"
        table.append(row)
    lines = aligned(table)
    others = contenders[0]["others"]
    if others:
        shown = ", ".join(_other(name, value, ours) for name, value in others.items())
        lines.append(say("beside", lang, others=shown))
    return lines


def verdict_lines(facts: Mapping[str, Any], lang: str = "en") -> list[str]:
    """The answer to "do I need a network?", then what else is known."""
    lines = [say("verdict", lang) + answer_sentence(facts, lang)]
    if is_small(facts):
        lines.append(say("few", lang, **few_rows(facts)))
    lines += finding_lines(facts, lang)
    for path, end, value in facts.get("edges", []):
        if path == "network.hidden":
            lines.append(say("edge.width", lang, width=value, twice=2 * value))
        else:
            lines.append(say("edge", lang, path=path, value=f"{value:.2g}", end=say(end, lang)))
    covered = facts["test"].get("covered")
    if covered:
        interval = f"[{round(100 * covered['low'])}, {round(100 * covered['high'])}]"
        few = say("covered.few", lang, n=covered["n"]) if is_vague(covered) else ""
        lines.append(
            say("covered", lang, share=f"{100 * covered['estimate']:.0f} %", interval=interval) + few
        )
    search = facts.get("search") or {}
    if search.get("is_small"):
        few = say("search.few", lang, n=search["rungs"][0]["recipes"], planned=search["planned"])
        needs = search["needs_s"]
        lines.append(few + (say("budget", lang, seconds=needs) if needs is not None else ""))
    if facts.get("trust"):
        lines.append(trust_line(facts["trust"], lang))
    if facts.get("openings", 1) > 1:
        lines.append("  " + say("opened", lang, n=facts["openings"]))
    return lines


def is_vague(share: Mapping[str, Any], promised: float = 0.9) -> bool:
    """Whether too few rows stand behind a share to tell it from what was promised: nearly anything lies in its interval.

    Example:
        >>> is_vague({"low": 0.76, "high": 1.0}), is_vague({"low": 0.85, "high": 0.92}), is_vague({"low": 0.25, "high": 0.75})
        (True, False, False)
    """
    return bool(share["high"] - share["low"] > VAGUE and share["low"] <= promised <= share["high"])


def few_rows(facts: Mapping[str, Any]) -> dict[str, int]:
    """How many rows there are (`n`), and how many of them are locked for the test (`n_test`)."""
    test, development = facts["rows"]["test"], facts["rows"]["development"]
    return {"n": test + development, "n_test": test}


def is_small(facts: Mapping[str, Any]) -> bool:
    """Whether the table has so few rows that everything said of it may be chance."""
    return any(note["code"] == "few_rows" for note in facts.get("notes", ()))


def answer_sentence(facts: Mapping[str, Any], lang: str = "en") -> str:
    """The answer to "do I need a network?"."""
    answer = facts["answer"]
    stages = [say(f"stage.{stage}", lang) for stage in facts.get("interrupted", ())]
    before = say("interrupted.answer", lang, stages=", ".join(stages)) if stages else ""
    code = answer["code"]
    ends, shown = (answer["share"], answer["low"], answer["high"]), _share
    if not all(abs(end) <= MOST_SHARE for end in ends if math.isfinite(end)):
        # a rival that is nearly perfect: shares of next to nothing say nothing
        ends, shown = tuple(answer["difference"]), compact
    share, low, high = ends
    if code == "no":
        share, low, high = -share, -high, -low
    return before + say(
        f"answer.{code}",
        lang,
        rival=say(answer["rival"], lang),
        share=shown(abs(share) if code == "unknown" else share),
        side=say("worse" if share < 0 else "better", lang),
        interval=f"[{shown(low)}, {shown(high)}]",
        margin=percent(facts["margin"]),
    )


def aligned(table: Sequence[Sequence[str]]) -> list[str]:
    """Columns side by side: the first and last to the left, the others to the right; wide characters count double.

    Example:
        >>> aligned([["a", "1", "x"], ["bb", "22", "y"]])
        ['a    1  x', 'bb  22  y']
    """
    from rich.cells import cell_len

    widths = [max(cell_len(row[i]) for row in table) for i in range(len(table[0]))]
    lines = []
    for row in table:
        cells = []
        for i, cell in enumerate(row):
            pad = " " * (widths[i] - cell_len(cell))
            is_left = i in (0, len(row) - 1) or i == 2
            cells.append(cell + pad if is_left else pad + cell)
        lines.append("  ".join(cells).rstrip())
    return lines


def _share(share: float) -> str:
    return f"{written(100 * share, 0 if abs(share) >= 0.095 else 1)} %" if math.isfinite(share) else "?"


def _other(name: str, value: float, ours: Mapping[str, Any]) -> str:
    metric = registry.find(name)
    if metric.in_units:
        digits = digits_for((ours["high"] - ours["low"]) / 2) if math.isfinite(ours["high"]) else 3
        return f"{metric.label} {written(value, digits)}"
    return f"{metric.label} {written(value, 3)}"
