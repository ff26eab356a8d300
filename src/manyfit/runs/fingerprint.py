"""Fingerprints: short texts that are equal when, and only when, the same networks train on the same data."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from manyfit.networks import vector
from manyfit.population import Population, Rows, View
from manyfit.recipe import Recipe

# A job trains many populations on the same few views; hashing 100 MB takes a tenth of a second each time.
_OF_VIEW: WeakKeyDictionary[View, bytes] = WeakKeyDictionary()


def of_plan(plan: Mapping[str, Any], seed: int) -> str:
    """Fingerprint of a plan and its seed: the same one gives the same networks.

    Args:
        plan: Plain values only, as they stand in `run.toml`.
        seed: Root of all streams.

    Example:
        >>> of_plan({"epochs": 3, "lr": 0.1}, 0) == of_plan({"lr": 0.1, "epochs": 3}, 0)
        True
    """
    text = json.dumps([plan, seed], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def of_data(views: Mapping[str, View]) -> str:
    """Fingerprint of the arrays: every bit of inputs, targets and weights counts, and the names of the views."""
    total = hashlib.sha256()
    for name in sorted(views):
        total.update(_text(name) + _of_view(views[name]))
    return total.hexdigest()


def of_population(population: Population) -> str:
    """Fingerprint of the networks, without the arrays they read: recipes, streams, rows, probes, in their order."""
    recipes: dict[int, bytes] = {}
    rows: dict[int, bytes] = {}
    total = hashlib.sha256()
    for member in population.members:
        if id(member.recipe) not in recipes:
            recipes[id(member.recipe)] = _of_recipe(member.recipe)
        if id(member.rows) not in rows:
            rows[id(member.rows)] = _of_rows(member.rows)
        keys = member.streams
        total.update(recipes[id(member.recipe)] + rows[id(member.rows)])
        total.update(
            b"".join(key.to_bytes(8, "little") for key in (keys.init, keys.order, keys.noise, keys.split))
        )
    for probe in population.probes:
        total.update(_text(probe.name) + _text(probe.view) + _text(str(probe.epochs)) + _array(probe.rows))
    total.update(population.record_every.to_bytes(8, "little"))
    if population.watch:
        total.update(_text("watch"))
    return total.hexdigest()


def _of_view(view: View) -> bytes:
    found = _OF_VIEW.get(view)
    if found is None:
        weights = b"" if view.weights is None else _array(view.weights)
        shapes = "" if view.inputs == vector(view.X.shape[1]) else ", ".join(map(str, view.inputs))
        found = _OF_VIEW[view] = hashlib.sha256(
            _array(view.X) + _array(view.y) + weights + _text(str(view.n_classes)) + _text(shapes)
        ).digest()
    return found


def _of_recipe(recipe: Recipe) -> bytes:
    return hashlib.sha256(json.dumps(recipe.to_dict(), sort_keys=True, default=str).encode()).digest()


def _of_rows(rows: Rows) -> bytes:
    return hashlib.sha256(_array(rows.train) + _array(rows.held) + _text(rows.view)).digest()


def _array(values: NDArray[Any]) -> bytes:
    """Digest of an array: its kind, its shape, its bits."""
    digest = hashlib.sha256(f"{values.dtype.str}{values.shape}".encode())
    digest.update(np.ascontiguousarray(values).data)
    return digest.digest()


def _text(text: str) -> bytes:
    """A text with its length before it, so that no two sequences of texts run together alike."""
    return len(text.encode()).to_bytes(4, "little") + text.encode()
