"""What networks of several recipes score on clean and on spoiled rows, and what a remedy buys by that."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.population import Member, View
from manyfit.questions._frame.task import Replicate, Task
from manyfit.questions._stress.spoil import Kind, on_spoiled_rows, spoiled_member
from manyfit.rng import derive
from manyfit.runs import Run
from manyfit.stats import Comparison, Finding, margin_of, paired

Floats = NDArray[np.float64]


class Exposed(NamedTuple):
    """What networks of R recipes score, n of each, rows clean and spoiled. All scores: lower is better.

    recipes: R names, the recipe as it is first.
    clean: [R, n].
    spoiled: By name of the kind, [S, R, n] at its S strengths.
    loss: By name of the kind, [S, R, n] mean loss on the same rows.
    """

    recipes: tuple[str, ...]
    clean: Floats
    spoiled: Mapping[str, Floats]
    loss: Mapping[str, Floats]


class Bought(NamedTuple):
    """What a remedy buys at each kind's reference strength, and what it costs. Remedy − recipe as it is.

    price: On clean rows.
    by_kind: On rows spoiled in each way.
    """

    price: Comparison
    by_kind: Mapping[str, Comparison]

    def kinds(self, finding: Finding) -> list[str]:
        """Kinds in which the remedy was found to be that."""
        return [name for name, found in self.by_kind.items() if found.finding is finding]


def exposed_of(
    task: Task, run: Run, recipes: tuple[str, ...], pairs: Sequence[Replicate], kinds: Sequence[Kind]
) -> Exposed:
    """Score the networks of a run, clean and spoiled; a pure function of the run.

    Args:
        task: What they were trained for.
        run: Every recipe on every pair, then the same again for every strength of every kind that spoils training.
        recipes: Names, in the order of the run.
        pairs: Pairs of seed and split.
        kinds: Ways to spoil rows.
    """
    n_recipes, n = len(recipes), len(pairs)
    size = n_recipes * n
    clean = np.empty((n_recipes, n))
    spoiled = {kind.name: np.empty((len(kind.strengths), n_recipes, n)) for kind in kinds}
    loss = {kind.name: np.empty((len(kind.strengths), n_recipes, n)) for kind in kinds}
    for j, pair in enumerate(pairs):
        networks = [r * n + j for r in range(n_recipes)]
        rows = run.population.members[j].rows
        clean[:, j] = on_spoiled_rows(task, run, networks, rows, None, [0.0], 0).score[0]
        start = size
        for place, kind in enumerate(kinds):
            if not kind.is_in_training:
                found = on_spoiled_rows(task, run, networks, rows, kind, kind.strengths, _key(pair, place))
                spoiled[kind.name][:, :, j], loss[kind.name][:, :, j] = found
                continue
            for s in range(len(kind.strengths)):
                others = [start + s * size + network for network in networks]
                found = on_spoiled_rows(task, run, others, rows, None, [0.0], 0)
                spoiled[kind.name][s, :, j], loss[kind.name][s, :, j] = found.score[0], found.loss[0]
            start += len(kind.strengths) * size
    return Exposed(recipes, clean, spoiled, loss)


def read(
    exposed: Exposed,
    kinds: Sequence[Kind],
    margin: float | None,
    share: float,
    *,
    level: float = 0.95,
    scope: str = "seeds and splits",
    overlap: float = 0.0,
) -> dict[str, Bought]:
    """What each remedy buys, and its price: a pure function of what was exposed.

    Args:
        exposed: Scores.
        kinds: Ways in which rows were spoiled.
        margin: What counts as the same; None for a share of the score of the recipe as it is, on the same rows.
        share: That share.
        level: Confidence level, shared out among the kinds (Bonferroni); the price has all of it.
        scope: What varies between pairs.
        overlap: As in `mean_interval`.
    """

    def compared(remedy: Floats, base: Floats, at: float) -> Comparison:
        known = base[np.isfinite(base)]
        within = margin_of(margin, share, float(known.mean()) if known.size else math.nan)
        return paired(remedy, base, scope=scope, margin=within, level=at, overlap=overlap)

    each = 1 - (1 - level) / max(len(kinds), 1)
    return {
        name: Bought(
            compared(exposed.clean[r], exposed.clean[0], level),
            {
                kind.name: compared(
                    exposed.spoiled[kind.name][kind.reference, r],
                    exposed.spoiled[kind.name][kind.reference, 0],
                    each,
                )
                for kind in kinds
            },
        )
        for r, name in enumerate(exposed.recipes)
        if r > 0
    }


def masked_share(exposed: Exposed) -> float:
    """Share of networks and strengths at which PGD finds less loss than FGSM within the same bound; 0 where either is missing.

    A network whose slopes say nothing (they vanish, or point astray) looks robust to one step and to many; that many find less
    than one is the sign of it.
    """
    shares = [
        (exposed.loss[pgd] < exposed.loss[fgsm] * (1 - 1e-6)).mean()
        for pgd, fgsm in (("pgd", "fgsm"), ("pgd-l2", "fgsm-l2"))
        if pgd in exposed.loss and fgsm in exposed.loss
    ]
    return float(np.mean(shares)) if shares else 0.0


def _key(pair: Replicate, place: int) -> int:
    return derive(pair.streams.noise, 1 + place)


def spoiled_members(
    task: Task, clean: Sequence[Member], pairs: Sequence[Replicate], kinds: Sequence[Kind]
) -> tuple[list[Member], dict[str, View]]:
    """The networks that train on spoiled rows: for each kind and strength every one of the clean networks again."""
    members: list[Member] = []
    views: dict[str, View] = {}
    made: dict[tuple[int, str, float], tuple[Member, View]] = {}
    for place, kind in enumerate(kinds):
        for strength in kind.strengths if kind.is_in_training else ():
            for i, member in enumerate(clean):
                j = i % len(pairs)
                key = (j, kind.name, strength)
                if key not in made:  # recipes of a pair train on the same rows, spoiled alike
                    made[key] = spoiled_member(member, task, kind, strength, _key(pairs[j], place))
                twin, view = made[key]
                views[twin.rows.view] = view
                members.append(dataclasses.replace(member, rows=twin.rows))
    return members, views
