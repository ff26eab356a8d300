"""What bias and variance are taken apart over: a width or the strength of L2, read from a recipe, set in it, and said."""

from __future__ import annotations

from manyfit.errors import Problem, UsageError
from manyfit.networks import Dense
from manyfit.penalties import L2
from manyfit.questions._sizes.sizes import has_setting
from manyfit.questions._variance.pictures import setting_text
from manyfit.recipe import Recipe
from manyfit.text import Text


def own_setting(recipe: Recipe, over: str) -> float:
    """The setting of the recipe as it is.

    Raises:
        UsageError: If it has none, or several.
    """
    if over == "l2":
        return next((float(p.strength) for p in recipe.penalties if isinstance(p, L2)), 0.0)
    if not isinstance(recipe.network, Dense) and has_setting(recipe, "width"):
        return float(recipe.get("network.width"))
    widths = set(getattr(recipe.network, "hidden", ()))
    if len(widths) != 1:
        rule = Text(
            "needs hidden layers of one width, or a module whose class takes a width by default",
            "需要各隐藏层同宽，或一个其类默认接受 width 的模块",
        )
        hint = Text("Take --over l2.", "请用 --over l2。")
        raise UsageError(Problem("--over width", rule, str(recipe.network), hint=hint))
    return float(widths.pop())


def with_setting(recipe: Recipe, over: str, value: float) -> Recipe:
    if over == "l2":
        return recipe if value == 0 and own_setting(recipe, over) == 0 else recipe.set("l2.strength", value)
    if isinstance(recipe.network, Dense):
        return recipe.set("network.hidden", (int(value),) * len(recipe.network.hidden))
    return recipe.set("network.width", int(value))


def setting_said(over: str, value: float) -> Text:
    """A setting in a sentence: "width 64"."""
    shown = setting_text(over, value)
    return Text(f"width {shown}", f"宽度 {shown}") if over == "width" else Text(f"L2 {shown}", f"L2 {shown}")
