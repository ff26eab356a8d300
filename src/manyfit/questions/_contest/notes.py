"""What is said beside every table in which options meet: a difference, and what counts as the same."""

from __future__ import annotations

from manyfit.questions._contest.meeting import Verdict
from manyfit.questions._frame.verdicts import gain_text
from manyfit.questions._frame.words import decimals, interval_text, n_of, written
from manyfit.stats import NEVER, Comparison, Finding
from manyfit.text import Text

SIGNS = {
    Finding.BETTER: Text("better", "更好"),
    Finding.SAME: Text("same", "相同"),
    Finding.WORSE: Text("worse", "更差"),
    Finding.UNKNOWN: Text("?", "？"),
}


def minus(comparison: Comparison) -> Text:
    """A difference with its interval and its sign."""
    by = interval_text(comparison.difference, signed=True)
    return Text(*(f"{by} {sign}" for sign in SIGNS[comparison.finding]))


def same_note(verdict: Verdict) -> Text:
    """What counts as the same; and how many replicates more would tell, where it cannot be told."""
    margin = written(verdict.margin, max(decimals(verdict.margin), 0)) if verdict.margin > 0 else "0"
    more = [c.more for c in verdict.against if c is not None and c.finding is Finding.UNKNOWN]
    said_en, said_zh = f"same: within ±{margin} (--margin)", f"相同：±{margin} 以内（--margin）"
    if more:
        needed = max(more)
        en = (
            "no number of replicates will tell"
            if needed >= NEVER
            else f"{n_of(needed, 'more replicate')} needed"
        )
        zh = "增加重复也无法判断" if needed >= NEVER else f"还需 {needed:,} 个重复"
        said_en, said_zh = f"{said_en}   ?: cannot tell, {en}", f"{said_zh}   ？：无法判断，{zh}"
    gain = gain_text(verdict.against)
    return Text(f"{said_en}   {gain.en}", f"{said_zh}   {gain.zh}")
