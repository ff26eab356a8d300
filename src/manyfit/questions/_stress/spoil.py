"""Networks on spoiled rows: corruptions and attacks by name, and what networks score under them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Text
from manyfit.attacks import Attack
from manyfit.attacks import registry as attacks
from manyfit.data.corrupt import Corruption
from manyfit.data.corrupt import registry as corruptions
from manyfit.data.domain import Domain, Sample
from manyfit.engines.choose import input_grad, predict
from manyfit.errors import Problem, UnknownNameError, did_you_mean
from manyfit.population import Member, Rows, View
from manyfit.questions._frame.measure import mean_loss
from manyfit.questions._frame.task import Task
from manyfit.runs import Run

Floats = NDArray[np.float64]

NORMS = {"linf": "L∞", "l2": "L2"}
_NUDGE = {
    "linf": Text("largest nudge, in spreads", "最大扰动（以特征标准差计）"),
    "l2": Text("root mean square nudge, in spreads", "均方根扰动（以特征标准差计）"),
}
MOST = 4_000_000
"""Numbers in the rows that networks are attacked at together; more networks are taken in turns."""


class Kind(NamedTuple):
    """A way to spoil rows.

    name: As in `--spoil`.
    said: In a table.
    unit: What strength is counted in.
    strengths: Increasing.
    corruption, attack: What does it: one of the two.
    """

    name: str
    said: Text
    unit: Text
    strengths: tuple[float, ...]
    corruption: Corruption | None = None
    attack: Attack | None = None

    @property
    def is_in_training(self) -> bool:
        """Whether it spoils the rows that train, in place of those that score."""
        return self.corruption is not None and self.corruption.stage == "train"

    @property
    def reference(self) -> int:
        """Place of the strength at which recipes are compared."""
        return len(self.strengths) // 2

    def at(self, strength: float) -> Text:
        """Its name with a strength."""
        return Text(f"{self.said.en} {strength:g}", f"{self.said.zh} {strength:g}")


def known_kinds() -> tuple[str, ...]:
    """Names of all ways to spoil rows: corruptions, and attacks with the norm that bounds them.

    Example:
        >>> known_kinds()
        ('drift', 'labels', 'missing', 'noise', 'outliers', 'shift', 'fgsm', 'fgsm-l2', 'pgd', 'pgd-l2')
    """
    return (*corruptions.all(), *(f"{name}{end}" for name in attacks.all() for end in ("", "-l2")))


def kind_of(name: str, scale: float = 1.0) -> Kind:
    """The way to spoil rows of that name.

    Args:
        name: One of `known_kinds`.
        scale: What its strengths are multiplied by.

    Raises:
        UnknownNameError: If there is none; the message names the nearest.
    """
    wanted = name.lower().replace("_", "-")
    if wanted not in known_kinds():
        hint = did_you_mean(wanted, known_kinds())
        rule = Text(f"unknown way to spoil rows {name!r}", f"未知的扰动 {name!r}")
        raise UnknownNameError(Problem("", rule, hint=hint))
    if wanted in corruptions.all():
        corruption: Corruption = corruptions.find(wanted)()
        strengths = tuple(scale * strength for strength in corruption.strengths)
        return Kind(wanted, Text(*corruption.said), Text(*corruption.unit), strengths, corruption)
    base, _, norm = wanted.partition("-")
    attack: Attack = attacks.find(base)(norm=norm or "linf")
    said = Text(*(f"{said} {NORMS[attack.norm]}" for said in attack.said))
    strengths = tuple(scale * strength for strength in attack.strengths)
    return Kind(wanted, said, _NUDGE[attack.norm], strengths, attack=attack)


class Spoiled(NamedTuple):
    """Networks on spoiled rows: [S, P] scores and mean losses at S strengths; infinite for networks that diverged."""

    score: Floats
    loss: Floats


def on_spoiled_rows(
    task: Task,
    run: Run,
    networks: Sequence[int],
    rows: Rows,
    kind: Kind | None,
    strengths: Sequence[float],
    key: int,
) -> Spoiled:
    """What networks score on spoiled rows.

    Args:
        task: What they were trained for.
        run: Where they are.
        networks: P of them that share their rows.
        rows: Those rows, as the task knows them.
        kind: How rows are spoiled; None leaves them as they are.
        strengths: S of them.
        key: Random stream; the same for networks that make a pair.
    """
    found = Spoiled(*(np.full((len(strengths), len(networks)), np.inf) for _ in range(2)))
    alive = [place for place, index in enumerate(networks) if not run.diverged[index]]
    if not alive:
        return found
    chosen = [networks[place] for place in alive]
    scored, known = task.known(rows)
    encoded, domain = task.encoded(rows), task.domain(rows)
    X, y = encoded.view.X[scored], encoded.view.y[scored]
    for s, strength in enumerate(strengths):
        facts = known
        if kind is not None and kind.attack is not None:
            outputs = _attacked(run, chosen, kind.attack, X, y, domain, strength)
        else:
            weights = np.ones(len(X)) if known.weights is None else known.weights
            sample = Sample(X, y, weights, encoded.view.n_classes)
            if kind is not None and kind.corruption is not None:
                sample = kind.corruption.apply(sample, domain, strength, key)
            facts = known._replace(weights=known.weights if sample.weights is weights else sample.weights)
            outputs = predict(run, sample.X, networks=chosen)
        for place, index, output in zip(alive, chosen, outputs, strict=True):
            loss = run.population.members[index].recipe.loss
            if np.isfinite(output).all():
                found.score[s, place] = task.measure.score(output, loss, facts)
                found.loss[s, place] = mean_loss(output, loss, facts)
    return found


def spoiled_member(member: Member, task: Task, kind: Kind, strength: float, key: int) -> tuple[Member, View]:
    """A network that trains on spoiled rows, and the view that holds them; what scores stays as it is.

    Args:
        member: The network as it would train on the rows as they are.
        task: What it is trained for.
        kind: A corruption of training rows.
        strength: How much.
        key: Random stream.
    """
    assert kind.corruption is not None
    view = task.encoded(member.rows).view
    weights = np.ones(len(view.X)) if view.weights is None else view.weights
    sample = Sample(view.X, view.y, weights, view.n_classes)
    found = kind.corruption.apply(sample, task.domain(member.rows), strength, key)
    rows = Rows(member.rows.train, member.rows.held, f"{member.rows.view}, {kind.name} {strength:g}")
    kept = view.weights if found.weights is weights else found.weights
    spoiled = dataclasses.replace(view, X=found.X, y=found.y, weights=kept)
    return dataclasses.replace(member, rows=rows), spoiled


def _attacked(
    run: Run,
    networks: Sequence[int],
    attack: Attack,
    X: Floats,
    y: NDArray[np.floating] | NDArray[np.int64],
    domain: Domain,
    strength: float,
) -> Floats:
    """Outputs of networks, each on rows that were moved against it."""
    at_once = max(MOST // max(X.size, 1), 1)
    outputs = []
    for start in range(0, len(networks), at_once):
        part = networks[start : start + at_once]
        keys = [run.population.members[index].streams.noise for index in part]
        moved = attack.perturb(
            lambda at, part=part: input_grad(run, at, y, networks=part), X, domain, strength, keys
        )
        outputs.append(predict(run, moved, networks=part))
    return np.concatenate(outputs)
