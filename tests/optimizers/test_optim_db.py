"""Every configuration in which torch tests its own optimizers, mixed in one population, against one torch optimizer a network."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn
from torch.testing._internal.common_optimizers import optim_db

from manyfit.engines.reference import Reference
from manyfit.networks import Dense
from manyfit.optimizers.adagrad import AdaGrad
from manyfit.optimizers.adam import Adam
from manyfit.optimizers.adamw import AdamW
from manyfit.optimizers.momentum import Momentum
from manyfit.optimizers.rmsprop import RMSprop
from manyfit.optimizers.sgd import SGD
from manyfit.population import Member, Population, Rows, View
from manyfit.recipe import Recipe
from manyfit.rng import Streams
from manyfit.runs import Ledger
from manyfit.testing.engine import advance_to_end

N_STEPS = 20
OURS = {"SGD": SGD, "Adagrad": AdaGrad, "RMSprop": RMSprop, "Adam": Adam, "AdamW": AdamW}
CONFIGURATIONS = [
    (info.optim_cls, given.kwargs)
    for info in optim_db
    if info.optim_cls.__name__ in OURS
    for given in info.optim_inputs_func(device="cpu")
]


def ours_of(cls, options):
    """Our rule with the options that torch was given."""
    values = {name: value.item() if isinstance(value, torch.Tensor) else value for name, value in options.items()}
    if "betas" in values:
        values["beta1"], values["beta2"] = values.pop("betas")
    rule = Momentum if cls is torch.optim.SGD and values.get("momentum") else OURS[cls.__name__]
    known = {field.name for field in dataclasses.fields(rule)}
    assert values.keys() <= known | {"momentum"}, f"{rule} has no {values.keys() - known}"
    return rule(**{"lr": cls([nn.Parameter(torch.zeros(1))]).defaults["lr"]} | values)


def population():
    generator = np.random.default_rng(11)
    X = generator.normal(size=(16, 3))
    y = np.stack([np.sin(X.sum(1)), X[:, 0] * X[:, 1]], axis=1)
    members = [
        Member(
            Recipe(
                Dense((5,), "tanh"), optimizer=ours_of(*each), batch_size=None, epochs=N_STEPS, precision="float64"
            ),
            Streams.of(12, replicate=i),
            Rows(np.arange(16)),
        )
        for i, each in enumerate(CONFIGURATIONS)
    ]
    return Population(tuple(members), {"all": View(X, y)}).check()


def by_torch(population, index):
    """Weights and biases after torch's own loop from the same start, [in, out] as ours."""
    cls, options = CONFIGURATIONS[index]
    view = population.views["all"]
    X, y = torch.from_numpy(view.X), torch.from_numpy(view.y)
    start = population.layout(index).cut(Ledger.begin(population).parameters[index])
    tensors = [nn.Parameter(torch.from_numpy(each.copy())) for each in start.values()]
    w1, b1, w2, b2 = tensors
    peer = cls(tensors, **options)
    for _ in range(N_STEPS):
        peer.zero_grad()
        nn.functional.mse_loss(torch.tanh(X @ w1 + b1) @ w2 + b2, y).backward()
        peer.step()
    return [each.detach().numpy() for each in tensors]


def native():
    from manyfit.engines.native import Native

    return Native(threads=1)


def test_there_are_as_many_configurations_as_in_the_version_that_is_pinned():
    counts = {name: sum(cls.__name__ == name for cls, _ in CONFIGURATIONS) for name in OURS}

    assert counts == {"SGD": 9, "Adagrad": 7, "RMSprop": 8, "Adam": 5, "AdamW": 5}


@pytest.mark.parametrize("make", [Reference, pytest.param(native, marks=pytest.mark.native)], ids=["reference", "native"])
def test_every_configuration_of_torch_mixed_in_one_population(make):
    together = population()
    trained = advance_to_end(make(), together)

    far = {}
    for i in range(len(together)):
        ours = together.layout(i).cut(trained.parameters[i]).values()
        apart = max(np.abs(a - b).max() / np.abs(b).max() for a, b in zip(ours, by_torch(together, i), strict=True))
        if not apart <= 1e-12:
            far[str(together.members[i].recipe.optimizer)] = apart
    assert far == {}
