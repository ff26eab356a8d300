"""Edge of the search: the best recipe has a setting at an end of what was tried, and the evidence points beyond it."""

from __future__ import annotations

from manyfit.answers import Text
from manyfit.questions._diagnosis.findings._base import Records, Seen, Tried, finding

ENDS = {"lowest": Text("lower", "下"), "highest": Text("upper", "上")}


@finding
class EdgeOfSearch:
    """A setting lies at an end of what the search tried. What counts as evidence for that, the search itself knows."""

    name = "edge-of-search"
    label = Text("edge of the search", "位于搜索边缘")
    rank = 50

    def look(self, records: Records) -> Seen | None:
        """The settings; twice the width is the remedy of a width."""
        if not records.edges:
            return None
        said = [
            Text(
                f"{path} {_shown(value)} is at the {ENDS[end].en} end",
                f"{path} {_shown(value)} 位于{ENDS[end].zh}端",
            )
            for path, end, value in records.edges
        ]
        larger = records.remedies.get("larger")
        is_width = any(path == "network.hidden" for path, _, _ in records.edges)
        tried = (
            (Tried(Text("twice the width", "宽度加倍"), larger),) if is_width and larger is not None else ()
        )
        return Seen(
            Text(", ".join(each.en for each in said), "，".join(each.zh for each in said)),
            {"settings": [list(edge) for edge in records.edges]},
            tried,
        )


def _shown(value: object) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)
