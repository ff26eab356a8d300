"""Twins of a recipe, alike but for one remedy: held back, let go further, or given fewer rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from manyfit.answers import Text
from manyfit.networks import Dense
from manyfit.penalties import L2
from manyfit.questions._sizes.sizes import has_setting
from manyfit.recipe import Recipe

BASE = "base"
CURBS = ("smaller", "penalised", "strongly", "shorter", "briefly")
"""Twins that hold a network back."""
HARM = ("smaller", "penalised", "strongly", "briefly")
"""Those of them one of which is better when it overfits. Half the epochs alone say that training went on for too long, which is
true of many a network that fits: its last steps at a full rate are noise."""
KINDS: Mapping[str, str] = {
    "smaller": "width",
    "penalised": "decay",
    "strongly": "decay",
    "shorter": "time",
    "briefly": "time",
}
"""What each of them holds back by."""
BRIEF = 32
"""Part of the epochs of the briefest twin: training that ends where a network that memorizes noise has hardly begun with it."""
BOOSTS = ("larger", "widest", "longer")
"""Twins that let it go further: one of them is better when it underfits."""
NARROW = 8
"""Width up to which four times of it is tried as well."""
SHARES = {"quarter": 0.25, "half": 0.5}
"""Twins that see a share of the training rows."""

WORDS: Mapping[str, Text] = {
    BASE: Text("as it is", "原样"),
    "smaller": Text("half the width", "宽度减半"),
    "penalised": Text("decay ×10", "衰减 ×10"),
    "strongly": Text("decay ×100", "衰减 ×100"),
    "shorter": Text("half the epochs", "轮数减半"),
    "briefly": Text("a 32nd of the epochs", "三十二分之一的轮数"),
    "larger": Text("twice the width", "宽度加倍"),
    "widest": Text("four times the width", "宽度四倍"),
    "longer": Text("twice the epochs", "轮数加倍"),
    "half": Text("half the rows", "一半的行"),
    "quarter": Text("a quarter of the rows", "四分之一的行"),
}


def twins(recipe: Recipe) -> dict[str, Recipe]:
    """The recipe as it is, first, then its twins by name; a twin that would be the same is left out."""
    made = {
        BASE: recipe,
        "smaller": _scaled(recipe, 0.5),
        "penalised": _decayed(recipe, 10.0, 0.01),
        "strongly": _decayed(recipe, 100.0, 0.1),
        "shorter": dataclasses.replace(recipe, epochs=max(recipe.epochs // 2, 1)),
        "briefly": dataclasses.replace(recipe, epochs=max(recipe.epochs // BRIEF, 1)),
        "larger": _scaled(recipe, 2.0),
        "longer": dataclasses.replace(recipe, epochs=2 * recipe.epochs),
    }
    if min(_widths(recipe), default=NARROW + 1) <= NARROW:
        made["widest"] = _scaled(recipe, 4.0)  # twice of next to nothing is not much
    different: dict[str, Recipe] = {}
    for name, twin in made.items():
        if twin not in different.values():
            different[name] = twin
    return {**different, **dict.fromkeys(SHARES, recipe)}


def _scaled(recipe: Recipe, factor: float) -> Recipe:
    """Hidden layers that are so many times as wide; a module whose class takes no width stays as it is."""
    widths = tuple(max(round(width * factor), 1) for width in _widths(recipe))
    if isinstance(recipe.network, Dense):
        return recipe.set("network.hidden", widths)
    return recipe.set("network.width", widths[0]) if widths else recipe


def _widths(recipe: Recipe) -> tuple[int, ...]:
    """Units of each hidden layer, or the width that a module's class takes; nothing where there is none."""
    if isinstance(recipe.network, Dense):
        return recipe.network.hidden
    width = recipe.get("network.width") if has_setting(recipe, "width") else None
    return (width,) if isinstance(width, int) else ()


def _decayed(recipe: Recipe, factor: float, least: float) -> Recipe:
    """More decay by the recipe's own means, and never less than `least` (times λ of AdamW; a tenth of it where coupled)."""
    decoupled = type(recipe.optimizer).__name__ == "AdamW"
    floor = least * (10 if decoupled else 0.1)
    if not hasattr(recipe.optimizer, "weight_decay"):  # a rule of somebody's own
        own = next((p.strength for p in recipe.penalties if isinstance(p, L2)), 0.0)
        return recipe.set("l2.strength", max(own * factor, floor))
    return recipe.set("optimizer.weight_decay", max(recipe.get("optimizer.weight_decay") * factor, floor))
