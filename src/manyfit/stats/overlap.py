"""What replicates share: rows that score several of them, and splits that come back because there are no others."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Overlap(float):
    """Nadeau and Bengio's correction, which also knows how many different data sets the replicates take turns at.

    With ρ the correlation between the scores of two replicates, the variance of the mean of n is that of n independent ones with
    ρ / (1 − ρ) added to 1 / n. Replicates on the same data differ by their seeds alone: they are averaged first, so that an
    interval speaks of data sets and its n counts them.

    share: The correction; 0 for replicates that share no rows, or whose scope is this table.
    turns: Different data sets: replicate i is on number i modulo so many. 0 where each has one of its own.
    has_more: Whether more data sets could be made than replicates take turns at now.

    Example:
        >>> Overlap(turns=2).pooled(np.array([1.0, 5.0, 3.0])).tolist()
        [2.0, 5.0]
    """

    turns: int
    has_more: bool

    def __new__(cls, share: float = 0.0, turns: int = 0, *, has_more: bool = False) -> Overlap:
        """A correction with the number of different data sets."""
        made = super().__new__(cls, share)
        made.turns, made.has_more = turns, has_more
        return made

    @classmethod
    def of(cls, overlap: float) -> Overlap:
        """What is one already, or a plain correction as one."""
        return overlap if isinstance(overlap, cls) else cls(overlap)

    @classmethod
    def of_shared(cls, correlation: float, turns: int = 0) -> Overlap:
        """That of replicates whose scores have so much in common, in [0, 1)."""
        return cls(correlation / (1 - correlation), turns)

    def of_means(self, m: int) -> Overlap:
        """That of means over m replicates each; where they take turns, the m are on one data set.

        Example:
            >>> float(Overlap(0.1).of_means(4)), float(Overlap(0.1, turns=3).of_means(4))
            (0.4, 0.1)
        """
        return self if self.turns else Overlap(m * self)

    def of_groups(self, values: Floats) -> Overlap:
        """That of the means of groups of m replicates, from how much of their spread is the replicates' and how much the groups'.

        What the groups add of their own (each has tuned for itself) counts like a single replicate, the rest as in `of_means`.

        Args:
            values: [n, m] of n groups; not finite where networks diverged, and then all the spread counts as the replicates'.

        Example:
            >>> groups_differ, replicates_differ = np.array([[1.0, 1.1], [2.0, 2.1]]), np.array([[1.0, 3.0], [2.0, 2.5]])
            >>> [round(float(Overlap(0.1).of_groups(values)), 4) for values in (groups_differ, replicates_differ)]
            [0.1005, 0.2]
        """
        n, m = values.shape
        if self.turns or m < 2 or n < 2 or not np.isfinite(values).all():
            return self.of_means(m)
        within, between = float(values.var(axis=1, ddof=1).mean()), float(values.mean(1).var(ddof=1))
        most = float(m - 1)
        return Overlap(self * (1 + min((1 - 1 / m) * within / between, most) if between > 0 else m))

    def of_paired_groups(self, first: Floats, second: Floats) -> Overlap:
        """The same for differences of two options on the same [n, m] replicates."""
        with np.errstate(invalid="ignore"):  # both diverged: inf − inf is unknown
            return self.of_groups(first - second)

    def n_data(self, n: int) -> int:
        """How many different data sets n replicates are on."""
        return min(n, self.turns) if self.turns else n

    def allows(self, n: int) -> bool:
        """Whether there can be so many data sets."""
        return self.has_more or self.turns < 2 or n <= self.turns

    def pooled(self, values: Floats) -> Floats:
        """[…, k] values [..., n] of replicates in order, averaged over those on the same data.

        As they are where no two share their data, or where all do: then an interval speaks of seeds.
        """
        n = values.shape[-1]
        k = self.n_data(n)
        if k in (1, n):
            return values
        with np.errstate(invalid="ignore"):  # inf − inf: unknown
            return np.stack([values[..., i::k].mean(-1) for i in range(k)], axis=-1)


def pooled(values: Floats, overlap: float) -> Floats:
    """Values of replicates as `Overlap.pooled` averages them; as they are for a plain correction."""
    return Overlap.of(overlap).pooled(values)
