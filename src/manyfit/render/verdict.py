"""The verdict in words: lines for the terminal, from the plain facts that a model carries."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from manyfit.data.notes import in_a_row
from manyfit.questions import also_lines, has_number
from manyfit.questions.diagnose import CODES, WORDS
from manyfit.render.names import printable
from manyfit.render.numbers import compact, digits_for, written
from manyfit.render.phrases import say
from manyfit.stats import Finding, Interval, judge
from manyfit.text import Text

Facts = Mapping[str, Any]

MOST_COLUMNS = 4
"""Columns that the terminal names; the report shows all."""
IN_A_LINE = 2
"""Remedies in one line."""


def finding_lines(facts: Facts, lang: str = "en") -> list[str]:
    """What was found of the fit, the remedies, the rows and the columns.

    Args:
        facts: `Model.facts`; what they do not hold is left out.
        lang: "en" or "zh".
    """
    fit = facts.get("fit")
    lines = [] if not fit else fit_lines(fit, lang) if fit["tried"] else [untried(fit, lang)]
    importance = facts.get("importance")
    return [*lines, *([columns_line(importance, lang)] if importance else [])]


def fit_lines(fit: Facts, lang: str = "en") -> list[str]:
    """Fit, remedies tried, and whether more rows would pay."""
    code, also = CODES[fit["code"]].to(lang), also_of(fit, lang)
    if not math.isfinite(fit["held"]):  # networks diverged: no remedy can be judged
        return [say("fit.diverged", lang, code=code), *also]
    line = say(
        "fit",
        lang,
        code=code,
        score=fit["score_name"],
        train=compact(fit["train"]),
        held=compact(fit["held"]),
    )
    if fit["is_part"]:
        line += say("fit.part", lang, rows=f"{fit['n_train']:,.0f}")
    most = decimals(fit["held"])
    ordered = sorted(fit["remedies"].items(), key=lambda item: order_of(item[1]))
    n_known = sum(found["finding"] != Finding.UNKNOWN for _, found in ordered)
    n_told = max(
        n_known, min(IN_A_LINE, len(ordered))
    )  # what can't be told needs no numbers, beyond an example or two
    told = [_told(WORDS[name], found, most, lang) for name, found in ordered[:n_told]]
    parts = [_join(told[i : i + IN_A_LINE], lang) for i in range(0, len(told), IN_A_LINE)]
    if n_told < len(ordered):
        names = _join([WORDS[name].to(lang) for name, _ in ordered[n_told:]], lang, ", ", "、")
        parts.append(say("tried.unknown", lang, names=names))
    first = say("tried", lang)
    lines = [line, *(f"{first if i == 0 else ' ' * _cells(first)}{part}" for i, part in enumerate(parts))]
    if again := fit.get("again"):
        lines.append(say("again", lang, told=_told(Text(**again["name"]), again, most, lang)))
    more = f"{change(fit['doubling'], most)} {say(rows_finding(fit).value, lang)}"
    return [*lines, say("rows", lang, n=f"{round(fit['n_train']):,}", change=more), *also]


def _told(name: Text, found: Facts, most: int, lang: str) -> str:
    """A remedy, what it changed, and what that amounts to; the word alone where networks diverged and there is no mean."""
    by, word = found["difference"], say(str(found["finding"]), lang)
    if not has_number(found):
        return f"{name.to(lang)} {word}"
    return f"{name.to(lang)} {change(by, most)} {word}"


def also_of(fit: Facts, lang: str = "en") -> list[str]:
    """What else was found, a line each; what lies at an edge of the search has a line of its own."""
    return [say("also", lang, text=text.to(lang)) for text in also_lines(fit, without=("edge-of-search",))]


def untried(fit: Facts, lang: str = "en") -> str:
    """Why nothing was tried."""
    needs = fit.get("needs_s")
    why = fit["why"]
    if why == "budget" and needs is None:
        return say("fit.asked", lang)
    return say(f"fit.{why}", lang, seconds=f"{needs or 0:.0f}")


def columns_line(importance: Facts, lang: str = "en") -> str:
    """The columns that matter, the most important first."""
    names = [in_a_row(printable(each["name"])) for each in importance["found"] if each["matters"]]
    if not names:
        return say("columns.none", lang)
    shown = _join(names[:MOST_COLUMNS], lang, ", ", "、")
    left = len(names) - MOST_COLUMNS
    return say("columns", lang, names=say("columns.more", lang, names=shown, n=left) if left > 0 else shown)


def trust_line(trust: Facts, lang: str = "en") -> str:
    """How far probabilities are off, before and after calibration."""
    after, before = trust["after"], trust["before"]
    return say(
        "trust",
        lang,
        after=f"{_percent(after['estimate'])} %",
        before=f"{_percent(before['estimate'])} %",
        change=in_points(trust["change"]),
    )


def rows_finding(fit: Facts) -> Finding:
    """Whether twice the rows would change the score, within the margin of the remedies."""
    margin = next((found["margin"] for found in fit["remedies"].values()), 0.0)
    doubling = Interval(**fit["doubling"])
    return judge(doubling, doubling, margin)


def change(interval: Facts, most: int = 10) -> str:
    """A difference with its interval, as many digits as it deserves.

    Args:
        interval: Its estimate, low and high end.
        most: Decimals at most.

    Example:
        >>> change({"estimate": -0.104, "low": -1.11, "high": 0.902})
        '−0.1 [−1.1, +0.9]'
    """
    digits = min(digits_for((interval["high"] - interval["low"]) / 2), most)
    ends = ", ".join(written(interval[end], digits, signed=True) for end in ("low", "high"))
    return f"{written(interval['estimate'], digits, signed=True)} [{ends}]"


def in_points(interval: Facts) -> str:
    """A difference of shares in points, of a hundred."""
    return change({end: 100 * interval[end] for end in ("estimate", "low", "high")}, 1)


def order_of(found: Facts) -> tuple[int, float]:
    """What changes something comes first, what helps before what harms."""
    order = (Finding.BETTER, Finding.WORSE, Finding.SAME, Finding.UNKNOWN)
    return order.index(Finding(found["finding"])), float(found["difference"]["estimate"])


def _join(parts: Sequence[str], lang: str, en: str = "; ", zh: str = "；") -> str:
    return (zh if lang == "zh" else en).join(parts)


def decimals(score: float) -> int:
    """Decimals that show a score in four figures: what changes less than that is no change to a reader."""
    return 3 - math.floor(math.log10(abs(score))) if score and math.isfinite(score) else 10


def _percent(share: float) -> str:
    return written(100 * share, 1)


def _cells(text: str) -> int:
    from rich.cells import cell_len

    return cell_len(text)
