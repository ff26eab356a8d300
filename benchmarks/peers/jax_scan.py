"""JAX: `jit(vmap(scan))`, the whole training of all networks as one compiled program; Adam from optax."""

from functools import cache
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks.peers import Result, clock, compile_clock
from benchmarks.tasks import LEARNING_RATE, Task, make_data, score


def train(task: Task, n_networks: int, seed: int) -> Result:
    """Trains `n_networks` together. Rows are drawn with replacement: a permutation a network would cost a sort."""
    had_compiled = _compiled.cache_info().misses
    start = compile_clock()
    program = _compiled(task, n_networks)
    compile_seconds = compile_clock() - start if _compiled.cache_info().misses > had_compiled else None
    keys = jax.random.split(jax.random.key(seed), n_networks)
    start = clock()
    params = jax.block_until_ready(program(keys))
    seconds = clock() - start
    weights = [np.asarray(w) for w, _ in params]
    biases = [np.asarray(b) for _, b in params]
    return Result(seconds, score(task, weights, biases), compile_seconds=compile_seconds)


@cache
def _compiled(task: Task, n_networks: int) -> Any:
    x, y = (jnp.asarray(a) for a in make_data(task))
    adam = optax.adam(LEARNING_RATE)
    shapes = list(pairwise(task.widths))

    def fresh(key: jax.Array) -> list[tuple[jax.Array, jax.Array]]:
        keys = jax.random.split(key, 2 * len(shapes))
        params = []
        for i, (n_in, n_out) in enumerate(shapes):
            bound = n_in**-0.5
            w = jax.random.uniform(keys[2 * i], (n_in, n_out), minval=-bound, maxval=bound)
            b = jax.random.uniform(keys[2 * i + 1], (n_out,), minval=-bound, maxval=bound)
            params.append((w, b))
        return params

    def loss(params: Any, xb: jax.Array, yb: jax.Array) -> jax.Array:
        out = xb
        for depth, (w, b) in enumerate(params):
            out = out @ w + b
            if depth < len(params) - 1:
                out = jax.nn.relu(out)
        if task.is_class:
            return optax.softmax_cross_entropy_with_integer_labels(out, yb).mean()
        return ((out - yb) ** 2).mean()

    def one(key: jax.Array) -> Any:
        key_init, key_rows = jax.random.split(key)
        params = fresh(key_init)

        def step(carry: Any, key_step: jax.Array) -> tuple[Any, None]:
            params, state = carry
            if task.is_full_batch:
                xb, yb = x, y
            else:
                rows = jax.random.randint(key_step, (task.batch,), 0, task.rows)
                xb, yb = x[rows], y[rows]
            updates, state = adam.update(jax.grad(loss)(params, xb, yb), state, params)
            return (optax.apply_updates(params, updates), state), None

        (params, _), _ = jax.lax.scan(
            step, (params, adam.init(params)), jax.random.split(key_rows, task.steps)
        )
        return params

    return jax.jit(jax.vmap(one)).lower(jax.random.split(jax.random.key(0), n_networks)).compile()
