"""Figures as a picture in a file, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

import altair as alt

from manyfit.answers import Figure
from manyfit.errors import Problem, UsageError
from manyfit.render.charts import panel, svg, theme
from manyfit.render.phrases import LANGUAGES
from manyfit.text import Text


def draw(
    figures: Figure | Sequence[Figure], path: str | Path, language: str | Sequence[str] = "en"
) -> tuple[Path, ...]:
    """Draw one figure, or several side by side, into a picture: .svg or .png.

    Args:
        figures: What to draw.
        path: Where to; a file of that name is replaced.
        language: "en" or "zh"; with several, each has a picture of its own, with the language before the ending.

    Returns:
        The files.

    Raises:
        UsageError: If it is another ending, or another language.

    Example:
        >>> import numpy as np
        >>> from manyfit.answers import Curves, Series, Text
        >>> losses = Series(Text("loss", "损失"), np.arange(3), np.array([3.0, 2.0, 1.0]))
        >>> figure = Curves(Text("Loss", "损失"), (losses,), Text("epoch", "轮"), Text("loss", "损失"))
        >>> [path.name for path in draw(figure, "loss.svg", ["en", "zh"])]
        ['loss.en.svg', 'loss.zh.svg']
    """
    path = Path(path)
    if path.suffix.lower() not in (".svg", ".png"):
        raise UsageError(Problem("path", Text("must end in .svg or .png", "的结尾必须是 .svg 或 .png"), str(path)))
    languages = [language] if isinstance(language, str) else list(language)
    for each in languages:
        if each not in LANGUAGES:
            rule = Text(f"must be {' or '.join(LANGUAGES)}", f"必须是 {' 或 '.join(LANGUAGES)}")
            raise UsageError(Problem("language", rule, repr(each)))
    several: list[Any] = [figures] if type(figures) in get_args(Figure) else list(figures)
    made = []
    for each in languages:
        panels = [panel(figure, each).properties(title=figure.title.to(each)) for figure in several]
        whole = alt.hconcat(*panels).resolve_scale(color="independent", strokeDash="independent", shape="independent")
        spec = whole.properties(background="white").configure(**theme("black")).to_dict(validate=False)
        made.append(path if isinstance(language, str) else path.with_suffix(f".{each}{path.suffix}"))
        _write(svg(spec), made[-1])
    return tuple(made)


def _write(drawn: str, path: Path) -> None:
    if path.suffix.lower() == ".svg":
        path.write_text(drawn, "utf-8")
    else:
        import vl_convert

        path.write_bytes(vl_convert.svg_to_png(drawn, scale=2))
