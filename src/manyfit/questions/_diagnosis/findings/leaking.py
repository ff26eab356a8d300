"""Leaking: a column that gives the target away, or rows that stand on both sides of a split."""

from __future__ import annotations

from manyfit.answers import Text
from manyfit.questions._diagnosis.findings._base import Records, Seen, Tried, Twin, finding
from manyfit.questions._diagnosis.pairs import by_ratio, clean_scores, in_units, leaks_of

MOST = 3
"""Columns that are tried without: each takes an encoding of its own."""
COPIES = 0.02
"""Share of the rows that score which may have a copy among the training rows: below it they can't move a score by much."""


@finding
class Leaking:
    """A column predicts the target all alone, or copies of rows are on both sides of the splits."""

    name = "leaking"
    label = Text("leaking", "信息泄漏")
    rank = 5

    def look(self, records: Records) -> Seen | None:
        """What the data room warns of, seen on rows that may be learned from."""
        notes = leaks_of(records.task.rows)
        if notes:
            names = [note.columns[0] for note in notes]
            return Seen(
                Text("; ".join(note.text for note in notes), "；".join(note.zh for note in notes)),
                {"columns": names},
                wants=tuple(
                    Twin(Text(f"without {name}", f"去掉 {name}"), records.recipe, name)
                    for name in names[:MOST]
                ),
            )
        return self._copies(records)

    def _copies(self, records: Records) -> Seen | None:
        """Copies across the splits, and the score on rows that have none."""
        found = clean_scores(records.task, records.pairs, records.base)
        if found is None or found.share <= COPIES:
            return None
        tried = ()
        if len(found.clean) == len(found.whole):
            whole, clean = found[1:]
            change = in_units(
                by_ratio(clean, whole, records.task, records.margin, records.level), records.score
            )
            tried = (Tried(Text("scored on the other rows alone", "只用其余的行评分"), change),)
        share = f"{100 * found.share:.0f}"
        return Seen(
            Text(
                f"{share} % of the rows that score have an equal row among the training rows   --duplicates together",
                f"{share} % 的评分行在训练行中有相同的行   --duplicates together",
            ),
            {"copies": found.share, "n": len(found.whole)},
            tried,
        )
