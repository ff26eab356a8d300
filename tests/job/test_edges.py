"""An edge of the search is named where the evidence points beyond it, not where the best recipe lies there by luck."""

import numpy as np

from manyfit.hyper import LogRange
from manyfit.job.edges import edges
from manyfit.job.pace import Pace
from manyfit.job.plan import Size
from manyfit.job.search import Search, Tried
from manyfit.networks import Dense
from manyfit.recipe import Recipe
from manyfit.samplers.halving import Rung
from manyfit.space import Space

SPACE = Space(Recipe(Dense((8,))), ranges={"optimizer.lr": LogRange(1e-4, 1e-1)})
SHARES = np.linspace(0.0, 1.0, 31)
BEST = SPACE.at(0, {"optimizer.lr": 0.99})
SETTLED = {"larger": "same"}


def searched(*rungs: tuple[int, np.ndarray]) -> Search:
    """Rungs of so many epochs, with a score for each of the rates."""
    recipes = [SPACE.at(0, {"optimizer.lr": float(share)}) for share in SHARES]
    tried = [Tried(Rung(31, epochs, 100), list(range(31)), recipes, scores) for epochs, scores in rungs]
    return Search(Pace(Size(100, 25, 2, 1)), rungs=tried)


def test_rate_at_the_edge_is_named_when_scores_still_fall_towards_it():
    assert edges(SPACE, searched((40, 1.0 - SHARES)), BEST, SETTLED) == [
        ["optimizer.lr", "highest", float(BEST.optimizer.lr)]
    ]


def test_rate_at_the_edge_of_a_flat_valley_is_luck():
    flat = np.random.default_rng(0).normal(1.0, 0.1, 31)

    assert edges(SPACE, searched((40, flat)), BEST, SETTLED) == []


def test_short_trainings_tell_nothing_of_the_rate():
    assert edges(SPACE, searched((5, 1.0 - SHARES), (40, SHARES)), BEST, SETTLED) == []


def test_diverged_networks_near_the_edge_point_back():
    scores = np.where(SHARES > 0.8, np.inf, 1.0 - SHARES)

    assert edges(SPACE, searched((40, scores)), BEST, SETTLED) == []


def test_width_is_an_edge_unless_twice_of_it_was_tried_and_is_no_better():
    middle = SPACE.at(0, {"optimizer.lr": 0.5})
    search = searched((40, SHARES))

    assert edges(SPACE, search, middle, {}) == [["network.hidden", "highest", 8]]
    for finding, is_named in (("same", False), ("worse", False), ("better", True), ("cannot tell", True)):
        fit = {"larger": finding}
        assert bool(edges(SPACE, search, middle, fit)) == is_named
