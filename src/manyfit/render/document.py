"""The report of anything that has an answer: models, answers, run folders, alone or side by side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from manyfit.answers import Answer, read_answer
from manyfit.errors import Problem, UsageError
from manyfit.model import Model
from manyfit.render.phrases import language
from manyfit.runs.files import replacing
from manyfit.text import Text

Item = Model | Answer | str | Path


def report(
    items: Item | Sequence[Item], path: str | Path | None = None, *, lang: str | None = None
) -> Path:
    """Write one self-contained HTML file: no request leaves it, and it needs neither the data nor what trained.

    Args:
        items: Models, answers, or folders that `manyfit train` wrote; shown in this order.
        path: The file; one that is there is replaced, whole or not at all. By default the `report.html` of a single run folder,
            beside its model, else `report.html` where we are.
        lang: "en" or "zh"; by default the locale's.

    Returns:
        The file.

    Raises:
        UsageError: If there is nothing to show.
        RunError: If a folder holds no answer, or the file can't be written.

    Example:
        >>> report([model, "other.manyfit"], "both.html")                        # doctest: +SKIP
    """
    given = [items] if isinstance(items, (Model, Answer, str, Path)) else list(items)
    if not given:
        hint = Text("A model, an answer, or a run folder.", "模型、结论或运行文件夹。")
        raise UsageError(Problem("report", Text("needs something to show", "需要可以展示的东西"), hint=hint))
    from manyfit.render.page import page  # and altair with it, a quarter of a second, when something is drawn

    text = page([answer_of(item) for item in given], language(lang))
    place = Path(path) if path is not None else place_for(given)
    with replacing(place) as aside:
        aside.write_text(text, "utf-8")
    return place


def place_for(items: Sequence[Item]) -> Path:
    """Where the report goes when nobody says: beside the model of a single run folder, else where we are.

    Example:
        >>> place_for(["runs/house.manyfit"]).as_posix(), place_for(["a.manyfit", "b.manyfit"]).as_posix()
        ('runs/house.manyfit/report.html', 'report.html')
    """
    only = items[0] if len(items) == 1 else None
    return Path(only) / "report.html" if isinstance(only, (str, Path)) else Path("report.html")


def answer_of(item: Item) -> Answer:
    """The answer that a thing has.

    Raises:
        UsageError: If it has none.
        RunError: If it is a folder that holds none.
    """
    if isinstance(item, Answer):
        return item
    if isinstance(item, Model):
        if item.answer is None:
            hint = Text("manyfit train and mf.train find one.", "manyfit train 和 mf.train 会得出结论。")
            rule = Text("needs a model with an answer", "需要带结论的模型")
            raise UsageError(Problem("report", rule, repr(item), hint=hint))
        return item.answer
    if isinstance(item, (str, Path)):
        return read_answer(item)
    rule = Text("shows models, answers and run folders", "展示模型、结论和运行文件夹")
    raise UsageError(Problem("report", rule, repr(item)))
