"""Too few rows that score: drawing them anew would move the score by more than what is to be judged by it."""

from __future__ import annotations

import math

from manyfit.answers import Text, digits
from manyfit.questions._diagnosis.findings._base import Records, Seen, finding
from manyfit.questions._diagnosis.pairs import over_rows


@finding
class TooFewRows:
    """The interval over rows is wider than the gap between training and unseen rows, and than the margin."""

    name = "test-set-too-small"
    label = Text("too few rows to score on", "评分的行太少")
    rank = 61

    def look(self, records: Records) -> Seen | None:
        """Half the interval over rows, against the larger of gap and margin: below it, the rows decide and not the networks."""
        found = over_rows(records.task, records.pairs, records.base, records.level)
        if found is None or not math.isfinite(found.high - found.low) or not records.score > 0:
            return None
        half = (found.high - found.low) / 2
        room = max(abs(records.gap.estimate), records.margin * records.score)
        if not half > room:
            return None
        times = math.ceil((half / room) ** 2) if room > 0 else 0
        more_en = f"; about {times} times as many rows would do" if 1 < times < 1000 else ""
        more_zh = f"；大约需要 {times} 倍的行" if 1 < times < 1000 else ""
        label, by, gap = records.task.measure.label, digits(half), digits(records.gap.estimate)
        return Seen(
            Text(
                f"on {found.n:,} rows the {label.en} is known to ± {by}, the gap is {gap}{more_en}",
                f"在 {found.n:,} 行上 {label.zh} 只能精确到 ± {by}，差距为 {gap}{more_zh}",
            ),
            {"half": half, "gap": records.gap.estimate, "rows": found.n, "times": times},
        )
