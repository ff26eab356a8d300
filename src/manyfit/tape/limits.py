"""What the tape can't follow, said before anything is told: nothing is traced as if it were another network."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from manyfit.errors import ManyfitError, Problem, UsageError
from manyfit.losses import Loss
from manyfit.losses import registry as losses
from manyfit.networks import Dense, Network
from manyfit.population import View
from manyfit.recipe import Recipe
from manyfit.registry import name_of
from manyfit.tape import arithmetic
from manyfit.tape.backward import order
from manyfit.tape.value import Value
from manyfit.text import Text, text_of


def check(recipe: Recipe, view: View) -> None:
    """Refuse a recipe whose steps would not be told as they are computed.

    Anybody's optimizers, schedules, penalties and augmentation are followed: their numbers are those of training, and what can't
    be written as a formula is told by its result. The network and the loss are what is walked through backwards.

    Raises:
        UsageError: If the network or the loss can't be followed; both at once.
    """
    found = [*_problems_of_network(recipe.network), *_problems_of_loss(recipe.loss, view)]
    if found:
        raise UsageError(found, Text("this trace", "这次跟踪"))


def _problems_of_network(network: Network) -> Iterator[Problem]:
    if not isinstance(network, Dense):
        hint = Text(
            "Leave the recipe out, or write its layers as Dense((3, 2)).", "请不要给配方，或把各层写作 Dense((3, 2))。"
        )
        rule = Text(
            f"can't be traced: it is a {network.kind}, and only dense layers are followed",
            f"无法跟踪：它是 {network.kind}，只能跟踪全连接层",
        )
        yield Problem("Recipe.network", rule, hint=hint)
        return
    if type(network) is not Dense:
        name = type(network).__name__
        hint = Text("Trace a Dense of the same layers.", "请跟踪各层相同的 Dense。")
        rule = Text(
            f"can't be traced: a {name} may compute in a way of its own", f"无法跟踪：{name} 的算法可能与众不同"
        )
        yield Problem("Recipe.network", rule, hint=hint)
    if network.norm is not None:
        rule = Text(
            "can't be traced: normalized sums mix the units of a layer", "无法跟踪：归一化把一层的各单元混在一起"
        )
        hint = Text(
            "Trace the network without it: norm=None, or --set network.norm=none.",
            "请跟踪不带它的网络：norm=None，或 --set network.norm=none。",
        )
        yield Problem("Dense.norm", rule, hint=hint)
    adding = [str(layer) for layer in range(1, len(network.hidden) + 1) if network.adds(layer)]
    if adding:
        layers = f"layer {adding[0]} adds" if len(adding) == 1 else f"layers {', '.join(adding)} add"
        rule = Text(
            f"can't be traced: {layers} to the layer before", f"无法跟踪：第 {'、'.join(adding)} 层加在前一层上"
        )
        hint = Text(
            "Trace it without: residual=False, or --set network.residual=false.",
            "请跟踪不带它的：residual=False，或 --set network.residual=false。",
        )
        yield Problem("Dense.residual", rule, hint=hint)


def _problems_of_loss(loss: Loss, view: View) -> Iterator[Problem]:
    """Whether the loss computes on the tape what it computes on arrays, and on the tape all the way."""
    z, y = np.full((1, view.n_outputs), 0.25), view.y[:1]
    if not len(y):
        return
    try:
        expected = loss.rows(np, z, y)
    except Exception:  # it does not fit the data, which is said elsewhere
        return
    output, why = Value(z), "it does not keep to the functions it is handed"
    try:
        found = loss.rows(arithmetic, output, y)
        if isinstance(found, Value) and any(node is output for node in order(found)):
            if np.allclose(found.data, expected, rtol=1e-9, atol=1e-12):
                return
            why = "it gives other numbers on the tape than on arrays"
    except ManyfitError as error:
        first = error.problems[0]
        where, rule = text_of(first.where).en, text_of(first.rule).en
        why = f"{where if where.startswith('xp') else 'it'} {rule.split(',')[0]}"
    except Exception as error:  # whatever somebody's loss stumbles over
        why = f"{type(error).__name__}, {error}"
    known = ", ".join(sorted(set(losses.all()) - {"custom"}))
    hint = Text(
        f"Write it with xp alone, as manyfit.losses.huber is, or trace with one of {known}.",
        f"请像 manyfit.losses.huber 那样只用 xp 来写，或改用其中之一：{known}。",
    )
    yield Problem(f"Recipe.loss {name_of(loss)!r}", Text(f"can't be traced: {why}", f"无法跟踪：{why}"), hint=hint)
