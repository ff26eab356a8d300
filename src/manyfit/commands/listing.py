"""`manyfit list`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from typing import Any

from manyfit.commands.output import print_json
from manyfit.errors import Problem, UsageError, did_you_mean
from manyfit.hyper import knobs
from manyfit.text import Text


def run(kind: str | None, *, as_json: bool = False) -> None:
    """Print the rules of one kind, or of all."""
    if kind is not None and kind not in KINDS:
        near = next((name for name in KINDS if name.startswith(kind.rstrip("s"))), None)
        if near is None:
            rule = Text(f"unknown kind {kind!r}", f"没有 {kind!r} 这一类")
            raise UsageError(Problem("", rule, hint=did_you_mean(kind, KINDS)))
        kind = near
    found = {name: listed() for name, listed in KINDS.items() if kind in (None, name)}
    if as_json:
        print_json(found)
        return
    for name, rules in found.items():
        print(name)
        for rule, facts in rules.items():
            print(f"  {rule:14} {facts['doc']}" + (f" [{facts['from']}]" if facts.get("from") else ""))
            if kind is not None:
                for setting, doc in facts["settings"].items():
                    print(f"    {setting:15} {doc}")


def _rules(rules: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {"doc": _first_line(rule.__doc__), "settings": _settings(rule)} for name, rule in rules.items()
    }


def _settings(rule: Any) -> dict[str, str]:
    if not is_dataclass(rule):
        return {}
    return {name: f"{knob.doc} Default {knob.default}." for name, knob in knobs(rule).items()}


def _first_line(doc: str | None) -> str:
    return (doc or "").strip().splitlines()[0] if doc else ""


def _registry(module: str) -> Callable[[], dict[str, Any]]:
    def listed() -> dict[str, Any]:
        from importlib import import_module

        registry = import_module(f"manyfit.{module}").registry
        found = _rules(registry.all())
        for name in found:
            origin = registry.origin(name)
            found[name] |= {"from": origin} if origin != "manyfit" else {}
        return found

    return listed


def _activations() -> dict[str, Any]:
    from manyfit.networks import ACTIVATIONS

    return _rules(ACTIVATIONS)


def _inits() -> dict[str, Any]:
    from manyfit.networks import INITS

    return _rules(INITS)


def _examples() -> dict[str, Any]:
    from manyfit.data import EXAMPLES

    return {
        name: {
            "doc": example.doc,
            "settings": {"target": example.target, "task": example.task}
            | ({"time": example.time} if example.time else {}),
        }
        for name, example in EXAMPLES.items()
    }


KINDS: dict[str, Callable[[], dict[str, Any]]] = {
    "optimizers": _registry("optimizers"),
    "schedules": _registry("schedules"),
    "losses": _registry("losses"),
    "penalties": _registry("penalties"),
    "metrics": _registry("metrics"),
    "samplers": _registry("samplers"),
    "corruptions": _registry("data.corrupt"),
    "attacks": _registry("attacks"),
    "questions": _registry("questions"),
    "activations": _activations,
    "inits": _inits,
    "examples": _examples,
}
