"""Dead units: hidden units that answer every training row with the same, so that nothing flows back through them."""

from __future__ import annotations

import numpy as np

from manyfit.answers import Text
from manyfit.networks import Dense
from manyfit.questions._diagnosis.findings._base import Records, Seen, Twin, finding, percent

SHARE = 0.1
"""Share of the units that may be dead without a word: a tenth of the width is less than what half and twice of it decide."""


@finding
class DeadUnits:
    """More than a tenth of the hidden units is dead at the end."""

    name = "dead-units"
    label = Text("dead units", "死亡单元")
    rank = 32

    def look(self, records: Records) -> Seen | None:
        """The share of dead units in each network's last epoch, over the pairs."""
        network = records.recipe.network
        dead = records.base.dead_units
        if not isinstance(network, Dense) or not network.hidden or not len(dead):
            return None
        last = np.full(dead.shape[1:], np.nan)
        for epoch in dead:  # the last one that each network has had
            last = np.where(np.isnan(epoch), last, epoch)
        if np.isnan(last).any():
            return None
        share = records.interval(last.sum(-1) / sum(network.hidden))
        if not share.low > SHARE:
            return None
        recipe = records.recipe
        leaky = Twin(Text("leaky relu", "leaky relu"), recipe.set("network.activation", "leaky_relu"))
        slower = Twin(
            Text("a third of the rate", "学习率的三分之一"),
            recipe.set("optimizer.lr", recipe.optimizer.lr / 3),
        )
        return Seen(
            Text(
                f"{percent(share)} of the hidden units are dead at the end",
                f"训练结束时 {percent(share)} 的隐藏单元已死亡",
            ),
            {"share": share.estimate, "low": share.low, "high": share.high, "n": share.n},
            wants=(slower,) if network.activation == "leaky_relu" else (leaky, slower),
        )
