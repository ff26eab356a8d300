"""Names of rules: who registers them, who finds them, and what a wrong name is answered with.

A rule is one file. `discover` imports every file of a room, `@rule` in that file makes the name known, and an entry point
`manyfit.<kinds>` ("manyfit.optimizers") adds what other packages bring, when it is first asked for.
"""

from __future__ import annotations

import dataclasses
import importlib
import logging
import pkgutil
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from types import MappingProxyType
from typing import Any, TypeVar, dataclass_transform

from manyfit.errors import Problem, RecipeError, UnknownNameError, did_you_mean
from manyfit.text import Text

T = TypeVar("T")

_log = logging.getLogger("manyfit")


@dataclass
class Registry:
    """The rules of one kind ("optimizer", "schedule", …) by name."""

    kind: str
    _rules: dict[str, Any] = field(default_factory=dict)
    _origins: dict[str, str] = field(default_factory=dict)
    _waiting: dict[str, Any] | None = None

    @property
    def plural(self) -> str:
        """The kind in the plural, which names its group of entry points: "optimizers", "losses", "penalties"."""
        if self.kind.endswith("y"):
            return f"{self.kind[:-1]}ies"
        return f"{self.kind}es" if self.kind.endswith("s") else f"{self.kind}s"

    def add(self, name: str, rule: Any) -> None:
        """Make a rule known.

        Raises:
            RecipeError: If another rule has the name.
        """
        taken = self._rules.get(name)
        if taken is not None and (taken.__module__, taken.__qualname__) != (
            rule.__module__,
            rule.__qualname__,
        ):
            said = Text(
                f"must be registered once only; {taken.__module__} already has that name",
                f"只能登记一次；{taken.__module__} 已用了这个名字",
            )
            raise RecipeError(Problem(f"{self.kind} {name!r}", said, rule.__module__))
        self._rules[name] = rule

    @dataclass_transform(frozen_default=True)
    def rule(self, cls: type[T]) -> type[T]:
        """Decorate a class: it becomes a frozen dataclass, known by its name in lower case."""
        frozen = dataclass(frozen=True)(cls)
        self.add(name_of(frozen), frozen)
        return frozen

    def get(self, name: str) -> Any:
        """The rule of that name or None. Capitals and underscores don't count; the names that torch has are known too.

        Example:
            >>> registry = Registry("schedule")
            >>> @registry.rule
            ... class OneCycle:
            ...     aliases = ("OneCycleLR",)
            >>> registry.get("one_cycle") is registry.get("OneCycleLR") is OneCycle
            True
        """
        if name in self._rules:
            return self._rules[name]
        known = self._aliases() | {folded(own): own for own in self._rules}
        if folded(name) in known:
            return self._rules[known[folded(name)]]
        if name in self._plugins():
            self._load(name)
        return self._rules.get(name)

    def find(self, name: str) -> Any:
        """The rule of that name, as `get` looks for it.

        Raises:
            UnknownNameError: If nobody registered it; the message names the nearest.
        """
        rule = self.get(name)
        if rule is None:
            hint = did_you_mean(name, self.all(), self._aliases())
            raise UnknownNameError(Problem("", unknown(self.kind, name), hint=hint))
        return rule

    def all(self) -> Mapping[str, Any]:
        """Every rule by name, those of other packages included, in the order of their names."""
        for name in list(self._plugins()):
            self._load(name)
        return MappingProxyType(dict(sorted(self._rules.items())))

    def origin(self, name: str) -> str:
        """Where a rule comes from: "manyfit", or the package that brings it, with its version.

        Example:
            >>> from manyfit.optimizers import registry
            >>> registry.origin("adam")
            'manyfit'
        """
        return self._origins.get(name) or self.find(name).__module__.partition(".")[0]

    def make(self, given: Any) -> Any:
        """A rule with its values, from its name, from a table of fields with "rule" among them, or from itself.

        Raises:
            RecipeError: If the name or a field is unknown.
        """
        if isinstance(given, str):
            return self.find(given)()
        if not isinstance(given, Mapping):
            return given
        if "rule" not in given:
            hint = Text('For example {rule = "adam", lr = 0.001}.', '例如 {rule = "adam", lr = 0.001}。')
            rule = Text("must name its rule", "必须写明规则的名字")
            raise RecipeError(Problem(self.kind, rule, repr(dict(given)), hint=hint))
        return build(self.find(given["rule"]), {k: v for k, v in given.items() if k != "rule"})

    def _aliases(self) -> dict[str, str]:
        """Names by which other libraries know our rules, folded, with ours."""
        return {
            folded(alias): name
            for name, rule in self._rules.items()
            for alias in getattr(rule, "aliases", ())
        }

    def _plugins(self) -> dict[str, Any]:
        """Entry points that have not been loaded yet, by name."""
        if self._waiting is None:
            self._waiting = {
                entry.name: entry for entry in metadata.entry_points(group=f"manyfit.{self.plural}")
            }
        return self._waiting

    def _load(self, name: str) -> None:
        """Take in what another package brings. One that is broken is left out with a line, and does no other harm."""
        entry = self._plugins().pop(name)
        package = getattr(entry, "dist", None)
        origin = f"{package.name} {package.version}" if package is not None else "another package"
        known = set(self._rules)
        try:
            rule = entry.load()
            if isinstance(rule, type) and name_of(rule) != name:
                raise RecipeError(f"its class is called {name_of(rule)!r}, and so must its entry point be")
            self.add(name, rule)
        except Exception as error:  # whatever somebody else's module does when it is imported
            for added in set(self._rules) - known:
                del self._rules[added]
            what = " ".join(str(error).split()) or type(error).__name__
            _log.warning("%s %r of %s is left out: %s", self.kind, name, origin, what)
        else:
            self._origins |= dict.fromkeys([name, *(set(self._rules) - known)], origin)


def name_of(rule: Any) -> str:
    """The registered name of a rule (class or instance): its class name in lower case with underscores.

    Example:
        >>> class CrossEntropy: ...
        >>> name_of(CrossEntropy)
        'cross_entropy'
    """
    cls = rule if isinstance(rule, type) else type(rule)
    given = cls.__dict__.get("name")
    return given if isinstance(given, str) else re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()


def folded(name: str) -> str:
    """A name without capitals and signs, by which spellings are compared.

    Example:
        >>> folded("StepLR") == folded("step_lr")
        True
    """
    return re.sub("[^a-z0-9]", "", name.lower())


def build(cls: type[Any], values: Mapping[str, Any]) -> Any:
    """A record with values from JSON or TOML, lists as tuples.

    Raises:
        RecipeError: If it has no such field; the message names the nearest.
    """
    known = {f.name for f in dataclasses.fields(cls)}
    owner = cls.__name__
    unknown = [
        Problem("", Text(f"unknown field {k!r} of {owner}", f"{owner} 没有 {k!r} 项"), hint=did_you_mean(k, known))
        for k in values
        if k not in known
    ]
    if unknown:
        raise RecipeError(unknown, owner)
    return cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in values.items()})


def plain(record: Any) -> dict[str, Any]:
    """The fields of a record as JSON and TOML can hold them; None is left out, and rules within are named.

    Example:
        >>> from manyfit.penalties import L1
        >>> plain(L1(0.5)), plain_rule(L1(0.5))
        ({'strength': 0.5, 'biases': False}, {'rule': 'l1', 'strength': 0.5, 'biases': False})
    """
    values = {f.name: getattr(record, f.name) for f in dataclasses.fields(record)}
    return {k: _plain_value(v) for k, v in values.items() if v is not None}


def plain_rule(rule: Any) -> dict[str, Any]:
    """The same with its name under "rule": what `Registry.make` reads."""
    return {"rule": name_of(rule), **plain(rule)}


def imported(given: Any, where: str) -> Any:
    """What a name like "package.module:thing" leads to; anything but a text is itself.

    Raises:
        RecipeError: If nothing of that name can be imported; `where` says whose name it was.

    Example:
        >>> imported("math:sqrt", "here")(9.0)
        3.0
    """
    if not isinstance(given, str):
        return given
    try:
        return pkgutil.resolve_name(given)
    except (ImportError, AttributeError, ValueError) as error:
        rule = Text("must be the name of something that can be imported", "必须是能导入之物的名字")
        hint = Text("For example 'package.module:thing'.", "例如 'package.module:thing'。")
        raise RecipeError(Problem(where, rule, f"{given!r} ({error})", hint=hint)) from error


_KINDS_ZH = {
    "optimizer": "优化器",
    "schedule": "学习率计划",
    "loss": "损失",
    "penalty": "惩罚",
    "metric": "指标",
    "sampler": "采样器",
    "corruption": "扰动",
    "attack": "攻击",
    "question": "问题",
    "finding": "发现",
    "activation": "激活函数",
    "init": "初始化",
    "norm": "归一化",
    "engine": "引擎",
}


def unknown(kind: str, name: object) -> Text:
    """What to say of a name that nobody registered.

    Example:
        >>> unknown("optimizer", "adm").zh
        "未知的优化器 'adm'"
    """
    return Text(f"unknown {kind} {name!r}", f"未知的{_KINDS_ZH.get(kind, f' {kind} ')} {name!r}")


def importable_name(thing: Any, where: str) -> str:
    """The name by which `imported` finds a class or a function.

    Raises:
        RecipeError: If it has none: a lambda, something within a function.

    Example:
        >>> importable_name(imported, "here")
        'manyfit.registry:imported'
    """
    name = f"{getattr(thing, '__module__', '')}:{getattr(thing, '__qualname__', '')}"
    try:
        found = pkgutil.resolve_name(name)
    except (ImportError, AttributeError, ValueError):
        found = None
    if found is not thing:
        rule = Text("must have an importable name, to be written down", "要写入文件，必须有可导入的名字")
        hint = Text("Define it at the top of a module.", "请在模块的顶层定义它。")
        raise RecipeError(Problem(where, rule, repr(thing), hint=hint))
    return name


def _plain_value(value: Any) -> Any:
    if hasattr(value, "item"):  # NumPy's scalars, which JSON refuses
        return value.item()
    if isinstance(value, (tuple, list)):
        return [_plain_value(part) for part in value]
    if dataclasses.is_dataclass(value):
        return plain_rule(value)
    return importable_name(value, "a function in a recipe") if callable(value) else value


def discover(package: str, path: Iterable[str]) -> None:
    """Import every file of a room that does not begin with an underscore, so that its rules register themselves."""
    for module in pkgutil.iter_modules(path):
        if not module.name.startswith("_"):
            importlib.import_module(f"{package}.{module.name}")
