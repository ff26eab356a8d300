"""What a network is to the rooms that train, store and read it: where its numbers lie, how they begin, what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, ClassVar, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import Problem, RecipeError, did_you_mean
from manyfit.networks.inputs import Inputs
from manyfit.networks.layout import Layout

Drop = Callable[[Any, int, Any], Any]
"""Dropout in training: `drop(values, layer, p)` returns the values of one network's batch, some of them 0, the others larger."""


class Apply(Protocol):
    """A network as a function."""

    def __call__(
        self,
        xp: Any,
        leaves: dict[str, Any],
        parts: Sequence[Any],
        drop: Drop | None = None,
        seed: int | None = 0,
    ) -> Any:
        """Outputs [B, C] of one network on one batch.

        Args:
            xp: numpy or torch.
            leaves: Its arrays by name. In training, new values of buffers are put into it; the arrays themselves don't change.
            parts: One array [B, …] for each input.
            drop: Given in training, and only then.
            seed: For what else is random inside: torch's generator is put there and back. None leaves it as it is.
        """
        ...


@runtime_checkable
class Network(Protocol):
    """Something that can be trained: a dense network, or any torch module."""

    kind: ClassVar[str]
    """How `to_dict` names it."""

    @property
    def structure(self) -> Any:
        """Networks in which this is equal compute the same function of parameters and inputs; it can be hashed."""
        ...

    @property
    def start(self) -> Any:
        """Networks in which this is equal begin alike on a stream; it can be hashed."""
        ...

    def problems(self) -> Iterator[Problem]:
        """Everything that is wrong with it as it is."""
        ...

    def problems_on(self, X: NDArray[np.float64], inputs: Inputs, n_outputs: int) -> Iterator[Problem]:
        """Everything that is wrong with it on data, of which a few rows [B, D] are given."""
        ...

    def takes(self, inputs: Inputs) -> Inputs:
        """The inputs as it wants them: as they are, or all of them as one vector."""
        ...

    def layout(self, inputs: Inputs, n_outputs: int) -> Layout:
        """Where its numbers lie."""
        ...

    def layout_of(self, inputs: Inputs, size: int) -> Layout:
        """The same, told by how many numbers there are.

        Raises:
            RecipeError: If it can't have that many.
        """
        ...

    def initial(self, keys: Sequence[int], inputs: Inputs, n_outputs: int) -> NDArray[np.float64]:
        """Its numbers before training, [P, n], each row a function of its key (an init stream) alone."""
        ...

    def bind(self, inputs: Inputs) -> Apply:
        """The function that it is on such inputs."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and TOML, its kind first.

        Raises:
            RecipeError: If it can't be written down.
        """
        ...

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Network:
        """The network that `to_dict` wrote, given without its kind.

        Raises:
            RecipeError: If a field is unknown or wrong.
        """
        ...


_KINDS = {"dense": ("manyfit.networks.dense", "Dense"), "module": ("manyfit.networks.module", "Module")}


def network_from(fields: Mapping[str, Any]) -> Network:
    """The network that `Network.to_dict` wrote; without a kind it is a dense one.

    Example:
        >>> network_from({"hidden": [8, 4]}).hidden
        (8, 4)
    """
    kind = fields.get("kind", "dense")
    if kind not in _KINDS:
        hint = did_you_mean(str(kind), _KINDS)
        raise RecipeError(Problem("network.kind", "must be a kind of network", repr(kind), hint=hint))
    room, name = _KINDS[kind]
    return getattr(import_module(room), name).from_dict({k: v for k, v in fields.items() if k != "kind"})
