"""What is searched when nothing is said: everything that a practitioner would turn, written down and read again."""

import tomllib

import pytest
import tomli_w

from manyfit.job.defaults import MIN_PATIENCE, default_space, for_epochs
from manyfit.recipe import Recipe
from manyfit.registry import name_of
from manyfit.runs.header import plain
from manyfit.space import Space

TASKS = ("regression", "binary", "multiclass")


def middle(space: Space, structure: int) -> Recipe:
    return space.at(structure, dict.fromkeys(space.ranges_of(structure), 0.5))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("n_rows", [60, 3000, 160_000])
def test_space_is_read_again_as_it_was_written(task, n_rows):
    space = default_space(task, n_rows)

    assert Space.from_dict(tomllib.loads(tomli_w.dumps(plain(space.to_dict())))) == space


@pytest.mark.parametrize("task", TASKS)
def test_everything_that_is_promised_is_searched(task):
    space = default_space(task, 3000)
    recipes = [middle(space, i) for i in range(len(space.structures))]
    paths = {path for i in range(len(space.structures)) for path in space.ranges_of(i)}

    assert {name_of(recipe.optimizer) for recipe in recipes} == {"adamw", "adam", "momentum", "sgd"}
    assert len({str(recipe.schedule) for recipe in recipes}) == 3
    assert len({recipe.batch_size for recipe in recipes}) == 2
    assert {
        "optimizer.lr",
        "optimizer.weight_decay",
        "network.dropout",
        "l1.strength",
        "augment.noise",
    } <= paths
    assert ("loss.label_smoothing" in paths) == (task != "regression")


def test_structure_of_a_recipe_is_found_at_any_length():
    space = default_space("binary", 3000)

    for i in range(len(space.structures)):
        assert space.locate(for_epochs(middle(space, i), 100))[0] == i


def test_waiting_of_a_plateau_stretches_with_the_training():
    recipe = Recipe(schedule="warmup >> plateau")

    assert for_epochs(recipe, 100).get("schedule.plateau.patience") == 6
    assert for_epochs(recipe, 5).get("schedule.plateau.patience") == 1
    assert for_epochs(recipe, 5).stopping.patience == MIN_PATIENCE
