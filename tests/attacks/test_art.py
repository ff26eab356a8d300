"""FGSM and PGD are those of the Adversarial Robustness Toolbox, on exported torch modules."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from manyfit.attacks.fgsm import FGSM
from manyfit.attacks.pgd import PGD
from manyfit.data.domain import Domain
from manyfit.engines.choose import fit, input_grad, predict
from manyfit.losses import CrossEntropy
from manyfit.networks import Dense
from manyfit.population import Population
from manyfit.recipe import Recipe
from manyfit.runs import Run

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.slow

FLAG = 4
"""The last input takes two values; the attacks leave it alone."""


@pytest.fixture(scope="module")
def art(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The toolbox, in float64; it writes a file into the home folder when it is imported."""
    home = os.environ.get("HOME")
    os.environ["HOME"] = str(tmp_path_factory.mktemp("home"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("art", reason="needs adversarial-robustness-toolbox")
        import art.attacks.evasion
        import art.estimators.classification
    if home is not None:
        os.environ["HOME"] = home
    for name, module in list(sys.modules.items()):
        if name.startswith("art.") and hasattr(module, "ART_NUMPY_DTYPE"):
            module.ART_NUMPY_DTYPE = np.float64  # each module has a copy, float32
    yield art


@pytest.fixture(scope="module")
def trained() -> tuple[Run, np.ndarray, np.ndarray, Domain]:
    """Three classifiers of 40 rows with four numbers of very different spread and a flag."""
    random = np.random.default_rng(1)
    X = random.normal(size=(40, 5)) * np.array([1.0, 30.0, 0.02, 2.0, 1.0])
    X[:, FLAG] = np.arange(40) % 2
    y = ((X[:, 0] + X[:, 1] / 30 > 0).astype(np.int64) + (X[:, 3] > 1)).astype(np.int64)
    recipes = [
        Recipe(Dense((8,), "tanh"), "cross_entropy", epochs=epochs, precision="float64").set(
            "optimizer.lr", 0.05
        )
        for epochs in (2, 20, 60)
    ]
    return fit(Population.of(recipes, X, y)), X, y, Domain.of(X)


def exported(art: ModuleType, run: Run, index: int, domain: Domain) -> Any:
    """A network as the toolbox wants it: in inputs that are counted in spreads, because it knows one size for all inputs."""
    layers: list[Any] = []
    for weight, bias in run.weights(index):
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0], dtype=torch.float64)
        linear.weight.data = torch.from_numpy(weight.copy())
        linear.bias.data = torch.from_numpy(bias.copy())
        layers += [linear, torch.nn.Tanh()]
    layers[0].weight.data *= torch.from_numpy(domain.spread)
    return art.estimators.classification.PyTorchClassifier(
        torch.nn.Sequential(*layers[:-1]),
        loss=torch.nn.CrossEntropyLoss(),
        input_shape=(len(domain.spread),),
        nb_classes=3,
        clip_values=(domain.low / domain.spread, domain.high / domain.spread),
    )


@pytest.mark.parametrize("norm", ["linf", "l2"])
@pytest.mark.parametrize("kind", ["fgsm", "pgd"])
def test_adversarial_rows_and_their_loss_are_the_toolboxes(
    art: ModuleType, trained: tuple[Run, np.ndarray, np.ndarray, Domain], kind: str, norm: str
) -> None:
    run, X, y, domain = trained
    strength = 0.3
    size = strength * (1.0 if norm == "linf" else domain.is_number.sum() ** 0.5)
    order = np.inf if norm == "linf" else 2
    attack = FGSM(norm) if kind == "fgsm" else PGD(norm, steps=10, step=0.25)
    assert (input_grad(run, X, y)[..., :FLAG] != 0).all()  # no sign is a matter of taste

    moved = attack.perturb(lambda X: input_grad(run, X, y), X, domain, strength)

    losses = CrossEntropy()
    outputs = predict(run, moved)
    for index in range(len(run)):
        model = exported(art, run, index, domain)
        evasion = art.attacks.evasion
        if kind == "fgsm":
            rival = evasion.FastGradientMethod(model, norm=order, eps=size, eps_step=size, batch_size=64)
        else:
            rival = evasion.ProjectedGradientDescentNumpy(
                model, norm=order, eps=size, eps_step=size / 4, max_iter=10, batch_size=64, verbose=False
            )
        expected = (
            rival.generate(X / domain.spread, np.eye(3)[y], mask=domain.is_number.astype(float))
            * domain.spread
        )
        np.testing.assert_allclose(moved[index] / domain.spread, expected / domain.spread, rtol=0, atol=1e-7)
        logits = model.predict(expected / domain.spread)
        np.testing.assert_allclose(
            losses.rows(np, outputs[index], y), losses.rows(np, logits, y), rtol=0, atol=1e-6
        )
    assert not np.allclose(moved[0], moved[2])
