"""Samplers: what is drawn depends on space, key and index alone; halving keeps the best and every kind."""

import numpy as np
import pytest

from manyfit.errors import RecipeError
from manyfit.hyper import Choice, LogRange, Range
from manyfit.recipe import Recipe
from manyfit.samplers import registry
from manyfit.samplers.bayes import Bayes
from manyfit.samplers.grid import Grid
from manyfit.samplers.halving import ladder, survivors
from manyfit.samplers.random import Random
from manyfit.space import Space, Structure, share_of

SPACE = Space(
    structures=(
        Structure({"optimizer": "sgd"}, {"optimizer.lr": LogRange(1e-3, 1.0)}),
        Structure({"optimizer": "adam"}, {"optimizer.lr": LogRange(1e-4, 1e-1)}),
        Structure({"optimizer": "adamw", "network.hidden": (4,)}, {"optimizer.lr": LogRange(1e-4, 1e-1)}),
    ),
    ranges={"network.dropout": Range(0.0, 0.5)},
)


def test_longer_search_begins_with_the_recipes_of_a_shorter_one():
    assert Random().draw(SPACE, range(70), key=3)[:33] == Random().draw(SPACE, range(33), key=3)


def test_one_recipe_alone_is_the_one_drawn_among_others():
    assert Random(4).draw(SPACE, [9], key=3) == [Random(4).draw(SPACE, range(12), key=3)[9]]


def test_another_key_draws_other_recipes():
    a, b = (Random().draw(SPACE, range(8), key=key) for key in (1, 2))

    assert not {recipe.optimizer.lr for recipe in a} & {recipe.optimizer.lr for recipe in b}


def test_block_has_one_structure_and_all_structures_take_turns():
    recipes = Random(4).draw(SPACE, range(12), key=5)
    kinds = [type(recipe.optimizer).__name__ for recipe in recipes]

    assert all(len(set(kinds[start : start + 4])) == 1 for start in (0, 4, 8))
    assert set(kinds) == {"SGD", "Adam", "AdamW"}


def test_block_spreads_every_setting_evenly_over_its_range():
    recipes = Random(16).draw(SPACE, range(16), key=11)
    ranges = SPACE.ranges_of(
        [s.fixed["optimizer"] for s in SPACE.structures].index(type(recipes[0].optimizer).__name__.lower())
    )

    for path in ("optimizer.lr", "network.dropout"):
        strata = sorted(int(16 * share_of(ranges[path], recipe.get(path))) for recipe in recipes)
        assert strata == list(range(16))


def test_first_recipes_of_a_space_come_first():
    space = Space(SPACE.base, SPACE.structures, SPACE.ranges, first=(Recipe(epochs=7),))

    drawn = Random().draw(space, range(4), key=0)

    assert drawn[0] == Recipe(epochs=7)
    assert drawn[1:] == Random().draw(SPACE, range(3), key=0)


def test_grid_is_every_combination():
    space = Space(
        ranges={"optimizer.lr": LogRange(0.01, 1.0), "network.activation": Choice(("relu", "tanh"))}
    )
    grid = Grid(points=3)

    drawn = grid.draw(space, range(grid.size(space)), key=0)

    assert [(round(r.optimizer.lr, 9), r.network.activation) for r in drawn] == [
        (rate, name) for rate in (0.01, 0.1, 1.0) for name in ("relu", "tanh")
    ]
    with pytest.raises(RecipeError, match="has 6 recipes, got index 6"):
        grid.draw(space, [6], key=0)


def planted(recipe: Recipe) -> float:
    """Best for AdamW at rate 0.01 without dropout; SGD diverges."""
    if type(recipe.optimizer).__name__ == "SGD":
        return float("inf")
    miss = abs(np.log10(recipe.optimizer.lr) + 2) + recipe.network.dropout
    return miss + (0.0 if type(recipe.optimizer).__name__ == "AdamW" else 0.5)


def test_bayes_finds_a_planted_optimum_that_random_draws_miss():
    tried = Bayes().draw(SPACE, range(24), key=3)
    for _ in range(4):
        tried += Bayes().propose(SPACE, 8, 3, tried, [planted(recipe) for recipe in tried])

    learned = [planted(recipe) for recipe in tried[24:]]
    blind = [planted(recipe) for recipe in Random(1).draw(SPACE, range(24, 56), key=3)]
    assert np.isfinite(learned).mean() > np.isfinite(blind).mean()
    assert np.median(learned) < np.median(blind)
    assert min(learned) < min(blind)


def test_bayes_proposes_the_same_from_the_same_knowledge():
    tried = Bayes().draw(SPACE, range(20), key=3)
    losses = [planted(recipe) for recipe in tried]

    assert Bayes().propose(SPACE, 3, 3, tried, losses) == Bayes().propose(SPACE, 3, 3, tried, losses)
    with pytest.raises(RecipeError, match="one for each recipe"):
        Bayes().propose(SPACE, 3, 3, tried, losses[1:])


def test_bayes_survives_a_search_in_which_everything_diverged():
    tried = Bayes().draw(SPACE, range(20), key=3)

    assert len(Bayes().propose(SPACE, 2, 3, tried, [float("inf")] * 20)) == 2


def test_samplers_are_registered():
    assert {"bayes", "grid", "random"} <= set(registry.all())


def test_ladder_shortens_epochs_before_rows():
    rungs = ladder(64, 8, 100_000)

    assert [rung.recipes for rung in rungs] == [64, 16, 8]
    assert [rung.epochs for rung in rungs] == [2, 2, 8]
    assert rungs[0].rows < rungs[1].rows == rungs[2].rows == 100_000


def test_ladder_of_one_recipe_is_one_rung_at_full_length():
    (rung,) = ladder(1, 40, 500)

    assert (rung.recipes, rung.epochs, rung.rows) == (1, 40, 500)


def test_survivors_are_the_best_and_one_of_each_kind():
    scores = [0.5, 0.1, 0.2, 0.3, np.inf, np.nan]
    kinds = ["sgd", "adam", "adam", "adam", "lion", "sgd"]

    assert survivors(scores, 3, kinds) == [1, 0, 2]


def test_survivors_of_fewer_are_the_beginning_of_those_of_more(rng):
    scores, kinds = rng.uniform(size=20), rng.integers(0, 4, size=20).tolist()
    full = survivors(scores, 12, kinds)

    assert all(survivors(scores, n, kinds) == full[:n] for n in range(13))


def test_diverged_networks_never_survive():
    assert survivors([np.inf, np.nan], 2, ["a", "b"]) == []
