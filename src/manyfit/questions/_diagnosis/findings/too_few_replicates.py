"""Too few replicates: what can't be told would be told by more pairs, and by how many."""

from __future__ import annotations

from manyfit.answers import Text
from manyfit.questions._diagnosis.findings._base import Records, Seen, finding
from manyfit.stats import NEVER, Finding


@finding
class TooFewReplicates:
    """The verdict can't be told, and a number of further pairs would tell."""

    name = "too-few-replicates"
    label = Text("too few replicates", "重复次数太少")
    rank = 60

    def look(self, records: Records) -> Seen | None:
        """Pairs to add before each remedy that can't be told is either seen or shown not to matter, planned by `stats`."""
        unknown = {
            name: found.more
            for name, found in records.remedies.items()
            if found.finding is Finding.UNKNOWN and 0 < found.more < NEVER
        }
        if records.code != "cannot-tell" or not unknown or records.base.diverged.any():
            return None
        first, last = (f"{pick(unknown.values()):,}" for pick in (min, max))
        nearest = records.word(min(unknown, key=lambda name: (unknown[name], name)))
        all_en, all_zh = (f", {last} more all of them", f"，再加 {last} 对可全部判断") if len(unknown) > 1 else ("", "")
        n = next(iter(records.remedies.values())).difference.n
        return Seen(
            Text(
                f"{len(unknown)} of {len(records.remedies)} remedies can't be told on {n} pairs; {first} more would tell "
                f"{nearest.en}{all_en}   --replicates",
                f"在 {n} 对上有 {len(unknown)}/{len(records.remedies)} 种办法无法判断；"
                f"再加 {first} 对可判断{nearest.zh}{all_zh}   --replicates",
            ),
            {"unknown": len(unknown), "tried": len(records.remedies), "n": n, "more": unknown},
        )
