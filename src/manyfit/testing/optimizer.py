"""The contract of an optimizer."""

from __future__ import annotations

import dataclasses
import importlib
import io
import re
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.hyper import knobs
from manyfit.optimizers import Optimizer, State, registry
from manyfit.recipe import Recipe
from manyfit.registry import name_of
from manyfit.testing.knobs import check_knobs

Array = NDArray[np.floating]

N_STEPS = 50
TOLERANCE = 1e-12
"""Relative to the largest parameter, for each step made: two ways of writing a rule differ by a few roundings of 1e-16."""


def check_optimizer(rule: type[Any]) -> None:
    """Hold an update rule to the contract, at each of its `examples`.

    It is declared and registered; its recipe survives a round trip; it changes none of its inputs and keeps their dtype and
    shape; its numpy and torch forms agree; it can be stacked, and a network's update then depends on no other network; it follows
    its `oracle` for 50 steps, through a save and a load; it goes downhill unless `is_descent` is False.

    Args:
        rule: The class. Its `oracle` is the dotted name of an optimizer of torch with its names of the options, or None.

    Raises:
        AssertionError: If something does not hold.
    """
    check_knobs(rule, registry)
    for example in rule.examples:
        optimizer = rule(**example)
        recipe = Recipe(optimizer=optimizer)
        assert Recipe.from_dict(recipe.to_dict()) == recipe, f"{optimizer} does not survive to_dict and from_dict"
        _check_purity(optimizer)
        _check_stack(optimizer)
        if getattr(rule, "oracle", None) is not None:
            _check_oracle(optimizer, *rule.oracle)
        if getattr(rule, "is_descent", True):
            _check_descent(optimizer)


def _check_purity(optimizer: Optimizer) -> None:
    torch = importlib.import_module("torch")
    generator = np.random.default_rng(0)
    for dtype in (np.float32, np.float64):
        p, g = (generator.normal(size=(3, 2)).astype(dtype) for _ in range(2))
        state = optimizer.init(np, p, optimizer)
        for t in (1, 2, 3):
            before = [array.copy() for array in (p, g, *state.values())]
            new, new_state = optimizer.step(np, p, g, state, t, optimizer)
            for array, copy in zip((p, g, *state.values()), before, strict=True):
                assert np.array_equal(array, copy), f"{optimizer} changes its inputs"
            tensors = {name: torch.from_numpy(array.copy()) for name, array in state.items()}
            other, other_state = optimizer.step(torch, torch.from_numpy(p.copy()), torch.from_numpy(g), tensors, t, optimizer)
            assert list(new_state) == list(state) == list(other_state), f"{optimizer} changes the names in its state"
            for a, b in zip((new, *new_state.values()), (other, *other_state.values()), strict=True):
                assert a.dtype == dtype, f"{optimizer} turns {np.dtype(dtype)} into {a.dtype}"
                assert a.shape == p.shape, f"{optimizer} turns shape {p.shape} into {a.shape}"
                close = np.allclose(a, b.numpy(), rtol=1e-5 if dtype == np.float32 else TOLERANCE, atol=1e-12)
                assert close, f"{optimizer} differs between numpy and torch at step {t}"
            p, state = new, new_state


def _check_stack(optimizer: Optimizer) -> None:
    """Three networks as one, as the stacked engine trains them: hyperparameters are tensors, one number a network."""
    torch = importlib.import_module("torch")
    declared = knobs(optimizer)
    values = {name: getattr(optimizer, name) for name in declared}
    moving = {k: v for k, v in values.items() if declared[k].kind == "number" and v is not None}
    fixed = {k: v for k, v in values.items() if k not in moving}
    factors = torch.tensor([1.0, 0.5, 0.25], dtype=torch.float64)  # each network by its own settings

    def step(p: Any, g: Any, state: State, hypers: Mapping[str, Any]) -> tuple[Any, State]:
        return optimizer.step(torch, p, g, state, 2, SimpleNamespace(**hypers, **fixed))

    generator = np.random.default_rng(1)
    p, g = (torch.from_numpy(generator.normal(size=(3, 4, 2))) for _ in range(2))
    state = {name: torch.stack([one + 0.1] * 3) for name, one in optimizer.init(torch, p[0], optimizer).items()}
    hypers = {name: value * factors for name, value in moving.items()}
    together = torch.vmap(step)(p, g, state, hypers)

    def alone(i: int) -> tuple[Any, State]:
        return step(p[i], g[i], {k: v[i] for k, v in state.items()}, {k: v[i] for k, v in hypers.items()})

    for i in range(3):
        assert torch.allclose(together[0][i], alone(i)[0], rtol=TOLERANCE, atol=1e-14), f"{optimizer} can't be stacked"
    disturbed = g.clone()
    disturbed[1] = torch.nan
    again = torch.vmap(step)(p, disturbed, state, hypers)
    for i in (0, 2):
        assert torch.equal(again[0][i], together[0][i]), f"{optimizer}: a network's gradient reaches another network"


def _check_oracle(optimizer: Optimizer, oracle: str, names: Mapping[str, str]) -> None:
    torch = importlib.import_module("torch")
    module, _, cls = oracle.rpartition(".")
    start, gradient = _bowl()
    p: Array = start.copy()
    state = optimizer.init(np, p, optimizer)
    tensor = torch.from_numpy(start.copy())
    peer = getattr(importlib.import_module(module), cls)([tensor], **oracle_options(optimizer, names))
    for t in range(1, N_STEPS + 1):
        tensor.grad = torch.from_numpy(gradient(tensor.numpy().copy()))
        peer.step()
        p, state = optimizer.step(np, p, gradient(p), state, t, optimizer)
        if t == N_STEPS // 2:
            state = _saved_and_loaded(state)
        apart = np.abs(p - tensor.numpy()).max() / np.abs(p).max()
        assert apart <= TOLERANCE * t, f"{optimizer} is {apart:.1e} from {oracle} at step {t}"


def oracle_options(optimizer: Optimizer, names: Mapping[str, str]) -> dict[str, Any]:
    """The optimizer's values under the oracle's names; "betas[1]" is the second number of its option betas."""
    options: dict[str, Any] = {}
    for ours, theirs in names.items():
        value = getattr(optimizer, ours)
        part = re.fullmatch(r"(\w+)\[(\d)\]", theirs)
        if part is None:
            options[theirs] = value
        else:
            numbers = list(options.get(part[1], ()))
            options[part[1]] = (*numbers[: int(part[2])], value)
    return options


def _saved_and_loaded(state: State) -> State:
    file = io.BytesIO()
    np.savez(file, **state)
    file.seek(0)
    with np.load(file) as loaded:
        return {name: loaded[name] for name in state}


def _bowl() -> tuple[Array, Callable[[Array], Array]]:
    """A start and the gradient of a curved bowl whose minimum is not at 0, so that decay and descent pull apart."""
    generator = np.random.default_rng(2)
    start, center = generator.normal(size=(4, 3)), generator.normal(size=(4, 3))
    return start, lambda p: (p - center) + 0.3 * np.sin(3 * p)


def _check_descent(optimizer: Optimizer) -> None:
    def parabola(p: Array) -> tuple[float, Array]:
        return float((p * p).sum()) / 2, p

    def rosenbrock(p: Array) -> tuple[float, Array]:
        x, y = p
        value = (1 - x) ** 2 + 100 * (y - x * x) ** 2
        return float(value), np.array([-2 * (1 - x) - 400 * x * (y - x * x), 200 * (y - x * x)])

    # Rosenbrock's valley curves by about 1500 at these starts: plain descent needs a rate below 2/1500.
    slow = dataclasses.replace(optimizer, lr=1e-4)  # type: ignore[type-var]  # every rule is a dataclass
    sign = -1 if getattr(optimizer, "maximize", False) else 1
    for function in (parabola, rosenbrock):
        for start in ((-1.2, 1.0), (2.0, 2.0)):
            p = np.array(start)
            state = slow.init(np, p, slow)
            for t in range(1, 201):
                p, state = slow.step(np, p, sign * function(p)[1], state, t, slow)
            first, last = function(np.array(start))[0], function(p)[0]
            assert last < first, f"{name_of(optimizer)} goes uphill on the {function.__name__}: {first:g} to {last:g}"
