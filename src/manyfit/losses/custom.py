"""Any callable as a loss, on the engines that train with torch."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cached_property
from importlib import import_module
from typing import Any, ClassVar

import numpy as np

from manyfit.errors import EngineError, Problem, RecipeError
from manyfit.hyper import hyper
from manyfit.losses._base import Loss, rule
from manyfit.registry import imported


@rule
class Custom(Loss):
    """Your own function of outputs and targets, given as torch tensors: `fn(output, y)` returns the loss of each row.

    For what no other loss here says. It trains on the engines that run on torch; a function at the top of a module, or its name
    "package.losses:asymmetric", can be written into a run folder too.

    Example:
        >>> import numpy as np
        >>> loss = Custom("manyfit.losses.custom:squared_error")
        >>> loss.rows(np, np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]])).tolist()
        [2.0]
    """

    fn: Callable[[Any, Any], Any] | str | None = hyper(
        None,
        kind="other",
        structural=True,
        doc="The function of outputs [B, C] and targets, or its importable name.",
    )
    target: str = hyper(  # type: ignore[bad-override]  # one class for targets of every kind
        "numbers",
        options=("numbers", "labels", "binary"),
        structural=True,
        doc="What it compares with: numbers [B, C], labels [B], or binary [B, C] of 0 and 1.",
    )

    examples: ClassVar = (
        {"fn": "manyfit.losses.custom:squared_error"},
        {"fn": "manyfit.losses.custom:squared_error", "target": "binary"},
    )

    @cached_property
    def function(self) -> Callable[[Any, Any], Any]:
        """The function itself.

        Raises:
            RecipeError: If there is none of that name.
        """
        return imported(self.fn, "Custom.fn")

    def rows(self, xp: Any, output: Any, y: Any) -> Any:
        """What the function says.

        Raises:
            RecipeError: If that is not one number for each row.
        """
        if xp is np:  # rows are scored on arrays; the function takes tensors
            torch = import_module("torch")
            return self.rows(torch, torch.from_numpy(output), torch.from_numpy(y)).numpy()
        if xp.__name__ != "torch":
            hint = "Take one of manyfit's own losses."
            raise EngineError(
                Problem(f"{self}", "computes with torch, which can't be followed here", hint=hint)
            )
        found = self.function(output, y)
        if found.shape != output.shape[:1]:
            got, hint = (
                f"shape {tuple(found.shape)}",
                "Average over outputs, not over rows: reduction='none', then mean(-1).",
            )
            raise RecipeError(Problem("Custom.fn", "must return one number for each row", got, hint=hint))
        return found

    def problems(self) -> Iterator[Problem]:
        """A function that is missing, or can't be found."""
        try:
            if not callable(self.function):
                yield Problem("Custom.fn", "must be a function of outputs and targets", repr(self.fn))
        except RecipeError as error:
            yield from error.problems


def squared_error(output: Any, y: Any) -> Any:
    """What `MSE` computes, as an example."""
    return ((output - y) ** 2).mean(-1)
