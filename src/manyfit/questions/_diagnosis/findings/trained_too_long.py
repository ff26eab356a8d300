"""Trained too long: half the epochs are better, where no other curb is, so that it is no verdict on the network."""

from __future__ import annotations

from manyfit.answers import Text
from manyfit.questions._diagnosis.findings._base import Records, Seen, Twin, finding
from manyfit.questions._diagnosis.twins import twins
from manyfit.questions._frame.words import interval_text
from manyfit.stats import Finding


@finding
class TrainedTooLong:
    """The twin of half the epochs is better; overfitting says so itself."""

    name = "trained-too-long"
    label = Text("trained too long", "训练过久")
    rank = 21

    def look(self, records: Records) -> Seen | None:
        """What half the epochs changed, and again on fresh pairs."""
        shorter = records.remedies.get("shorter")
        if records.code == "overfitting" or shorter is None or shorter.finding is not Finding.BETTER:
            return None
        by = interval_text(shorter.difference, signed=True)
        word = records.word("shorter")
        return Seen(
            Text(
                f"{word.en} would change the score by {by}",
                f"{word.zh}会使分数变化 {by}",
            ),
            {
                "change": shorter.difference.estimate,
                "low": shorter.difference.low,
                "high": shorter.difference.high,
                "n": shorter.difference.n,
            },
            wants=(Twin(word, twins(records.recipe)["shorter"]),),
        )
