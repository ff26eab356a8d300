"""A trained network as an ordinary torch module, to be used, exported or trained on by anybody's code."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from manyfit.networks import ACTIVATIONS, Dense
from manyfit.networks.module import Module
from manyfit.runs import Run

_TORCH = {
    "identity": nn.Identity,
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "elu": nn.ELU,
}


def module(run: Run, index: int) -> nn.Module:
    """One network of a run as a module of its own, set to predict.

    A dense network becomes an `nn.Sequential` of Linear, activation and, where it was trained with some, Dropout; any other is of
    its own class, with its parameters and buffers. What it returns is what `predict` returns: logits where the loss is on labels.

    Args:
        run: Where it comes from.
        index: Which network.

    Example:
        >>> import numpy as np, manyfit as mf
        >>> X = np.linspace(-1, 1, 8)[:, None]
        >>> run = mf.fit(mf.Population.of([mf.Recipe(mf.Dense((4,)), epochs=1)], X, 2 * X))
        >>> module(run, 0)
        Sequential(
          (0): Linear(in_features=1, out_features=4, bias=True)
          (1): ReLU()
          (2): Linear(in_features=4, out_features=1, bias=True)
        )
    """
    member = run.population.members[index]
    leaves = {name: torch.from_numpy(np.array(leaf)) for name, leaf in run.leaves(index).items()}
    network = member.recipe.network
    if isinstance(network, Module):
        return network.bind(run.population.view_of(member).inputs).filled(leaves)
    return _sequential(member.recipe.dense, leaves)


def _sequential(network: Dense, leaves: dict[str, Tensor]) -> nn.Sequential:
    parts: list[nn.Module] = [nn.Dropout(network.input_dropout)] if network.input_dropout else []
    for layer in range(1, len(network.hidden) + 2):
        weight, bias = leaves[f"layer{layer}.weight"], leaves[f"layer{layer}.bias"]
        linear = nn.Linear(*weight.shape, dtype=weight.dtype)
        with torch.no_grad():
            linear.weight.copy_(weight.T)
            linear.bias.copy_(bias)
        parts.append(linear)
        if layer <= len(network.hidden):
            parts.append(
                _TORCH[network.activation]() if network.activation in _TORCH else _Own(network.activation)
            )
            parts += [nn.Dropout(network.dropout)] if network.dropout else []
    return nn.Sequential(*parts).eval()


class _Own(nn.Module):
    """An activation that torch has no class for."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, z: Tensor) -> Any:
        """a = σ(z)."""
        return ACTIVATIONS[self.name](torch, z)
