"""Vanishing gradients: next to nothing of the gradient arrives in the first layer, so that it learns last or never."""

from __future__ import annotations

import numpy as np

from manyfit.answers import Text
from manyfit.networks import Dense
from manyfit.questions._diagnosis.findings._base import Records, Seen, Twin, finding

LEAST = 0.01
"""Gradient of a layer over that of the last one below which it vanishes: a layer that moves a hundred times slower has hardly
begun when the others are done. Healthy networks have a tenth to ten."""


@finding
class VanishingGradients:
    """The gradient of some layer is a hundredth of that of the last."""

    name = "vanishing-gradients"
    label = Text("vanishing gradients", "梯度消失")
    rank = 30

    def look(self, records: Records) -> Seen | None:
        """The smallest ratio of a layer's gradient to the last one's, geometric mean over epochs and pairs."""
        found = ratios(records.base.gradient_norm)
        if found is None:
            return None
        logs = np.log(np.maximum(found, 1e-30))  # [n, L − 1]: a gradient of 0 vanishes too
        layer = int(logs.mean(0).argmin())
        ratio = records.interval(logs[:, layer])
        if not ratio.high < np.log(LEAST):
            return None
        share, low, high = (f"{np.exp(end):.1g}" for end in (ratio.estimate, ratio.low, ratio.high))
        update = float(np.exp(np.nanmean(np.log(np.maximum(records.base.update_ratio[..., layer], 1e-30)))))
        return Seen(
            Text(
                f"the gradient of layer {layer + 1} is {share} [{low}, {high}] of the last layer's; "
                f"a step changes its weights by {update:.1g} of their size",
                f"第 {layer + 1} 层的梯度只有最后一层的 {share} [{low}, {high}]；每步使其权重改变自身大小的 {update:.1g}",
            ),
            {"layer": layer + 1, "ratio": float(np.exp(ratio.estimate)), "update": update, "n": ratio.n},
            wants=_other(records),
        )


def ratios(norms: np.ndarray) -> np.ndarray | None:
    """[n, L − 1] gradients [T, n, L] of all layers but the last, over the last one's: geometric means over the epochs."""
    if norms.shape[-1] < 2 or not len(norms) or np.isnan(norms[0]).any():
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(norms)
    logs = np.where(np.isneginf(logs), -69.0, logs)
    return np.exp(np.nanmean(logs[..., :-1] - logs[..., -1:], axis=0))


def _other(records: Records) -> tuple[Twin, ...]:
    """An activation that lets gradients through, with initial weights that keep their size; and sums that are normalized."""
    recipe, network = records.recipe, records.recipe.network
    if not isinstance(network, Dense) or not network.hidden:
        return ()
    wants = []
    if network.activation != "relu" or network.init != "he":
        made = recipe.set("network.activation", "relu").set("network.init", "he")
        wants.append(Twin(Text("relu with He's weights", "relu 与 He 初始化"), made))
    if network.norm is None:
        wants.append(Twin(Text("layer normalization", "层归一化"), recipe.set("network.norm", "layer")))
    return tuple(wants)
