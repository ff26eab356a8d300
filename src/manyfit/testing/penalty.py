"""The contract of a penalty."""

from __future__ import annotations

import dataclasses
import importlib
from typing import Any

import numpy as np

from manyfit.penalties import registry
from manyfit.recipe import Recipe
from manyfit.testing.knobs import check_knobs


def check_penalty(rule: type[Any]) -> None:
    """Hold a penalty to the contract.

    It is declared and registered; its recipe survives a round trip; its gradient is the slope of its value, 0 at 0 and at
    strength 0; it changes none of its inputs and keeps float32; numpy and torch agree. Where it can act by a threshold, its
    gradient is that of the threshold and of what it says is smooth.

    Args:
        rule: The class.

    Raises:
        AssertionError: If something does not hold.
    """
    check_knobs(rule, registry)
    penalty = rule(strength=0.3)
    recipe = Recipe(penalties=(penalty,))
    assert Recipe.from_dict(recipe.to_dict()) == recipe, f"{penalty} does not survive to_dict and from_dict"

    torch = importlib.import_module("torch")
    p = np.random.default_rng(4).normal(size=(4, 3))
    before, gradient = p.copy(), penalty.gradient(np, p)
    assert np.array_equal(p, before), f"{penalty} changes its input"
    assert gradient.shape == p.shape, f"{penalty} gives a gradient of shape {gradient.shape} for {p.shape}"
    assert penalty.gradient(np, p.astype(np.float32)).dtype == np.float32, f"{penalty} turns float32 into something else"
    tensor = torch.from_numpy(p)
    agree = np.allclose(penalty.gradient(torch, tensor).numpy(), gradient, rtol=1e-12)
    agree &= np.isclose(float(penalty.value(torch, tensor)), float(penalty.value(np, p)), rtol=1e-12)
    assert agree, f"{penalty} differs between numpy and torch"

    if hasattr(penalty, "proximal"):
        parts = penalty.threshold * np.sign(p) + penalty.smooth_gradient(np, p)
        assert np.allclose(parts, gradient, rtol=1e-12), f"{penalty}: threshold and smooth_gradient are not its gradient"

    step = 1e-6  # central differences are then right to about 1e-9; no weight is nearer to 0 than that
    for position in np.ndindex(p.shape):
        moved = np.zeros_like(p)
        moved[position] = step
        slope = (penalty.value(np, p + moved) - penalty.value(np, p - moved)) / (2 * step)
        assert abs(gradient[position] - slope) < 1e-7, f"{penalty}: its gradient at {position} is not its slope"
    assert not penalty.gradient(np, np.zeros(3)).any(), f"{penalty} pushes a weight of 0"
    assert not dataclasses.replace(penalty, strength=0.0).gradient(np, p).any(), f"{penalty} acts at strength 0"
