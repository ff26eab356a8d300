"""Populations for the laws: combinations of rules, and networks that differ in everything that may differ within one."""

from __future__ import annotations

import dataclasses
import itertools
import random
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from manyfit.augment import Augment
from manyfit.losses import BCE, MAE, MSE, CrossEntropy, Huber, Loss
from manyfit.networks import ACTIVATIONS, Dense
from manyfit.optimizers.adagrad import AdaGrad
from manyfit.optimizers.adam import Adam
from manyfit.optimizers.adamw import AdamW
from manyfit.optimizers.lamb import LAMB
from manyfit.optimizers.momentum import Momentum
from manyfit.optimizers.rmsprop import RMSprop
from manyfit.optimizers.sgd import SGD
from manyfit.penalties import L1, L2, ElasticNet
from manyfit.population import Member, Population, Probe, Rows, View
from manyfit.recipe import Recipe, Stopping
from manyfit.rng import Streams
from manyfit.schedules.constant import Constant
from manyfit.schedules.cosine import Cosine
from manyfit.schedules.cosine_restarts import CosineRestarts
from manyfit.schedules.exponential_lr import ExponentialLR
from manyfit.schedules.one_cycle import OneCycle
from manyfit.schedules.plateau import Plateau
from manyfit.schedules.step_lr import StepLR
from manyfit.schedules.warmup import Warmup

OPTIMIZERS = {
    "sgd": SGD(weight_decay=0.01),
    "momentum": Momentum(dampening=0.3),
    "nesterov": Momentum(nesterov=True, weight_decay=0.01),
    "adagrad": AdaGrad(lr_decay=0.01, initial_accumulator_value=0.1),
    "rmsprop": RMSprop(weight_decay=0.01),
    "rmsprop_moving": RMSprop(lr=1e-3, momentum=0.5, centered=True),
    "adam": Adam(),
    "amsgrad": Adam(amsgrad=True, weight_decay=0.01),
    "adamw": AdamW(),
    "lamb": LAMB(max_ratio=2.0),
}
SCHEDULES = {
    "constant": Constant(),
    "warmup": Warmup(2.0),
    "cosine": Warmup(1.0) >> Cosine(0.1),
    "step_lr": StepLR(1.5, 0.5),
    "exponential_lr": ExponentialLR(0.9),
    "cosine_restarts": CosineRestarts(1.0, 2),
    "one_cycle": OneCycle(),
    "plateau": Warmup(1.0) >> Plateau(0.5, patience=0, threshold=0.01, cooldown=1, floor=0.1),
}
LOSSES: dict[str, Loss] = {
    "mse": MSE(),
    "mae": MAE(),
    "huber": Huber(0.5),
    "cross_entropy": CrossEntropy(),
    "smoothed": CrossEntropy(label_smoothing=0.1),
    "weighted": CrossEntropy(class_weights=(2.0, 0.5)),
    "bce": BCE(),
    "bce_smoothed": BCE(label_smoothing=0.1),
}
ADDITIONS: dict[str, dict[str, Any]] = {
    "none": {},
    "l1": {"penalties": (L1(0.01),)},
    "l2": {"penalties": (L2(0.01),)},
    "subgradient": {"penalties": (L1(0.01, proximal=False),)},
    "elastic_net": {"penalties": (ElasticNet(0.02, 0.7),)},
    "both": {"penalties": (L1(0.01, biases=True), L2(0.02, biases=True))},
    "clip": {"clip_norm": 0.2},
    "clip_value": {"clip_value": 0.02, "clip_norm": 0.1},
    "dropout": {},
    "augment": {"augment": Augment(0.3, 0.2)},
    "weights": {},
    "patience": {"stopping": Stopping(patience=2, min_delta=1e-4)},
}
CHAPTERS = {
    "optimizer": tuple(OPTIMIZERS),
    "schedule": tuple(SCHEDULES),
    "addition": tuple(ADDITIONS),
}
SHAPES = {
    # Around the widths of vectors: narrow, two layers, no hidden layer, wider than a vector of any instruction set, two alike.
    "hidden": ((4,), (5, 3), (), (33,), (6, 6)),
    "blocks": ("plain", "norm", "residual", "both"),
    "loss": tuple(LOSSES),
    "activation": tuple(ACTIVATIONS),
    "batch_size": (None, 4, 7),
    "precision": ("float32", "float64"),
}
Case = Mapping[str, Any]
FEWER = CHAPTERS | {"schedule": ("constant", "cosine", "plateau")}  # to an engine the others are tables as cosine is
PRODUCT = [
    # Each combination of the chapter's factors, by turns in every shape.
    dict(zip(FEWER, values, strict=True)) | {name: shapes[k % len(shapes)] for name, shapes in SHAPES.items()}
    for k, values in enumerate(itertools.product(*FEWER.values()))
]


def all_pairs(factors: Mapping[str, Sequence[Any]], seed: int = 0) -> list[dict[str, Any]]:
    """Few cases among which each pair of values of two factors occurs.

    Greedy: each case begins with a pair that has not occurred yet and takes, factor by factor, the value with most new pairs.
    """
    random_ = random.Random(seed)
    missing = {
        frozenset([(a, x), (b, y)]) for a, b in itertools.combinations(factors, 2) for x in factors[a] for y in factors[b]
    }
    cases = []
    while missing:
        case = dict(min(missing, key=lambda pair: sorted(map(repr, pair))))
        for name in random_.sample(list(factors), len(factors)):
            if name not in case:
                news = [sum(frozenset([(name, value), item]) in missing for item in case.items()) for value in factors[name]]
                best = [value for value, new in zip(factors[name], news, strict=True) if new == max(news)]
                case[name] = random_.choice(best)
        missing -= {frozenset(pair) for pair in itertools.combinations(case.items(), 2)}
        cases.append({name: case[name] for name in factors})
    return cases


def name_of_case(case: Case) -> str:
    words = ["x".join(map(str, value)) or "linear" if isinstance(value, tuple) else str(value) for value in case.values()]
    return "-".join(words)


def recipe_of(case: Case, epochs: int) -> Recipe:
    """The recipe of a case, at default rates."""
    dropout = {"dropout": 0.3, "input_dropout": 0.1} if case["addition"] == "dropout" else {}
    blocks = case.get("blocks", "plain")
    own = {"residual": blocks in ("residual", "both"), "norm": "layer" if blocks in ("norm", "both") else None}
    return Recipe(
        Dense(case["hidden"], case["activation"], **dropout, **own),
        LOSSES[case["loss"]],
        OPTIMIZERS[case["optimizer"]],
        SCHEDULES[case["schedule"]],
        batch_size=case["batch_size"],
        shuffle=case.get("order", "new") == "new",
        epochs=epochs,
        precision=case["precision"],
        **ADDITIONS[case["addition"]],
    )


def view_of(loss: Loss, n_rows: int, n_inputs: int, n_outputs: int, weights: np.ndarray | None = None) -> View:
    """Standardized inputs and targets that depend on them, fit for a loss."""
    generator = np.random.default_rng([n_rows, n_inputs])
    X = generator.normal(size=(n_rows, n_inputs))
    numbers = np.sin(X @ generator.normal(size=(n_inputs, n_outputs))) + 0.1 * generator.normal(size=(n_rows, n_outputs))
    if loss.target == "labels":
        return View(X, numbers.argmax(1), weights, n_classes=n_outputs)
    return View(X, (numbers > 0) * 1.0 if loss.target == "binary" else numbers, weights)


def _varied(loss: Loss, i: int) -> Loss:
    """The same loss with settings of its own for network `i`; what is off stays off."""
    if isinstance(loss, Huber):
        return Huber(loss.delta * (1 + i % 3))
    if isinstance(loss, CrossEntropy) and loss.class_weights:
        return CrossEntropy(label_smoothing=0.1 * (i % 3), class_weights=(1.0 + i % 4, 0.5))
    if isinstance(loss, (CrossEntropy, BCE)) and loss.label_smoothing:
        return dataclasses.replace(loss, label_smoothing=loss.label_smoothing * (1 + i % 3))
    return loss


def population_of(case: Case, n_members: int, epochs: int) -> Population:
    """Networks of one case that differ in rates, decay, dropout, patience, epochs, seeds and rows; one of them diverges.

    Their numbers of rows differ too, so that they fall into several groups of equal shape.
    """
    recipe = recipe_of(case, epochs)
    n_rows = 23
    weights = np.random.default_rng(1).uniform(0, 2, n_rows) if case["addition"] == "weights" else None
    members = []
    for i in range(n_members):
        lr = 1e5 if i == 3 else recipe.optimizer.lr * (1 + i % 5)
        own = dataclasses.replace(recipe, optimizer=dataclasses.replace(recipe.optimizer, lr=lr), epochs=epochs - (i == 5))
        if case["addition"] == "dropout":
            own = own.set("network.dropout", 0.05 * (1 + i % 4))
        if case["addition"] == "augment":
            own = own.set("augment.noise", 0.1 * (i % 4)).set("augment.drop", 0.1 * (i % 3))
        if case["addition"] in ("l1", "l2", "elastic_net"):
            own = own.set(f"{case['addition']}.strength", 0.01 * (i % 3))
        if case["addition"] == "patience":
            own = own.set("stopping.patience", 1 + i % 3)
        own = dataclasses.replace(own, loss=_varied(own.loss, i))
        order = np.random.default_rng(i).permutation(n_rows)
        members.append(Member(own, Streams.of(7, replicate=i), Rows(order[: 17 + i % 2], order[19:])))
    probe = Probe("grid", np.array([0, 7, 22]), (0, 1, epochs))
    return Population(tuple(members), {"all": view_of(recipe.loss, n_rows, 3, 2, weights)}, (probe,), record_every=2)
