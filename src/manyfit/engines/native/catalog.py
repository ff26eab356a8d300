"""What the core knows: its rules, and how it names a network's layers, a loss, the switches and the numbers of an optimizer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit import _native, losses, optimizers
from manyfit.hyper import knobs
from manyfit.losses import Loss
from manyfit.networks import Dense
from manyfit.optimizers import Optimizer
from manyfit.penalties import L1, L2, ElasticNet
from manyfit.recipe import Recipe
from manyfit.registry import name_of

CATALOG: Mapping[str, Any] = _native.catalog()

PENALTIES = (L1, L2, ElasticNet)


def supports(recipe: Recipe) -> bool:
    """Whether the core knows every rule of a recipe."""
    return (
        isinstance(recipe.network, Dense)
        and recipe.dense.activation in CATALOG["activations"]
        and losses.registry.all().get(name_of(recipe.loss)) is type(recipe.loss)
        and name_of(recipe.loss) in CATALOG["losses"]
        and optimizers.registry.all().get(name_of(recipe.optimizer)) is type(recipe.optimizer)
        and name_of(recipe.optimizer) in CATALOG["optimizers"]
        and all(isinstance(penalty, PENALTIES) for penalty in recipe.penalties)
    )


def blocks_of(network: Dense) -> dict[str, bool]:
    """What its hidden layers are, besides sums and activations."""
    return {"residual": network.residual, "norm": network.norm is not None}


def form_of(loss: Loss) -> tuple[str, NDArray[np.float64]]:
    """What the core calls a loss, and its settings. A loss whose settings are off has a form that does not know them."""
    name, numbers = name_of(loss), {k: getattr(loss, k) for k in knobs(loss)}
    smoothing, weights = numbers.pop("label_smoothing", 0.0), numbers.pop("class_weights", ())
    if len(weights):
        return f"{name}_weighted", np.array([smoothing, *weights], dtype=np.float64)
    if smoothing:
        return f"{name}_smoothed", np.array([smoothing], dtype=np.float64)
    return name, np.array(list(numbers.values()), dtype=np.float64)


def flags_of(optimizer: Optimizer) -> dict[str, int]:
    """The switches of a rule that the core knows, 0 or 1; a number is one too where not being 0 changes what the rule keeps."""
    return {
        name: int(bool(getattr(optimizer, name))) for name in CATALOG["optimizers"][name_of(optimizer)]["flags"]
    }


def hypers_of(optimizer: Optimizer) -> list[float]:
    """The numbers of a rule in the order of the core; a bound that is None is infinite."""
    values = (getattr(optimizer, name) for name in CATALOG["optimizers"][name_of(optimizer)]["hypers"])
    return [np.inf if value is None else float(value) for value in values]


def check_catalog() -> None:
    """Assert that the core knows every rule as Python does: same hyperparameters in the same order, same state."""
    for name, known in CATALOG["optimizers"].items():
        rule = optimizers.registry.find(name)
        declared = knobs(rule)
        numbers = [k for k, knob in declared.items() if not knob.structural]
        assert numbers == known["hypers"], (name, numbers, known["hypers"])
        switches = [k for k, knob in declared.items() if knob.kind == "switch"]
        assert [flag for flag in known["flags"] if flag not in numbers] == switches, (name, switches, known["flags"])
        for form, state in enumerate(known["states"]):
            on = {k: True if k in switches else 0.5 for bit, k in enumerate(known["flags"]) if form >> bit & 1}
            kept = list(rule.init(np, np.zeros(1), rule(**on)))
            assert kept == state, (name, on, kept, state)
        assert getattr(rule, "linear", False) == known["linear"], name
