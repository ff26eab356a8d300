"""Exploding gradients: the gradient leaps to many times its usual size, and one step undoes what many have done."""

from __future__ import annotations

import numpy as np

from manyfit.answers import Text
from manyfit.questions._diagnosis.findings._base import OFTEN, Records, Seen, finding, percent

LEAP = 100.0
"""An epoch's gradient of so many times the median of all epochs explodes. Training shrinks gradients tenfold or more, so that
the first ones are large; a hundredfold is beyond that."""


@finding
class ExplodingGradients:
    """The gradient of some epoch is a hundred times the usual one."""

    name = "exploding-gradients"
    label = Text("exploding gradients", "梯度爆炸")
    rank = 31

    def look(self, records: Records) -> Seen | None:
        """How many trainings had such an epoch after their first tenth, or diverged by one."""
        norms = records.whole_gradient
        most = leap(norms)
        found = records.share(most > LEAP)
        if not found.low > OFTEN:
            return None
        n, gone = len(most), int((most > LEAP).sum())
        size = float(np.median(most[most > LEAP]))
        return Seen(
            Text(
                f"in {gone} of {n} trainings the gradient leapt to more than {LEAP:.0f} times its usual size "
                f"({percent(found)})",
                f"{n} 次训练中有 {gone} 次梯度跳到平时的 {LEAP:.0f} 倍以上（{percent(found)}）",
            ),
            {"trainings": gone, "n": n, "times": size, "low": found.low, "high": found.high},
            wants=records.tamed(),
        )


def leap(norms: np.ndarray) -> np.ndarray:
    """[n] the largest gradient past the first tenth of the epochs over the median, from norms [T, n]; 0 where there is none."""
    if not len(norms):
        return np.zeros(norms.shape[1])
    begun = len(norms) // 10
    found = np.zeros(norms.shape[1])
    for i, column in enumerate(norms.T):
        known = column[~np.isnan(column)]
        later = known[min(begun, max(len(known) - 1, 0)) :]
        usual = float(np.median(known)) if known.size else 0.0
        if usual > 0 and later.size:
            found[i] = float(later.max()) / usual
    return found
