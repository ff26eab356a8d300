"""What is followed: a row, the step in which it takes part, and a weight."""

from __future__ import annotations

import numpy as np

from manyfit.errors import Problem, UsageError
from manyfit.tape.member import Step, Taped
from manyfit.tape.source import Source
from manyfit.text import Text

Weight = tuple[int, int, int | str]
"""Layer, unit and input, counted from 1."""

BIAS = "b"
"""In place of the input: the bias."""


def place_of(row: int, source: Source) -> int:
    """Where a row of the table stands among those that may be learned from.

    Raises:
        UsageError: If the table has no such row, or it is locked away for tests.
    """
    found = np.flatnonzero(source.labels == row)
    if len(found):
        return int(found[0])
    rule = Text(f"must be 1 to {source.n_rows}", f"必须是 1 到 {source.n_rows}")
    if 1 <= row <= source.n_rows:
        rule = Text("is locked away for tests", "已锁定，留作测试")
    free = ", ".join(str(each) for each in source.labels[:8])
    hint = Text(f"Rows {free} … may be traced.", f"可以跟踪第 {free} … 行。")
    raise UsageError(Problem(Text(f"row {row}", f"第 {row} 行"), rule, hint=hint))


def first_step_of(taped: Taped, place: int | None) -> int:
    """The first step in which a row takes part: somewhere in the first epoch."""
    if place is None:
        return 0
    return int(np.flatnonzero(taped.order_of(0) == place)[0]) // taped.batch_size


def parsed(weight: Weight, widths: tuple[int, ...]) -> tuple[int, int, int | None]:
    """Layer from 1, unit and input from 0; None for the bias.

    Raises:
        UsageError: If the network has no such weight.
    """
    hint = Text(
        "Layer, unit, input, counted from 1; b as the input is the bias. For example 1,2,1.",
        "层、单元、输入，从 1 数起；输入写 b 表示偏置。例如 1,2,1。",
    )
    if len(weight) != 3:
        raise UsageError(Problem("weight", Text("must be three", "必须是三个数"), repr(weight), hint=hint))
    layer, out, in_ = weight
    sizes = " → ".join(str(width) for width in widths)
    if not (isinstance(layer, int) and 1 <= layer < len(widths)):
        most = len(widths) - 1
        rule = Text(f"must name a layer 1 to {most}", f"必须指明第 1 到 {most} 层")
        raise UsageError(Problem("weight", rule, repr(layer), hint=hint))
    for what, asked, most in (("unit", out, widths[layer]), ("input", in_, widths[layer - 1])):
        if what == "input" and asked == BIAS:
            continue
        if not (isinstance(asked, int) and 1 <= asked <= most):
            a, zh = ("an", "输入") if what == "input" else ("a", "单元")
            rule = Text(
                f"must name {a} {what} 1 to {most} of layer {layer} ({sizes})",
                f"必须指明第 {layer} 层（{sizes}）的第 1 到 {most} 个{zh}",
            )
            raise UsageError(Problem("weight", rule, repr(asked), hint=hint))
    return layer, int(out) - 1, None if in_ == BIAS else int(in_) - 1


def liveliest(step: Step, position: int) -> tuple[int, int, int]:
    """The first weight of the first layer that the row pulls at; the very first where it pulls at none."""
    first = step.layers[0]
    pulls = first.d_z[position][:, None] * first.inputs[position][None, :]
    found = np.argwhere(pulls != 0)
    return (1, int(found[0][0]), int(found[0][1])) if len(found) else (1, 0, 0)


def finite_difference(taped: Taped, step: Step, weight: tuple[int, int, int | None]) -> float:
    """The slope of the batch's loss along one weight, from both sides."""
    layer, out, in_ = weight
    place, at = (2 * layer - 1, (out,)) if in_ is None else (2 * layer - 2, (in_, out))
    losses_ = []
    h = 1e-6 * max(1.0, abs(float(step.leaves[place].before[at])))
    for sign in (1, -1):
        leaves = [leaf.before.copy() for leaf in step.leaves]
        leaves[place][at] += sign * h
        losses_.append(taped.loss_at(leaves, step.t - 1))
    return (losses_[0] - losses_[1]) / (2 * h)
