"""Looking again: replicates are added to a stored run until they tell, and no more is found by chance than by one look.

The most replicates that there may ever be are declared first. Each look then spends a part of the error that a single look
would be allowed: next to nothing while few replicates are in, most of it at the end.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from manyfit.errors import Problem, RunError, UsageError, did_you_mean
from manyfit.runs.files import replacing
from manyfit.stats.comparison import Comparison, Levels, as_pairs, compared
from manyfit.stats.interval import LEVEL
from manyfit.stats.spending import SPENDING, nominal, repeated_p

FILE = "looks.json"


@dataclass(frozen=True)
class Looks:
    """How often a growing set of replicates may be looked at, and when it has been. Kept in the run folder.

    most: Replicates that there will be at the most, declared before the first look.
    level: Confidence level of all looks together.
    spending: A name of `spending.SPENDING`.
    overlap: As in `mean_interval`: overlapping folds bring less with every further replicate.
    taken: Replicates at each look so far, rising.

    Example:
        >>> looks = Looks(most=20).take(5).take(10)
        >>> looks.taken, looks.left
        ((5, 10), 10)
        >>> Looks.from_dict(looks.to_dict()) == looks
        True
    """

    most: int
    level: float = LEVEL
    spending: str = SPENDING[0]
    overlap: float = 0.0
    taken: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "taken", tuple(int(n) for n in self.taken))
        if self.spending not in SPENDING:
            hint = did_you_mean(self.spending, SPENDING)
            raise UsageError(Problem("", f"unknown spending {self.spending!r}", hint=hint))
        if self.most < 2:
            raise UsageError(Problem("Looks.most", "must be ≥ 2", str(self.most)))

    @property
    def left(self) -> int:
        """Replicates that may still be added; 0 when the last look has been taken."""
        return max(self.most - max(self.taken, default=0), 0)

    @property
    def fractions(self) -> tuple[float, ...]:
        """Information at each look taken, over that of the most replicates; 1 once they are all in."""
        whole = 1 / self.most + self.overlap
        return tuple(min(whole / (1 / n + self.overlap), 1.0) for n in self.taken)

    def take(self, n: int) -> Looks:
        """The record with one more look, at n replicates; looking twice at the same ones is one look.

        Raises:
            UsageError: If there are fewer replicates than at the last look, or the last one has been taken already.
        """
        last = max(self.taken, default=0)
        if n == last:
            return self
        if n < max(last, 2):
            raise UsageError(Problem("Looks", f"must see at least {max(last, 2)} replicates", str(n)))
        if last >= self.most:
            hint = "A confidence sequence needs no such number: `paired_sequence`."
            raise UsageError(
                Problem("Looks", f"was declared for {self.most} replicates at the most", str(n), hint=hint)
            )
        return dataclasses.replace(self, taken=(*self.taken, n))

    def nominal(self, level: float | None = None) -> float:
        """Confidence level that the interval of the last look taken must have, for all looks together to have `level`."""
        return 1 - nominal(self.fractions, (1 - (level or self.level)) / 2, self.spending)

    def repeated(self, p: float) -> float:
        """A p-value of the last look as one that all looks have paid for."""
        return repeated_p(p, self.fractions, self.spending)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and TOML."""
        return {**dataclasses.asdict(self), "taken": list(self.taken)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Looks:
        """The record that `to_dict` wrote."""
        return cls(**fields)

    def write(self, folder: str | Path) -> None:
        """Keep the record in a run folder, whole or not at all."""
        with replacing(Path(folder) / FILE) as aside:
            aside.write_text(json.dumps(self.to_dict(), indent=1) + "\n", "utf-8")

    @classmethod
    def read(cls, folder: str | Path) -> Looks | None:
        """The record of a run folder; None where nobody has declared any looks.

        Raises:
            RunError: If it can't be read: without it nobody knows what error is left.
        """
        path = Path(folder) / FILE
        try:
            return cls.from_dict(json.loads(path.read_text("utf-8")))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise RunError(Problem(str(path), "can't be read", str(error))) from error


def paired_look(
    a: ArrayLike, b: ArrayLike, looks: Looks, *, scope: str, margin: float = 0.0, seed: int = 0
) -> tuple[Comparison, Looks]:
    """Compare two recipes on the pairs that there are by now, and record that somebody has looked.

    The interval of each look is so wide that all of them cover together; the p-values are paid for, and may go into Holm's
    procedure as they are. A finding of any look stands.

    Args:
        a: [n] losses of one recipe, all replicates so far; infinite or NaN where a network diverged.
        b: [n] losses of the other on the same pairs.
        looks: The record as it is before this look.
        scope: What varied between pairs.
        margin: What counts as the same, in the unit of the loss.
        seed: Of the bootstrap.

    Returns:
        The comparison, and the record to be kept.

    Example:
        >>> looks = Looks(most=20)
        >>> a, b = [1.0, 1.2, 0.9, 1.1, 1.0], [2.0, 2.4, 1.8, 2.3, 2.1]
        >>> first, looks = paired_look(a, b, looks, scope="seeds")
        >>> first.finding.value, looks.taken                        # so early a look may find next to nothing
        ('cannot tell', (5,))
        >>> second, looks = paired_look(3 * a, 3 * b, looks, scope="seeds")
        >>> second.finding.value, looks.left
        ('better', 5)

    References:
        Lan & DeMets 1983, https://doi.org/10.1093/biomet/70.3.659
        Jennison & Turnbull 1999, Group Sequential Methods with Applications to Clinical Trials
    """
    first, second = as_pairs("paired_look", a, b)
    looks = looks.take(len(first))
    found = compared(
        first,
        second,
        scope=scope,
        margin=margin,
        levels=Levels(looks.nominal(), looks.nominal(2 * looks.level - 1), looks.level),
        overlap=looks.overlap,
        seed=seed,
    )
    # A p-value of two one-sided tests is half of what an interval errs by.
    p_same = looks.repeated(2 * found.p_same) / 2 if found.p_same < 0.5 else 1.0
    return dataclasses.replace(found, p=looks.repeated(found.p), p_same=p_same), looks
