"""From inputs to what a reader understands: the forward pass, numbers in units of the target, calibrated probabilities."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.data import Encoder, Target
from manyfit.metrics import SMALLEST
from manyfit.networks import Dense, vector

Floats = NDArray[np.float64]


def forward(shape: Dense, parameters: NDArray[np.floating], X: Floats) -> Floats:
    """Outputs [P, N, C] of networks of one shape: by the native core where there is one, else by NumPy."""
    engine = _native()
    outputs = (
        engine.predict(shape, parameters, X) if engine is not None else numpy_forward(shape, parameters, X)
    )
    return np.asarray(outputs, dtype=np.float64)


@cache
def _native() -> Any:
    from manyfit.engines.choose import engine_for, why_missing
    from manyfit.population import Population

    return None if why_missing("native") else engine_for(Population((), {}), "native")


def numpy_forward(shape: Dense, parameters: NDArray[np.floating], X: Floats) -> NDArray[np.floating]:
    """The forward pass written in NumPy, for machines without the native core.

    Args:
        shape: Layers and activation.
        parameters: [P, n] flat parameters: for each layer weights [in, out], then biases [out].
        X: [N, D] inputs.

    Returns:
        [P, N, C] outputs, in the precision of the parameters.

    Example:
        >>> numpy_forward(Dense(()), np.array([[2.0, 3.0, 0.5]]), np.array([[1.0, 1.0]])).tolist()
        [[[5.5]]]
    """
    layout = shape.layout_of(vector(X.shape[1]), parameters.shape[1])
    x = X.astype(parameters.dtype)
    return np.stack([shape.apply(np, layout.cut(flat), [x]) for flat in parameters])


def to_values(outputs: Floats, encoder: Encoder, target: Target) -> Floats:
    """Network outputs [..., outputs] in the reader's terms: numbers [...] in units of the target, or probabilities [..., C]."""
    if target.task == "regression":
        return encoder.decode_target(outputs[..., 0])
    if target.task == "binary":
        second = 0.5 * np.tanh(0.5 * outputs[..., 0]) + 0.5  # the logistic function, which can't overflow so
        return np.stack([1 - second, second], axis=-1)
    shifted = np.exp(outputs - outputs.max(-1, keepdims=True))
    return shifted / shifted.sum(-1, keepdims=True)


def tempered(probabilities: Floats, temperature: float) -> Floats:
    """Probabilities raised to 1 / temperature and made to sum to 1.

    Example:
        >>> tempered(np.array([[0.8, 0.2]]), 2.0).round(3).tolist()
        [[0.667, 0.333]]
    """
    if temperature == 1.0:
        return probabilities
    logs = np.log(np.clip(probabilities, SMALLEST, 1.0)) / temperature
    raised = np.exp(logs - logs.max(-1, keepdims=True))
    return raised / raised.sum(-1, keepdims=True)
