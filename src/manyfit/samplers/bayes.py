"""Bayesian search: recipes proposed where earlier ones did well, by Optuna's tree-structured Parzen estimator.

Bergstra et al. 2011, https://papers.nips.cc/paper/4443-algorithms-for-hyper-parameter-optimization. The study lives in
memory for the length of one proposal: what is known comes in as recipes and losses, so the run folder stays the only truth.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from manyfit.errors import Problem, RecipeError
from manyfit.hyper import hyper
from manyfit.recipe import Recipe
from manyfit.rng import derive
from manyfit.samplers._base import rule
from manyfit.samplers.random import Random
from manyfit.space import Space

STRUCTURE = "structure"


@rule
class Bayes:
    """Proposals learned from what was tried; a pure function of the space, the key, and the recipes with their losses.

    Example:
        >>> from manyfit.hyper import LogRange
        >>> space = Space(ranges={"optimizer.lr": LogRange(1e-4, 1e-2)})
        >>> len(Bayes().propose(space, 2, 7, [], []))
        2
    """

    startup: int = hyper(16, low=1, usual=(8, 64), doc="Recipes drawn at random before anything is learned.")

    def draw(self, space: Space, indices: Sequence[int], key: int) -> list[Recipe]:
        """Recipes for a search of which nothing is known yet: drawn at random."""
        return Random(1).draw(space, indices, key)

    def propose(
        self, space: Space, n: int, key: int, tried: Sequence[Recipe], losses: Sequence[float]
    ) -> list[Recipe]:
        """Recipes to try next.

        Args:
            space: What may be proposed.
            n: How many, meant to be trained together.
            key: Names the search.
            tried: Recipes of the space that were trained.
            losses: Their losses; infinite for diverged networks, which count as the worst.

        Raises:
            RecipeError: If there are not as many losses as recipes, or a recipe is not of this space.
        """
        if len(tried) != len(losses):
            raise RecipeError(
                Problem("losses", "must be one for each recipe", f"{len(losses)} for {len(tried)}")
            )
        if len(tried) < self.startup:
            return self.draw(space, range(len(tried), len(tried) + n), key)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Optuna marks what it may still change as experimental
            return self._ask(space, n, key, tried, np.asarray(losses, dtype=np.float64))

    def _ask(
        self,
        space: Space,
        n: int,
        key: int,
        tried: Sequence[Recipe],
        losses: np.ndarray[Any, np.dtype[np.float64]],
    ) -> list[Recipe]:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        finite = losses[np.isfinite(losses)]
        worst = float(finite.max()) if len(finite) else 0.0
        # liars: of recipes asked for together, each takes the others for tried, so that they spread
        sampler = optuna.samplers.TPESampler(
            seed=derive(key, len(tried)) % 2**32,
            n_startup_trials=0,
            multivariate=True,
            group=True,
            constant_liar=True,
        )
        study = optuna.create_study(sampler=sampler, direction="minimize")
        for recipe, loss in zip(tried, losses, strict=True):
            structure, shares = space.locate(recipe)
            study.add_trial(
                optuna.trial.create_trial(
                    params={STRUCTURE: structure, **shares},
                    distributions={
                        STRUCTURE: optuna.distributions.CategoricalDistribution(range(len(space.structures))),
                        **dict.fromkeys(shares, optuna.distributions.FloatDistribution(0.0, 1.0)),
                    },
                    value=float(loss) if np.isfinite(loss) else worst,
                )
            )
        proposed = []
        for _ in range(n):
            trial = study.ask()
            structure = trial.suggest_categorical(STRUCTURE, range(len(space.structures)))
            shares = {
                path: trial.suggest_float(path, 0.0, 1.0) for path in sorted(space.ranges_of(structure))
            }
            proposed.append(space.at(structure, shares))
        return proposed
