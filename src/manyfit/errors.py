"""What goes wrong, said once and in one shape: where · rule · got · who · what to try.

Every error of manyfit is a `ManyfitError` that carries all the problems found, not the first one only. Nothing here knows about
training: the rooms below fill in the sentences.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType

from manyfit.text import Text, text_of


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, with all that a reader needs to mend it.

    Every part is a `Text`, or a plain string where both languages say the same.

    where: What was being read: a field (`"Adam.lr"`), a file and row, an option of the command line.
    rule: What must hold, as the rest of the sentence (`"must be ≥ 0"`).
    got: The value found, already as text; empty when there is none to show.
    who: Indices of the networks concerned; empty when it concerns no network in particular.
    hint: What to try, one or two sentences.

    Example:
        >>> print(Problem("epochs", Text("must be ≥ 0", "必须 ≥ 0"), "-3").to("zh"))
        epochs 必须 ≥ 0，得到 -3。
    """

    where: str | Text
    rule: str | Text
    got: str | Text = ""
    who: tuple[int, ...] = ()
    hint: str | Text = ""

    def __str__(self) -> str:
        return self.to("en")

    def to(self, lang: str) -> str:
        """The problem in a language: "zh", else English."""
        where, rule, got, hint = (text_of(part).to(lang) for part in (self.where, self.rule, self.got, self.hint))
        text = f"{where} {rule}" if where else rule
        if got:
            text += f"，得到 {got}" if lang == "zh" else f", got {got}"
        if self.who:
            text += f"（{spans(self.who, lang)}）" if lang == "zh" else f" ({spans(self.who)})"
        if text.endswith((".", "?", "!", "。", "？", "！")):
            return f"{text} {hint}".rstrip()
        return f"{text}。{hint}" if lang == "zh" else f"{text}. {hint}".rstrip()


WHAT_WAS_GIVEN = Text("what was given", "所给的内容")


class ManyfitError(Exception):
    """The root of every error that manyfit raises on purpose.

    Args:
        problems: What is wrong: one sentence, one `Problem`, or several of them.
        scope: What the problems were found in, for the headline when there are several ("this population").

    Example:
        >>> print(ManyfitError("nothing to train"))
        nothing to train
        >>> print(ManyfitError([Problem("Adam.lr", "must be ≥ 0", "-1"), Problem("epochs", "must be ≥ 0", "-3")], "this recipe"))
        2 problems in this recipe
          Adam.lr must be ≥ 0, got -1.
          epochs must be ≥ 0, got -3.
    """

    def __init__(
        self, problems: str | Text | Problem | Iterable[Problem], scope: str | Text = WHAT_WAS_GIVEN
    ) -> None:
        if isinstance(problems, (str, Text)):
            problems = [Problem("", problems)]
        elif isinstance(problems, Problem):
            problems = [problems]
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.scope = scope
        super().__init__(self.message())

    def message(self) -> str:
        """The text of the error in English."""
        return self.to("en")

    def to(self, lang: str) -> str:
        """The text of the error in a language: the sentence itself, or a headline and a line for each problem.

        Args:
            lang: "zh", else English.

        Example:
            >>> print(ManyfitError([Problem("a", "= 1"), Problem("b", "= 2")]).to("zh"))
            所给的内容有 2 个问题
              a = 1。
              b = 2。
        """
        if len(self.problems) == 1:
            problem = self.problems[0]
            return text_of(problem.rule).to(lang) if problem == Problem("", problem.rule) else problem.to(lang)
        scope = text_of(self.scope).to(lang)
        head = f"{scope}有 {len(self.problems)} 个问题" if lang == "zh" else f"{len(self.problems)} problems in {scope}"
        return "\n".join([head] + [f"  {problem.to(lang)}" for problem in self.problems])


class RecipeError(ManyfitError, ValueError):
    """A recipe, a space or a population asks for something that can't be."""


class DataError(ManyfitError, ValueError):
    """A table, a file or an array can't be used as it is."""


class EngineError(ManyfitError, RuntimeError):
    """No engine can train what was asked, or an engine is missing."""


class RunError(ManyfitError, RuntimeError):
    """A run folder or a saved model can't be read, written or resumed."""


class UsageError(ManyfitError, ValueError):
    """A command or a function was called with an option that makes no sense."""


class UnknownNameError(RecipeError, KeyError):
    """A rule, a schedule, a metric was asked for by a name that nobody registered."""

    def __str__(self) -> str:  # KeyError would print the repr of its argument
        return self.message()


class Gathered:
    """Errors of several things that are looked at one after another, to be raised together: a user mends all of them at once.

    Example:
        >>> gathered = Gathered()
        >>> for rate in (-1, 2):
        ...     with gathered:
        ...         raise UsageError(Problem("rate", "must be ≥ 0 and < 1", str(rate)))
        >>> gathered.raise_all("these options")
        Traceback (most recent call last):
        manyfit.errors.UsageError: 2 problems in these options
          rate must be ≥ 0 and < 1, got -1.
          rate must be ≥ 0 and < 1, got 2.
    """

    def __init__(self) -> None:
        self.errors: list[ManyfitError] = []

    def __enter__(self) -> Gathered:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if isinstance(error, ManyfitError):
            self.errors.append(error)
            return True
        return False

    def raise_all(self, scope: str | Text) -> None:
        """Raise what was gathered: a single error as it is, several as one, of their own class where they share it.

        Args:
            scope: What the problems were found in.
        """
        if not self.errors:
            return
        if len(self.errors) == 1:
            raise self.errors[0]
        kinds = {type(error) for error in self.errors}
        kind = kinds.pop() if len(kinds) == 1 else UsageError
        raise kind([problem for error in self.errors for problem in error.problems], scope)


def spans(members: Sequence[int], lang: str = "en") -> str:
    """Name networks by their indices, runs of them as spans.

    Example:
        >>> spans([3]), spans([1, 2, 3, 7]), spans([1, 2, 7], "zh")
        ('network 3', 'networks 1–3, 7', '网络 1–2、7')
    """
    ordered = sorted(set(members))
    parts: list[str] = []
    start = previous = ordered[0]
    for index in [*ordered[1:], None]:
        if index is not None and index == previous + 1:
            previous = index
            continue
        parts.append(str(start) if start == previous else f"{start}–{previous}")
        if index is not None:
            start = previous = index
    if lang == "zh":
        return f"网络 {'、'.join(parts)}"
    return f"network{'s' if len(ordered) > 1 else ''} {', '.join(parts)}"


def did_you_mean(name: str, known: Iterable[str], aliases: Mapping[str, str] | None = None) -> Text:
    """A hint for a name that nobody knows: the nearest ones, then all of them.

    Args:
        name: What was asked for.
        known: The names there are.
        aliases: Other spellings in lower case, with the name that each stands for.

    Example:
        >>> did_you_mean("adm", ["adam", "sgd"]).en
        "Did you mean 'adam'? Known: adam, sgd."
        >>> did_you_mean("xyz", ["adam", "sgd"]).zh
        '已知：adam, sgd。'
    """
    names = sorted(known)
    if not names:
        return Text("", "")
    spellings = dict(aliases or {}) | {n.lower(): n for n in names} | {n: n for n in names}
    near = [spellings[match] for match in difflib.get_close_matches(name.lower(), spellings, n=1, cutoff=0.6)]
    shown, more = ", ".join(names[:30]), len(names) - 30
    meant = Text(f"Did you mean {near[0]!r}? ", f"是不是 {near[0]!r}？") if near else Text("", "")
    rest = Text(f" and {more} more", f" 等，另有 {more} 个") if more > 0 else ""
    return meant + Text(f"Known: {shown}", f"已知：{shown}") + rest + Text(".", "。")
