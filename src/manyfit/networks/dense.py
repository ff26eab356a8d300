"""The dense family, the native engine's own: layers of units, each unit a weighted sum of all the values before it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from numbers import Integral

from manyfit.errors import Problem, RecipeError, did_you_mean
from manyfit.hyper import hyper, problems_of
from manyfit.networks.activation import ACTIVATIONS
from manyfit.networks.init import INITS


@dataclass(frozen=True)
class Dense:
    """A dense network: z⁽ˡ⁾ = W⁽ˡ⁾ a⁽ˡ⁻¹⁾ + b⁽ˡ⁾, a⁽ˡ⁾ = σ(z⁽ˡ⁾), with a linear last layer. The chapter's 3.4.2.

    How many inputs and outputs it has is read off the data.

    Example:
        >>> Dense(hidden=(10,)).widths(n_inputs=1, n_outputs=1)
        (1, 10, 1)
        >>> Dense(hidden=(10,)).n_parameters(1, 1)
        31
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

    def __post_init__(self) -> None:
        given = self.hidden if isinstance(self.hidden, Iterable) else (self.hidden,)
        whole = tuple(int(w) if isinstance(w, Integral) and not isinstance(w, bool) else w for w in given)
        object.__setattr__(self, "hidden", whole)

    def problems(self) -> Iterator[Problem]:
        """Everything that is wrong with this network."""
        yield from problems_of(self)
        if not all(type(width) is int and width >= 1 for width in self.hidden):
            yield Problem("Dense.hidden", "must hold whole numbers ≥ 1", repr(list(self.hidden)))
        if isinstance(self.activation, str) and self.activation not in ACTIVATIONS:
            yield Problem(
                "", f"unknown activation {self.activation!r}", hint=did_you_mean(self.activation, ACTIVATIONS)
            )
        if isinstance(self.init, str) and self.init not in INITS:
            yield Problem("", f"unknown init {self.init!r}", hint=did_you_mean(self.init, INITS))

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
        """How many weights and biases it has."""
        widths = self.widths(n_inputs, n_outputs)
        return sum(a * b + b for a, b in pairwise(widths))
