"""`mf.trace`: one training step, told number by number."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from manyfit.answers import Answer, Text
from manyfit.errors import Problem, UsageError
from manyfit.optimizers.sgd import SGD
from manyfit.population import Member, Population, Rows
from manyfit.recipe import Recipe
from manyfit.registry import name_of
from manyfit.rng import Streams
from manyfit.tape import limits
from manyfit.tape.answer import answer_of, plain
from manyfit.tape.chain import COMPOSITES, told
from manyfit.tape.follow import BIAS, Weight, finite_difference, first_step_of, liveliest, parsed, place_of
from manyfit.tape.graph import graph_of_step
from manyfit.tape.lines import Account, Line
from manyfit.tape.member import Step, Taped
from manyfit.tape.parts import parts_of
from manyfit.tape.source import Source, default_recipe, read_source, view_for
from manyfit.tape.story import Story
from manyfit.tape.text import text_of


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
        recipe: How the network is trained. By default two sigmoid units, SGD at 0.1, three rows a step. For "chain" and
            "two-layer" only its optimizer counts.
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
        UsageError: If there is no such row, weight or step, or the tape can't follow the network or its loss.
        RecipeError: If the recipe does not fit the data.

    Example:
        >>> told = trace("two-layer", values={"x": 1.0})
        >>> print(told.lines[0])
        z₁ = W₁·x + b₁ = 0.4·1 + (−0.2) = 0.2
        >>> round(told["∂L/∂W₁"], 6)
        -0.031148
    """
    if not 1 <= digits <= 17:
        raise UsageError(Problem("digits", Text("must be 1 to 17", "必须是 1 到 17"), str(digits)))
    if isinstance(source, str) and source in COMPOSITES:
        given = {"row": row, "weight": weight, "step": step, "target": target, **loading}
        unused = [name for name, value in given.items() if value is not None]
        if unused:
            rule_ = Text(f"has no meaning for {source!r}", f"对 {source!r} 没有意义")
            raise UsageError(Problem(unused[0], rule_, hint=Text("Leave it away.", "请去掉。")))
        rule = recipe.check().optimizer if recipe is not None else SGD(lr=0.5)
        return Trace(told(source, values, rule, digits), None, digits)
    if values is not None:
        known = ", ".join(COMPOSITES)
        hint = Text(f"Name one of them: {known}.", f"请指明其中一个：{known}。")
        rule_ = Text("are for the built-in calculations only", "只用于内置的计算")
        raise UsageError(Problem("values", rule_, hint=hint))
    given = read_source(source, target, seed, loading)
    recipe = default_recipe(given.task) if recipe is None else recipe
    if isinstance(recipe.precision, str) and recipe.precision != "float64":
        recipe = recipe.set("precision", "float64")
    view = view_for(given, recipe)
    recipe.check()
    limits.check(recipe, view)
    member = Member(recipe, Streams.of(seed), Rows(np.arange(len(view.X))))
    Population((member,), {"all": view}).check()
    with np.errstate(all="ignore"):  # what is not finite is told as such
        return _traced(given, Taped(member, view), row, weight, step, digits)


def _traced(
    source: Source,
    taped: Taped,
    row: int | None,
    weight: Weight | None,
    at: int | None,
    digits: int,
) -> Trace:
    labels = source.labels
    place = None if row is None else place_of(row, source)
    t = first_step_of(taped, place) if at is None else at - 1
    if not 0 <= t < taped.n_steps:
        epochs, steps = taped.recipe.epochs, taped.n_batches
        hint = Text(f"The recipe has {epochs} epochs of {steps} steps.", f"该配方有 {epochs} 遍，每遍 {steps} 步。")
        rule = Text(f"must be 1 to {taped.n_steps}", f"必须是 1 到 {taped.n_steps}")
        raise UsageError(Problem("step", rule, str(t + 1), hint=hint))
    rows = taped.rows_of(t)
    if place is not None and place not in rows:
        inside = ", ".join(str(labels[k]) for k in rows[:20])
        hint = Text(
            f"Its rows are {inside}. Without a step, the row finds its own.",
            f"其中的行是 {inside}。不给步数，行会找到自己的那一步。",
        )
        rule = Text(f"is not in the batch of step {t + 1}", f"不在第 {t + 1} 步的批次中")
        raise UsageError(Problem(Text(f"row {row}", f"第 {row} 行"), rule, hint=hint))
    followed = None if weight is None else parsed(weight, taped.widths)
    for _ in range(t):
        taped.step()
    step = taped.step()
    position = 0 if place is None else int(np.flatnonzero(rows == place)[0])
    followed = followed or liveliest(step, position)
    story = Story(
        step,
        taped.recipe,
        [int(labels[k]) for k in rows],
        position,
        followed,
        finite_difference(taped, step, followed),
        digits,
    )
    account = Account(
        Text(f"One training step on {source.name}", f"{source.name} 上的一步训练"),
        _about(taped, step, story, source),
        parts_of(story),
        graph_of_step(story),
        _arrays(story),
    )
    return Trace(account, step, digits)


def _about(taped: Taped, step: Step, story: Story, source: Source) -> tuple[Text, ...]:
    recipe, network = taped.recipe, taped.recipe.dense
    shape = "-".join(str(width) for width in taped.widths)
    loss, rule = name_of(recipe.loss), name_of(recipe.optimizer)
    activation = network.activation if network.hidden else "linear"
    rows = ", ".join(str(label) for label in story.labels[:8]) + (" …" if len(story.labels) > 8 else "")
    n = len(story.labels)
    row, weight = story.labels[story.row], story.symbol
    made = f"{shape}, {activation}, {loss}, {rule}"
    augmented = Text("x as augmentation shows it in this step", "x 为本步数据增强之后的输入")
    return (
        Text(
            f"network {made}; step {step.t} of {taped.n_steps}, {n} of {len(source.labels)} rows: {rows}",
            f"网络 {made}；第 {step.t} 步（共 {taped.n_steps} 步），{len(source.labels)} 行中的 {n} 行：{rows}",
        ),
        Text(
            f"row {row} is followed (--row) and {weight} (--weight); float64"
            + ("; numbers are standardized, as in training" if source.is_standardized else ""),
            f"跟踪第 {row} 行（--row）与 {weight}（--weight）；float64"
            + ("；数值与训练时一样已标准化" if source.is_standardized else ""),
        ),
        *([augmented] if recipe.augment.is_on else []),
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
