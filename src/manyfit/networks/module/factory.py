"""What makes a torch module: a class, a function, or the name of one; which settings it takes, and how it is written down."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from torch import nn

from manyfit.errors import Problem, RecipeError, did_you_mean
from manyfit.registry import importable_name, imported

_PLAIN = (bool, int, float, str)


def resolved(factory: Any) -> Callable[..., nn.Module]:
    """The factory itself, looked up if it is a name.

    Raises:
        RecipeError: If there is nothing of that name, or it can't make modules.

    Example:
        >>> resolved("torch.nn:Linear")
        <class 'torch.nn.modules.linear.Linear'>
    """
    hint = "Give a class, a function, or a name like 'package.nets:ConvNet'."
    if isinstance(factory, nn.Module):
        rule = "must be what makes a module (a class or a function), since each network starts anew"
        raise RecipeError(
            Problem("Module.factory", rule, f"a {type(factory).__name__} that is made already", hint=hint)
        )
    factory = imported(factory, "Module.factory")
    if not callable(factory):
        raise RecipeError(Problem("Module.factory", "must be callable", repr(factory), hint=hint))
    return factory


def name_of_factory(factory: Any) -> str:
    """The importable name of a factory, "package.nets:ConvNet".

    Raises:
        RecipeError: If it has none: a lambda, a class within a function.

    Example:
        >>> name_of_factory(nn.Linear)
        'torch.nn.modules.linear:Linear'
    """
    return factory if isinstance(factory, str) else importable_name(factory, "Module.factory")


def shown(factory: Any) -> str:
    """A short name for people.

    Example:
        >>> shown(nn.Linear), shown("torch.nn:Linear"), shown(lambda: nn.Linear(1, 1))
        ('Linear', 'Linear', '<lambda>')
    """
    if isinstance(factory, str):
        return factory.rpartition(":")[2] or factory
    return getattr(factory, "__name__", type(factory).__name__)


def parameters_of(factory: Any) -> tuple[dict[str, Any], bool]:
    """The settings that a factory takes, with their defaults (`Parameter.empty` for none), and whether it takes any other."""
    try:
        found = inspect.signature(resolved(factory)).parameters.values()
    except (TypeError, ValueError):  # made in C, or of another kind: anything goes
        return {}, True
    named = {p.name: p.default for p in found if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return named, any(p.kind is p.VAR_KEYWORD for p in found)


def unknown_setting(factory: Any, name: str) -> Problem | None:
    """What is wrong with the name of a setting."""
    known, takes_any = parameters_of(factory)
    if name in known or takes_any:
        return None
    return Problem("", f"{shown(factory)} takes no setting {name!r}", hint=did_you_mean(name, known))


def plain_settings(factory: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as JSON and TOML hold them; a None that is the default is left out.

    Raises:
        RecipeError: If a value can't be written down.
    """
    defaults, _ = parameters_of(factory)
    written, wrong = {}, []
    for name, value in settings.items():
        value = value.item() if hasattr(value, "item") else value
        if value is None and defaults.get(name, 0) is None:
            continue
        parts = value if isinstance(value, tuple) else (value,)
        if name in ("kind", "factory") or not all(isinstance(part, _PLAIN) for part in parts):
            hint = "Plain values can: numbers, texts, switches, lists of them."
            wrong.append(
                Problem(
                    f"setting {name!r} of {shown(factory)}", "can't be written down", repr(value), hint=hint
                )
            )
        written[name] = list(value) if isinstance(value, tuple) else value
    if wrong:
        raise RecipeError(wrong, "this network")
    return written
