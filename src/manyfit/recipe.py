"""A recipe: everything that says how one network is trained, in one frozen record that prints, compares and round-trips."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from manyfit import losses, optimizers, penalties, schedules
from manyfit.augment import Augment
from manyfit.errors import Problem, RecipeError, did_you_mean
from manyfit.hyper import hyper, problems_of
from manyfit.losses import Loss
from manyfit.networks import Dense, Network, network_from
from manyfit.optimizers import Optimizer
from manyfit.optimizers.adam import Adam
from manyfit.penalties import Penalty
from manyfit.registry import Registry, build, name_of, plain, plain_rule
from manyfit.schedules import Schedule
from manyfit.schedules.constant import Constant
from manyfit.text import Text


@dataclass(frozen=True)
class Stopping:
    """When training ends before its last epoch.

    Example:
        >>> Stopping(patience=5)
        Stopping(patience=5, min_delta=0.0, target_loss=None, max_seconds=None, max_steps=None)
    """

    patience: int | None = hyper(
        None,
        low=1,
        optional=True,
        kind="whole number",
        doc="Epochs without a better held-out loss; then the best weights are kept.",
    )
    min_delta: float = hyper(0.0, low=0, doc="How much lower the held-out loss must be to count as better.")
    target_loss: float | None = hyper(
        None, optional=True, kind="number", doc="Training loss of an epoch at which training is done: “loss small enough?”."
    )
    max_seconds: float | None = hyper(
        None,
        above=0,
        optional=True,
        kind="number",
        doc="Seconds on the wall after which the network is cut, between segments of about 0.1 s; `Run.as_trained` repeats it.",
    )
    max_steps: int | None = hyper(
        None, low=0, optional=True, kind="whole number", doc="Updates after which it ends, amid an epoch too; the schedule stays."
    )


@dataclass(frozen=True)
class Recipe:
    """Everything that says how one network is trained. Rules may be given by name.

    Example:
        >>> recipe = Recipe(Dense((32, 32)), loss="cross_entropy", optimizer="adamw", schedule="cosine", epochs=30)
        >>> recipe.set("optimizer.lr", 0.01).optimizer.lr
        0.01
        >>> Recipe.from_dict(recipe.to_dict()) == recipe
        True
    """

    network: Network = Dense()
    loss: Loss = losses.MSE()
    optimizer: Optimizer = Adam()
    schedule: Schedule = Constant()
    penalties: tuple[Penalty, ...] = ()
    augment: Augment = Augment()
    batch_size: int | None = hyper(32, low=1, optional=True, usual=(16, 512), doc="Rows per update; None for all of them.")
    shuffle: bool = hyper(True, structural=True, doc="Rows in a new order each epoch; else as they stand.")
    epochs: int = hyper(20, low=0, usual=(5, 200), doc="Passes over the training rows.")
    clip_norm: float | None = hyper(
        None, above=0, optional=True, kind="number", usual=(0.1, 10), doc="Largest norm of the whole gradient of a network."
    )
    clip_value: float | None = hyper(
        None, above=0, optional=True, kind="number", usual=(0.1, 10), doc="Largest size of a number of it; acts first."
    )
    stopping: Stopping = Stopping()
    precision: str = hyper("float32", structural=True, doc="float32 or float64.")

    def __post_init__(self) -> None:
        if isinstance(self.network, str) and ":" in self.network:
            module = network_from({"kind": "module", "factory": self.network})
            object.__setattr__(self, "network", module)
        for name, kinds in _KINDS.items():
            object.__setattr__(self, name, kinds.make(getattr(self, name)))
        given = self.penalties if isinstance(self.penalties, (tuple, list)) else (self.penalties,)
        object.__setattr__(self, "penalties", tuple(map(penalties.registry.make, given)))

    @property
    def dense(self) -> Dense:
        """Its network, for what is about layers of units.

        Raises:
            RecipeError: If it is another kind of network.
        """
        if isinstance(self.network, Dense):
            return self.network
        rule = Text("must be a dense network here", "在此必须是全连接网络")
        raise RecipeError(Problem("Recipe.network", rule, self.network.kind))

    def problems(self) -> Iterator[Problem]:
        """Everything that is wrong with this recipe."""
        if isinstance(self.network, Network) and not isinstance(self.network, type):
            yield from self.network.problems()
        else:
            hint = Text(
                "For example Dense((32, 32)), or a torch module by its name: 'package.nets:ConvNet'.",
                "例如 Dense((32, 32))，或以名称给出的 torch 模块：'package.nets:ConvNet'。",
            )
            if callable(self.network):
                hint = Text(
                    "Module(it) makes one of a torch module's class.", "Module(它) 可由 torch 模块的类造出一个。"
                )
            yield Problem("Recipe.network", Text("must be a network", "必须是网络"), repr(self.network), hint=hint)
        yield from _problems_of_rule(self.loss, "loss", Loss)
        yield from _problems_of_rule(self.optimizer, "optimizer", Optimizer)
        yield from _problems_of_rule(self.schedule, "schedule", Schedule)
        for penalty in self.penalties:
            yield from _problems_of_rule(penalty, "penalties", Penalty)
            if getattr(penalty, "proximal", None) is True and not penalties.can_be_proximal(self.optimizer):
                optimizer = name_of(self.optimizer)
                rule = Text(f"must not be true with {optimizer}", f"与 {optimizer} 合用时不能为 true")
                hint = Text(
                    "SGD and Momentum can set weights to exactly 0, going downhill. None decides by the optimizer.",
                    "SGD 和 Momentum 能在下降中把权重恰好置为 0。None 表示由优化器决定。",
                )
                yield Problem(f"{type(penalty).__name__}.proximal", rule, hint=hint)
        yield from _problems_of_rule(self.augment, "augment", Augment)
        yield from _problems_of_rule(self.stopping, "stopping", Stopping)
        yield from problems_of(self)
        if isinstance(self.precision, str) and self.precision not in ("float32", "float64"):
            said = Text("must be 'float32' or 'float64'", "必须是 'float32' 或 'float64'")
            yield Problem("Recipe.precision", said, repr(self.precision))
        for kind in {type(p) for p in self.penalties}:
            if sum(type(p) is kind for p in self.penalties) > 1:
                rule = Text(f"must hold {kind.__name__} once only", f"只能有一个 {kind.__name__}")
                yield Problem("Recipe.penalties", rule, hint=Text("Add the strengths up.", "请把强度相加。"))

    def check(self) -> Recipe:
        """The recipe itself.

        Raises:
            RecipeError: If anything is wrong with it; all problems at once.
        """
        found = list(self.problems())
        if found:
            raise RecipeError(found, "this recipe")
        return self

    def get(self, path: str) -> Any:
        """The value at a dotted path: `"optimizer.lr"`, `"network.hidden"`, `"l2.strength"`, `"schedule.warmup.length"`."""
        value: Any = self
        for name in path.split("."):
            value = _part(value, name, path)[0]
        return value

    def set(self, path: str, value: Any) -> Recipe:
        """The same recipe with another value at a dotted path.

        Raises:
            RecipeError: If there is no such path; the message names the nearest.
        """
        head, *rest = path.split(".")
        kind = None if head in {f.name for f in dataclasses.fields(self)} else penalties.registry.get(head)
        if kind is not None and not any(isinstance(p, kind) for p in self.penalties):
            self = dataclasses.replace(self, penalties=(*self.penalties, kind()))
        if kind is not None and not rest:
            rest = ["strength"]
        return _changed(self, [head, *rest], value, path)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and TOML; whatever is None is left out."""
        fields: dict[str, Any] = {"network": self.network.to_dict()}
        fields |= {name: plain_rule(getattr(self, name)) for name in _KINDS}
        fields["penalties"] = [plain_rule(p) for p in self.penalties]
        fields |= {"augment": plain(self.augment), "stopping": plain(self.stopping)}
        others = {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in fields}
        fields |= {k: v.item() if hasattr(v, "item") else v for k, v in others.items() if v is not None}
        return fields if self.batch_size is not None else {**fields, "batch_size": 0}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Recipe:
        """The recipe that `to_dict` wrote.

        Raises:
            RecipeError: If a field or a rule is unknown, or a value is out of bounds.
        """
        known = {f.name for f in dataclasses.fields(cls)}
        unknown = [
            Problem("", Text(f"unknown field {k!r} of a recipe", f"配方没有 {k!r} 项"), hint=did_you_mean(k, known))
            for k in fields
            if k not in known
        ]
        if unknown:
            raise RecipeError(unknown, Text("this recipe", "这个配方"))
        values = dict(fields)
        if "network" in values:
            values["network"] = network_from(_mapping(values["network"], "network"))
        for name in _KINDS:
            if name in values and not isinstance(values[name], (str, list)):
                _mapping(values[name], name)
        for name, kind in (("augment", Augment), ("stopping", Stopping)):
            values[name] = build(kind, _mapping(values.get(name, {}), name))
        if values.get("batch_size") == 0:
            values["batch_size"] = None
        return build(cls, values).check()


_KINDS: dict[str, Registry] = {"loss": losses.registry, "optimizer": optimizers.registry, "schedule": schedules.registry}


def _problems_of_rule(rule: Any, name: str, protocol: type[Any]) -> Iterator[Problem]:
    """What is wrong with one part of a recipe: it is no such rule, or it has values out of bounds."""
    if isinstance(rule, type):
        written = f"{rule.__name__}()"
        hint = Text(f"Write {written}, with its values in the brackets.", f"请写 {written}，括号里是它的值。")
        said = Text("must be a rule with its values", "必须是带值的规则")
        got = Text(f"the class {rule.__name__}", f"类 {rule.__name__}")
        yield Problem(f"Recipe.{name}", said, got, hint=hint)
    elif isinstance(rule, protocol) and dataclasses.is_dataclass(rule):
        yield from problems_of(rule)
        if hasattr(rule, "problems"):
            yield from rule.problems()
        for part in getattr(rule, "parts", ()):
            yield from _problems_of_rule(part, name, protocol)
    else:
        expected = protocol.__name__.lower()
        article = "an" if expected[0] in "aeiou" else "a"
        base = f"{protocol.__module__.split('._')[0]}.{protocol.__name__}"
        hint = Text(
            f"A class derived from {base} is one, as a frozen dataclass.", f"由 {base} 派生的冻结 dataclass 就是。"
        )
        said = Text(f"must be {article} {expected}", f"必须是 {expected}")
        yield Problem(f"Recipe.{name}", said, repr(rule), hint=hint)


def _mapping(fields: Any, where: str) -> Mapping[str, Any]:
    if isinstance(fields, Mapping):
        return fields
    raise RecipeError(Problem(where, Text("must be a table of fields", "必须是若干项组成的表"), repr(fields)))


def _changed(record: Any, names: list[str], value: Any, path: str) -> Any:
    """A record with another value at the end of a path."""
    if hasattr(record, "with_setting"):  # a module, whose settings are its factory's own
        return record.with_setting(".".join(names), value)
    old, field, position = _part(record, names[0], path)
    new = _changed(old, names[1:], value, path) if names[1:] else value
    if position is not None:
        parts = getattr(record, field)
        new = (*parts[:position], new, *parts[position + 1 :])
    return dataclasses.replace(record, **{field: new})


def _part(record: Any, name: str, path: str) -> tuple[Any, str, int | None]:
    """What a name leads to, the field that holds it, and its position there if that field holds several rules."""
    if hasattr(record, "setting"):
        return record.setting(name), name, None
    fields = {f.name for f in dataclasses.fields(record)} if dataclasses.is_dataclass(record) else set()
    if name in fields:
        return getattr(record, name), name, None
    several = next((field for field in ("penalties", "parts") if field in fields), None)
    parts = getattr(record, several) if several else ()
    for position, part in enumerate(parts):
        if name in (name_of(part), str(position)):
            return part, str(several), position
    hint = did_you_mean(name, {*fields, *map(name_of, parts)})
    raise RecipeError(Problem("", Text(f"no field {name!r} in {path!r}", f"{path!r} 中没有 {name!r} 项"), hint=hint))
