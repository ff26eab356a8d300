"""Unstable: some trainings diverge, or their loss leaps up again when it should have settled."""

from __future__ import annotations

import numpy as np

from manyfit.answers import Text
from manyfit.questions._diagnosis.findings._base import OFTEN, Records, Seen, finding, percent

LEAP = 2.0
"""A loss of so many times the least before it, in the second half of training, is a leap: batches alone do not double the
mean over an epoch."""
NOTHING = 0.01
"""Share of the first epoch's loss below which a leap is a leap of next to nothing."""


@finding
class Unstable:
    """Some trainings diverge, or their loss leaps."""

    name = "unstable"
    label = Text("unstable", "不稳定")
    rank = 10

    def look(self, records: Records) -> Seen | None:
        """How many of the trainings diverged or leapt: more than one in twenty, by Wilson's interval."""
        diverged = records.base.diverged
        leapt = leaps(records.base.loss) & ~diverged
        found = records.share(diverged | leapt)
        if not found.low > OFTEN:
            return None
        n, gone, up = len(diverged), int(diverged.sum()), int(leapt.sum())
        said_en = [f"{gone} of {n} trainings diverged"] if gone else []
        said_zh = [f"{n} 次训练中有 {gone} 次发散"] if gone else []
        if up:
            said_en.append(f"the loss of {up} of {n} leapt to more than twice its least in the second half")
            said_zh.append(f"{n} 次中有 {up} 次在后半程损失跳到最低值的两倍以上")
        return Seen(
            Text(
                f"{' and '.join(said_en)} ({percent(found)})",
                f"{'，'.join(said_zh)}（{percent(found)}）",
            ),
            {"diverged": gone, "leapt": up, "n": n, "low": found.low, "high": found.high},
            wants=records.tamed(),
        )


def leaps(loss: np.ndarray) -> np.ndarray:
    """[n] whether a loss [T, n] leaps in the second half of its epochs."""
    if len(loss) < 4:
        return np.zeros(loss.shape[1], dtype=bool)
    known = np.where(np.isnan(loss), np.inf, loss)
    least = np.minimum.accumulate(known, axis=0)[:-1]
    up = (loss[1:] > LEAP * least) & (loss[1:] > NOTHING * loss[0])
    return up[len(loss) // 2 - 1 :].any(0)
