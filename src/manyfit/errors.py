"""What goes wrong, said once and in one shape: where · rule · got · who · what to try.

Every error of manyfit is a `ManyfitError` that carries all the problems found, not the first one only. Nothing here knows about
training: the rooms below fill in the sentences.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, with all that a reader needs to mend it.

    where: What was being read: a field (`"Adam.lr"`), a file and row, an option of the command line.
    rule: What must hold, as the rest of the sentence (`"must be ≥ 0"`).
    got: The value found, already as text; empty when there is none to show.
    who: Indices of the networks concerned; empty when it concerns no network in particular.
    hint: What to try, one or two sentences.
    """

    where: str
    rule: str
    got: str = ""
    who: tuple[int, ...] = ()
    hint: str = ""

    def __str__(self) -> str:
        text = f"{self.where} {self.rule}" if self.where else self.rule
        if self.got:
            text += f", got {self.got}"
        if self.who:
            text += f" ({spans(self.who)})"
        return f"{text}. {self.hint}".rstrip() if not text.endswith((".", "?", "!")) else f"{text} {self.hint}".rstrip()


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

    def __init__(self, problems: str | Problem | Iterable[Problem], scope: str = "what was given") -> None:
        if isinstance(problems, str):
            problems = [Problem("", problems)]
        elif isinstance(problems, Problem):
            problems = [problems]
        self.problems: tuple[Problem, ...] = tuple(problems)
        self.scope = scope
        super().__init__(self.message())

    def message(self) -> str:
        """The text of the error: the sentence itself, or a headline and a line for each problem."""
        if len(self.problems) == 1:
            problem = self.problems[0]
            return problem.rule if problem == Problem("", problem.rule) else str(problem)
        lines = [f"{len(self.problems)} problems in {self.scope}"]
        return "\n".join(lines + [f"  {problem}" for problem in self.problems])


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

    def raise_all(self, scope: str) -> None:
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


def spans(members: Sequence[int]) -> str:
    """Name networks by their indices, runs of them as spans.

    Example:
        >>> spans([3]), spans([1, 2, 3, 7])
        ('network 3', 'networks 1–3, 7')
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
    return f"network{'s' if len(ordered) > 1 else ''} {', '.join(parts)}"


def did_you_mean(name: str, known: Iterable[str], aliases: Mapping[str, str] | None = None) -> str:
    """A hint for a name that nobody knows: the nearest ones, then all of them.

    Args:
        name: What was asked for.
        known: The names there are.
        aliases: Other spellings in lower case, with the name that each stands for.

    Example:
        >>> did_you_mean("adm", ["adam", "sgd"])
        "Did you mean 'adam'? Known: adam, sgd."
        >>> did_you_mean("xyz", ["adam", "sgd"])
        'Known: adam, sgd.'
    """
    names = sorted(known)
    spellings = dict(aliases or {}) | {n.lower(): n for n in names} | {n: n for n in names}
    near = [spellings[match] for match in difflib.get_close_matches(name.lower(), spellings, n=1, cutoff=0.6)]
    shown = ", ".join(names[:30]) + (f" and {len(names) - 30} more" if len(names) > 30 else "")
    return (f"Did you mean {near[0]!r}? " if near else "") + (f"Known: {shown}." if names else "")
