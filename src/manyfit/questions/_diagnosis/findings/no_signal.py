"""No signal: nothing that was trained predicts better than a guess that looks at no column."""

from __future__ import annotations

from manyfit.answers import Text
from manyfit.questions._diagnosis.findings._base import Records, Seen, Tried, finding, percent
from manyfit.questions._diagnosis.pairs import by_ratio, guesses
from manyfit.stats import Finding


@finding
class NoSignal:
    """The recipe is no better than the mean or the commonest class, and neither is any twin."""

    name = "no-signal"
    label = Text("no signal", "没有信号")
    rank = 1

    def look(self, records: Records) -> Seen | None:
        """The recipe and all its twins against the guess, on the same rows.

        It takes evidence of there being nothing: the recipe is worse than the guess or the same within the margin, and no
        twin is better, each at the level that all of them share.
        """
        task = records.task
        if records.base.diverged.any():  # that is another matter
            return None
        guess = guesses(task, records.pairs, records.base)
        level = 1 - (1 - records.level) / len(records.unseen)
        found = {
            name: by_ratio(scores, guess, task, records.margin, level)
            for name, scores in records.unseen.items()
        }
        own = found.pop("base")
        if own.finding not in (Finding.SAME, Finding.WORSE):
            return None
        if any(each.finding is Finding.BETTER for each in found.values()):
            return None
        by = percent(own.difference)
        tried = tuple(
            Tried(records.word(name), records.remedies[name])
            for name in ("larger", "longer")
            if name in records.remedies
        )
        return Seen(
            Text(
                f"against a guess that looks at no column its score is higher by {by}, and no twin is better than the guess",
                f"与不看任何列的猜测相比，分数高出 {by}，没有任何变体胜过猜测",
            ),
            {"share": own.difference.estimate, "low": own.difference.low, "high": own.difference.high},
            tried,
        )
