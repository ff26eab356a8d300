"""From gradients to new parameters: penalties, clipping, the rule. Written for one network; torch.func adds their axis."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.func import vmap

from manyfit.engines.stacked.grouping import numbers_of, shape_of, stacked_numbers
from manyfit.networks import Layout
from manyfit.penalties import Penalty, penalized, proximal_step
from manyfit.population import Member

Numbers = Mapping[str, Tensor]

CHUNK = 1 << 18
"""Numbers that a CPU moves at a time: a megabyte of float32 for each array."""


class Update:
    """How networks that share a key are changed in a step.

    Where a rule moves each number by itself, all arrays of a network are moved as one. Where networks then differ in nothing but
    their rates, plain arithmetic does it: torch.func takes longer than the arithmetic of small networks.

    Args:
        members: P networks.
        layout: Where the numbers of one lie.
        n_batches: Steps of an epoch.
        device: Where they train.
        dtype: In which precision.
    """

    def __init__(
        self,
        members: Sequence[Member],
        layout: Layout,
        n_batches: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        recipes = [member.recipe for member in members]
        first = recipes[0]
        self.rule, self.penalties, self.dtype = first.optimizer, first.penalties, dtype
        self.names = list(first.optimizer.init(np, np.zeros(1), first.optimizer))
        self.leaves = layout.trained
        self.sizes = [leaf.size for leaf in self.leaves]
        self.rates = torch.from_numpy(_rates(members, n_batches)).to(device)
        self.hypers = _differing([recipe.optimizer for recipe in recipes], device)
        self.hypers.pop("lr", None)
        self.strengths: list[Numbers] = [
            _differing([recipe.penalties[k] for recipe in recipes], device)
            for k in range(len(self.penalties))
        ]
        self.clips: dict[str, Tensor] = {}
        for name in ("clip_value", "clip_norm"):
            limits = [getattr(recipe, name) for recipe in recipes]
            if limits[0] is not None:
                self.clips[name] = torch.tensor(limits, dtype=dtype, device=device)
        self.is_elementwise = is_elementwise(self.rule)
        self.is_plain = self.is_elementwise and not (self.hypers or self.penalties or self.clips)
        self._all = vmap(self._one, in_dims=(0, 0, 0, None, 0, 0, 0))

    def __call__(
        self,
        parameters: Tensor,
        gradients: Tensor,
        state: Sequence[Tensor],
        step: int,
        multipliers: Tensor | None,
    ) -> tuple[Tensor, list[Tensor]]:
        """New parameters and state.

        Args:
            parameters: [P, n].
            gradients: [P, n] of the batch losses.
            state: One [P, n] for each part of the rule's state.
            step: Updates made before this one.
            multipliers: [P] of the rates, besides their tables.
        """
        rates = self.rates[:, step] if multipliers is None else self.rates[:, step] * multipliers
        if self.is_plain:
            return self._in_chunks(parameters, gradients, state, step + 1, rates.to(self.dtype)[:, None])
        hypers = {**self.hypers, "lr": rates}
        return self._all(parameters, gradients, list(state), step + 1, hypers, self.strengths, self.clips)

    def _one(
        self,
        p: Tensor,
        g: Tensor,
        state: list[Tensor],
        t: int,
        hypers: Numbers,
        strengths: list[Numbers],
        clips: Numbers,
    ) -> tuple[Tensor, list[Tensor]]:
        """One step of one network, its parameters and state flat."""
        later: list[list[Penalty]] = [[] for _ in self.leaves]
        if self.penalties:
            own = [dataclasses.replace(p, **n) for p, n in zip(self.penalties, strengths, strict=True)]  # type: ignore[type-var]
            shaped = []
            for k, (leaf, part, slope) in enumerate(
                zip(self.leaves, self._cut(p), self._cut(g), strict=True)
            ):
                paid = [penalty for penalty in own if leaf.is_weight or penalty.biases]
                slope, later[k] = penalized(
                    torch, part.view(leaf.shape), slope.view(leaf.shape), paid, self.rule
                )
                shaped.append(slope.flatten())
            g = torch.cat(shaped)
        if "clip_value" in clips:
            g = torch.clamp(g, -clips["clip_value"], clips["clip_value"])  # as torch's clip_grad_value_
        if "clip_norm" in clips:
            share = clips["clip_norm"] / (torch.sqrt((g * g).sum()) + 1e-6)  # as torch's clip_grad_norm_
            g = g * torch.clamp(share, max=1.0)
        if self.is_elementwise and not any(later):
            return self._moved(p, g, state, t, hypers)
        moved, parts = [], zip(*map(self._cut, (p, g, *state)), strict=True)
        for leaf, of_leaf, proximal in zip(self.leaves, parts, later, strict=True):
            leaf_p, leaf_g, *leaf_state = [part.view(leaf.shape) for part in of_leaf]
            new, new_state = self._moved(leaf_p, leaf_g, leaf_state, t, hypers, proximal)
            moved.append([each.flatten() for each in (new, *new_state)])
        new, *new_state = [torch.cat(of_leaves) for of_leaves in zip(*moved, strict=True)]
        return new, new_state

    def _in_chunks(
        self, p: Tensor, g: Tensor, state: Sequence[Tensor], t: int, rates: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """The same for all networks. A CPU takes a chunk at a time: what is larger has to come from afar for every operation."""
        P, n = p.shape
        if p.numel() <= CHUNK or p.device.type != "cpu":
            return self._moved(p, g, state, t, {"lr": rates})
        rows, columns = max(CHUNK // n, 1), min(n, CHUNK)
        for top in range(0, P, rows):
            for left in range(0, n, columns):
                at = slice(top, top + rows), slice(left, left + columns)
                new = self._moved(p[at], g[at], [part[at] for part in state], t, {"lr": rates[at[0]]})
                for old, moved in zip((p, *state), (new[0], *new[1]), strict=True):
                    old[at] = moved
        return p, list(state)

    def _moved(
        self,
        p: Tensor,
        g: Tensor,
        state: Sequence[Tensor],
        t: int,
        hypers: Numbers,
        later: Sequence[Penalty] = (),
    ) -> tuple[Tensor, list[Tensor]]:
        rule = dataclasses.replace(self.rule, **hypers)  # type: ignore[type-var]  # a rule is a dataclass
        named = dict(zip(self.names, state, strict=True))
        if later:
            new, new_state, _ = proximal_step(torch, p, g, named, t, rule, later)
        else:
            new, new_state = rule.step(torch, p, g, named, t, rule)
        return new, [new_state[name] for name in self.names]

    def _cut(self, flat: Tensor) -> tuple[Tensor, ...]:
        return torch.split(flat, self.sizes)


def _differing(rules: list[Any], device: torch.device) -> dict[str, Tensor]:
    """The numbers [P] in which rules differ, in float64: as exact as where each is one number."""
    found = stacked_numbers(rules)
    return {name: torch.from_numpy(v).to(device) for name, v in found.items() if (v != v[0]).any()}


def is_elementwise(rule: Any) -> bool:
    """Whether a rule moves each parameter by itself, so that all arrays of a network can be moved as one.

    Tried on a few numbers, since nothing says so: a rule that looks at a whole array (LAMB) moves the halves of one differently.
    """
    return _tried(type(rule), shape_of(rule), tuple(numbers_of(rule).items()))


@cache
def _tried(kind: type[Any], shape: tuple[Any, ...], numbers: tuple[tuple[str, float], ...]) -> bool:
    rule = kind(**dict(shape[1:]), **dict(numbers))
    draw = np.random.default_rng(0)
    p, steps = draw.normal(size=9), draw.normal(size=(3, 9))

    def moved(p: Any, steps: Any) -> Any:
        state = rule.init(np, p, rule)
        for t, g in enumerate(steps, start=1):
            p, state = rule.step(np, p, g, state, t, rule)
        return np.concatenate([p, *(part.ravel() for part in state.values())])

    whole = moved(p, steps).reshape(-1, 9)
    halves = [moved(p[part], steps[:, part]).reshape(len(whole), -1) for part in (slice(0, 4), slice(4, 9))]
    return bool(np.allclose(whole, np.concatenate(halves, 1), rtol=1e-12, atol=0, equal_nan=True))


def _rates(members: Sequence[Member], n_batches: int) -> np.ndarray[Any, Any]:
    """The rate of each network at each of its steps, [P, T·K]; 0 after its end."""
    tables: dict[Any, np.ndarray[Any, Any]] = {}
    longest = max(member.recipe.epochs for member in members) * n_batches
    rates = np.zeros((len(members), longest))
    for row, member in zip(rates, members, strict=True):
        recipe = member.recipe
        key = (recipe.schedule, recipe.epochs)
        if key not in tables:
            tables[key] = recipe.schedule.table(recipe.epochs, n_batches)
        row[: len(tables[key])] = recipe.optimizer.lr * tables[key]
    return rates
