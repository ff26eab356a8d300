"""What a question is asked about: rows that yield replicates, a recipe, and a score.

A replicate is a new seed and a new split of the rows. Networks of one replicate share both, so that they make pairs.
"""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from manyfit.answers import Text
from manyfit.data.domain import Domain
from manyfit.data.notes import Note
from manyfit.engines.choose import predict
from manyfit.losses import Target
from manyfit.population import Member, Population, Probe, Rows, View
from manyfit.questions._frame.given import GivenRows
from manyfit.questions._frame.measure import Measure, OfLoss, Scored, mean_loss
from manyfit.questions._frame.rows import Encoded, RowSource, Split
from manyfit.questions._frame.words import n_of
from manyfit.recipe import Recipe
from manyfit.registry import name_of
from manyfit.rng import Streams, derive
from manyfit.runs import Run
from manyfit.stats import Finding, Overlap

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


_TURNS = 4
"""Under which number a root says in which order a stage takes splits; below it are the streams of `Streams.of`."""


class Replicate(NamedTuple):
    """A new seed and a new split.

    number: Which one, from 0.
    streams: What its networks draw from.
    split: How their rows are divided.
    """

    number: int
    streams: Streams
    split: Split


@dataclass(frozen=True, eq=False)
class Task:
    """What a question is asked about.

    name: Of the data, for the words of the answer.
    rows: Where replicates get their rows.
    recipe: The recipe in question.
    measure: How a network is scored.
    seed: Root of the question's own streams.
    edges: From what remedies have shown to the settings at an edge of a search: path, end, value; None where none was made.
    """

    name: str
    rows: RowSource
    recipe: Recipe
    measure: Measure = field(default_factory=OfLoss)
    seed: int = 0
    edges: Callable[[Mapping[str, Finding]], Sequence[Sequence[Any]]] | None = None
    _encoded: dict[tuple[str, Target], Encoded] = field(default_factory=dict, init=False, repr=False)
    _owner: dict[int, tuple[Rows, Split, Target]] = field(default_factory=dict, init=False, repr=False)
    _domain: dict[int, Domain] = field(default_factory=dict, init=False, repr=False)
    _made: dict[tuple[int, bool, Target], Rows] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def given(
        cls,
        name: str,
        views: Mapping[str, View],
        splits: Sequence[Split],
        recipe: Recipe,
        seed: int = 0,
        to_score: Callable[[Any], Any] = lambda loss: loss,
        score_name: str = "loss",
        overlap: float | None = None,
        leaking: Sequence[Note] = (),
        reduced: Callable[[str], GivenRows] | None = None,
    ) -> Task:
        """A task on splits that somebody else has made; replicates take turns at them.

        Args:
            name: Of the data.
            views: Encodings by name.
            splits: Ways to divide the rows.
            recipe: The recipe in question.
            seed: Root of the streams.
            to_score: From a mean loss to the number that users read.
            score_name: What that number is called.
            overlap, leaking, reduced: As in `GivenRows`.
        """
        rows = GivenRows(views, tuple(splits), overlap, tuple(leaking), reduced)
        return cls(name, rows, recipe, OfLoss(Text(score_name, score_name), to_score), seed)

    def named(self, question: str) -> Task:
        """The same task with streams that no other question draws from."""
        return dataclasses.replace(self, seed=derive(self.seed, zlib.crc32(question.encode())))

    @property
    def overlap(self) -> Overlap:
        """What every interval over replicates needs: the correction for shared rows, and which values share a split."""
        return self.rows.overlap

    @property
    def scope(self) -> str:
        """What intervals over replicates speak of."""
        return f"{self.rows.scope.en} of {self.name}"

    @property
    def said(self) -> Text:
        """The recipe in a few words: sizes of the layers, optimizer, epochs."""
        return recipe_text(self.recipe)

    def setting(self, varied: Collection[str]) -> Text:
        """The same without what varies, by dotted path."""
        return recipe_text(self.recipe, varied)

    # Planning

    def replicates(self, n: int, *, stage: int = 0, start: int = 0, each: int = 1) -> list[Replicate]:
        """Fresh seeds and splits; the same ones whenever they are asked for.

        Where the data has so few splits that they come back, replicates take turns at them, the same turns in all stages: value i
        of a question is then on the data number i modulo their number, which its intervals know by `overlap`.

        Args:
            n: How many.
            stage: Replicates of different stages (tuning, confirming) never share a seed or a split.
            start: Number of the first.
            each: How many in a row are averaged into one value: where splits are few, these share one.
        """
        root = derive(self.seed, _TURNS, stage)
        per_split = each if self.rows.overlap.turns else 1
        found = []
        for number in range(start, start + n):
            streams = Streams.of(self.seed, stage, number)
            split = self.rows.split(streams.split, number // per_split, f"split {stage}.{number}", root)
            found.append(Replicate(number, streams, split))
        return found

    def member(
        self, recipe: Recipe, replicate: Replicate, *, train: Ints | None = None, watch: bool | None = None
    ) -> Member:
        """A network of a replicate.

        A recipe that watches held-out rows while it trains (it stops early, or its schedule waits for a plateau) watches the
        split's `stop` rows and trains on the others. One that doesn't trains on both, and the losses it records on held-out
        rows are those of the rows that score.

        Args:
            recipe: How it is trained.
            replicate: Seed and split.
            train: Rows to train on, in place of all of them.
            watch: Whether the `stop` rows are left out of training, whatever the recipe does: for what is compared with one
                that watches them.
        """
        split, target = replicate.split, recipe.loss.target
        stops = watches(recipe) if watch is None else watch
        key = (id(split), stops, target)
        rows = self._made.get(key) if train is None else None
        if rows is None:
            known = split.train if stops else np.sort(np.concatenate([split.train, split.stop]))
            used = known if train is None else train
            rows = Rows(used, split.stop if stops else split.score, f"{split.view}/{target}")
            self._owner[id(rows)] = (rows, split, target)
            if train is None:
                self._made[key] = rows
        return Member(recipe, replicate.streams, rows)

    def population(
        self, members: Iterable[Member], probes: Sequence[Probe] = (), record_every: int = 1
    ) -> Population:
        """Networks to be trained together, with the encodings that they read."""
        chosen = tuple(members)
        distinct = {id(member.rows): member.rows for member in chosen}
        views = {rows.view: self.encoded(rows).view for rows in distinct.values()}
        return Population(chosen, views, tuple(probes), record_every)

    def encoded(self, rows: Rows) -> Encoded:
        """The encoding that a network of this task reads."""
        _, split, target = self._owner[id(rows)]
        key = (split.view, target)
        if key not in self._encoded:
            self._encoded[key] = self.rows.encoded(split, target)
        return self._encoded[key]

    def split_of(self, member: Member) -> Split:
        """The split that a network of this task belongs to."""
        return self._owner[id(member.rows)][1]

    def domain(self, rows: Rows) -> Domain:
        """Where the inputs of a network of this task may lie."""
        encoded = self.encoded(rows)
        key = id(encoded.view)
        if key not in self._domain:
            is_float = np.concatenate(
                [np.full(each.size, each.kind == "float") for each in encoded.view.inputs]
            )
            self._domain[key] = Domain.of(encoded.view.X, encoded.encoder, is_float)
        return self._domain[key]

    def known(self, rows: Rows, *, seen: bool = False) -> tuple[Ints, Scored]:
        """The rows that score a network of this task (or those that trained it), and what is known of them."""
        chosen = rows.train if seen else self._owner[id(rows)][1].score
        return chosen, self.facts(rows, chosen)

    def facts(self, rows: Rows, chosen: Ints) -> Scored:
        """What is known of any rows, in the encoding that a network of this task reads."""
        return self._known(self.encoded(rows), chosen)

    # Reading

    def scores(self, run: Run, *, seen: bool = False, measure: Measure | None = None) -> Floats:
        """[P] score of every network, lower is better; infinite for networks that diverged.

        Args:
            run: Trained networks of this task.
            seen: Score on the rows that trained, in place of the rows that no network has seen.
            measure: Another measure than the task's.
        """
        how = measure or self.measure
        return self._scored(run, seen, how.score)

    def losses(self, run: Run, *, seen: bool = False) -> Floats:
        """[P] mean loss of every network on the same rows, in the recipe's own loss."""
        return self._scored(run, seen, mean_loss)

    def _scored(self, run: Run, seen: bool, score: Callable[..., float]) -> Floats:
        found = np.full(len(run), np.inf)
        together: dict[int, list[int]] = {}
        for i, member in enumerate(run.population.members):
            if not run.diverged[i]:
                together.setdefault(id(member.rows), []).append(i)
        for indices in together.values():
            rows = run.population.members[indices[0]].rows
            scored, known = self.known(rows, seen=seen)
            outputs = predict(run, self.encoded(rows).view.X[scored], networks=indices)
            for i, output in zip(indices, outputs, strict=True):
                if np.isfinite(output).all():
                    found[i] = score(output.astype(np.float64), run.population.members[i].recipe.loss, known)
        return found

    def _known(self, encoded: Encoded, rows: Ints) -> Scored:
        view, y, weights = encoded.view, self.rows.y, self.rows.weights
        if not len(y):
            y, weights = view.y, view.weights
        chosen = None if weights is None else weights[rows]
        return Scored(view.y[rows], y[rows], chosen, encoded.mean, encoded.scale, self.rows.n_classes)


def watches(recipe: Recipe) -> bool:
    """Whether a recipe looks at held-out rows while it trains."""
    return recipe.stopping.patience is not None or getattr(recipe.schedule, "plateau", None) is not None


def recipe_text(recipe: Recipe, varied: Collection[str] = ()) -> Text:
    """A recipe in a few words, without what varies between those that are asked about.

    Example:
        >>> from manyfit.networks import Dense
        >>> recipe = Recipe(Dense((64, 64)), epochs=20)
        >>> recipe_text(recipe).en, recipe_text(recipe, ["network.hidden", "epochs"]).en
        ('hidden layers 64-64, adam, 20 epochs', 'adam')
    """
    parts = []
    if not {"network", "network.hidden"} & set(varied):
        parts.append(_network_text(recipe))
    if "optimizer" not in varied:
        parts.append(Text(name_of(recipe.optimizer), name_of(recipe.optimizer)))
    if "epochs" not in varied:
        parts.append(Text(n_of(recipe.epochs, 'epoch'), f"{recipe.epochs} 轮"))
    return Text(", ".join(part.en for part in parts), "，".join(part.zh for part in parts))


def _network_text(recipe: Recipe) -> Text:
    """Sizes of the hidden layers; of a module its name."""
    network = recipe.network
    hidden = getattr(network, "hidden", None)
    if hidden is None:
        factory = getattr(network, "factory", network)
        name = factory if isinstance(factory, str) else getattr(factory, "__name__", type(factory).__name__)
        name = name.rpartition(":")[2]
        return Text("a module", "模块") if name == "<lambda>" else Text(name, name)
    if not hidden:
        return Text("no hidden layer", "无隐藏层")
    sizes = "-".join(map(str, hidden))
    return Text(f"hidden layers {sizes}", f"隐藏层 {sizes}")
