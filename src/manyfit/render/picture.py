"""Figures as one picture in a file, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import altair as alt

from manyfit.answers import Figure
from manyfit.render.charts import panel, svg, theme


def save(figures: Figure | Sequence[Figure], path: str | Path, language: str = "en") -> Path:
    """Draw one figure, or several side by side with their titles, into an SVG file.

    Args:
        figures: What to draw.
        path: Where to; a file of that name is replaced.
        language: "en" or "zh".

    Returns:
        The path.

    Example:
        >>> import numpy as np
        >>> from manyfit.answers import Curves, Series, Text
        >>> losses = Series(Text("loss", "损失"), np.arange(3), np.array([3.0, 2.0, 1.0]))
        >>> save(Curves(Text("Loss", "损失"), (losses,), Text("epoch", "轮"), Text("loss", "损失")), "loss.svg").name
        'loss.svg'
    """
    several: list[Any] = [figures] if type(figures) in get_args(Figure) else list(figures)
    panels = [panel(figure, language).properties(title=figure.title.to(language)) for figure in several]
    whole = alt.hconcat(*panels).resolve_scale(color="independent", strokeDash="independent", shape="independent")
    spec = whole.properties(background="white").configure(**theme("black")).to_dict(validate=False)
    path = Path(path)
    path.write_text(svg(spec), "utf-8")
    return path
