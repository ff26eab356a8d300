"""What stands beside the verdict, in words: its remedy once more, and further findings, a line each and a table."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from manyfit.answers import Cell, Section, Table, Text
from manyfit.questions._frame.verdicts import FINDINGS
from manyfit.questions._frame.words import interval_text
from manyfit.stats import Finding, Interval

Facts = Mapping[str, Any]

NONE_TRIED = Text("–", "–")


def again_lines(facts: Facts) -> list[Text]:
    """What came of the remedy that helped most when it was tried once more; nothing where none helped."""
    again = facts.get("again")
    if not again:
        return []
    tried = tried_text(again)
    return [
        Text(
            f"What helps most, once more with fresh seeds: {tried.en}.",
            f"最有用的办法，用全新的种子再试一次：{tried.zh}。",
        ),
    ]


def also_lines(facts: Facts, without: Sequence[str] = ()) -> list[Text]:
    """A line for each finding: what it is called, its evidence, what was tried; and which ones are muted.

    Args:
        facts: Findings as plain values, as `numbers` of a diagnosis has them.
        without: Codes that are told elsewhere.
    """
    lines = []
    for each in facts.get("findings", ()):
        if each["code"] in without:
            continue
        tried = [tried_text(one) for one in each["tried"]]
        en, zh = ("; ".join(one.en for one in tried), "；".join(one.zh for one in tried))
        label, evidence = Text(**each["label"]), Text(**each["evidence"])
        lines.append(
            Text(
                f"{label.en}: {evidence.en}" + (f"; tried: {en}" if tried else ""),
                f"{label.zh}：{evidence.zh}" + (f"；尝试：{zh}" if tried else ""),
            )
        )
    muted = facts.get("muted", ())
    if muted:
        lines.append(Text(f"muted: {', '.join(muted)}", f"已静音：{'、'.join(muted)}"))
    return lines


def also_table(facts: Facts, without: Sequence[str] = ()) -> list[Table]:
    """The findings as a table; nothing where nothing was found."""
    rows: list[tuple[Cell, ...]] = []
    for each in facts.get("findings", ()):
        if each["code"] in without:
            continue
        tried = [tried_text(one) for one in each["tried"]]
        said = Text("; ".join(one.en for one in tried), "；".join(one.zh for one in tried))
        rows.append((Text(**each["label"]), Text(**each["evidence"]), said if tried else NONE_TRIED))
    if not rows:
        return []
    head = (Text("found", "发现"), Text("evidence", "证据"), Text("tried", "尝试"))
    return [Table(head, tuple(rows), Text("What else was found", "其他发现"))]


def also_section(facts: Facts) -> list[Section]:
    """The findings as a part of a report; nothing where nothing was found and nothing is muted."""
    tables, lines = also_table(facts), also_lines(facts)
    if not lines:
        return []
    muted = [line for line in lines if line.en.startswith("muted: ")]
    measured = Text(
        "Each finding needs evidence beyond its threshold. Its remedies were tried with fresh seeds, and on fresh splits where "
        "there are others, that had no part in finding it, in pairs with the recipe as it is; changes are those of the score on "
        "unseen rows.",
        "每项发现都需要超过阈值的证据。其办法用未参与发现的全新种子（若有别的划分，也用全新的划分）尝试，与原配方成对比较；变化指未见过的行上的分数。",
    )
    return [
        Section(
            Text("Also found", "其他发现"), tuple(muted), (), tuple(tables), (measured,) if tables else ()
        )
    ]


def has_number(found: Facts) -> bool:
    """Whether a change has a number in the unit of the score.

    Not where its interval has no end, nor where the recipe as it is diverged and so has no mean that shares could be turned
    into units by: ranks may tell there, a number would mean nothing.

    Args:
        found: A comparison as plain values.
    """
    by, diverged = found["difference"], found.get("diverged")
    return math.isfinite(by["high"] - by["low"]) and not (diverged and diverged[1]["estimate"] > 0)


def tried_text(tried: Facts) -> Text:
    """A remedy, what it changed, and what that amounts to.

    Example:
        >>> change = {"estimate": -0.5, "low": -0.8, "high": -0.2, "level": 0.95, "n": 9, "scope": "", "method": ""}
        >>> tried_text({"name": {"en": "clipping", "zh": "裁剪"}, "difference": change, "finding": "better"}).en
        'clipping −0.50 [−0.80, −0.20] better'
    """
    change = Interval(**tried["difference"])
    word, name = FINDINGS[Finding(tried["finding"])], Text(**tried["name"])
    if not has_number(tried):
        return Text(f"{name.en}: {word.en}", f"{name.zh}：{word.zh}")
    by = interval_text(change, signed=True)
    return Text(f"{name.en} {by} {word.en}", f"{name.zh} {by} {word.zh}")
