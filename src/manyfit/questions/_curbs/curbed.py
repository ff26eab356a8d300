"""Tuned curbs meet the recipe as it is: what was tried, what was picked, and what came of it on fresh pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.questions._contest.meeting import Verdict, decide, eased, picked
from manyfit.questions._curbs.curbs import Weights
from manyfit.stats import Comparison, Finding, Interval, Looks, Overlap, paired, proportion_interval

Floats = NDArray[np.float64]

PLAIN = 0
"""Place of the recipe as it is among the options of the verdict; curbs follow in their order."""


class Tuning(NamedTuple):
    """Every curb at every strength. K curbs, R strengths of a curb, n replicates.

    names: [K].
    strengths: [K][R] rising.
    score: [K][R, n]; infinite where it diverged.
    plain: [n] the recipe as it is, on the same pairs.
    weights: By "l1" and "l2", where they are asked about: [R, n, C] what they leave of each column; empty for modules.
    """

    names: tuple[str, ...]
    strengths: tuple[Floats, ...]
    score: tuple[Floats, ...]
    plain: Floats
    weights: dict[str, Weights]

    def picks(self, k: int) -> Floats:
        """[n] the strength that each replicate picks of a curb."""
        return self.strengths[k][picked(self.score[k].T, self.strengths[k])]

    def place(self, k: int) -> int:
        """The strength that all replicates together recommend, as a place."""
        return int(np.argmin(eased(self.score[k].mean(1)[None], self.strengths[k])[0]))

    def strength(self, k: int) -> float:
        """The same as a number."""
        return float(self.strengths[k][self.place(k)])

    def is_at_edge(self, k: int) -> bool:
        """Whether the strongest that was tried is the best."""
        return self.place(k) == len(self.strengths[k]) - 1 > 0

    def sparsest(self, margin: float) -> float | None:
        """The strongest L1 whose mean score lies within a margin of the recipe as it is; None where none does."""
        if "l1" not in self.names:
            return None
        k = self.names.index("l1")
        good = np.flatnonzero(self.score[k].mean(1) <= self.plain.mean() + margin)
        return float(self.strengths[k][good[-1]]) if len(good) else None


class Met(NamedTuple):
    """Scores on fresh pairs that have tuned nothing. n replicates, m fresh pairs each.

    plain: [n, m] the recipe as it is.
    curbs: [K, n, m] with what each replicate picked.
    sparse: [n, m] with the strongest L1 that seemed to cost nothing; None where there is none.
    sparse_kept: [n·m, C] columns that are left then.
    fewer: [n, m] the recipe as it is without the rows that early stopping watches; None where nobody watches.
    diverged: [K + 1] share of networks that diverged; the recipe as it is first.
    """

    plain: Floats
    curbs: Floats
    sparse: Floats | None
    sparse_kept: NDArray[np.bool_] | None
    fewer: Floats | None
    diverged: Floats


class Curbed(NamedTuple):
    """All that was found.

    tuning, met: As above.
    verdict: Options are the recipe as it is, then the curbs; all are compared with the first.
    sparse_at: Strength of the sparse L1; None for none.
    sparse: Its comparison with the recipe as it is.
    price: The recipe without the rows that early stopping watches − with them.
    unwatched: Early stopping − the recipe as it is on the same rows.
    level: Confidence level.
    """

    tuning: Tuning
    met: Met
    verdict: Verdict
    sparse_at: float | None
    sparse: Comparison | None
    price: Comparison | None
    unwatched: Comparison | None
    level: float

    @property
    def names(self) -> tuple[str, ...]:
        """[K] curbs."""
        return self.tuning.names

    def against(self, name: str) -> Comparison:
        """A curb minus the recipe as it is."""
        found = self.verdict.against[1 + self.names.index(name)]
        assert found is not None
        return found

    def those(self, finding: Finding) -> list[str]:
        """Curbs that were found to be that, the best mean first."""
        order = [k - 1 for k in self.verdict.order if k != PLAIN]
        return [self.names[k] for k in order if self.against(self.names[k]).finding is finding]

    @property
    def winner(self) -> str | None:
        """The best of the curbs that are better than the recipe as it is; None where none is."""
        return next(iter(self.those(Finding.BETTER)), None)

    def tuned(self, name: str) -> Floats:
        """[n] mean score of a curb on fresh pairs."""
        return self.verdict.tuned[:, 1 + self.names.index(name)]


def read(
    tuning: Tuning,
    met: Met,
    *,
    margin: float | None,
    share: float,
    level: float,
    scope: str,
    overlap: float = 0.0,
    sparse_at: float | None = None,
) -> Curbed:
    """What tuning and meeting say: a pure function of them.

    Args:
        tuning: Every curb at every strength.
        met: What was picked, on fresh pairs.
        margin: What counts as the same; None for a share of the score of the recipe as it is.
        share: That share.
        level: Confidence of all findings about curbs together.
        scope: What varies between replicates.
        overlap: As in `mean_interval`.
        sparse_at: Strength of the sparse L1.
    """
    n_trials = max(map(len, tuning.strengths))
    tried = [np.broadcast_to(tuning.plain[:, None], (len(tuning.plain), n_trials))]
    for score in tuning.score:  # shorter ones end in their last trial, again and again
        tried.append(np.pad(score.T, ((0, 0), (0, n_trials - len(score))), mode="edge"))
    verdict = decide(
        np.stack(tried, axis=1),
        np.concatenate([met.plain[None], met.curbs]).swapaxes(0, 1),
        margin=margin,
        share=share,
        looks=Looks(len(met.plain), level, overlap=overlap),
        scope=scope,
        reference=PLAIN,
    )

    def compared(a: Floats | None, b: Floats | None) -> Comparison | None:
        if a is None or b is None:
            return None
        means, shared = (a.mean(1), b.mean(1)), Overlap.of(overlap).of_paired_groups(a, b)
        return paired(*means, scope=scope, margin=verdict.margin, level=level, overlap=shared)

    stopped = met.curbs[tuning.names.index("stopping")] if "stopping" in tuning.names else None
    return Curbed(
        tuning,
        met,
        verdict,
        sparse_at,
        compared(met.sparse, met.plain),
        compared(met.fewer, met.plain),
        compared(stopped, met.fewer),
        level,
    )


class Kept(NamedTuple):
    """What L1 leaves of the columns. C columns, the last to go first.

    names: [C].
    share: [C] how many networks kept it at the sparse strength; empty where there was none.
    until: [C] the strongest L1 at which half of the replicates kept it; 0 for none.
    size: [C] its part of all weights at the sparse strength, or at the weakest where there was none.
    n: Mean number of columns kept at the sparse strength; NaN where there was none.
    """

    names: tuple[str, ...]
    share: tuple[Interval, ...]
    until: Floats
    size: Floats
    n: float


def kept_of(found: Curbed, scope: str) -> Kept | None:
    """Which columns L1 keeps; None for modules, or where L1 was not asked about."""
    weights = found.tuning.weights.get("l1")
    if weights is None:
        return None
    strengths = found.tuning.strengths[found.names.index("l1")]
    half = weights.kept.mean(1) >= 0.5  # [R, C]
    until = np.where(half.any(0), strengths[len(half) - 1 - half[::-1].argmax(0)], 0.0)
    place = 0 if found.sparse_at is None else int(np.searchsorted(strengths, found.sparse_at))
    size = np.nan_to_num(middle(weights.size)[place])
    kept = found.met.sparse_kept
    often = np.zeros(len(size)) if kept is None else kept.mean(0)
    order = sorted(range(len(weights.names)), key=lambda c: (-until[c], -often[c], -size[c]))
    share = (
        ()
        if kept is None
        else [proportion_interval(int(kept[:, c].sum()), len(kept), scope=scope) for c in order]
    )
    return Kept(
        tuple(weights.names[c] for c in order),
        tuple(share),
        until[order],
        size[order] / max(size.sum(), 1e-300),
        float("nan") if kept is None else float(kept.sum(1).mean()),
    )


def middle(size: Floats) -> Floats:
    """[R, C] mean over the replicates that did not diverge, from [R, n, C]; NaN where all did."""
    known = np.isfinite(size)
    counts = known.sum(1)
    return np.where(counts > 0, np.where(known, size, 0.0).sum(1) / np.maximum(counts, 1), np.nan)


def columns_kept(weights: Weights, places: Sequence[int]) -> float:
    """Mean number of columns that networks keep, each replicate at its own strength.

    Args:
        weights: [R, n, C].
        places: [n] the strength of each replicate, as a place.
    """
    return float(weights.kept[np.asarray(places), np.arange(len(places))].sum(1).mean())
