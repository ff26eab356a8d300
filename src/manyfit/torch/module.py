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

    A dense network becomes an `nn.Sequential` of Linear, LayerNorm, activation and Dropout, as far as it has them; any other is
    of its own class, with its parameters and buffers. What it returns is what `predict` returns: logits where the loss is on
    labels.

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
    for layer in range(1, len(network.hidden) + 1):
        block = [_linear(leaves, layer)]
        if network.norm is not None:
            block.append(_layer_norm(leaves, layer))
        block.append(
            _TORCH[network.activation]() if network.activation in _TORCH else _Own(network.activation)
        )
        block += [nn.Dropout(network.dropout)] if network.dropout else []
        parts += [_Residual(*block)] if network.adds(layer) else block
    return nn.Sequential(*parts, _linear(leaves, len(network.hidden) + 1)).eval()


def _linear(leaves: dict[str, Tensor], layer: int) -> nn.Module:
    weight = leaves[f"layer{layer}.weight"]  # [in, out]
    n_in, n_out = weight.shape
    return _filled(nn.Linear(n_in, n_out, dtype=weight.dtype), weight.T, leaves[f"layer{layer}.bias"])


def _layer_norm(leaves: dict[str, Tensor], layer: int) -> nn.Module:
    gain = leaves[f"layer{layer}.gain"]
    return _filled(nn.LayerNorm(len(gain), dtype=gain.dtype), gain, leaves[f"layer{layer}.shift"])


def _filled(made: Any, weight: Tensor, bias: Tensor) -> nn.Module:
    with torch.no_grad():
        made.weight.copy_(weight)
        made.bias.copy_(bias)
    return made


class _Residual(nn.Sequential):
    """A hidden layer that adds to the value of the one before."""

    def forward(self, input: Tensor) -> Tensor:
        """h + what its parts make of h."""
        return input + super().forward(input)


class _Own(nn.Module):
    """An activation that torch has no class for."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name

    def forward(self, z: Tensor) -> Any:
        """a = σ(z)."""
        return ACTIVATIONS[self.name](torch, z)
