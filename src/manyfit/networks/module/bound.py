"""A module made once, as a function of parameters and inputs: what every engine calls."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from manyfit.errors import Problem, RecipeError
from manyfit.networks.inputs import Inputs
from manyfit.networks.layout import Layout
from manyfit.networks.module.randomness import drawing, seeded
from manyfit.networks.network import Drop


class Bound:
    """The structure of a module, without the numbers: those come from outside.

    Args:
        module: A module, made and ready to compute.
        inputs: What it takes.
        label: What to call it in messages.
    """

    def __init__(self, module: nn.Module, inputs: Inputs, label: str) -> None:
        self.module = module
        self.label = label
        self.names = [each.name for each in inputs]
        trained = {name: p for name, p in module.named_parameters() if p.requires_grad}
        frozen = {name: p for name, p in module.named_parameters() if not p.requires_grad}
        self.buffers: dict[str, Tensor] = {**frozen, **dict(module.named_buffers())}
        self.layout = Layout.of(
            [(name, tuple(p.shape)) for name, p in trained.items()],
            [(name, tuple(b.shape)) for name, b in self.buffers.items()],
        )

    def numbers(self, module: nn.Module) -> Tensor:
        """The numbers of another module of this structure, flat, in float64."""
        found = {**dict(module.named_parameters()), **dict(module.named_buffers())}
        return torch.cat(
            [found[leaf.name].detach().reshape(-1).double() for leaf in self.layout] or [torch.empty(0)]
        )

    def filled(self, leaves: dict[str, Tensor]) -> nn.Module:
        """A module of its own that holds these numbers, set to predict."""
        own = copy.deepcopy(self.module)
        found = {**dict(own.named_parameters()), **dict(own.named_buffers())}
        with torch.no_grad():
            for leaf in self.layout:
                kept = found[leaf.name]
                if kept.is_floating_point():
                    kept.data = leaves[leaf.name].clone()
                else:
                    kept.copy_(leaves[leaf.name])
        return own.eval()

    def __call__(
        self,
        xp: Any,
        leaves: dict[str, Tensor],
        parts: Sequence[Tensor],
        drop: Drop | None = None,
        seed: int | None = 0,
    ) -> Tensor:
        """Outputs [B, C] of one network; see `Network.bind`."""
        if seed is not None:
            with seeded(seed):
                return self._compute(leaves, parts, drop)
        return self._compute(leaves, parts, drop)

    def _compute(self, leaves: dict[str, Tensor], parts: Sequence[Tensor], drop: Drop | None) -> Tensor:
        is_training = drop is not None
        if self.module.training != is_training:
            self.module.train(is_training)
        state = dict(leaves)
        for name, kept in self.buffers.items():
            given = leaves[name]
            # A module may write into its buffers: the caller's stay as they are.
            state[name] = (
                given.to(kept.dtype)
                if given.dtype != kept.dtype and not kept.is_floating_point()
                else given.clone()
            )
        given = [part.clone() for part in parts]  # it may write into these too
        named = dict(zip(self.names, given, strict=True)) if any(self.names) else {}
        args = () if named else tuple(given)
        has_fast_path = torch.backends.mha.get_fastpath_enabled()
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            with drawing(drop):
                output = functional_call(self.module, state, args, named)
        finally:
            torch.backends.mha.set_fastpath_enabled(has_fast_path)
        if is_training:
            for name in self.buffers:
                leaves[name] = state[name].to(leaves[name].dtype)
        if not isinstance(output, Tensor):
            rule = "must return a tensor [rows, outputs]"
            raise RecipeError(Problem(self.label, rule, f"a {type(output).__name__}"))
        return output.reshape(len(parts[0]), -1)
