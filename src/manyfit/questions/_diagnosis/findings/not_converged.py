"""Not converged: the training loss still falls when training ends, and more of it pays on unseen rows."""

from __future__ import annotations

import dataclasses

import numpy as np

from manyfit.answers import Text
from manyfit.questions._diagnosis.findings._base import Records, Seen, Tried, finding, percent
from manyfit.stats import Finding

FALL = 0.05
"""Fall of the loss from the last tenth but one of the epochs to the last one from which on it counts: 5 %.

A loss that has settled changes less between two tenths, and one that falls so much would fall by half if training went on
for as long again at that pace."""


@finding
class NotConverged:
    """The loss still falls at the end, and the longer twin is better."""

    name = "not-converged"
    label = Text("not converged", "未收敛")
    rank = 20

    def look(self, records: Records) -> Seen | None:
        """The fall of the loss at the end, over the pairs, and the longer twin."""
        longer = records.remedies.get("longer")
        fall = falls(records)
        if fall is None or longer is None or longer.finding is not Finding.BETTER:
            return None
        found = records.interval(fall)
        if not found.low > FALL:
            return None
        estimate, low, high = (float(-np.expm1(-end)) for end in (found.estimate, found.low, found.high))
        by = percent(dataclasses.replace(found, estimate=estimate, low=low, high=high))
        return Seen(
            Text(
                f"in its last tenth the training loss still falls by {by}",
                f"最后十分之一的训练中，训练损失仍下降 {by}",
            ),
            {"fall": found.estimate, "low": found.low, "high": found.high, "n": found.n},
            (Tried(Text("twice the epochs", "轮数加倍"), longer),),
        )


def falls(records: Records) -> np.ndarray | None:
    """[n] logarithm of the mean training loss in the last tenth but one over that in the last; 0 for those that stopped before.

    None where there are too few epochs, or networks diverged.
    """
    loss, epochs = records.base.loss, records.recipe.epochs
    tenth = max(epochs // 10, 1)
    if epochs < 2 or records.base.diverged.any():
        return None
    last, before = loss[epochs - tenth : epochs].mean(0), loss[epochs - 2 * tenth : epochs - tenth].mean(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        fall = np.log(before / last)
    return np.where(np.isfinite(fall), fall, 0.0)
