"""The benchmark's table as text: fixed columns for a terminal, Markdown for the README."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from benchmarks.tables.sources import EVERY
from benchmarks.tables.verdict import MARGINS, SYSTEMS, Standing, closing_lines

HEADS = (
    "table",
    "rows × columns",
    "splits × seeds",
    "metric",
    "manyfit",
    "tuned MLP",
    "boosting",
    "manyfit − MLP, 95 %",
    "verdict",
    "log loss, RMSE: manyfit",
    "tuned MLP",
    "boosting",
    "cover / ECE",
)
NAMES = {"accuracy": "accuracy", "r2": "R²"}


def cells(standing: Standing) -> tuple[str, ...]:
    """The texts of one line, in the order of `HEADS`."""
    n_rows, n_columns = EVERY[standing.table].shape
    gap = standing.difference
    # accuracy in points, R² as it is
    scale, sign = (100, "") if standing.metric == "accuracy" else (1, "")
    digits = 2 if standing.metric == "accuracy" else 4
    best = max(standing.means.values())
    splits = str(standing.n_splits)
    if standing.n_tasks > standing.n_splits:
        splits += f" × {standing.n_tasks / standing.n_splits:g}"

    def score(system: str) -> str:
        text = f"{scale * standing.means[system]:.{digits}f}"
        return f"**{text}**" if standing.means[system] == best else text

    trust = ""
    if standing.covered is not None:
        trust = f"{100 * standing.covered:.1f} %"
    elif standing.ece is not None:
        trust = f"{100 * standing.ece[0]:.1f} → {100 * standing.ece[1]:.1f} %"
    return (
        standing.table,
        f"{n_rows:,} × {n_columns}",
        splits,
        NAMES[standing.metric],
        *(score(system) for system in SYSTEMS),
        f"{scale * gap.estimate:+.{digits}f} [{scale * gap.low:+.{digits}f}, {scale * gap.high:+.{digits}f}]{sign}",
        standing.verdict,
        *(f"{standing.second[system]:.4g}" for system in SYSTEMS),
        trust,
    )


def markdown(found: Sequence[Standing], machine: Mapping[str, str]) -> str:
    """The table, what it says, and what it was measured on."""
    lines = [", ".join(f"{key} {value}" for key, value in machine.items()), ""]
    lines.append("| " + " | ".join(HEADS) + " |")
    lines.append(
        "|" + "|".join("---" if head in ("table", "metric", "verdict") else "---:" for head in HEADS) + "|"
    )
    lines += ["| " + " | ".join(cells(standing)) + " |" for standing in found]
    lines += ["", *(f"- {line}" for line in closing_lines(found))]
    return "\n".join(lines) + "\n"


def terminal(found: Sequence[Standing]) -> str:
    """The same in columns as wide as they need to be."""
    rows = [HEADS, *(tuple(cell.replace("**", "") for cell in cells(standing)) for standing in found)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(HEADS))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
    return "\n".join([*lines, "", *closing_lines(found)])


def ways_text(found: Mapping[str, Mapping[str, tuple[float, float]]]) -> str:
    """How the ways of averaging compare: mean metric, and log loss or RMSE as a multiple of the first way's."""
    lines = []
    for table, of_table in found.items():
        first = next(iter(of_table.values()))[1]
        texts = [f"{way} {metric:.4f} ×{loss / first:.4f}" for way, (metric, loss) in of_table.items()]
        lines.append(f"{table:14}" + "   ".join(texts))
    if found:
        names = next(iter(found.values()))
        mean = {
            w: sum(t[w][1] / next(iter(t.values()))[1] for t in found.values()) / len(found) for w in names
        }
        lines.append(f"{'mean':14}" + "   ".join(f"{way} ×{value:.4f}" for way, value in mean.items()))
    return "\n".join(lines)


def legend() -> str:
    """What the columns mean."""
    return (
        "Accuracy in percent. Verdict: against the MLP, by the 95 % interval of the difference, paired over splits and "
        "corrected for their overlap (Nadeau and Bengio): better above 0; not inferior above "
        f"−{100 * MARGINS['accuracy']:.0f} point of accuracy or −{MARGINS['r2']} of R². Log loss for classes, RMSE for "
        "numbers. cover: test rows inside the 90 % prediction intervals of manyfit; ECE: its calibration error without → "
        "with temperature."
    )
