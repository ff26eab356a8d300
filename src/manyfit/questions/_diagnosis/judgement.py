"""Which verdict the evidence supports: overfitting, underfitting, a gap without harm, a fit, or none."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from manyfit.questions._diagnosis.twins import BOOSTS, HARM, KINDS
from manyfit.stats import Comparison, Finding, Interval

IDLE = 2
"""Kinds of curbs (width, decay, time) that must be known not to help before a gap is called harmless."""


def leading(remedies: Mapping[str, Comparison], mute: Sequence[str] = ()) -> str:
    """The twin that helps most of those that are better; empty where none is.

    Args:
        remedies: What each twin changed, by twin.
        mute: Verdicts that nobody wants to hear of: what would support them does not lead.
    """
    families = {"overfitting": HARM, "underfitting": BOOSTS}
    allowed = [name for code, family in families.items() if code not in mute for name in family]
    better = [name for name in allowed if name in remedies and remedies[name].finding is Finding.BETTER]
    return min(better, key=lambda name: remedies[name].difference.estimate, default="")


def idle_kinds(curbs: Mapping[str, Comparison]) -> frozenset[str]:
    """The kinds of curbs one of which is known to gain no more than the margin.

    Args:
        curbs: What each curb changed, each at the whole level: where several things have to hold together, none of their tests
            needs a share of it (intersection–union, Berger 1982, https://doi.org/10.1080/00401706.1982.10487790).
    """
    return frozenset(
        KINDS[name] for name, found in curbs.items() if found.difference.low > -max(found.margin, 0.0)
    )


def judge(
    leader: str,
    again: Comparison | None,
    curbs: Mapping[str, Comparison],
    gap: Interval,
    margin: float,
    mute: Collection[str] = (),
) -> str:
    """The code that the evidence supports.

    A remedy that led and is better again decides. Without any: a gap that is there is without harm if curbs of two kinds
    (width, decay, time) are known to gain nothing; no gap beyond the margin is a fit; what is left can't be told.

    Args:
        leader: The twin that helps most on the pairs on which all were tried; empty for none.
        again: What it changed on fresh pairs; None where that is not known.
        curbs: What each curb changed, each at the whole level.
        gap: Unseen minus seen score.
        margin: What counts as the same, in the unit of the score.
        mute: Verdicts that nobody wants to hear of.
    """
    if leader and again is None:
        return "cannot-tell"
    if leader and again is not None and again.finding is Finding.BETTER:
        return "overfitting" if leader in HARM else "underfitting"
    idle, kinds = idle_kinds(curbs), {KINDS[name] for name in curbs}
    if gap.low > margin and len(idle) >= min(IDLE, max(len(kinds), 1)) and "gap-without-harm" not in mute:
        return "gap-without-harm"
    if gap.within(max(margin, 0.0)) and idle and "fits" not in mute:
        return "fits"
    return "cannot-tell"
