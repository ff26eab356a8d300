"""The update of one weight, told: what the rule is given, its equations, and a table of before and after."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from manyfit.answers import Table, Text
from manyfit.penalties import is_proximal
from manyfit.registry import name_of
from manyfit.tape import arithmetic as xp
from manyfit.tape import names
from manyfit.tape.lines import Line, Part, line
from manyfit.tape.story import Story
from manyfit.tape.symbols import letter, number
from manyfit.tape.update import Update, said_settings, updated
from manyfit.tape.value import Value


def change_of(story: Story) -> Part:
    """The lines from the derivative of the batch's loss to the new value of the weight that is followed."""
    layer, out, in_ = story.weight
    place = 2 * (layer - 1) + (in_ is None)
    leaf, at = story.step.leaves[place], (out,) if in_ is None else (in_, out)
    lines = _gradient(story, place, at)
    letter_ = "b" if in_ is None else "W"
    made: Update = updated(
        story.recipe.optimizer,
        leaf.before,
        leaf.gradient,
        leaf.state,
        story.step.t,
        story.step.rate,
        letter_,
    )
    after = float(leaf.after[at])  # exactly 0 where a proximal penalty says so
    lines += [
        line(value.name, value, at=at, digits=story.digits, result=after if value is made.after else None)
        for value in made.equations
    ]
    note = Text("the same rows after the update", "更新后同一批数据的损失")
    lines.append(Line("L_new", "", "", story.step.new_loss, note))
    rule = name_of(story.recipe.optimizer)
    said = f"{rule}, {said_settings(made)}, t {story.step.t}"
    return Part(
        "update",
        Text(f"Update of {story.symbol}: {said}", f"更新 {story.symbol}：{said}"),
        tuple(lines),
        (_table(story),),
    )


def _gradient(story: Story, place: int, at: tuple[int, ...]) -> list[Line]:
    """From the derivative of the loss to what the rule is given: penalties, then clipping."""
    leaf, lines = story.step.leaves[place], []
    g = Value(leaf.d_loss[at], story.by)
    total = g
    for penalty in story.recipe.penalties:
        if leaf.before.ndim == 2 or penalty.biases:
            name = name_of(penalty)
            if is_proximal(penalty, story.recipe.optimizer):
                penalty = _Smooth(penalty)
                if not penalty.gradient(np, leaf.before)[at]:
                    continue
            weight = Value(leaf.before[at], f"{story.symbol[0]}_old")
            pull = Value(float(penalty.gradient(np, leaf.before)[at]), name)
            note = Text("added by the penalty", "惩罚项所加")
            lines.append(story.line(name, _pull(penalty, weight, f"λ_{name}"), float(pull), note=note))
            total = total + pull
    if story.recipe.clip_value is not None:
        bound = Value(story.recipe.clip_value, "clip_value")
        total = xp.minimum(bound, xp.maximum(-bound, total))
    if story.step.share is not None and story.step.norm is not None:
        clip, norm = Value(story.recipe.clip_norm, "clip_norm"), Value(story.step.norm, "‖∇L‖")
        note = Text("over all weights and biases", "对所有权重与偏置")
        lines.append(Line(norm.name, "", "", story.step.norm, note))
        lines.append(story.line("c", xp.minimum(clip / (norm + 1e-6), Value(1.0)), story.step.share))
        total = total * Value(story.step.share, "c")
    if leaf.pull is not None:
        note = Text("what brings the weight nearer to 0, at most λ", "使权重更接近 0 的部分，至多 λ")
        lines.append(Line("l1", "", "", float(leaf.pull[at]), note))
        total = total + Value(float(leaf.pull[at]), "l1")
    return [*lines, story.line("g", total, leaf.gradient[at])]


def _table(story: Story) -> Table:
    """Parameters before and after with the rule's states, of a small network; else of the unit that is followed."""
    layer, out, _ = story.weight
    rows = []
    for number_, each in enumerate(story.layers, 1):
        for unit in range(each.z.shape[1]):
            if not story.is_small and (number_, unit) != (layer, out):
                continue
            for in_ in story.shown[number_ - 1]:
                leaf = story.step.leaves[2 * number_ - 2]
                rows.append(_row(names.weight(number_, unit, in_), leaf, (in_, unit), story.digits))
            leaf = story.step.leaves[2 * number_ - 1]
            rows.append(_row(names.bias(number_, unit), leaf, (unit,), story.digits))
    states = list(story.step.leaves[0].state)
    head = [Text("parameter", "参数"), Text("before", "更新前"), Text("g", "g")]
    head += [
        Text(f"{letter(s)}_{when}", f"{letter(s)}_{when}") for s in states for when in ("old", "new")
    ]
    caption = Text("Before and after the update", "更新前后")
    return Table((*head, Text("after", "更新后")), tuple(rows), caption)


@dataclass(frozen=True)
class _Smooth:
    """What is left of a penalty whose |w| comes last."""

    whole: Any

    @property
    def strength(self) -> Any:
        return self.whole.strength

    def gradient(self, xp_: Any, p: Any) -> Any:
        return self.whole.smooth_gradient(xp_, p)


def _pull(penalty: Any, weight: Value, symbol: str) -> Value:
    """What a penalty adds to the gradient of one weight, with its strength as a symbol where it lets itself be told so."""
    try:
        told = dataclasses.replace(penalty, strength=Value(penalty.strength, symbol))
        return told.gradient(xp, weight)
    except (TypeError, AttributeError, ValueError):
        return Value(float(penalty.gradient(np, weight.data)))


def _row(symbol: str, leaf: Any, at: tuple[int, ...], digits: int) -> tuple[str, ...]:
    states = [number(float(s[name][at]), digits) for name in leaf.state for s in (leaf.state, leaf.new_state)]
    before, g, after = (float(array[at]) for array in (leaf.before, leaf.gradient, leaf.after))
    return (symbol, number(before, digits), number(g, digits), *states, number(after, digits))
