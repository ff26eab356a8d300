"""Writes mlxtend_golden.json: what mlxtend's bias_variance_decomp makes of given predictions.

    pip install --no-deps mlxtend==0.25.0
    python tests/stats/mlxtend_golden.py

The function's own file is loaded alone, because the package imports matplotlib.
"""

import importlib.util
import json
from importlib import metadata
from pathlib import Path

import numpy as np

ROUNDS, ROWS = 6, 5


class Replay:
    """An estimator that predicts what it is told, round after round."""

    def __init__(self, predictions: np.ndarray) -> None:
        self.left = list(predictions)

    def fit(self, X: np.ndarray, y: np.ndarray) -> "Replay":
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        return self.left.pop(0)


def main() -> None:
    file = metadata.distribution("mlxtend").locate_file("mlxtend/evaluate/bias_variance_decomp.py")
    spec = importlib.util.spec_from_file_location("decomposition", str(file))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    random = np.random.default_rng(3)
    predictions, y = random.normal(size=(ROUNDS, ROWS)), random.normal(size=ROWS)
    loss, bias, variance = module.bias_variance_decomp(
        Replay(predictions),
        np.zeros((4, 1)),
        np.zeros(4),
        np.zeros((ROWS, 1)),
        y,
        loss="mse",
        num_rounds=ROUNDS,
        random_seed=0,
    )
    found = {
        "predictions": predictions.tolist(),
        "y": y.tolist(),
        "loss": loss,
        "bias": bias,
        "variance": variance,
    }
    Path(__file__).with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
