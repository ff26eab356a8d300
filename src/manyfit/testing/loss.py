"""The contract of a loss."""

from __future__ import annotations

import importlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.losses import Loss, registry
from manyfit.recipe import Recipe
from manyfit.testing.knobs import check_knobs


def check_loss(rule: type[Any]) -> None:
    """Hold a loss to the contract, at each of its `examples`.

    It is declared and registered; its recipe survives a round trip; it gives one number a row, and no row's number depends on
    another row; it changes none of its inputs and keeps float32; numpy and torch agree; torch's gradient of it is its slope;
    large outputs do not overflow; what it scores by is a loss on the same targets, and its own scoring.

    Args:
        rule: The class. Its `examples` are settings for three classes or outputs; only the defaults where it has none.

    Raises:
        AssertionError: If something does not hold.
    """
    check_knobs(rule, registry)
    for example in getattr(rule, "examples", ({},)):
        _check(rule(**example))


def _check(loss: Loss) -> None:
    recipe = Recipe(loss=loss)
    assert Recipe.from_dict(recipe.to_dict()) == recipe, f"{loss} does not survive to_dict and from_dict"
    output, y = _batch(loss)
    _check_rows(loss, output, y)
    _check_torch(loss, output, y)
    assert not list(loss.misfits(output.shape[1])), f"{loss} finds fault with its own example"
    scoring = loss.scoring
    assert scoring.target == loss.target and scoring.scoring == scoring, f"{loss}.scoring is no loss that scores"
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        extreme = loss.rows(np, output * 1e4, y)
    assert np.isfinite(extreme).all(), f"{loss} overflows at outputs of 10000"


def _batch(loss: Loss) -> tuple[NDArray[np.float64], NDArray[Any]]:
    """Outputs [5, 3] and targets to compare them with."""
    generator = np.random.default_rng(3)
    output = generator.normal(size=(5, 3))
    y = {
        "numbers": generator.normal(size=(5, 3)),
        "labels": np.array([2, 0, 1, 1, 2]),
        "binary": generator.integers(0, 2, size=(5, 3)).astype(np.float64),
    }
    assert loss.target in y, f"{loss}.target must be one of {sorted(y)}"
    return output, y[loss.target]


def _check_rows(loss: Loss, output: NDArray[np.float64], y: NDArray[Any]) -> None:
    before = output.copy(), y.copy()
    rows = loss.rows(np, output, y)
    assert np.array_equal(output, before[0]) and np.array_equal(y, before[1]), f"{loss} changes its inputs"
    assert rows.shape == (len(output),), f"{loss} gives shape {rows.shape} for {len(output)} rows"
    for i in range(len(output)):
        alone = loss.rows(np, output[i : i + 1], y[i : i + 1])
        assert np.allclose(alone, rows[i : i + 1], rtol=1e-14), f"{loss}: the number of a row depends on other rows"
    single = loss.rows(np, output.astype(np.float32), y if loss.target == "labels" else y.astype(np.float32))
    assert single.dtype == np.float32, f"{loss} turns float32 into {single.dtype}"
    weight = np.broadcast_to(loss.row_weight(np, y), (len(output),))
    assert np.isfinite(weight).all() and (weight >= 0).all(), f"{loss} gives rows the weights {weight.tolist()}"
    assert np.allclose(single, rows, rtol=1e-5, atol=1e-6), f"{loss} is too inexact in float32"


def _check_torch(loss: Loss, output: NDArray[np.float64], y: NDArray[Any]) -> None:
    torch = importlib.import_module("torch")
    tensor = torch.from_numpy(output.copy()).requires_grad_()
    rows = loss.rows(torch, tensor, torch.from_numpy(y.copy()))
    assert np.allclose(rows.detach().numpy(), loss.rows(np, output, y), rtol=1e-12), f"{loss} differs between numpy and torch"
    ours, theirs = loss.row_weight(np, y), loss.row_weight(torch, torch.from_numpy(y.copy()))
    same = np.array_equal(np.asarray(ours), np.asarray(theirs))
    assert same, f"{loss} weighs rows differently in numpy and torch"
    (gradient,) = torch.autograd.grad(rows.sum(), tensor)
    step = 1e-6  # central differences are then right to about 1e-9
    for position in np.ndindex(output.shape):
        moved = np.zeros_like(output)
        moved[position] = step
        slope = (loss.rows(np, output + moved, y) - loss.rows(np, output - moved, y)).sum() / (2 * step)
        assert abs(gradient[position].item() - slope) < 1e-7, f"{loss}: its gradient at {position} is not its slope"
