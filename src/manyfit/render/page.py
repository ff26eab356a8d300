"""Answers to one self-contained HTML file: no request leaves it, it outlives the process, it reads without a mouse.

Every chart is there three times: drawn by script, as a picture for readers without script, and as a table for readers
who can't see it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import jinja2
from markupsafe import Markup, escape

from manyfit.answers import Answer, Cell, Figure, Table, Text, digits
from manyfit.render.bundle import bundle
from manyfit.render.charts import chart, svg, thinned
from manyfit.render.tabled import rows
from manyfit.render.told import scope_of

SHORT = 30
"""Cells of a column that are no longer stay on one line."""

ROUNDING = 1e-12
"""Below this share of the largest number of its row a number is what rounding left of 0: float64 carries 2e-16."""

LANGUAGES = {"en": "en", "zh": "zh-Hans"}

WORDS = {
    "skip": Text("Skip to the answer", "跳到结论"),
    "contents": Text("Contents", "目录"),
    "scope": Text("Scope", "适用范围"),
    "measured": Text("How it was measured", "测量方法"),
    "numbers": Text("The numbers of this chart", "本图的数据"),
    "chart": Text("Chart", "图"),
    "table": Text("Table", "表"),
    "made": Text("Written by manyfit", "由 manyfit 生成"),
}


def page(answers: Sequence[Answer], language: str = "en") -> str:
    """The report of any set of answers, as the text of one HTML file.

    Args:
        answers: What to show, in this order.
        language: "en" or "zh".
    """
    drawn: list[Markup] = []

    def figure(data: Figure) -> dict[str, Any]:
        data = thinned(data)
        spec = chart(data, language)
        number = len(drawn)
        drawn.append(_script_data(spec, number))
        head, cells = rows(data, language)
        return {
            "number": number,
            "title": data.title.to(language),
            "svg": Markup(svg(spec, number)),
            "head": head,
            "rows": [[_shown(cell, language) for cell in row] for row in _settled(cells)],
        }

    def said(texts: Iterable[Text]) -> list[str]:
        return [_whole(text.to(language)) for text in texts]

    titles = _titles(answers, language)
    body = [
        {
            "id": f"{answer.question}-{position}",
            "title": titles[position],
            "statement": said(answer.statement),
            "scope": _whole(scope_of(answer, language)),
            "head": said(answer.head),
            # a terminal sets the parts of a note apart by spaces, which a page would draw together
            "notes": [part for line in said(answer.notes) for part in line.split("   ")],
            "sections": [
                {
                    "id": f"{answer.question}-{position}-{part}",
                    "title": section.title.to(language),
                    # What the answer has said at the top needs not be said twice on one page.
                    "statement": said(text for text in section.statement if text not in answer.statement),
                    "figures": [figure(data) for data in section.figures],
                    "tables": [_table(table, language) for table in section.tables],
                    "measured": said(section.measured),
                }
                for part, section in enumerate(answer.sections)
            ],
        }
        for position, answer in enumerate(answers)
    ]
    return (
        _environment()
        .get_template("page.html.jinja")
        .render(
            answers=body,
            charts=drawn,
            bundle=Markup(bundle()) if drawn else "",
            words={key: text.to(language) for key, text in WORDS.items()},
            lang=LANGUAGES.get(language, "en"),
            title=" · ".join(answer["title"] for answer in body),
        )
    )


def _titles(answers: Sequence[Answer], language: str) -> list[str]:
    """Headlines; answers to one question about the same data are told apart by their plans, or their places."""
    titles = [answer.title.to(language) for answer in answers]
    again = {title for title in titles if titles.count(title) > 1}
    plans = [f"{title} {answer.plan}" for title, answer in zip(titles, answers, strict=True)]
    return [
        title
        if title not in again
        else f"{title} ({answer.plan if answer.plan and plans.count(plan) == 1 else place})"
        for place, (title, plan, answer) in enumerate(zip(titles, plans, answers, strict=True), start=1)
    ]


def _table(table: Table, language: str) -> dict[str, Any]:
    return {
        "caption": table.caption.to(language),
        "head": [title.to(language) for title in table.head],
        "rows": [[_shown(cell, language) for cell in row] for row in table.rows],
        "is_number": [
            all(isinstance(row[i], (int, float)) for row in table.rows) for i in range(len(table.head))
        ],
        "is_short": [
            all(len(_shown(row[i], language)) <= SHORT for row in table.rows) for i in range(len(table.head))
        ],
    }


def _settled(cells: list[list[Any]]) -> list[list[Any]]:
    """Rows of a chart's numbers without what rounding has left of a difference that is none."""

    def settled(row: list[Any]) -> list[Any]:
        floor = ROUNDING * max(
            (abs(cell) for cell in row if isinstance(cell, float) and math.isfinite(cell)), default=0.0
        )
        return [0.0 if isinstance(cell, float) and abs(cell) < floor else cell for cell in row]

    return [settled(row) for row in cells]


def _shown(cell: Cell, language: str) -> str:
    if isinstance(cell, Text):
        return _whole(cell.to(language))
    if isinstance(cell, float):
        return (
            ""
            if math.isnan(cell)
            else f"{int(cell):,}"
            if abs(cell) < 1e9 and cell == int(cell)
            else digits(cell).replace("-", "−", 1) if cell < 0 else digits(cell)
        )
    return str(cell)


def _script_data(spec: dict[str, Any], number: int) -> Markup:
    """A chart's specification as data in the page. `<` is escaped, so that no name in it can close the element."""
    text = (
        json.dumps(spec, ensure_ascii=False, allow_nan=False)
        .replace("<", "\\u003c")
        .replace("\u2028", "\\u2028")
        .replace("\u2029", "\\u2029")
    )
    return (
        Markup('<script type="application/json" id="spec-{}">').format(number)
        + Markup(text)
        + Markup("</script>")
    )


_INSIDE = re.compile(r"(?<=[\d∞%]) (?=\[[+−\d])|(?<=[\d∞],) (?=[+−]?[\d∞][\d.,∞]*\])|(?<=[\d\]]) (?=%)")


def _whole(text: str) -> str:
    """A sentence in which no line ends within a number: not before its interval, nor within that, nor before its %.

    Example:
        >>> _whole("by +0.7 [−0.3, +1.7] % of 2, at least").replace("\\xa0", "~")
        'by +0.7~[−0.3,~+1.7]~% of 2, at least'
    """
    return _INSIDE.sub("\xa0", text)


_WHOLE = re.compile(r"(?<![\w.])\d[\d.]*e-\d+|(?<![\w-])--[a-z][a-z-]*|(?<![\w-])\d+(?:-\d+)+(?![\w-])")


def _unbroken(text: str) -> Markup:
    """Text in which no line ends at the hyphen of 3.2e-4, of layers like 64-64, or of a flag.

    Example:
        >>> print(_unbroken("1e-3 < 2, --depths"))
        <span class="short">1e-3</span> &lt; 2, <span class="short">--depths</span>
    """
    return Markup(_WHOLE.sub(lambda found: f'<span class="short">{found[0]}</span>', str(escape(text))))


_FACTOR = re.compile(r"∂[^\s·/]*/∂[^\s·]*")


def _breakable(text: str) -> Markup:
    """A formula that may go to the next line after a factor, and never amid ∂y/∂x.

    Example:
        >>> print(_breakable("∂L/∂y·2"))
        <span class="short">∂L/∂y</span>·<wbr>2
    """
    whole = _FACTOR.sub(lambda found: f'<span class="short">{found[0]}</span>', str(escape(text)))
    return Markup(whole.replace("·", "·<wbr>"))


@cache
def _environment() -> jinja2.Environment:
    loader = jinja2.PackageLoader("manyfit.render", "templates")
    made = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.filters["breakable"] = _breakable
    made.filters["unbroken"] = _unbroken
    return made
