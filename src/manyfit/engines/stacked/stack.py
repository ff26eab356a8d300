"""Networks of one structure as one function: parameters [P, n] and a batch in, outputs [P, B, C] out."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import vmap

from manyfit.engines.stacked.draws import Drop
from manyfit.networks import Dense, Input, Inputs, Network, cut
from manyfit.networks.module.randomness import seeded

AT_ONCE = 1 << 24
"""Numbers of inputs, over all networks, that networks which predict work on in one go: 64 megabytes of float32."""


class Stack:
    """The function that networks of one structure are.

    Args:
        network: Any of them.
        inputs: What the data have.
        size: How many numbers each has.
        why_not: Why torch.func can't take them together, so that each is computed by itself; empty when it can.
    """

    def __init__(self, network: Network, inputs: Inputs, size: int, why_not: str = "") -> None:
        self.network = network
        self.why_not = why_not
        self.is_dense = isinstance(network, Dense)
        self.takes = network.takes(inputs)
        self.layout = network.layout_of(inputs, size)
        self.n_trained = self.layout.n_trained
        self._apply = network.bind(inputs)
        self._trained = self.layout.trained
        self._buffers = tuple(leaf for leaf in self.layout if not leaf.trained)

    def __call__(
        self,
        trained: Tensor,
        buffers: Tensor,
        parts: Sequence[Tensor],
        drop: Drop | None = None,
        *,
        shared: bool = False,
    ) -> tuple[Tensor, Tensor]:
        """Outputs and new buffers.

        Args:
            trained: [P, n] what is trained.
            buffers: [P, m] what is remembered besides.
            parts: One tensor [P, B, …] for each input, or [B, …] where all networks see the same.
            drop: Given in training, and only then.
            shared: Whether parts are the same for all.

        Returns:
            [P, B, C] and [P, m].
        """
        leaves = self.leaves(trained, buffers)
        if self.why_not:
            return self._one_by_one(leaves, buffers, parts, drop, shared)
        if self.is_dense:  # matrix products know the axis of networks by themselves
            rows = {name: leaf.unsqueeze(1) if leaf.ndim == 2 else leaf for name, leaf in leaves.items()}
            return self._apply(torch, rows, parts, None if drop is None else drop.together), buffers
        axis = None if shared else 0
        if drop is None:
            run = vmap(lambda own, given: self._apply(torch, dict(own), given, None, None), in_dims=(0, axis))
            return run(leaves, list(parts)), buffers

        def train(own: dict[str, Tensor], given: list[Tensor], token: Tensor) -> tuple[Tensor, list[Tensor]]:
            its = dict(own)
            output = self._apply(torch, its, given, drop.within(token), None)
            return output, [its[leaf.name] for leaf in self._buffers]

        outputs, new = vmap(train, in_dims=(0, axis, 0))(leaves, list(parts), drop.token)
        return outputs, torch.cat([each.reshape(len(buffers), -1) for each in new], 1) if new else buffers

    def leaves(self, trained: Tensor, buffers: Tensor) -> dict[str, Tensor]:
        """Every array by name, [P, …]. Splitting in one go lets the gradient be joined in one go."""
        named = {}
        for leaves, flat in ((self._trained, trained), (self._buffers, buffers)):
            if leaves:
                for leaf, part in zip(
                    leaves, torch.split(flat, [leaf.size for leaf in leaves], 1), strict=True
                ):
                    named[leaf.name] = part.reshape(len(flat), *leaf.shape)
        return named

    def predict(
        self, trained: Tensor, buffers: Tensor, parts: Sequence[Tensor], *, shared: bool = True
    ) -> Tensor:
        """Outputs [P, N, C] without dropout, a chunk of rows at a time."""
        axis = 0 if shared else 1
        n_rows = parts[0].shape[axis]
        chunk = max(AT_ONCE // (len(trained) * max(sum(each.size for each in self.takes), 1)), 1)
        with torch.no_grad():
            outputs = [
                self(
                    trained,
                    buffers,
                    [part.narrow(axis, at, min(chunk, n_rows - at)) for part in parts],
                    shared=shared,
                )[0]
                for at in range(0, max(n_rows, 1), chunk)
            ]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs, 1)

    def _one_by_one(
        self,
        leaves: dict[str, Tensor],
        buffers: Tensor,
        parts: Sequence[Tensor],
        drop: Drop | None,
        shared: bool,
    ) -> tuple[Tensor, Tensor]:
        outputs, new = [], []
        for i in range(len(buffers)):
            own = {name: leaf[i] for name, leaf in leaves.items()}
            given = list(parts) if shared else [part[i] for part in parts]
            alone, seed = (None, 0) if drop is None else (drop.alone(i), drop.seed(i))
            outputs.append(self._apply(torch, own, given, alone, seed))
            new.append(torch.cat([buffers[i, :0], *(own[leaf.name].flatten() for leaf in self._buffers)]))
        return torch.stack(outputs), torch.stack(new)


def try_out(
    stack: Stack, trained: Tensor, buffers: Tensor, parts: Sequence[Tensor], drop: Drop, shared: bool
) -> tuple[str, int]:
    """Compute a step of a few networks together.

    Returns:
        Why torch.func can't do that, empty when it can; and how many bytes of memory a network needs meanwhile.
    """
    kept = 0

    def count(tensor: Tensor) -> Tensor:
        nonlocal kept
        kept += tensor.numel() * tensor.element_size()
        return tensor

    try:
        with seeded(0), warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
                output, _ = stack(trained.detach().requires_grad_(), buffers, parts, drop, shared=shared)
            output.sum().backward()
            stack.predict(trained, buffers, parts, shared=shared)
    except Exception as error:  # anybody's code, in a way it was not written for
        return f"{type(error).__name__}: {str(error).strip().splitlines()[0]}" if str(
            error
        ).strip() else type(error).__name__, 0
    slow = next((str(w.message) for w in said if "performance drop" in str(w.message)), "")
    return slow.split(". Please")[0], kept // len(trained)


def parts_of(
    X: NDArray[np.float64], inputs: Sequence[Input], dtype: torch.dtype, device: torch.device
) -> list[Tensor]:
    """The inputs in a table [..., D] of numbers, one tensor for each, in the types that a network takes."""
    numbers = np.float64 if dtype == torch.float64 else np.float32
    types = {"float": numbers, "int": np.int64, "bool": np.bool_}
    return [
        torch.from_numpy(np.array(part, dtype=types[each.kind])).to(
            device
        )  # a copy: modules may write into their inputs
        for part, each in zip(cut(X, inputs), inputs, strict=True)
    ]


def targets(y: NDArray[Any], dtype: torch.dtype, device: torch.device) -> Tensor:
    """Labels [N] as whole numbers, or numbers [N, C]."""
    return torch.from_numpy(np.ascontiguousarray(y)).to(device, torch.int64 if y.ndim == 1 else dtype)
