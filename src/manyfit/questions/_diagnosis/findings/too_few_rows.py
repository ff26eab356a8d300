"""Too few rows that score: drawing them anew would move the score by more than what is to be judged by it."""

from __future__ import annotations

import math

from manyfit.answers import Text
from manyfit.questions._diagnosis.findings._base import Records, Seen, finding
from manyfit.questions._diagnosis.pairs import over_rows
from manyfit.questions._frame.measure import said
from manyfit.questions._frame.words import decimals, written


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
        places = decimals(half)
        by = said(records.task.measure, f"±{written(half, places)}")
        gap = written(records.gap.estimate, places, signed=True)
        return Seen(
            Text(
                f"{found.n:,} rows: {by.en} by the choice of rows alone, where the gap is {gap}{more_en}",
                f"{found.n:,} 行：仅因抽到哪些行，{by.zh}，而差距为 {gap}{more_zh}",
            ),
            {"half": half, "gap": records.gap.estimate, "rows": found.n, "times": times},
        )
