"""The plain PyTorch loop: one network after another, data already in tensors, no DataLoader."""

from functools import cache
from itertools import pairwise

import torch
from torch import nn

from benchmarks.peers import Result, clock
from benchmarks.tasks import LEARNING_RATE, Task, make_data, score

torch.set_num_threads(1)


def train(task: Task, n_networks: int, seed: int, *, adam: str = "") -> Result:
    """Trains `n_networks` in turn.

    Args:
        task: What to train.
        n_networks: How many.
        seed: Of torch's generator, once for all of them.
        adam: Which of torch's implementations: "" (the default on a CPU: one tensor at a time), "foreach", "fused".
    """
    _warm_up(adam)
    torch.manual_seed(seed)
    x, y = (torch.from_numpy(a) for a in make_data(task))
    loss_of = nn.functional.cross_entropy if task.is_class else nn.functional.mse_loss
    networks = []
    start = clock()
    for _ in range(n_networks):
        network = dense(task.widths)
        optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, **({adam: True} if adam else {}))
        step = 0
        while step < task.steps:
            order = None if task.is_full_batch else torch.randperm(task.rows)
            for first in range(0, task.rows, task.batch):
                if order is None:
                    xb, yb = x, y
                else:
                    rows = order[first : first + task.batch]
                    xb, yb = x[rows], y[rows]
                optimizer.zero_grad()
                loss_of(network(xb), yb).backward()
                optimizer.step()
                step += 1
                if step == task.steps:
                    break
        networks.append(network)
    seconds = clock() - start
    layers = [[layer for layer in network if isinstance(layer, nn.Linear)] for network in networks]
    weights = [
        torch.stack([layer.weight.detach().T for layer in depth]).numpy()
        for depth in zip(*layers, strict=True)
    ]
    biases = [
        torch.stack([layer.bias.detach() for layer in depth]).numpy() for depth in zip(*layers, strict=True)
    ]
    return Result(seconds, score(task, weights, biases))


@cache
def _warm_up(adam: str) -> None:
    """The first step of a process loads parts of torch, for seconds; that is no part of training."""
    network = dense((2, 3, 1))
    optimizer = torch.optim.Adam(network.parameters(), **({adam: True} if adam else {}))
    for _ in range(3):
        network(torch.ones(4, 2)).sum().backward()
        optimizer.step()


def dense(widths: tuple[int, ...]) -> nn.Sequential:
    """Linear layers with relu between them, at PyTorch's own initial weights."""
    layers: list[nn.Module] = []
    for n_in, n_out in pairwise(widths):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers[:-1])
