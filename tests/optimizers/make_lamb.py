"""Made `lamb.json`: what optax 0.2.8 (on jax 0.10.2) and timm 1.0.31 (on torch 2.13.0) make of six updates by LAMB, in float64.

Not run by the tests, which would otherwise need jax and timm: `python tests/optimizers/make_lamb.py` with both installed writes
the file anew.
"""

import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np

N_STEPS = 6
SETTINGS = [
    {"lr": 0.01, "beta1": 0.9, "beta2": 0.999, "eps": 1e-6, "weight_decay": 0.0},
    {"lr": 0.003, "beta1": 0.5, "beta2": 0.9, "eps": 1e-8, "weight_decay": 0.1},
    {"lr": 0.1, "beta1": 0.0, "beta2": 0.99, "eps": 1e-3, "weight_decay": 0.01},
    {"lr": 0.05, "beta1": 0.95, "beta2": 0.5, "eps": 1e-6, "weight_decay": 1.0},
    {"lr": 0.3, "beta1": 0.8, "beta2": 0.0, "eps": 1e-2, "weight_decay": 0.3},
]


def tensors() -> list[np.ndarray]:
    """Weights, a bias that starts at 0, and a tensor of norm 40."""
    generator = np.random.default_rng(8)
    large = generator.normal(size=(2, 5))
    return [generator.normal(size=(4, 3)), np.zeros(3), 40 * large / np.linalg.norm(large)]


def gradients() -> list[list[np.ndarray]]:
    """Of each step, of each tensor: the last tensor's are small, as those of large weights may be."""
    generator = np.random.default_rng(9)
    return [[s * generator.normal(size=p.shape) for s, p in zip((1, 3, 0.01), tensors(), strict=True)] for _ in range(N_STEPS)]


def by_optax(s: dict[str, float]) -> list[np.ndarray]:
    """The tensors after all steps."""
    import jax

    jax.config.update("jax_enable_x64", True)
    import optax

    rule = optax.lamb(s["lr"], b1=s["beta1"], b2=s["beta2"], eps=s["eps"], weight_decay=s["weight_decay"])
    p = [jax.numpy.asarray(each) for each in tensors()]
    state = rule.init(p)
    for g in gradients():
        updates, state = rule.update([jax.numpy.asarray(each) for each in g], state, p)
        p = optax.apply_updates(p, updates)
    return [np.asarray(each) for each in p]


def by_timm(s: dict[str, float]) -> list[np.ndarray]:
    """The tensors after all steps."""
    import torch

    if "timm" not in sys.modules:
        folder = Path(str(importlib.util.find_spec("timm").origin)).parent
        for name, path in (("timm", folder), ("timm.optim", folder / "optim")):  # to import them in earnest needs torchvision
            sys.modules[name] = types.ModuleType(name)
            sys.modules[name].__path__ = [str(path)]
    from timm.optim.lamb import Lamb

    p = [torch.nn.Parameter(torch.from_numpy(each.copy())) for each in tensors()]
    options = {"lr": s["lr"], "betas": (s["beta1"], s["beta2"]), "eps": s["eps"], "weight_decay": s["weight_decay"]}
    rule = Lamb(p, **options, max_grad_norm=None, always_adapt=True)
    for g in gradients():
        for each, slope in zip(p, g, strict=True):
            each.grad = torch.from_numpy(slope.copy())
        rule.step()
    return [each.detach().numpy() for each in p]


def plain(arrays: list[np.ndarray]) -> list[list]:
    """Arrays as lists, which JSON writes to the last bit."""
    return [each.tolist() for each in arrays]


def main() -> None:
    """Write the file beside this one."""
    golden = {
        "settings": SETTINGS,
        "start": plain(tensors()),
        "gradients": [plain(g) for g in gradients()],
        "optax": [plain(by_optax(s)) for s in SETTINGS],
        "timm": [plain(by_timm(s)) for s in SETTINGS],
    }
    Path(__file__).with_name("lamb.json").write_text(json.dumps(golden) + "\n")


if __name__ == "__main__":
    main()
