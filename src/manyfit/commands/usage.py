"""What cyclopts finds wrong with a command line, as one of our own errors: in the same words as all others, in both languages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, get_args, get_origin

from cyclopts import CoercionError, Token, convert
from cyclopts import exceptions as found

from manyfit.errors import Problem, UsageError, did_you_mean
from manyfit.text import Text

_KINDS = {
    float: Text("must be a number", "必须是数"),
    int: Text("must be a whole number", "必须是整数"),
    bool: Text("must be true or false", "必须是 true 或 false"),
}


def exactly(kind: Any, tokens: Sequence[Token]) -> Any:
    """What was written as the type that an option takes; half a number is no whole one (cyclopts would round it)."""
    if kind is int and not tokens[0].value.lstrip("+-").isdigit():
        raise CoercionError(token=tokens[0], target_type=int)
    return convert(kind, tokens)


def usage_error(error: found.CycloptsError, commands: Sequence[str]) -> UsageError:
    """The error that says what is wrong.

    Args:
        error: What cyclopts raised.
        commands: Names of the commands there are.
    """
    hint = Text("manyfit --help shows how it is called.", "manyfit --help 说明用法。")
    if error.command_chain:
        name = error.command_chain[-1]
        hint = Text(f"manyfit {name} --help shows its options.", f"manyfit {name} --help 列出其选项。")
    problem = _problem(error, commands)
    return UsageError(problem if problem.hint else Problem(problem.where, problem.rule, problem.got, hint=hint))


def _problem(error: found.CycloptsError, commands: Sequence[str]) -> Problem:
    if isinstance(error, found.UnknownCommandError):
        name = (error.unused_tokens or ["?"])[0]
        return Problem("", Text(f"unknown command {name!r}", f"未知的命令 {name!r}"), hint=did_you_mean(name, commands))
    if isinstance(error, found.UnknownOptionError):
        name = (error.token.keyword or error.token.value).split("=")[0]
        known = [each for argument in error.argument_collection for each in argument.names if argument.parse]
        flags = [each for each in known if each.startswith("--")]
        return Problem("", Text(f"unknown option {name}", f"未知的选项 {name}"), hint=did_you_mean(name, flags))
    if isinstance(error, found.UnusedCliTokensError):
        rest = " ".join(error.unused_tokens or ())
        hint = Text("A name with blanks in it needs quotes.", "名字里有空格时要加引号。")
        return Problem("", Text(f"nothing takes {rest!r}", f"没有地方用到 {rest!r}"), hint=hint)
    where = _name(error)
    if isinstance(error, found.MissingArgumentError):
        is_option = where.startswith("-")
        return Problem(where, Text("needs a value", "需要一个值") if is_option else Text("must be given", "必须给出"))
    if isinstance(error, found.RepeatArgumentError):
        return Problem(where, Text("is given twice", "给了两次"))
    if isinstance(error, found.CoercionError) and error.target_type is not None:
        got = repr(error.token.value) if error.token is not None else ""
        return Problem(where, _rule(error.target_type), got)
    return Problem("", str(error))


def _name(error: found.CycloptsError) -> str:
    """An option as it was written, a place of the command line by its name in capitals."""
    token = getattr(error, "token", None)
    if token is not None and token.keyword:
        return str(token.keyword)
    if error.argument is None:
        return ""
    name = str(error.argument.name)
    return name if error.argument.index is None else name.lstrip("-").upper()


def _rule(kind: Any) -> Text:
    if get_origin(kind) is not None and get_args(kind):
        choices = [str(each) for each in get_args(kind) if isinstance(each, str)]
        if choices:
            return Text(f"must be one of {', '.join(choices)}", f"必须是 {'、'.join(choices)} 之一")
    return _KINDS.get(kind, Text("must be of another kind", "必须是另一种值"))
