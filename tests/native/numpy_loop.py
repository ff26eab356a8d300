"""A training loop in plain NumPy, float64, one network at a time: what the C++ core is held to.

It shares nothing with the core but the words of the contract. Random words come from `manyfit.rng`, which is itself
held to the published generator.
"""

import itertools
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from manyfit.rng import dropout_mask, dropped, epoch_order, gaussian

FINISHED, DIVERGED, STOPPED_EARLY, TARGET_REACHED = 1, 2, 3, 4


@dataclass
class Table:
    """Inputs [N, D], targets [N, C] or classes [N], weights [N] or None."""

    X: np.ndarray
    y: np.ndarray
    weights: np.ndarray | None = None


@dataclass
class Network:
    """One member, in words and numbers."""

    widths: list[int]
    table: Table
    train: np.ndarray
    held: np.ndarray
    params: np.ndarray
    rates: np.ndarray
    activation: str = "relu"
    loss: str = "mse"
    optimizer: str = "adam"
    hyper: dict[str, float] = field(default_factory=dict)
    nesterov: bool = False
    batch_size: int = 5
    epochs: int = 3
    record_every: int = 1
    order_key: int = 1
    noise_key: int = 2
    keep16: list[int] = field(default_factory=list)
    noise: float = 0.0
    input_keep16: int = 65536
    l1: float = 0.0
    l2: float = 0.0
    l1_bias: float = 0.0
    l2_bias: float = 0.0
    threshold: float = 0.0
    threshold_bias: float = 0.0
    clip_value: float = np.inf
    clip_norm: float = np.inf
    patience: int = 0
    min_delta: float = 0.0
    target_loss: float = -np.inf
    max_steps: int = 2**62
    plateau: tuple[float, ...] = (0, 1, -1, 0, 0, 0, 0, 0)  # patience −1: none


@dataclass
class Outcome:
    """What training left behind."""

    params: np.ndarray
    loss: np.ndarray
    held_loss: np.ndarray
    fate: int
    fate_step: int


ACTIVATIONS: dict[str, Any] = {
    "identity": (lambda z: z, lambda a: np.ones_like(a)),
    "relu": (lambda z: np.maximum(z, 0), lambda a: (a > 0).astype(float)),
    "leaky_relu": (lambda z: np.where(z > 0, z, 0.01 * z), lambda a: np.where(a > 0, 1, 0.01)),
    "elu": (lambda z: np.where(z > 0, z, np.expm1(np.minimum(z, 0))), lambda a: np.where(a > 0, 1, a + 1)),
    "tanh": (np.tanh, lambda a: 1 - a**2),
    "sigmoid": (lambda z: 1 / (1 + np.exp(-z)), lambda a: a * (1 - a)),
}


def unflatten(params: np.ndarray, widths: list[int]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Views of the weights [in, out] and biases [out] of each layer."""
    layers, at = [], 0
    for n_in, n_out in itertools.pairwise(widths):
        weights = params[at : at + n_in * n_out].reshape(n_in, n_out)
        at += n_in * n_out
        layers.append((weights, params[at : at + n_out]))
        at += n_out
    return layers


def row_losses(loss: str, o: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Loss of each row [N], and its gradient with respect to the outputs [N, C]."""
    if loss == "mse":
        return ((o - y) ** 2).mean(1), 2 * (o - y) / o.shape[1]
    if loss == "cross_entropy":
        shifted = o - o.max(1, keepdims=True)
        p = np.exp(shifted) / np.exp(shifted).sum(1, keepdims=True)
        chosen = np.eye(o.shape[1])[y]
        return np.log(np.exp(shifted).sum(1)) - (shifted * chosen).sum(1), p - chosen
    value = np.maximum(o, 0) - o * y + np.log1p(np.exp(-np.abs(o)))
    return value.mean(1), (1 / (1 + np.exp(-o)) - y) / o.shape[1]


def forward(params: np.ndarray, net: Network, x: np.ndarray, step: int | None) -> tuple[list, list, list]:
    """What each layer reads, activations before dropout, masks; `step` None means no dropout."""
    act, _ = ACTIVATIONS[net.activation]
    layers = unflatten(params, net.widths)
    if step is not None:
        x = x + net.noise * gaussian(net.noise_key, step, *x.shape)
        x = x * dropped(net.noise_key, step, *x.shape, net.input_keep16)
    reads, before, masks = [], [x], []
    for i, (w, b) in enumerate(layers):
        keep = 65536 if step is None else net.keep16[i]
        h = before[-1]
        mask = dropout_mask(net.noise_key, step or 0, i, *h.shape, keep)
        masks.append(mask)
        reads.append(h * mask)
        z = reads[-1] @ w + b
        before.append(act(z) if i < len(layers) - 1 else z)
    return reads, before, masks


def gradient(params: np.ndarray, net: Network, x: np.ndarray, d_out: np.ndarray, step: int | None) -> tuple:
    """Gradient with respect to the parameters and to the inputs, given that with respect to the outputs."""
    _, slope = ACTIVATIONS[net.activation]
    reads, before, masks = forward(params, net, x, step)
    grad = np.zeros_like(params)
    d = d_out
    for i in range(len(net.widths) - 2, -1, -1):
        (gw, gb), (w, _) = unflatten(grad, net.widths)[i], unflatten(params, net.widths)[i]
        gw[...], gb[...] = reads[i].T @ d, d.sum(0)
        d = (d @ w.T) * masks[i]
        if i:
            d = d * slope(before[i])
    return grad, d


def train(net: Network) -> Outcome:
    """The whole life of one network."""
    n, size = len(net.train), min(net.batch_size, len(net.train))
    params, h = net.params.astype(float).copy(), net.hyper
    state = [np.zeros_like(params), np.zeros_like(params)]
    is_bias = np.concatenate(
        [np.repeat([0.0, 1.0], [a * b, b]) for a, b in zip(net.widths[:-1], net.widths[1:], strict=True)]
    )
    l1, l2 = np.where(is_bias, net.l1_bias, net.l1), np.where(is_bias, net.l2_bias, net.l2)
    threshold = np.where(is_bias, net.threshold_bias, net.threshold)
    weights = np.ones(len(net.table.X)) if net.table.weights is None else net.table.weights
    losses, held_losses = np.full(net.epochs, np.nan), np.full(net.epochs, np.nan)
    best, best_params, bad, t, start = np.inf, None, 0, 0, None

    def ended(fate: int, step: int) -> Outcome:
        final = params if best_params is None else best_params
        return Outcome(final, losses, held_losses, fate, step)

    for epoch in range(net.epochs):
        order = np.arange(n) if size == n else epoch_order(net.order_key, epoch, n)
        total, total_weight = 0.0, 0.0
        for first in range(0, n, size):
            rows = net.train[order[first : first + size]]
            x, w = net.table.X[rows], weights[rows]
            value, d_out = row_losses(net.loss, forward(params, net, x, t)[1][-1], net.table.y[rows])
            batch_loss = (w * value).sum() / w.sum() if w.sum() > 0 else 0.0
            start = batch_loss if start is None else start
            if not np.isfinite(batch_loss) or batch_loss > max(1e6 * start, 1):
                return ended(DIVERGED, t + 1)
            total, total_weight = total + (w * value).sum(), total_weight + w.sum()
            share = w / w.sum() if w.sum() > 0 else 0 * w
            g, _ = gradient(params, net, x, d_out * share[:, None], t)
            g = g + l1 * np.sign(params) + 2 * l2 * params
            g = np.clip(g, -net.clip_value, net.clip_value)
            if np.isfinite(net.clip_norm):
                g = g * min(1.0, net.clip_norm / (np.sqrt((g**2).sum()) + 1e-6))
            rate = h["lr"] * net.rates[t]
            t += 1
            if net.optimizer != "adamw":
                g = g + h["weight_decay"] * params
            if net.optimizer in ("sgd", "momentum"):
                # The weights are where they would be with the slope of |w| there: by the threshold, and from it the slope.
                gamma = h.get("momentum", 0.0)
                gain = rate * (1 + gamma * net.nesterov)
                moved = params - gain * g - rate * gamma * state[0] * (gamma if net.nesterov else 1)
                new = np.sign(moved) * np.maximum(np.abs(moved) - gain * threshold, 0)
                state[0] = gamma * state[0] + g + (moved - new) / gain
                params = new
            else:
                if net.optimizer == "adamw":
                    params = params * (1 - rate * h["weight_decay"])
                state[0] = h["beta1"] * state[0] + (1 - h["beta1"]) * g
                state[1] = h["beta2"] * state[1] + (1 - h["beta2"]) * g**2
                mean, size_hat = state[0] / (1 - h["beta1"] ** t), state[1] / (1 - h["beta2"] ** t)
                params = params - rate * mean / (np.sqrt(size_hat) + h["eps"])
            if t == net.max_steps and first + size < n:
                return ended(FINISHED, t)
        losses[epoch] = total / total_weight if total_weight > 0 else 0.0
        last = epoch == net.epochs - 1
        if len(net.held) and ((epoch + 1) % net.record_every == 0 or last or net.patience > 0):
            o = forward(params, net, net.table.X[net.held], None)[1][-1]
            w = weights[net.held]
            value = row_losses(net.loss, o, net.table.y[net.held])[0]
            held_losses[epoch] = (w * value).sum() / w.sum() if w.sum() > 0 else 0.0
            if net.patience > 0:
                if held_losses[epoch] < best - net.min_delta:
                    best, best_params, bad = held_losses[epoch], params.copy(), 0
                else:
                    bad += 1
                if bad >= net.patience:
                    return ended(STOPPED_EARLY, t)
        if losses[epoch] <= net.target_loss:
            return ended(TARGET_REACHED, t)
        if t == net.max_steps:
            return ended(FINISHED, t)
    return ended(FINISHED, t)
