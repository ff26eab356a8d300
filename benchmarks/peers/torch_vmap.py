"""torch.func: all networks in one program, by `vmap` over stacked parameters; eager, or with `torch.compile`."""

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, stack_module_state, vmap

from benchmarks.peers import Result, clock, compile_clock
from benchmarks.peers.torch_loop import dense
from benchmarks.tasks import LEARNING_RATE, Task, make_data, score

torch.set_num_threads(1)

Leaves = dict[str, Tensor]
"""Parameters by name, each `[P, ...]`; the moments have the same form."""


def train(task: Task, n_networks: int, seed: int, *, compiled: bool = False) -> Result:
    """Trains `n_networks` together. Rows are drawn with replacement: a permutation a network would cost a sort."""
    x, y = (torch.from_numpy(a) for a in make_data(task))
    had_made = _made_step.cache_info().misses
    step, first_call = _made_step(task, n_networks, compiled)
    compile_seconds = first_call if compiled and _made_step.cache_info().misses > had_made else None
    torch.manual_seed(seed)
    start = clock()
    params, mean, size = _fresh(task, n_networks)
    for t in range(1, task.steps + 1):
        if task.is_full_batch:
            xb, yb = x, y
        else:
            rows = torch.randint(0, task.rows, (n_networks, task.batch))
            xb, yb = x[rows], y[rows]
        params, mean, size = step(params, mean, size, xb, yb, torch.tensor(float(t)))
    seconds = clock() - start
    n_layers = len(task.widths) - 1
    weights = [params[f"{2 * i}.weight"].transpose(1, 2).numpy() for i in range(n_layers)]
    biases = [params[f"{2 * i}.bias"].numpy() for i in range(n_layers)]
    return Result(seconds, score(task, weights, biases), compile_seconds=compile_seconds)


def _fresh(task: Task, n_networks: int) -> tuple[Leaves, Leaves, Leaves]:
    stacked, _ = stack_module_state([dense(task.widths) for _ in range(n_networks)])
    params = {name: leaf.detach() for name, leaf in stacked.items()}
    mean = {name: torch.zeros_like(leaf) for name, leaf in params.items()}
    size = {name: torch.zeros_like(leaf) for name, leaf in params.items()}
    return params, mean, size


@cache
def _made_step(
    task: Task, n_networks: int, compiled: bool
) -> tuple[Callable[..., tuple[Leaves, Leaves, Leaves]], float]:
    """One step of Adam for all networks, and the seconds of its first call, in which torch.compile does its work."""
    skeleton = dense(task.widths)
    loss_of = nn.functional.cross_entropy if task.is_class else nn.functional.mse_loss

    def loss(params: Leaves, xb: Tensor, yb: Tensor) -> Tensor:
        return loss_of(functional_call(skeleton, params, (xb,)), yb)

    data_axis = None if task.is_full_batch else 0
    gradient = vmap(grad(loss), in_dims=(0, data_axis, data_axis))

    def step(
        params: Leaves, mean: Leaves, size: Leaves, xb: Tensor, yb: Tensor, t: Tensor
    ) -> tuple[Leaves, Leaves, Leaves]:
        gradients = gradient(params, xb, yb)
        mean = {k: 0.9 * mean[k] + 0.1 * g for k, g in gradients.items()}
        size = {k: 0.999 * size[k] + 0.001 * g * g for k, g in gradients.items()}
        root_c2 = (1 - 0.999**t).sqrt()
        rate = LEARNING_RATE / (1 - 0.9**t)
        params = {k: p - rate * mean[k] / (size[k].sqrt() / root_c2 + 1e-8) for k, p in params.items()}
        return params, mean, size

    made = torch.compile(step, dynamic=False) if compiled else step
    start = compile_clock()
    for t in (1.0, 2.0):
        xb, yb = (torch.from_numpy(a)[: task.batch] for a in make_data(task))
        if not task.is_full_batch:
            xb, yb = xb.repeat(n_networks, 1, 1), yb.repeat(n_networks, 1)
        made(*_fresh(task, n_networks), xb, yb, torch.tensor(t))
    return made, compile_clock() - start
