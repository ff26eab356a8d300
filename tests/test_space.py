"""Search spaces: recipes at given shares, round trips, edges, errors."""

import pytest

from manyfit.errors import RecipeError
from manyfit.hyper import Choice, IntRange, LogRange, Range
from manyfit.job.defaults import batch_size_for, default_space, for_epochs
from manyfit.recipe import Recipe
from manyfit.space import Space, Structure, range_from, range_to_dict, share_of


def space() -> Space:
    return Space(
        Recipe(epochs=3),
        (
            Structure({"optimizer": "sgd"}, {"optimizer.lr": LogRange(0.01, 1.0)}),
            Structure(
                {"optimizer": "adamw", "network.hidden": (8, 4)},
                {"optimizer.weight_decay": LogRange(1e-4, 1.0)},
            ),
        ),
        {"network.dropout": Range(0.0, 0.5)},
    )


def test_recipe_lies_at_the_shares_of_its_ranges():
    recipe = space().at(0, {"optimizer.lr": 0.5, "network.dropout": 0.2})

    assert recipe.optimizer.lr == pytest.approx(0.1)
    assert recipe.network.dropout == pytest.approx(0.1)
    assert recipe.epochs == 3


def test_space_round_trips_through_plain_values():
    assert Space.from_dict(space().to_dict()) == space()


def test_default_space_round_trips_and_is_free_of_problems():
    for task in ("regression", "binary", "multiclass"):
        for rows in (30, 1000, 10_000, 200_000):
            made = default_space(task, rows)
            assert Space.from_dict(made.to_dict()).check() == made


@pytest.mark.parametrize(
    "values", [LogRange(1e-3, 1.0), Range(0, 0.5), IntRange(1, 8), Choice(("relu", "tanh"))]
)
def test_range_round_trips(values):
    assert range_from(range_to_dict(values)) == values


def test_unknown_range_says_how_to_write_one():
    with pytest.raises(RecipeError, match="must be one of log, range, int, choice"):
        range_from({"between": [0, 1]})


def test_space_with_wrong_path_and_wrong_end_names_both():
    wrong = Space(
        ranges={"optimizer.rate": Range(0, 1)},
        structures=(Structure({}, {"optimizer.beta1": Range(0.5, 1.5)}),),
    )

    with pytest.raises(RecipeError, match=r"optimizer\.rate"):
        wrong.check()
    with pytest.raises(RecipeError, match="beta1 must be"):
        Space(ranges={"optimizer.beta1": Range(0.5, 1.5)}).check()


def test_edges_are_found_at_both_ends_on_the_scale_of_the_range():
    low = space().at(0, {"optimizer.lr": 0.01, "network.dropout": 0.5})
    middle = space().at(0, {"optimizer.lr": 0.5, "network.dropout": 0.5})
    high = space().at(1, {"optimizer.weight_decay": 0.99, "network.dropout": 0.5})

    assert [(path, end) for path, end, _ in space().edges(low)] == [("optimizer.lr", "lowest")]
    assert list(space().edges(middle)) == []
    assert [(path, end) for path, end, _ in space().edges(high)] == [("optimizer.weight_decay", "highest")]


def test_share_of_a_choice_is_the_middle_of_its_place():
    assert [share_of(Choice((1, 2)), option) for option in (1, 2, 3)] == [0.25, 0.75, None]
    assert share_of(IntRange(2, 4), 3) == 0.5
    assert share_of(Range(1, 1), 1) is None


def test_recipe_is_located_where_it_was_drawn():
    shares = {"optimizer.weight_decay": 0.25, "network.dropout": 0.8}

    structure, found = space().locate(space().at(1, shares))

    assert structure == 1
    assert found == pytest.approx(shares)
    with pytest.raises(RecipeError, match="none of the structures"):
        space().locate(Recipe(optimizer="adam"))


def test_schedules_may_be_structures_and_their_settings_ranges():
    made = Space(
        structures=(
            Structure({"schedule": "warmup>>CosineAnnealingLR"}, {"schedule.warmup.length": Range(0.0, 4.0)}),
            Structure({"schedule": "warmup >> plateau"}, {"schedule.plateau.patience": IntRange(2, 8)}),
        )
    ).check()
    recipe = made.at(1, {"schedule.plateau.patience": 0.5})

    assert Space.from_dict(made.to_dict()) == made
    assert recipe.get("schedule.plateau.patience") == 5
    assert made.locate(recipe) == (1, {"schedule.plateau.patience": 0.5})
    assert made.locate(made.at(0, {"schedule.warmup.length": 0.25})) == (0, {"schedule.warmup.length": 0.25})


def test_max_width_bounds_every_structure():
    widths = [max(s.fixed["network.hidden"]) for s in default_space("binary", 1000, max_width=24).structures]

    assert max(widths) == 24


def test_batch_size_grows_with_the_rows_within_bounds():
    sizes = [batch_size_for(rows) for rows in (1, 100, 1000, 10_000, 10**6)]

    assert sizes == sorted(sizes)
    assert (sizes[0], sizes[-1]) == (16, 128)


def test_schedule_and_patience_stretch_with_the_epochs():
    short, long = (for_epochs(Recipe(schedule="warmup >> cosine"), epochs) for epochs in (4, 200))

    assert (short.get("schedule.warmup.length"), long.get("schedule.warmup.length")) == (0.2, 10.0)
    assert (short.stopping.patience, long.stopping.patience) == (8, 60)
