"""Which networks train in one program: those whose equations and shapes agree. Numbers may differ; a key is a network's own."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from manyfit.hyper import knobs
from manyfit.population import Member, Population
from manyfit.runs.ledger import Cursor, Ledger

_POSITION = [Cursor.EPOCH, Cursor.BATCH, Cursor.STEP]


def key_of(population: Population, ledger: Ledger, index: int) -> tuple[Any, ...]:
    """What networks must share to be trained together."""
    member = population.members[index]
    recipe, view = member.recipe, population.view_of(member)
    batch, n_batches, n_last = batches_of(member)
    return (
        recipe.network.structure,
        view.inputs,
        view.n_outputs,
        view.y.ndim,
        recipe.precision,
        shape_of(recipe.loss),
        shape_of(recipe.optimizer),
        tuple(shape_of(penalty) for penalty in recipe.penalties),
        (recipe.clip_value is None, recipe.clip_norm is None),
        (recipe.augment.noise > 0, recipe.augment.drop > 0),
        getattr(recipe.schedule, "plateau", None) is None,
        recipe.stopping.patience is None,
        recipe.shuffle,
        len(member.rows.held) > 0,
        (batch, n_batches, n_last),
        tuple(ledger.cursor[index, _POSITION].tolist()),
    )


def batches_of(member: Member) -> tuple[int, int, int]:
    """Rows in a batch, batches in an epoch, rows in its last one."""
    n = len(member.rows.train)
    batch = min(member.recipe.batch_size or n, n)
    n_batches = -(-n // batch)
    return batch, n_batches, n - (n_batches - 1) * batch


def shape_of(rule: Any) -> tuple[Any, ...]:
    """A rule without its numbers: its class, its switches, and which numbers are None."""
    numbers = numbers_of(rule)
    rest = {f.name: getattr(rule, f.name) for f in dataclasses.fields(rule) if f.name not in numbers}
    return (type(rule), *sorted(rest.items()))


def numbers_of(rule: Any) -> dict[str, float]:
    """The hyperparameters of a rule that networks of one program may differ in.

    Example:
        >>> from manyfit.optimizers.sgd import SGD
        >>> numbers_of(SGD(0.5))["lr"]
        0.5
    """
    found = {}
    for name, knob in knobs(rule).items():
        value = getattr(rule, name)
        if knob.kind in ("number", "whole number") and not knob.structural and value is not None:
            found[name] = float(value)
    return found


def stacked_numbers(rules: list[Any]) -> Mapping[str, np.ndarray[Any, Any]]:
    """The numbers of the rules of P networks, [P] each."""
    return {name: np.array([float(getattr(rule, name)) for rule in rules]) for name in numbers_of(rules[0])}
