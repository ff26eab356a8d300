"""What the main job searches when nothing is said: few structures, many settings, sized by the table."""

from __future__ import annotations

import math

from manyfit.hyper import AnyRange, LogRange, Range
from manyfit.networks import Dense
from manyfit.optimizers.adamw import AdamW
from manyfit.recipe import Recipe
from manyfit.schedules.cosine import Cosine
from manyfit.schedules.plateau import Plateau
from manyfit.schedules.sequence import Sequence
from manyfit.schedules.warmup import Warmup
from manyfit.space import Space, Structure

WARMUP = 0.05
"""Share of the epochs over which the rate rises."""
WAIT = 0.06
"""Share of the epochs without a better held-out loss after which a plateau cuts the rate."""
PATIENCE = 0.3
"""Share of the epochs without a better held-out loss after which a network stops."""
MIN_PATIENCE = 8
LOSSES = {"regression": "mse", "binary": "bce", "multiclass": "cross_entropy"}
"""What is trained for each task. Metrics report; they don't train."""

_ADAMW: dict[str, AnyRange] = {
    "optimizer.lr": LogRange(5e-4, 3e-2),
    "optimizer.weight_decay": LogRange(1e-3, 3.0),
}
_ADAM: dict[str, AnyRange] = {
    "optimizer.lr": LogRange(5e-4, 3e-2),
    "optimizer.weight_decay": LogRange(1e-6, 1e-2),
}
_MOMENTUM: dict[str, AnyRange] = {
    "optimizer.lr": LogRange(3e-3, 3e-1),
    "optimizer.weight_decay": LogRange(1e-6, 1e-2),
}
_SGD: dict[str, AnyRange] = {
    "optimizer.lr": LogRange(3e-2, 1.0),
    "optimizer.weight_decay": LogRange(1e-6, 1e-2),
}
_DROPOUT: dict[str, AnyRange] = {"network.dropout": Range(0.02, 0.5)}
_INPUT_DROPOUT: dict[str, AnyRange] = {"network.input_dropout": Range(0.01, 0.3)}
_NOISE: dict[str, AnyRange] = {"augment.noise": LogRange(3e-3, 0.3)}
_SMOOTHING: dict[str, AnyRange] = {"loss.label_smoothing": LogRange(2e-3, 0.1)}
_L1: dict[str, AnyRange] = {"l1.strength": LogRange(1e-6, 1e-2)}

# Hidden layers by the number of training rows: more rows can fill wider networks.
_HIDDEN: tuple[tuple[int, tuple[tuple[int, ...], ...]], ...] = (
    (400, ((32,), (16,), (32, 32), (64,))),
    (4000, ((64, 64), (64,), (128,), (32, 32), (128, 128))),
    (20000, ((128, 128), (64, 64), (256,), (64, 64, 64), (256, 128))),
)
_HIDDEN_LARGE: tuple[tuple[int, ...], ...] = ((128, 128), (256, 128), (64, 64), (256, 256), (128, 128, 128))


def batch_size_for(n_rows: int) -> int:
    """Rows per update: about forty updates an epoch, a power of two from 16 to 128.

    Larger batches would hardly be faster, and where the budget allows few passes they learn less from each.

    Example:
        >>> batch_size_for(60), batch_size_for(1150), batch_size_for(160_000)
        (16, 32, 128)
    """
    return int(min(max(2 ** round(math.log2(max(n_rows, 1) / 40)), 16), 128))


def default_space(task: str, n_rows: int, *, max_width: int | None = None) -> Space:
    """The search space for a table.

    AdamW on every structure, because it trains most tables well whatever their scale; Adam, Momentum and SGD on a few, each
    with a schedule of its own. Rates cover what trains and a bit of what diverges: higher ones look good in the short
    trainings of the first round, and no longer in full ones. Decay, dropout, noise, smoothing and L1 reach from nothing to
    too much.

    Args:
        task: "regression", "binary" or "multiclass".
        n_rows: Training rows.
        max_width: Widest layer allowed; by default as wide as the rows can fill.
    """
    hidden = next((widths for limit, widths in _HIDDEN if n_rows < limit), _HIDDEN_LARGE)
    if max_width is not None:
        wider = [tuple(min(2 * width, max_width) for width in widths) for widths in hidden]
        hidden = tuple(
            dict.fromkeys(tuple(min(width, max_width) for width in widths) for widths in [*hidden, *wider])
        )
    base = Recipe(
        Dense(hidden[0]),
        loss=LOSSES[task],  # type: ignore[arg-type]
        optimizer=AdamW(lr=3e-3, weight_decay=0.03),
        schedule=Warmup() >> Cosine(),
        batch_size=batch_size_for(n_rows),
    )
    small_batch = max(base.batch_size // 2, 8) if base.batch_size else 8
    structures = []
    for i, widths in enumerate(hidden):
        ranges = _ADAMW | (_DROPOUT if i % 2 == 0 else _NOISE)
        structures.append(Structure({"optimizer": "adamw", "network.hidden": widths}, ranges))
    smoothing = {} if task == "regression" else _SMOOTHING
    first, second = hidden[0], hidden[min(1, len(hidden) - 1)]
    structures += [
        Structure(
            {"optimizer": "adamw", "network.hidden": first, "batch_size": small_batch},
            _ADAMW | _DROPOUT | _INPUT_DROPOUT | smoothing,
        ),
        Structure({"optimizer": "adam", "network.hidden": second}, _ADAM | _L1),
        Structure(
            {
                "optimizer": "momentum",
                "optimizer.nesterov": True,
                "network.hidden": first,
                "schedule": "one_cycle",
            },
            _MOMENTUM | _DROPOUT,
        ),
        Structure(
            {
                "optimizer": "sgd",
                "network.hidden": second,
                "schedule": "warmup >> plateau",
                "schedule.plateau.factor": 0.3,
            },
            _SGD,
        ),
    ]
    if task == "regression" or n_rows < 4000:
        structures.append(
            Structure({"optimizer": "adamw", "network.hidden": first, "network.activation": "tanh"}, _ADAMW)
        )
    first_recipe = base.set("network.dropout", 0.1)
    return Space(base, tuple(structures), first=(first_recipe,)).check()


def for_epochs(recipe: Recipe, epochs: int) -> Recipe:
    """The same recipe for another length of training: its schedule and its patience stretch along.

    Example:
        >>> short = for_epochs(Recipe(schedule="warmup >> cosine"), 40)
        >>> short.epochs, short.get("schedule.warmup.length"), short.stopping.patience
        (40, 2.0, 12)
    """
    recipe = recipe.set("epochs", epochs)
    schedule = recipe.schedule
    if isinstance(schedule, Sequence) and isinstance(schedule.parts[0], Warmup):
        recipe = recipe.set("schedule.0.length", WARMUP * epochs)
        if isinstance(schedule.parts[-1], Plateau):
            waits = max(round(WAIT * epochs), 1)
            recipe = recipe.set(f"schedule.{len(schedule.parts) - 1}.patience", waits)
    patience = max(round(PATIENCE * epochs), MIN_PATIENCE)
    return recipe.set("stopping.patience", patience)
