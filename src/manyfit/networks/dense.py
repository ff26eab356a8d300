"""The dense family, the native engine's own: layers of units, each unit a weighted sum of all the values before it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from manyfit.errors import Problem, RecipeError, did_you_mean
from manyfit.hyper import hyper, problems_of
from manyfit.networks.activation import ACTIVATIONS
from manyfit.networks.init import INITS, initial_parameters
from manyfit.networks.inputs import Inputs, vector
from manyfit.networks.layout import Layout
from manyfit.networks.network import Apply, Drop
from manyfit.networks.norm import NORMS
from manyfit.registry import build, plain, unknown
from manyfit.text import Text


@dataclass(frozen=True)
class Dense:
    """A dense network: z⁽ˡ⁾ = W⁽ˡ⁾ a⁽ˡ⁻¹⁾ + b⁽ˡ⁾, a⁽ˡ⁾ = σ(z⁽ˡ⁾), with a linear last layer. The chapter's 3.4.2.

    How many inputs and outputs it has is read off the data.

    With `residual`, a hidden layer that is as wide as the hidden layer before it adds its value to that one's, h⁽ˡ⁾ = h⁽ˡ⁻¹⁾ +
    a⁽ˡ⁾, so that gradients find a straight way down a deep network. Dropout acts on a⁽ˡ⁾ alone. The first hidden layer and the
    last layer add nothing, whatever their widths.

    With `norm="layer"` the sums of each hidden layer are brought to mean 0 and variance 1 over its units, row by row, and then
    scaled and shifted by what is trained: z ← γ (z − mean) / √(variance + 10⁻⁵) + β, as torch.nn.LayerNorm does it.

    Example:
        >>> Dense(hidden=(10,)).widths(n_inputs=1, n_outputs=1)
        (1, 10, 1)
        >>> Dense(hidden=(10,)).n_parameters(1, 1), Dense(hidden=(10,), norm="layer").n_parameters(1, 1)
        (31, 51)

    References:
        He, Zhang, Ren & Sun 2016, Deep residual learning for image recognition, https://arxiv.org/abs/1512.03385
        Ba, Kiros & Hinton 2016, Layer normalization, https://arxiv.org/abs/1607.06450
    """

    hidden: tuple[int, ...] = hyper(
        (32,), structural=True, doc="Units of each hidden layer; empty for a linear model."
    )
    activation: str = hyper("relu", structural=True, doc="What hidden units do with their sum.")
    dropout: float = hyper(
        0.0, low=0, below=1, usual=(0, 0.5), doc="Probability that a hidden unit is dropped in a step."
    )
    input_dropout: float = hyper(
        0.0, low=0, below=1, usual=(0, 0.2), doc="Probability that an input is dropped in a step."
    )
    init: str = hyper("torch", doc="How initial weights are drawn.")
    residual: bool = hyper(
        False, structural=True, doc="Whether hidden layers add to the one before where both are equally wide."
    )
    norm: str | None = hyper(
        None, structural=True, optional=True, kind="text", doc="What hidden sums are normalized by: 'layer'."
    )

    kind: ClassVar[str] = "dense"

    def __post_init__(self) -> None:
        given = self.hidden if isinstance(self.hidden, Iterable) else (self.hidden,)
        whole = tuple(int(w) if isinstance(w, Integral) and not isinstance(w, bool) else w for w in given)
        object.__setattr__(self, "hidden", whole)

    def problems(self) -> Iterator[Problem]:
        """Everything that is wrong with this network."""
        yield from problems_of(self)
        if not all(type(width) is int and width >= 1 for width in self.hidden):
            yield Problem("Dense.hidden", Text("must hold whole numbers ≥ 1", "必须是 ≥ 1 的整数"), repr(list(self.hidden)))
        if isinstance(self.activation, str) and self.activation not in ACTIVATIONS:
            hint = did_you_mean(self.activation, ACTIVATIONS)
            yield Problem("", unknown("activation", self.activation), hint=hint)
        if isinstance(self.init, str) and self.init not in INITS:
            yield Problem("", unknown("init", self.init), hint=did_you_mean(self.init, INITS))
        if isinstance(self.norm, str) and self.norm not in NORMS:
            yield Problem("", unknown("norm", self.norm), hint=did_you_mean(self.norm, NORMS))

    def problems_on(self, X: NDArray[np.float64], inputs: Inputs, n_outputs: int) -> Iterator[Problem]:
        """Nothing: it takes any table."""
        yield from ()

    @property
    def structure(self) -> tuple[Any, ...]:
        """What its outputs depend on, besides parameters and inputs."""
        return (self.kind, self.hidden, self.activation, self.residual, self.norm)

    @property
    def start(self) -> tuple[Any, ...]:
        """What its first parameters depend on, besides a stream and the data."""
        return (self.kind, self.hidden, self.init, self.norm)

    def takes(self, inputs: Inputs) -> Inputs:
        """All inputs as one vector."""
        return vector(sum(each.size for each in inputs))

    def layout(self, inputs: Inputs, n_outputs: int) -> Layout:
        """For each layer weights [in, out], then biases [out]; with a norm, then gains and shifts [out] of hidden layers.

        Example:
            >>> [(leaf.name, leaf.shape) for leaf in Dense(()).layout(vector(3), 2)]
            [('layer1.weight', (3, 2)), ('layer1.bias', (2,))]
        """
        return self._layout(self.widths(self.takes(inputs)[0].size, n_outputs))

    def layout_of(self, inputs: Inputs, size: int) -> Layout:
        """The layout with that many parameters."""
        return self._layout(self.widths_from(self.takes(inputs)[0].size, size))

    def initial(self, keys: Sequence[int], inputs: Inputs, n_outputs: int) -> NDArray[np.float64]:
        """Its parameters before training, [P, n]: weights and biases as `init` draws them, gains 1, shifts 0."""
        widths = self.widths(self.takes(inputs)[0].size, n_outputs)
        drawn = initial_parameters(keys, widths, self.init)
        if self.norm is None:
            return drawn
        layout, parts = self._layout(widths), dataclasses.replace(self, norm=None).layout(inputs, n_outputs).cut(drawn)
        ones, zeros = np.ones((len(keys), max(widths))), np.zeros((len(keys), max(widths)))
        whole = [
            parts[leaf.name].reshape(len(keys), -1)
            if leaf.name in parts
            else (ones if leaf.name.endswith("gain") else zeros)[:, : leaf.size]
            for leaf in layout
        ]
        return np.concatenate(whole, axis=1)

    def bind(self, inputs: Inputs) -> Apply:
        """The function that it is."""
        return self.apply

    def apply(
        self,
        xp: Any,
        leaves: dict[str, Any],
        parts: Sequence[Any],
        drop: Drop | None = None,
        seed: int | None = 0,
        note: Callable[[Any, Any], None] | None = None,
    ) -> Any:
        """z = h·W + b and h = σ(z), layer by layer; the last layer is linear. `note` is told (z, σ(z)) of each hidden layer.

        Arrays may have an axis of networks in front, if those of a single axis (biases) are given as [P, 1, n].

        Example:
            >>> leaves = Dense(()).layout(vector(2), 1).cut(np.array([2.0, 3.0, 0.5]))
            >>> Dense(()).apply(np, leaves, [np.array([[1.0, 1.0]])]).tolist()
            [[5.5]]
        """
        activation = ACTIVATIONS[self.activation]
        h = parts[0] if drop is None else drop(parts[0], 0, self.input_dropout)
        for layer in range(1, len(self.hidden) + 1):
            z = h @ leaves[f"layer{layer}.weight"] + leaves[f"layer{layer}.bias"]
            if self.norm is not None:
                z = NORMS[self.norm](xp, z, leaves[f"layer{layer}.gain"], leaves[f"layer{layer}.shift"])
            a = activation(xp, z)
            if note is not None:
                note(z, a)
            if drop is not None:
                a = drop(a, layer, self.dropout)
            h = h + a if self.adds(layer) else a
        last = len(self.hidden) + 1
        return h @ leaves[f"layer{last}.weight"] + leaves[f"layer{last}.bias"]

    def adds(self, layer: int) -> bool:
        """Whether hidden layer `layer` (from 1) adds to the value of the one before.

        Example:
            >>> [Dense((8, 8, 4, 4), residual=True).adds(layer) for layer in (1, 2, 3, 4)]
            [False, True, False, True]
        """
        return self.residual and layer > 1 and self.hidden[layer - 1] == self.hidden[layer - 2]

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON and TOML."""
        return {"kind": self.kind, **plain(self)}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> Dense:
        """The network that `to_dict` wrote."""
        return build(cls, fields)

    def widths(self, n_inputs: int, n_outputs: int) -> tuple[int, ...]:
        """Units of every layer, inputs and outputs included."""
        return (n_inputs, *self.hidden, n_outputs)

    def widths_from(self, n_inputs: int, n_parameters: int) -> tuple[int, ...]:
        """Units of every layer, with the outputs told by how many parameters there are.

        Raises:
            RecipeError: If no number of outputs gives that many parameters.

        Example:
            >>> Dense((10,)).widths_from(n_inputs=1, n_parameters=31)
            (1, 10, 1)
        """
        last = self.hidden[-1] if self.hidden else n_inputs
        n_outputs, rest = divmod(n_parameters - self.n_parameters(n_inputs, 0), last + 1)
        if rest or n_outputs < 1:
            rule = f"can't have {n_parameters} parameters on {n_inputs} inputs"
            raise RecipeError(Problem(str(self), rule, hint="Were its parameters trained on other columns?"))
        return self.widths(n_inputs, n_outputs)

    def n_parameters(self, n_inputs: int, n_outputs: int) -> int:
        """How many weights and biases it has, gains and shifts included."""
        return self._layout(self.widths(n_inputs, n_outputs)).size

    def _layout(self, widths: Sequence[int]) -> Layout:
        parts: list[tuple[str, tuple[int, ...]]] = []
        for layer, (n_in, n_out) in enumerate(pairwise(widths), start=1):
            parts += [(f"layer{layer}.weight", (n_in, n_out)), (f"layer{layer}.bias", (n_out,))]
            if self.norm is not None and layer <= len(self.hidden):
                parts += [(f"layer{layer}.gain", (n_out,)), (f"layer{layer}.shift", (n_out,))]
        return Layout.of(parts)
