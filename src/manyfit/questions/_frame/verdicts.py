"""Verdicts in words: what a comparison found, with how many more replicates would tell."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from manyfit.answers import Text
from manyfit.questions._frame.measure import Measure, said
from manyfit.questions._frame.words import interval_text, spaced
from manyfit.stats import NEVER, Comparison, Finding, Interval

FINDINGS: Mapping[Finding, Text] = {
    Finding.BETTER: Text("better", "更好"),
    Finding.SAME: Text("same", "相同"),
    Finding.WORSE: Text("worse", "更差"),
    Finding.UNKNOWN: Text("cannot tell", "无法判断"),
}


def finding_text(found: Comparison) -> Text:
    """What was found; where it can't be told, with how many more replicates would.

    Example:
        >>> from manyfit.stats import paired
        >>> finding_text(paired([1.0, 1.1, 0.9], [2.0, 2.2, 1.9], scope="seeds")).en
        'better'
    """
    word = FINDINGS[found.finding]
    if found.finding is not Finding.UNKNOWN or not 0 < found.more < NEVER:
        return word
    return Text(f"{word.en}, {found.more:,} more", f"{word.zh}，再加 {found.more:,} 个")


def score_text(measure: Measure, score: Interval) -> Text:
    """A mean score with its interval; where networks diverged there is no mean, and that is said.

    Example:
        >>> from manyfit.questions import measure_for
        >>> score_text(measure_for("binary", "accuracy"), Interval(math.nan, -math.inf, math.inf, 0.95, 20, "seeds", "none")).en
        'no mean score, because networks diverged'
    """
    if not math.isfinite(score.estimate):
        return Text("no mean score, because networks diverged", "没有平均分数，因为有网络发散")
    return said(measure, interval_text(score))


def joined(parts: Sequence[Text]) -> Text:
    """Words as a list.

    Example:
        >>> joined([Text("noise", "噪声"), Text("drift", "漂移"), Text("PGD", "PGD")])
        Text(en='noise, drift and PGD', zh='噪声、漂移和PGD')
    """
    if not parts:
        return Text("nothing", "无")
    if len(parts) == 1:
        return parts[0]
    *first, last = parts
    return Text(
        f"{', '.join(part.en for part in first)} and {last.en}",
        f"{'、'.join(part.zh for part in first)}和{last.zh}",
    )


def both(english: str, chinese: str) -> Text:
    """A sentence put together from parts, with a space between Chinese and what is written in Latin letters or digits.

    Example:
        >>> both("RMSE is 3", "RMSE为3").zh
        'RMSE 为 3'
    """
    return Text(english, spaced(chinese))


def gain_text(comparisons: Iterable[Comparison | None]) -> Text:
    """By how much pairing has narrowed intervals, the middle one of several comparisons.

    Example:
        >>> from manyfit.stats import paired
        >>> gain_text([paired([1.0, 2.1, 3.0], [1.5, 2.5, 3.4], scope="seeds"), None]).en
        'pairing made intervals 23.9 times narrower'
    """
    gains = [c.gain for c in comparisons if c is not None and math.isfinite(c.gain)]
    if not gains:
        return Text("what pairing gained could not be judged", "无法判断配对的收益")
    middle = float(np.median(gains))
    if middle < 1.05:
        return Text("pairing made no interval narrower", "配对没有使区间缩小")
    return Text(f"pairing made intervals {middle:.1f} times narrower", f"配对使区间缩小到 1/{middle:.1f}")
