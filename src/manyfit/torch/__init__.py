"""manyfit's rules in PyTorch's own clothes, for anybody's training loop. Needs torch.

Each rule of `manyfit.optimizers` is here as a `torch.optim.Optimizer` and each of `manyfit.schedules` as an `LRScheduler`, under
the name of its class and with torch's names of the options; rules that other packages bring appear by themselves. `module` gives
a trained network of a run as an ordinary `nn.Module`.

Example:
    >>> import torch, manyfit as mf
    >>> net = torch.nn.Linear(2, 1)
    >>> optimizer = mf.torch.LAMB(net.parameters(), lr=0.01, betas=(0.9, 0.99))
    >>> scheduler = mf.torch.Scheduler(optimizer, "warmup >> cosine", epochs=10)
    >>> net(torch.ones(3, 2)).sum().backward()
    >>> optimizer.step()
    >>> scheduler.step()
    >>> scheduler.get_last_lr()
    [0.01]
"""

from typing import Any

from manyfit import optimizers, schedules

try:
    import torch as torch
except ImportError as error:
    raise ImportError("manyfit.torch needs torch: pip install 'manyfit[torch]'") from error

from manyfit.torch.module import module as module
from manyfit.torch.optimizer import RuleOptimizer as RuleOptimizer
from manyfit.torch.optimizer import optimizer_class
from manyfit.torch.scheduler import Scheduler as Scheduler
from manyfit.torch.scheduler import scheduler_class


def __getattr__(name: str) -> Any:
    """An optimizer or a scheduler by the name of its rule; always the same class for the same rule."""
    if not name.startswith("_"):
        for registry, make in ((optimizers.registry, optimizer_class), (schedules.registry, scheduler_class)):
            rule = registry.get(name)
            if rule is not None:
                return make(rule)
    raise AttributeError(f"module 'manyfit.torch' has no attribute {name!r}")


def __dir__() -> list[str]:
    rules = [*optimizers.registry.all().values(), *schedules.registry.all().values()]
    return sorted({*globals(), *(rule.__name__ for rule in rules)})
