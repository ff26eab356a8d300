"""`mf.trace`: one training step, told number by number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Answer, Text
from manyfit.data import Dataset, Encoder, holdout, load
from manyfit.errors import Problem, UsageError
from manyfit.losses import registry as losses
from manyfit.networks import Dense
from manyfit.optimizers.sgd import SGD
from manyfit.population import Member, Population, Rows, View
from manyfit.recipe import Recipe
from manyfit.registry import name_of
from manyfit.rng import Streams
from manyfit.tape.answer import answer_of, plain
from manyfit.tape.chain import COMPOSITES, told
from manyfit.tape.graph import graph_of_step
from manyfit.tape.lines import Account, Line
from manyfit.tape.member import Step, Taped
from manyfit.tape.story import Story
from manyfit.tape.text import text_of

Weight = tuple[int, int, int | str]

LOSS_OF = {"regression": "mse", "binary": "bce", "multiclass": "cross_entropy"}
BIAS = "b"


@dataclass(frozen=True, eq=False)
class Trace:
    """One training step in words and numbers. `print` it, or look at its lines.

    account: What is told.
    step: All arrays of the step; None for the built-in calculations.
    digits: Significant digits shown.
    """

    account: Account
    step: Step | None = None
    digits: int = 4

    @property
    def lines(self) -> tuple[Line, ...]:
        """Every line, in order; results in full precision."""
        return tuple(line for part in self.account.parts for line in part.lines)

    def __getitem__(self, symbol: str) -> float:
        """The result of the last line of that symbol, such as `trace["∂L/∂W₁"]`."""
        found = [line.value for line in self.lines if line.symbol == symbol]
        if not found:
            known = ", ".join(dict.fromkeys(line.symbol for line in self.lines))
            raise KeyError(f"no quantity {symbol!r}; there are {known}")
        return found[-1]

    @cached_property
    def answer(self) -> Answer:
        """The same as an answer, for a report."""
        return answer_of(self.account, self.digits)

    def text(self, lang: str = "en", width: int = 100) -> str:
        """The whole account as text."""
        lines = text_of(self.account, lang, width, self.digits)
        return "\n".join("".join(piece.text for piece in line).rstrip() for line in lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON: lines and arrays, in full precision; what is not finite is None."""
        return {
            "title": self.account.title.en,
            "about": [sentence.en for sentence in self.account.about],
            "lines": _finite(plain(self.account)),
            **_finite(self.account.arrays),
        }

    def to_json(self) -> str:
        """`to_dict` as text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, allow_nan=False)

    def __str__(self) -> str:
        return self.text()

    def __repr__(self) -> str:
        return f"<Trace of {self.account.title.en!r}: {len(self.lines)} lines>"


def trace(
    source: Any = None,
    recipe: Recipe | None = None,
    *,
    target: Any = None,
    row: int | None = None,
    weight: Weight | None = None,
    step: int | None = None,
    seed: int = 0,
    values: Mapping[str, float] | None = None,
    digits: int = 4,
    **loading: Any,
) -> Trace:
    """Make one training step on a tape, and tell it: forward, loss, the chain rule backwards, the update.

    Everything counts from 1, as the subscripts do.

    Args:
        source: What to train on: a `Dataset` or whatever `load` takes (standardized as in training, test rows left out), or
            arrays `(X, y)` taken as they are. "chain" and "two-layer" are the chapter's own: L = f(g(h(x))) of 3.3.1, and the
            network of 3.3.4. By default the embedded example "line".
        recipe: How the network is trained. By default two sigmoid units, SGD at 0.1, three rows a step.
        target: Column to predict, where `load` needs it.
        row: The row of the table whose way through the network is told; by default the first of the step's batch.
        weight: Layer, unit, input: the weight that is followed through every factor; "b" as the input is the bias.
        step: Which update of the training. By default the first in which the row takes part.
        seed: Root of initial weights, order of rows, dropout.
        values: For "chain" and "two-layer": other numbers to begin with, such as `{"x": 2.0}`.
        digits: Significant digits of what is shown.
        **loading: What else `load` takes.

    Returns:
        The trace. The update is the one that the reference engine makes with the same recipe, streams and rows in float64.

    Raises:
        UsageError: If there is no such row, weight or step.
        RecipeError: If the recipe does not fit the data.

    Example:
        >>> told = trace("two-layer", values={"x": 1.0})
        >>> print(told.lines[0])
        z₁ = W₁·x + b₁ = 0.4·1 + (−0.2) = 0.2
        >>> round(told["∂L/∂W₁"], 6)
        -0.030133
    """
    if not 1 <= digits <= 17:
        raise UsageError(Problem("digits", "must be 1 to 17", str(digits)))
    if isinstance(source, str) and source in COMPOSITES:
        given = {"row": row, "weight": weight, "step": step, "target": target, **loading}
        unused = [name for name, value in given.items() if value is not None]
        if unused:
            raise UsageError(Problem(unused[0], f"has no meaning for {source!r}", hint="Leave it away."))
        rule = recipe.check().optimizer if recipe is not None else SGD(lr=0.5)
        return Trace(told(source, values, rule, digits), None, digits)
    if values is not None:
        hint = f"Name one of them: {', '.join(COMPOSITES)}."
        raise UsageError(Problem("values", "are for the built-in calculations only", hint=hint))
    name, view, labels, task = _read(source, target, seed, loading)
    recipe = default_recipe(task) if recipe is None else recipe
    if isinstance(recipe.precision, str) and recipe.precision != "float64":
        recipe = recipe.set("precision", "float64")
    view = _fit(view, recipe)
    member = Member(recipe, Streams.of(seed), Rows(np.arange(len(view.X))))
    Population((member,), {"all": view}).check()
    is_table = not isinstance(source, tuple)
    return _traced(name, Taped(member, view), labels, row, weight, step, digits, is_table)


def default_recipe(task: str) -> Recipe:
    """A network small enough to be read in full."""
    loss = losses.find(LOSS_OF[task])()
    return Recipe(Dense((2,), "sigmoid"), loss, SGD(lr=0.1), batch_size=3, precision="float64")


def _traced(
    name: str,
    taped: Taped,
    labels: NDArray[np.int64],
    row: int | None,
    weight: Weight | None,
    at: int | None,
    digits: int,
    is_standardized: bool,
) -> Trace:
    place = None if row is None else _place_of(row, labels)
    t = _step_of(taped, place) if at is None else at - 1
    if not 0 <= t < taped.n_steps:
        hint = f"The recipe has {taped.recipe.epochs} epochs of {taped.n_batches} steps."
        raise UsageError(Problem("step", f"must be 1 to {taped.n_steps}", str(t + 1), hint=hint))
    rows = taped.rows_of(t)
    if place is not None and place not in rows:
        hint = f"Its rows are {', '.join(str(labels[k]) for k in rows[:20])}. Without a step, the row finds its own."
        raise UsageError(Problem(f"row {row}", f"is not in the batch of step {t + 1}", hint=hint))
    followed = None if weight is None else _followed(weight, taped.widths)
    for _ in range(t):
        taped.step()
    step = taped.step()
    position = 0 if place is None else int(np.flatnonzero(rows == place)[0])
    followed = followed or _liveliest(step, position)
    story = Story(
        step,
        taped.recipe,
        [int(labels[k]) for k in rows],
        position,
        followed,
        _finite_difference(taped, step, followed),
        digits,
    )
    with np.errstate(all="ignore"):
        graph = graph_of_step(story)
    account = Account(
        Text(f"One training step on {name}", f"{name} 上的一步训练"),
        _about(taped, step, story, labels, is_standardized),
        story.parts(),
        graph,
        _arrays(story),
    )
    return Trace(account, step, digits)


def _read(
    source: Any, target: Any, seed: int, loading: Mapping[str, Any]
) -> tuple[str, Any, NDArray[np.int64], str]:
    """Name, what the view is made of, the rows' numbers in the table, and the task."""
    if isinstance(source, tuple) and len(source) == 2 and target is None:
        X, y = (np.asarray(each) for each in source)
        task = "multiclass" if y.ndim == 1 and y.dtype.kind in "iub" else "regression"
        return "the given arrays", (X, y, None, None), np.arange(1, len(X) + 1), task
    data = source
    if not isinstance(data, Dataset):
        options: dict[str, Any] = {"leaks": False, **loading}
        data = load("line" if source is None else source, target, seed=seed, **options)
    rows = holdout(data, seed).development
    encoder = Encoder.fit(data, rows)
    n_classes = data.target.n_classes if data.task == "multiclass" else None
    weights = data.training_weights()
    given = (
        encoder.transform(data.frame[rows]),
        encoder.encode_target(data.y[rows]),
        None if weights is None else weights[rows],
        n_classes,
    )
    return data.name, given, rows + 1, data.task


def _fit(given: Any, recipe: Recipe) -> View:
    """The view, with targets in the form that the recipe's loss compares with."""
    X, y, weights, n_classes = given
    if n_classes is None and getattr(recipe.loss, "target", None) == "labels":
        n_classes = int(np.max(y, initial=0)) + 1
    elif n_classes is None:
        y = np.asarray(y, dtype=np.float64)
    return View(X, y, weights, n_classes)


def _place_of(row: int, labels: NDArray[np.int64]) -> int:
    found = np.flatnonzero(labels == row)
    if len(found):
        return int(found[0])
    is_inside = 1 <= row <= labels.max(initial=0)
    rule = "is locked away for tests" if is_inside else f"must be 1 to {labels.max(initial=0)}"
    hint = f"Rows {', '.join(str(each) for each in labels[:8])} … may be traced."
    raise UsageError(Problem(f"row {row}", rule, hint=hint))


def _step_of(taped: Taped, place: int | None) -> int:
    """The first step in which a row takes part: somewhere in the first epoch."""
    if place is None or taped.n_steps == 0:
        return 0
    return next(t for t in range(taped.n_batches) if place in taped.rows_of(t))


def _followed(weight: Weight, widths: tuple[int, ...]) -> tuple[int, int, int | None]:
    """Layer from 1, unit and input from 0; None for the bias."""
    hint = "Layer, unit, input, counted from 1; b as the input is the bias. For example 1,2,1."
    if len(weight) != 3:
        raise UsageError(Problem("weight", "must be three", repr(weight), hint=hint))
    layer, out, in_ = weight
    sizes = " → ".join(str(width) for width in widths)
    if not (isinstance(layer, int) and 1 <= layer < len(widths)):
        raise UsageError(
            Problem("weight", f"must name a layer 1 to {len(widths) - 1}", repr(layer), hint=hint)
        )
    for what, asked, most in (("unit", out, widths[layer]), ("input", in_, widths[layer - 1])):
        if what == "input" and asked == BIAS:
            continue
        if not (isinstance(asked, int) and 1 <= asked <= most):
            rule = (
                f"must name an {what} 1 to {most}" if what == "input" else f"must name a {what} 1 to {most}"
            )
            raise UsageError(Problem("weight", f"{rule} of layer {layer} ({sizes})", repr(asked), hint=hint))
    return layer, int(out) - 1, None if in_ == BIAS else int(in_) - 1


def _liveliest(step: Step, position: int) -> tuple[int, int, int]:
    """The first weight of the first layer that the row pulls at; the very first where it pulls at none."""
    first = step.layers[0]
    pulls = first.d_z[position][:, None] * first.inputs[position][None, :]
    found = np.argwhere(pulls != 0)
    return (1, int(found[0][0]), int(found[0][1])) if len(found) else (1, 0, 0)


def _finite_difference(taped: Taped, step: Step, weight: tuple[int, int, int | None]) -> float:
    layer, out, in_ = weight
    place, at = (2 * layer - 1, (out,)) if in_ is None else (2 * layer - 2, (in_, out))
    losses_ = []
    h = 1e-6 * max(1.0, abs(float(step.leaves[place].before[at])))
    for sign in (1, -1):
        leaves = [leaf.before.copy() for leaf in step.leaves]
        leaves[place][at] += sign * h
        losses_.append(taped.loss_at(leaves, step.t - 1))
    return (losses_[0] - losses_[1]) / (2 * h)


def _about(
    taped: Taped, step: Step, story: Story, labels: NDArray[np.int64], is_standardized: bool
) -> tuple[Text, ...]:
    recipe, network = taped.recipe, taped.recipe.network
    shape = "-".join(str(width) for width in taped.widths)
    loss, rule = name_of(recipe.loss), name_of(recipe.optimizer)
    activation = network.activation if network.hidden else "linear"
    rows = ", ".join(str(label) for label in story.labels[:8]) + (" …" if len(story.labels) > 8 else "")
    n = len(story.labels)
    row, weight = story.labels[story.row], story.symbol
    made = f"{shape}, {activation}, {loss}, {rule}"
    return (
        Text(
            f"network {made}; step {step.t} of {taped.n_steps}, {n} of {len(labels)} rows: {rows}",
            f"网络 {made}；第 {step.t} 步（共 {taped.n_steps} 步），{len(labels)} 行中的 {n} 行：{rows}",
        ),
        Text(
            f"row {row} is followed (--row) and {weight} (--weight); float64"
            + ("; numbers are standardized, as in training" if is_standardized else ""),
            f"跟踪第 {row} 行（--row）与 {weight}（--weight）；float64"
            + ("；数值与训练时一样已标准化" if is_standardized else ""),
        ),
    )


def _arrays(story: Story) -> dict[str, Any]:
    step = story.step
    layer, out, in_ = story.weight
    names_ = [f"{kind}{k}" for k in range(1, len(step.layers) + 1) for kind in ("W", "b")]
    return {
        "recipe": story.recipe.to_dict(),
        "t": step.t,
        "epoch": step.epoch + 1,
        "rate": step.rate,
        "rows": list(story.labels),
        "row": story.labels[story.row],
        "weight": [layer, out + 1, BIAS if in_ is None else in_ + 1],
        "loss": step.loss,
        "new_loss": step.new_loss,
        "row_losses": step.row_losses.tolist(),
        "layers": [
            {
                name: None if array is None else array.tolist()
                for name, array in (
                    ("inputs", each.inputs),
                    ("dropout", each.mask),
                    ("z", each.z),
                    ("a", each.a),
                    ("slope", each.slope),
                    ("d_z", each.d_z),
                    ("d_a", each.d_a),
                )
            }
            for each in step.layers
        ],
        "parameters": {
            name: {
                "before": leaf.before.tolist(),
                "d_loss": leaf.d_loss.tolist(),
                "g": leaf.gradient.tolist(),
                "state": {key: array.tolist() for key, array in leaf.state.items()},
                "new_state": {key: array.tolist() for key, array in leaf.new_state.items()},
                "after": leaf.after.tolist(),
            }
            for name, leaf in zip(names_, step.leaves, strict=True)
        },
    }


def _finite(value: Any) -> Any:
    """Plain values with None where a number is not finite, which JSON has no word for."""
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    return [_finite(part) for part in value] if isinstance(value, (list, tuple)) else value
