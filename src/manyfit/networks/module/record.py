"""A torch module as the network of a recipe: what makes it, and with which settings."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from manyfit.errors import Problem, RecipeError, did_you_mean
from manyfit.networks.inputs import Inputs, cut
from manyfit.networks.layout import Layout
from manyfit.networks.module.bound import Bound
from manyfit.networks.module.factory import (
    name_of_factory,
    parameters_of,
    plain_settings,
    resolved,
    shown,
    unknown_setting,
)
from manyfit.networks.module.randomness import seeded


@dataclass(frozen=True)
class Module:
    """Any torch module. It takes the inputs as the data have them, and returns one row of outputs for each row.

    Its initial weights are its own, drawn with torch's generator at a seed from the network's init stream. Settings can be varied
    like those of any rule: `recipe.set("network.channels", 16)`.

    factory: A class, a function, or a name like "package.nets:ConvNet"; without an importable name it can't be written into a run
        folder.
    settings: Keyword arguments of the factory.

    Example:
        >>> from manyfit.recipe import Recipe
        >>> recipe = Recipe(Module(nn.Linear, {"in_features": 3, "out_features": 1}))
        >>> recipe.set("network.bias", False).network
        Module(Linear, in_features=3, out_features=1, bias=False)
        >>> recipe.to_dict()["network"]["factory"]
        'torch.nn.modules.linear:Linear'
    """

    factory: Any
    settings: Mapping[str, Any] = field(default_factory=dict)

    kind: ClassVar[str] = "module"

    def __post_init__(self) -> None:
        frozen = {name: tuple(v) if isinstance(v, list) else v for name, v in dict(self.settings).items()}
        object.__setattr__(self, "settings", frozen)

    def __hash__(self) -> int:
        return hash((self.factory, tuple(sorted(self.settings.items(), key=lambda setting: setting[0]))))

    def __repr__(self) -> str:
        return (
            f"Module({', '.join([shown(self.factory), *(f'{k}={v!r}' for k, v in self.settings.items())])})"
        )

    # Settings, by path

    def setting(self, name: str) -> Any:
        """One setting, or the factory's default of it."""
        if name in ("factory", "settings"):
            return getattr(self, name)
        if name in self.settings:
            return self.settings[name]
        known, _ = parameters_of(self.factory)
        if known.get(name, inspect.Parameter.empty) is inspect.Parameter.empty:
            names = {*self.settings, *(n for n, v in known.items() if v is not inspect.Parameter.empty)}
            raise RecipeError(
                Problem("", f"no setting {name!r} of {shown(self.factory)}", hint=did_you_mean(name, names))
            )
        return known[name]

    def with_setting(self, name: str, value: Any) -> Module:
        """The same module with another setting."""
        if name in ("factory", "settings"):
            return dataclasses.replace(self, **{name: value})
        wrong = unknown_setting(self.factory, name)
        if wrong is not None:
            raise RecipeError(wrong)
        return dataclasses.replace(self, settings={**self.settings, name: value})

    # What is wrong

    def problems(self) -> Iterator[Problem]:
        """Everything that is wrong with its factory and settings."""
        try:
            resolved(self.factory)
            hash(self)
        except RecipeError as error:
            yield from error.problems
            return
        except TypeError as error:
            hint = "Take numbers, texts, switches, tuples of them, or functions."
            yield Problem(f"{self}", "must have settings that can be compared", str(error), hint=hint)
            return
        for name in self.settings:
            wrong = unknown_setting(self.factory, name)
            if wrong is not None:
                yield wrong

    def problems_on(self, X: NDArray[np.float64], inputs: Inputs, n_outputs: int) -> Iterator[Problem]:
        """Everything that is wrong with it on data, tried on a few rows [B, D]."""
        try:
            bound = self.bind(inputs)
        except RecipeError as error:
            yield from error.problems
            return
        if bound.layout.n_trained == 0:
            yield Problem(str(self), "must have something to train")
        parts = [
            torch.from_numpy(part).to(_TYPES[each.kind])
            for part, each in zip(cut(X, inputs), inputs, strict=True)
        ]
        leaves = bound.layout.cut(bound.numbers(bound.module).float())
        try:
            with torch.no_grad():
                output = bound(torch, leaves, parts)
        except RecipeError as error:
            yield from error.problems
        except Exception as error:  # anybody's code
            yield failed(str(self), [tuple(part.shape) for part in parts], error)
        else:
            if output.shape[1] != n_outputs:
                rule, hint = f"must have {n_outputs} outputs for these targets", "Is there a setting for it?"
                yield Problem(str(self), rule, str(output.shape[1]), hint=hint)
            elif not output.is_floating_point():
                yield Problem(str(self), "must have outputs that are floats", str(output.dtype))

    # What it is to the engines

    @property
    def structure(self) -> Module:
        """Itself: what its settings change is not known."""
        return self

    @property
    def start(self) -> Module:
        """Itself."""
        return self

    def takes(self, inputs: Inputs) -> Inputs:
        """The inputs as they are."""
        return inputs

    def bind(self, inputs: Inputs) -> Bound:
        """The function that it is on such inputs; made once.

        Raises:
            RecipeError: If it can't be made.
        """
        return _bound(self, inputs)

    def layout(self, inputs: Inputs, n_outputs: int) -> Layout:
        """Its parameters in its own order, then its buffers and what is frozen."""
        return self.bind(inputs).layout

    def layout_of(self, inputs: Inputs, size: int) -> Layout:
        """The same; it has as many numbers as it has."""
        layout = self.bind(inputs).layout
        if layout.size != size:
            raise RecipeError(Problem(str(self), f"has {layout.size} numbers", f"{size}"))
        return layout

    def initial(self, keys: Sequence[int], inputs: Inputs, n_outputs: int) -> NDArray[np.float64]:
        """Its numbers as it begins with them, [P, n], each row drawn by torch at a seed of its own."""
        bound = self.bind(inputs)
        return np.stack([bound.numbers(_made(self, inputs, key)).numpy() for key in keys])

    # On paper

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and TOML.

        Raises:
            RecipeError: If the factory has no importable name, or a setting is no plain value.
        """
        settings = plain_settings(self.factory, self.settings)
        return {"kind": self.kind, "factory": name_of_factory(self.factory), **settings}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Module:
        """The module that `to_dict` wrote."""
        settings = dict(fields)
        factory = settings.pop("factory", None)
        if not isinstance(factory, str):
            hint = "For example 'package.nets:ConvNet'."
            raise RecipeError(
                Problem("network.factory", "must be an importable name", repr(factory), hint=hint)
            )
        resolved(factory)
        return cls(factory, settings)


_TYPES = {"float": torch.float32, "int": torch.int64, "bool": torch.bool}


def failed(
    label: str, shapes: Sequence[tuple[int, ...]], error: Exception, who: tuple[int, ...] = ()
) -> Problem:
    """What to say when a module breaks on inputs of these shapes."""
    given = ", ".join(str(list(shape)) for shape in shapes)
    return Problem(label, f"can't compute on inputs {given}", f"{type(error).__name__}: {error}", who)


def _made(module: Module, inputs: Inputs, seed: int) -> nn.Module:
    """A fresh module, its weights drawn at a seed."""
    with seeded(seed):
        try:
            made = resolved(module.factory)(**module.settings)
            if isinstance(made, nn.Module) and any(
                map(nn.parameter.is_lazy, [*made.parameters(), *made.buffers()])
            ):
                rows = [torch.zeros(2, *each.shape, dtype=_TYPES[each.kind]) for each in inputs]
                args = (
                    {each.name: row for each, row in zip(inputs, rows, strict=True)} if inputs[0].name else {}
                )
                with torch.no_grad():
                    made.eval()(*([] if args else rows), **args)
        except Exception as error:  # anybody's code
            raise RecipeError(
                Problem(str(module), "can't be made", f"{type(error).__name__}: {error}")
            ) from error
    if not isinstance(made, nn.Module):
        raise RecipeError(Problem(str(module), "must make a torch module", repr(made)))
    return made


@lru_cache(maxsize=256)
def _bound(module: Module, inputs: Inputs) -> Bound:
    return Bound(_made(module, inputs, 0), inputs, str(module))
