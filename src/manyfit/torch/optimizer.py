"""An update rule as a `torch.optim.Optimizer`: the same equations, with torch tensors in the place of arrays."""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from types import SimpleNamespace
from typing import Any, ClassVar

import torch
from torch import Tensor

from manyfit.errors import EngineError, Problem, RecipeError, did_you_mean
from manyfit.hyper import knobs, problems_of
from manyfit.optimizers import registry

_KEYWORD = inspect.Parameter.KEYWORD_ONLY


class RuleOptimizer(torch.optim.Optimizer):
    """What every optimizer here is; `optimizer_class` makes one from a rule.

    Param groups with own options, closures, state dicts, `torch.save` and `torch.load(weights_only=True)`, `add_param_group` and
    torch's schedulers work as with torch's own. Parameters without a gradient are passed over.

    rule: The class of the rule.
    names: Its hyperparameters with torch's names; "betas[1]" is the second number of the option betas.
    """

    rule: ClassVar[type[Any]]
    names: ClassVar[Mapping[str, str]]
    signature: ClassVar[inspect.Signature]

    def __init__(self, params: Iterable[Any], *values: Any, **options: Any) -> None:
        try:
            bound = self.signature.bind(params, *values, **options)
        except TypeError as error:
            known = list(self.signature.parameters)[1:]
            wrong = [name for name in options if name not in known]
            hint = did_you_mean(wrong[0], known) if wrong else f"Known: {', '.join(known)}."
            raise TypeError(f"{type(self).__name__}: {error}. {hint}") from None
        bound.apply_defaults()
        defaults = dict(bound.arguments)
        defaults.pop(next(iter(defaults)))
        self._check(defaults)
        super().__init__(params, defaults)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own, as torch's optimizers do.

        Raises:
            RecipeError: If an option is out of bounds (it is a ValueError), or a parameter is complex.
        """
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        try:
            self._check(group)
            if any(torch.is_complex(p) for p in group["params"]):
                hint = "Train torch.view_as_real of it."
                raise RecipeError(Problem("params", "must be real", "a complex parameter", hint=hint))
        except Exception:
            self.param_groups.pop()
            raise

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:  # type: ignore[override]
        """One update of every parameter that has a gradient.

        Args:
            closure: Computes the loss anew, with its gradients, and returns it.

        Returns:
            What the closure returned.

        Raises:
            EngineError: If a gradient is sparse (it is a RuntimeError).
        """
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            hypers = SimpleNamespace(**self._values(group))
            for p in group["params"]:
                if p.grad is not None:
                    self._update(p, p.grad, hypers)
        return loss

    def _update(self, p: Tensor, g: Tensor, hypers: SimpleNamespace) -> None:
        if g.is_sparse:
            hint = "Take torch.optim.SparseAdam, or a layer with sparse=False."
            raise EngineError(Problem(type(self).__name__, "takes no sparse gradients", hint=hint))
        kept = self.state[p]
        if not kept:
            kept["step"] = 0
            kept |= self.rule.init(torch, p, hypers)
        kept["step"] += 1
        state = {name: value for name, value in kept.items() if name != "step"}
        new, new_state = self.rule.step(torch, p, g, state, kept["step"], hypers)
        p.copy_(new)
        kept |= new_state

    def _values(self, group: Mapping[str, Any]) -> dict[str, Any]:
        """The hyperparameters of a group under the rule's own names."""
        values = {}
        for ours, theirs in self.names.items():
            option, place = _option(theirs)
            value = group[option] if place is None else group[option][place]
            # A rate may be a tensor of one number; without a shape it never changes the shape of what it multiplies.
            values[ours] = value.reshape(()) if isinstance(value, Tensor) else value
        return values

    def _check(self, group: Mapping[str, Any]) -> None:
        """Refuse options that are out of bounds."""
        name, lr = type(self).__name__, group["lr"]
        if isinstance(lr, Tensor):
            if lr.numel() != 1:
                raise RecipeError(Problem(f"{name}.lr", "must be one number", f"{lr.numel()} of them"))
            group = {**group, "lr": lr.item()}
        for option, place in map(_option, self.names.values()):
            if place is not None and not (
                isinstance(group[option], tuple | list) and len(group[option]) == 2
            ):
                raise RecipeError(Problem(f"{name}.{option}", "must be two numbers", repr(group[option])))
        rule = self.rule(**self._values(group))
        found = [*problems_of(rule, name), *(rule.problems() if hasattr(rule, "problems") else ())]
        if found:
            raise RecipeError(found, f"the options of {name}")


@cache
def optimizer_class(rule: type[Any]) -> type[RuleOptimizer]:
    """The optimizer of a rule, with torch's names, order and defaults of the options where torch has such an optimizer.

    torch's SGD has momentum, which is a rule of its own here: `manyfit.torch.SGD` has it too.

    Example:
        >>> from manyfit.optimizers.adam import Adam
        >>> optimizer_class(Adam).signature.parameters["betas"].default
        (0.9, 0.999)
    """
    name, doc, theirs = rule.__name__, rule.__doc__, _oracle(rule)
    is_torchs = theirs is not None and theirs.__name__.lower() == name.lower()
    if is_torchs:
        same = [other for other in registry.all().values() if _oracle(other) is theirs]
        rule = max(same, key=lambda other: len(knobs(other)))
    names = dict(rule.oracle[1]) if theirs is not None else {}
    names |= {ours: _usual_name(ours, rule) for ours in knobs(rule) if ours not in names}
    parameters = [inspect.Parameter("params", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
    known = dict(inspect.signature(theirs).parameters) if theirs is not None else {}
    options = {option: _default(rule, names, option) for option, _ in map(_option, names.values())}
    for option in sorted(options, key=[*known, *options].index):
        kind = known[option].kind if option in known else _KEYWORD if known else parameters[0].kind
        default = known[option].default if is_torchs and option in known else options[option]
        parameters.append(inspect.Parameter(option, kind, default=default))
    signature = inspect.Signature(parameters)
    return type(
        name,
        (RuleOptimizer,),
        {
            "__doc__": doc,
            "__module__": "manyfit.torch",
            "__signature__": signature,
            "rule": rule,
            "names": names,
            "signature": signature,
        },
    )


def _oracle(rule: type[Any]) -> Any:
    """The optimizer of torch that does the same, or None."""
    if getattr(rule, "oracle", None) is None:
        return None
    module, _, name = rule.oracle[0].rpartition(".")
    return getattr(importlib.import_module(module), name) if module.startswith("torch") else None


def _usual_name(ours: str, rule: type[Any]) -> str:
    """What torch's users expect of a rule that torch has not: the two memories in one option."""
    both = {"beta1", "beta2"} <= knobs(rule).keys()
    return {"beta1": "betas[0]", "beta2": "betas[1]"}.get(ours, ours) if both else ours


def _option(name: str) -> tuple[str, int | None]:
    """An option, and the place in it of one hyperparameter.

    Example:
        >>> _option("betas[1]"), _option("lr")
        (('betas', 1), ('lr', None))
    """
    part = re.fullmatch(r"(\w+)\[(\d)\]", name)
    return (part[1], int(part[2])) if part else (name, None)


def _default(rule: type[Any], names: Mapping[str, str], option: str) -> Any:
    """The default of an option, from the hyperparameters that make it up."""
    defaults = {_option(theirs): knobs(rule)[ours].default for ours, theirs in names.items()}
    if (option, None) in defaults:
        return defaults[option, None]
    return tuple(value for (name, _), value in sorted(defaults.items(), key=str) if name == option)
