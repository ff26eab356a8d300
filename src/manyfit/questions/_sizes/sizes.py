"""Networks of several sizes: what each did on the rows that trained it and on rows that it has not seen, and what that says.

Places are chosen here on one set of seeds and splits. Whether a size is the same as the best, and whether a second descent is
real, is for other pairs to decide, which had no part in the choice.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Text
from manyfit.errors import Problem, RecipeError, UsageError
from manyfit.networks import Dense
from manyfit.questions._frame.constant import constant_train_score
from manyfit.questions._frame.task import Task
from manyfit.recipe import Recipe
from manyfit.runs import Run
from manyfit.stats import Comparison, Finding, confidence_set, margin_of, paired

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ZERO = 0.01
"""Share of a constant guess's score on the training rows up to which a training score is called about zero."""
RIVALS = 4
"""Smaller sizes at most that meet the best one on fresh pairs."""
MOSTLY = 0.5
"""Share of networks from which on a size is called diverging."""


class Size(NamedTuple):
    """Hidden layers that are all equally wide; none where the depth is 0."""

    depth: int
    width: int

    @property
    def name(self) -> Text:
        """As people write it.

        Example:
            >>> Size(2, 64).name.en, Size(0, 0).name.en
            ('64-64', 'linear')
        """
        text = "-".join([str(self.width)] * self.depth)
        return Text(text, text) if text else Text("linear", "线性")

    def of(self, recipe: Recipe) -> Recipe:
        """The recipe with a network of this size."""
        if isinstance(recipe.network, Dense):
            return recipe.set("network.hidden", (self.width,) * self.depth)
        sized = recipe.set("network.width", self.width)
        return sized.set("network.depth", self.depth) if has_setting(recipe, "depth") else sized


class Response(NamedTuple):
    """What networks of each size did. S sizes, the one of fewest weights first; n pairs of seed and split.

    sizes: [S].
    weights: [S] weights and biases.
    score: [S, n] on rows that no network has seen; infinite where it diverged.
    train: [S, n] on the rows that trained.
    diverged: [S, n].
    zero: Training score up to which the training rows count as fitted.
    """

    sizes: tuple[Size, ...]
    weights: Floats
    score: Floats
    train: Floats
    diverged: Bools
    zero: float

    def joined(self, other: Response) -> Response:
        """The two together, the one of fewest weights first."""
        sizes = (*self.sizes, *other.sizes)
        weights = np.concatenate([self.weights, other.weights])
        order = sorted(range(len(sizes)), key=lambda s: (weights[s], sizes[s]))
        return Response(
            tuple(sizes[s] for s in order),
            weights[order],
            np.concatenate([self.score, other.score])[order],
            np.concatenate([self.train, other.train])[order],
            np.concatenate([self.diverged, other.diverged])[order],
            self.zero,
        )

    def chain(self, depth: int) -> list[int]:
        """Places of the sizes of a depth, the narrowest first."""
        return [s for s, size in enumerate(self.sizes) if size.depth == depth]

    @property
    def depths(self) -> list[int]:
        """All depths."""
        return sorted({size.depth for size in self.sizes})


class Found(NamedTuple):
    """What a response says. Indices are into its sizes.

    best: The size of the lowest mean score.
    rivals: Smaller ones whose mean lies within the margin of it, the smallest first: a few to be met on fresh pairs.
    candidates: [S] whether it is among the sizes of which, at the confidence level, one is the best.
    mean, train: [S] mean scores on unseen rows and on the rows that trained; infinite where any network diverged.
    words: [S] "underfits", "right", "overfits", "worse", "diverges", or "open" where a size that is not right may be the best.
    margin: What counts as the same.
    fitted: By depth, the smallest size that fits its training rows and is followed by none that doesn't; None for none.
    dip: Three widths of one depth: a low score, a peak behind it, a low score behind that; None where there is none.
    """

    best: int
    rivals: tuple[int, ...]
    candidates: Bools
    mean: Floats
    train: Floats
    words: tuple[str, ...]
    margin: float
    fitted: dict[int, int | None]
    dip: tuple[int, int, int] | None


def response_of(task: Task, run: Run, sizes: Sequence[Size]) -> Response:
    """The response that a run shows, whose networks are every size on every pair in this order."""
    shape = (len(sizes), -1)
    each = len(run) // len(sizes)
    weights = np.array([run.population.layout(s * each).size for s in range(len(sizes))], dtype=np.float64)
    order = sorted(range(len(sizes)), key=lambda s: (weights[s], sizes[s]))
    return Response(
        tuple(sizes[s] for s in order),
        weights[order],
        task.scores(run).reshape(shape)[order],
        task.scores(run, seen=True).reshape(shape)[order],
        run.diverged.reshape(shape)[order],
        ZERO * abs(constant_train_score(task, run)),
    )


def read(
    response: Response,
    margin: float | None,
    share: float,
    *,
    level: float = 0.95,
    scope: str = "seeds and splits",
    overlap: float = 0.0,
) -> Found:
    """What a response says, a pure function of it.

    Args:
        response: What networks did.
        margin: What counts as the same; None for a share of the best score.
        share: That share.
        level: Confidence level of the candidates.
        scope: What varies between pairs.
        overlap: As in `mean_interval`.
    """
    mean, train = response.score.mean(1), response.train.mean(1)
    best = int(np.argmin(mean))
    known = bool(np.isfinite(mean[best]))
    within = margin_of(margin, share, float(mean[best]))
    smaller = [s for s in range(best) if response.weights[s] < response.weights[best]]
    close = [s for s in smaller if known and mean[s] <= mean[best] + within]
    kept = np.unique(np.linspace(0, len(close) - 1, min(RIVALS, len(close))).round().astype(int))
    among = confidence_set(response.score.T, scope=scope, level=level, overlap=overlap)
    candidates = np.array(among.included)
    return Found(
        best,
        tuple(close[place] for place in kept.tolist()),
        candidates,
        mean,
        train,
        tuple(_word(response, mean, train, best, within, s, candidates[s]) for s in range(len(mean))),
        within,
        {depth: _fitted(train, response.chain(depth), response.zero) for depth in response.depths},
        _dip(response, mean, within),
    )


def _word(
    response: Response, mean: Floats, train: Floats, best: int, within: float, s: int, may_be_best: bool
) -> str:
    """A word for a size that can't be the best: too small where it fits its training rows worse, too large where not."""
    if response.diverged[s].mean() >= MOSTLY or not np.isfinite(mean[s]):
        return "diverges"
    if mean[s] <= mean[best] + within:
        return "right"
    if may_be_best:
        return "open"
    is_smaller, fits_worse = response.weights[s] < response.weights[best], train[s] > train[best]
    if is_smaller == fits_worse:
        return "underfits" if is_smaller else "overfits"
    return "worse"


def _fitted(train: Floats, chain: Sequence[int], zero: float) -> int | None:
    found = None
    for s in reversed(chain):
        if not train[s] <= zero:
            break
        found = s
    return found


def _dip(response: Response, mean: Floats, within: float) -> tuple[int, int, int] | None:
    """The largest second descent of any depth: what both the rise and the fall have at the least, above the margin."""
    found, most = None, within
    for depth in response.depths:
        chain = [s for s in response.chain(depth) if np.isfinite(mean[s])]
        for place in range(1, len(chain) - 1):
            before = min(chain[:place], key=lambda s: mean[s])
            after = min(chain[place + 1 :], key=lambda s: mean[s])
            height = float(mean[chain[place]] - max(mean[before], mean[after]))
            if height > most:
                found, most = (before, chain[place], after), height
    return found


def beyond(
    response: Response,
    found: Found,
    *,
    scope: str,
    level: float,
    overlap: float = 0.0,
    can_deepen: bool = True,
) -> tuple[str, list[Size]]:
    """The edge at which the best size lies, and sizes to try beyond it; nothing where the evidence does not point there.

    The widest of its depth points beyond unless the next narrower one is the same; likewise the deepest.

    Args:
        response: What networks did.
        found: What it says.
        scope: What varies between pairs.
        level: Confidence level.
        overlap: As in `mean_interval`.
        can_deepen: Whether there may be more layers.

    Returns:
        "widest", "deepest", "narrowest" or nothing, and the sizes.
    """
    best = response.sizes[found.best]
    if not np.isfinite(found.mean[found.best]) or best.depth == 0:
        return "", []

    def is_same(other: int) -> bool:
        pair = response.score[other], response.score[found.best]
        compared = paired(*pair, scope=scope, margin=found.margin, level=level, overlap=overlap)
        return compared.finding is Finding.SAME

    chain = response.chain(best.depth)
    if found.best == chain[-1] and not (len(chain) > 1 and is_same(chain[-2])):
        return "widest", [Size(best.depth, 2 * best.width)]
    if can_deepen and best.depth == response.depths[-1]:
        shallower = response.chain(best.depth - 1)
        lowest = min(shallower, key=lambda s: found.mean[s], default=None)
        if lowest is None or not is_same(lowest):
            widths = [w for w in (best.width // 2, best.width, 2 * best.width) if w]
            return "deepest", [Size(best.depth + 1, width) for width in widths]
    if found.best == chain[0] and best.width > 1 and not (len(chain) > 1 and is_same(chain[1])):
        return "narrowest", [Size(best.depth, best.width // 2)]
    return "", []


class Met(NamedTuple):
    """Sizes that were chosen on other pairs, on fresh ones. Indices are into the response that chose them.

    score: By size, [n] scores on unseen rows.
    train: By size, [n] scores on the rows that trained.
    against: By size, size − best: one family of findings.
    rise, fall: Peak − low before it, and peak − low behind it; None where no dip was to be met.
    """

    score: dict[int, Floats]
    train: dict[int, Floats]
    against: dict[int, Comparison]
    rise: Comparison | None = None
    fall: Comparison | None = None

    @property
    def has_descended_twice(self) -> bool:
        """Whether both the rise and the fall are there: each is asked at the full level, because both must be."""
        return all(c is not None and c.finding is Finding.WORSE for c in (self.rise, self.fall))


def has_setting(recipe: Recipe, name: str) -> bool:
    """Whether a recipe's network takes a setting of this name."""
    try:
        recipe.get(f"network.{name}")
    except RecipeError:
        return False
    return True


def sizes_of(recipe: Recipe, widths: Sequence[int], depths: Sequence[int]) -> list[Size]:
    """Every width at every depth, and no hidden layer for the depth 0.

    Raises:
        UsageError: If the network has no size that could be changed.

    Example:
        >>> [size.name.en for size in sizes_of(Recipe(), [4, 8], [0, 1, 2])]
        ['linear', '4', '8', '4-4', '8-8']
    """
    if isinstance(recipe.network, Dense):
        return [Size(d, w) for d in depths for w in (widths if d else [0])]
    if not has_setting(recipe, "width"):
        rule = Text(
            "needs a dense network, or a module whose class takes a width (and a depth) by default",
            "需要全连接网络，或其类默认接受 width（和 depth）的模块",
        )
        hint = Text(
            "For example def __init__(self, width=64, depth=2).", "例如 def __init__(self, width=64, depth=2)。"
        )
        raise UsageError(Problem("capacity", rule, repr(recipe.network), hint=hint))
    levels = [d for d in depths if d] if has_setting(recipe, "depth") else [1]
    return [Size(d, w) for d in levels or [1] for w in widths]


def doubling(low: int, high: int) -> list[int]:
    """Widths from one end to the other, each twice the one before.

    Example:
        >>> doubling(1, 10), doubling(3, 3)
        ([1, 2, 4, 8, 10], [3])
    """
    steps = math.ceil(math.log2(high / low)) if high > low else 0
    return sorted({min(low * 2**k, high) for k in range(steps + 1)})
