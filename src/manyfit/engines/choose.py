"""Which engine trains what, and `fit`, which ties an engine, the loop and a run folder together.

The choice is a function of the recipes alone, never of what is measured: a network must not change because its neighbors do.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyfit.engines.base import SEGMENT_S, Engine, Watcher, train
from manyfit.engines.interrupt import Interrupt
from manyfit.engines.mixed import Mixed
from manyfit.errors import EngineError, Problem, UnknownNameError, UsageError, did_you_mean
from manyfit.networks import Dense, Network, flatten
from manyfit.optimizers.sgd import SGD
from manyfit.population import Population
from manyfit.recipe import Recipe
from manyfit.registry import unknown
from manyfit.runs import Run, RunFolder
from manyfit.runs.header import FILE as HEADER

NAMES = ("native", "stacked", "reference")
"""Engines by name. "auto" takes the native one for the networks that its core knows, else the first other one there."""

_INSTALL = (
    "For the native core install a C++ compiler, then pip install --force-reinstall manyfit; "
    "for torch pip install 'manyfit[torch]'."
)


def engine_for(population: Population, name: str = "auto", threads: int | None = None) -> Engine:
    """The engine that trains these networks.

    Args:
        population: What will be trained.
        name: "auto", or an engine by name.
        threads: Threads of the native engine; all cores by default. The number changes no result.

    Raises:
        UnknownNameError: If there is no engine of that name.
        EngineError: If the engine is not installed, or can't train these networks; the message says how to get one that can.
    """
    if name not in ("auto", *NAMES):
        raise UnknownNameError(
            Problem("", unknown("engine", name), hint=did_you_mean(name, ["auto", *NAMES]))
        )
    if name == "auto":
        return _by_recipe(population, threads)
    if why_missing(name):
        raise EngineError(Problem(f"engine {name!r}", f"is not there: {why_missing(name)}", hint=_INSTALL))
    foreign = _unknown_to_native(population) if name == "native" else []
    if foreign:
        rule, hint = "must know every rule of every recipe", "Take engine 'auto'."
        raise EngineError(Problem("engine 'native'", rule, who=tuple(foreign), hint=hint))
    return _make(name, threads)


def _by_recipe(population: Population, threads: int | None) -> Engine:
    """The native engine for the networks that it knows, torch for the others: neighbors play no part in it."""
    has_native = not why_missing("native")
    with_torch = next((name for name in NAMES[1:] if not why_missing(name)), None)
    if not has_native and with_torch is None:
        rule = f"There is nothing to train with: {why_missing('native')}; {why_missing('reference')}"
        raise EngineError(Problem("", rule, hint=_INSTALL))
    if not has_native:
        return _make(str(with_torch), threads)
    foreign = _unknown_to_native(population)
    if not foreign:
        return _make("native", threads)
    if with_torch is None:
        rule = "The native core doesn't know every rule of these recipes, and torch, which would, is missing"
        raise EngineError(Problem("", rule, who=tuple(foreign), hint="pip install 'manyfit[torch]'."))
    if len(foreign) == len(population):
        return _make(with_torch, threads)
    owners = np.zeros(len(population), dtype=int)
    owners[foreign] = 1
    return Mixed([_make("native", threads), _make(with_torch, threads)], owners.tolist())


@cache
def why_missing(name: str) -> str:
    """Why an engine can't be used here; empty when it can."""
    try:
        if name == "native":
            import_module("manyfit.engines.native")
        elif find_spec(f"manyfit.engines.{name}") is None:
            return f"this version has no {name} engine"
        elif find_spec("torch") is None:
            return "torch is not installed"
    except ImportError as error:
        built = find_spec("manyfit._native") is not None
        return f"the native core can't be loaded ({error})" if built else "the native core was not built"
    except AttributeError as error:  # a core that was built from other sources
        return f"the native core is not of this version ({error})"
    return ""


def fit(
    population: Population,
    *,
    engine: str | Engine = "auto",
    threads: int | None = None,
    folder: str | Path | RunFolder | None = None,
    resume: bool = False,
    force: bool = False,
    plan: Mapping[str, Any] | None = None,
    seed: int = 0,
    seconds: float | None = None,
    watchers: Sequence[Watcher] = (),
    segment_s: float = SEGMENT_S,
    clock: Callable[[], float] = time.perf_counter,
) -> Run:
    """Train a population, and keep what it leaves in a run folder if one is given.

    Ctrl-C ends the training and returns what there is, networks that were still in training as cut; a second one
    raises KeyboardInterrupt.

    Args:
        population: What to train.
        engine: "auto", an engine by name, or an engine.
        threads: Threads of the native engine; all cores by default.
        folder: A run folder, or where to make one.
        resume: Go on with what the folder holds: what was complete is read, what was killed or cut is trained on, and
            where there is no folder yet it is begun.
        force: Whether an older run folder may be replaced.
        plan: What `run.toml` shall say, when `folder` is a path.
        seed: The same: root of all streams.
        seconds: Wall time after which networks still in training are cut.
        watchers: Called after every segment with the ledger; returning True ends the training.
        segment_s: Length of a segment. It changes no result.
        clock: Where the time comes from.

    Returns:
        The run. Networks that did not come to their end are cut, not lost.

    Raises:
        RecipeError: If anything is wrong with the population.
        EngineError: If no engine here can train it.
        RunError: If the folder can't be written, or holds another training than this.

    Example:
        >>> from manyfit.recipe import Recipe
        >>> X = np.linspace(-1, 1, 8)[:, None]
        >>> run = fit(Population.of([Recipe(epochs=3)] * 2, X, 2 * X + 1))
        >>> run.fates
        ['finished', 'finished']
    """
    population.check()
    if isinstance(folder, (str, Path)):
        is_there = resume and (Path(folder) / HEADER).exists()
        folder = (
            RunFolder.open(folder)
            if is_there
            else RunFolder.create(folder, plan=plan or {}, seed=seed, force=force)
        )
    if resume and folder is None:
        raise UsageError(Problem("resume", "must have a folder to go on with", hint="Give `folder`."))
    if resume and folder is not None and folder.state == "finished" and folder.has_checkpoint:
        return folder.run(population)
    chosen = engine_for(population, engine, threads) if isinstance(engine, str) else engine
    with Interrupt() as interrupt:
        if folder is None:
            return train(
                population,
                chosen,
                seconds=seconds,
                watchers=[*watchers, interrupt],
                segment_s=segment_s,
                clock=clock,
            )
        since = folder.resume(population, chosen.describe()) if resume and folder.exists else None
        with folder.record(population, chosen.describe(), since=since, clock=clock) as recorder:
            run = train(
                population,
                chosen,
                ledger=None if since is None else since.ledger,
                spent=0.0 if since is None else since.seconds,
                seconds=seconds,
                watchers=[recorder, *watchers, interrupt],
                segment_s=segment_s,
                clock=clock,
            )
            return recorder.finish(run)


def predict(
    run: Run,
    X: Any,
    *,
    networks: Sequence[int] | None = None,
    engine: str | Engine = "auto",
    threads: int | None = None,
) -> NDArray[np.float64]:
    """Outputs of trained networks on inputs: numbers for a loss on numbers, logits for one on labels.

    Args:
        run: Where the networks come from.
        X: [N, D] inputs, encoded as they were for training; or [P, N, D], for each network its own. For modules also shaped as
            they were for training.
        networks: Which ones, by index; all by default.
        engine: "auto", an engine by name, or an engine.
        threads: Threads of the native engine.

    Returns:
        [P, N, C] in the order of `networks`.

    Example:
        >>> from manyfit.recipe import Recipe
        >>> X = np.linspace(-1, 1, 8)[:, None]
        >>> run = fit(Population.of([Recipe(epochs=3)] * 2, X, 2 * X + 1))
        >>> predict(run, X, networks=[1]).shape
        (1, 8, 1)
    """
    asked = _Asked(run, X, networks)
    n_outputs = {n for *_, n in asked.groups}
    if len(n_outputs) > 1:
        rule, hint = "must have the same number of outputs", "Ask for them in groups."
        asked.problems.append(Problem("networks", rule, str(sorted(n_outputs)), hint=hint))
    asked.check("this prediction")
    outputs = np.empty((len(asked.wanted), asked.n_rows, max(n_outputs, default=0)))
    for (*_, inputs, _n), positions in asked.groups.items():
        network = asked.recipe(positions).network
        # Outputs don't depend on the rule of training, so the core predicts also what it could not have trained.
        chosen = _engine_for_asking(run, network, engine, threads)
        outputs[positions] = chosen.predict(
            network, asked.parameters(positions), asked.table(positions), inputs
        )
    return outputs


def input_grad(
    run: Run,
    X: Any,
    y: NDArray[Any],
    *,
    networks: Sequence[int] | None = None,
    engine: str | Engine = "auto",
    threads: int | None = None,
) -> NDArray[np.float64]:
    """How each row's own loss (the one that scores) changes with its inputs: the slope that an attack climbs.

    Args:
        run: Where the networks come from.
        X: [N, D] inputs, encoded as they were for training; or [P, N, D], for each network its own. For modules also shaped as
            they were for training.
        y: [N, C] numbers or [N] labels, as in the view they were trained on.
        networks: Which ones, by index; all by default.
        engine: "auto", an engine by name, or an engine.
        threads: Threads of the native engine.

    Returns:
        [P, N, D] in the order of `networks`; 0 for inputs that are no floats.

    Example:
        >>> from manyfit.recipe import Recipe
        >>> X = np.linspace(-1, 1, 8)[:, None]
        >>> run = fit(Population.of([Recipe(epochs=3)] * 2, X, 2 * X + 1))
        >>> input_grad(run, X, 2 * X + 1, networks=[1]).shape
        (1, 8, 1)
    """
    asked = _Asked(run, X, networks)
    if not asked.problems and len(y) != asked.n_rows:
        asked.problems.append(Problem("y", f"must have {asked.n_rows} rows, as X", str(len(y))))
    asked.check("these gradients")
    slopes = np.empty((len(asked.wanted), asked.n_rows, asked.X.shape[-1]))
    by_loss: dict[Any, list[int]] = {}
    for key, positions in asked.groups.items():
        for position in positions:
            by_loss.setdefault((key, asked.recipe([position]).loss.scoring), []).append(position)
    for ((*_, inputs, _n), loss), positions in by_loss.items():
        recipe = asked.recipe(positions)
        chosen = _engine_for_asking(run, recipe.network, engine, threads, recipe)
        parameters, table = asked.parameters(positions), asked.table(positions)
        slopes[positions] = chosen.input_grad(recipe.network, loss, parameters, table, y, inputs)
    return slopes


class _Asked:
    """Networks of a run that something is asked of, in groups of one structure, and the inputs it is asked at."""

    def __init__(self, run: Run, X: Any, networks: Sequence[int] | None) -> None:
        self.run = run
        self.wanted = list(range(len(run))) if networks is None else [int(index) for index in networks]
        views = [run.population.view_of(run.population.members[index]) for index in self.wanted]
        shape = np.shape(X) if not isinstance(X, (tuple, Mapping)) else ()
        self.is_own = len(shape) == 3 and all(
            shape[-1] == view.X.shape[1] and shape[1:] != view.inputs[0].shape for view in views
        )
        if self.is_own:
            self.X, given = np.ascontiguousarray(X, dtype=np.float64), [shape]
        else:
            self.X, found = flatten(X)
            given = (
                [(len(self.X), *each.shape) for each in found]
                if len(found) > 1
                else [shape or np.shape(X[0])]
            )
        self.problems: list[Problem] = []
        self.groups: dict[Any, list[int]] = {}
        if self.is_own and len(self.X) != len(self.wanted):
            self.problems.append(Problem("X", f"must be for {len(self.wanted)} networks", str(shape)))
        for position, (index, view) in enumerate(zip(self.wanted, views, strict=True)):
            recipe = run.population.members[index].recipe
            if self.X.shape[-1] != view.X.shape[1]:
                rule = f"must be {', '.join(map(str, view.inputs))}"
                self.problems.append(Problem("X", rule, ", ".join(map(str, given)), (index,)))
            key = (recipe.network.structure, recipe.precision, view.inputs, view.n_outputs)
            self.groups.setdefault(key, []).append(position)

    @property
    def n_rows(self) -> int:
        return self.X.shape[-2]

    def check(self, what: str) -> None:
        if self.problems:
            raise UsageError(self.problems[0] if len(self.problems) == 1 else self.problems, what)

    def recipe(self, positions: Sequence[int]) -> Recipe:
        return self.run.population.members[self.wanted[positions[0]]].recipe

    def parameters(self, positions: Sequence[int]) -> NDArray[np.floating]:
        return np.stack([self.run.parameters[self.wanted[p]] for p in positions])

    def table(self, positions: Sequence[int]) -> NDArray[np.float64]:
        return self.X[list(positions)] if self.is_own else self.X


def _engine_for_asking(
    run: Run, network: Network, engine: str | Engine, threads: int | None, recipe: Recipe | None = None
) -> Engine:
    """What predicts with a network, or gives the slopes of a recipe's loss: the core where it knows them, else torch."""
    if not isinstance(engine, str):
        return engine
    if engine != "auto":
        return engine_for(run.population, engine, threads)
    if isinstance(network, Dense) and not why_missing("native"):
        supports = import_module("manyfit.engines.native").supports
        if recipe is None or supports(dataclasses.replace(recipe, optimizer=SGD(), penalties=())):
            return _make("native", threads)
    with_torch = next((name for name in NAMES[1:] if not why_missing(name)), None)
    if with_torch is None:
        rule = f"There is nothing to ask it with: {why_missing('native')}; {why_missing('reference')}"
        raise EngineError(Problem("", rule, hint=_INSTALL))
    return _make(with_torch, threads)


def _make(name: str, threads: int | None) -> Engine:
    module = import_module(f"manyfit.engines.{name}")
    return module.Native(threads) if name == "native" else getattr(module, name.capitalize())()


def _unknown_to_native(population: Population) -> list[int]:
    """Networks with a rule that the native core doesn't know."""
    supports = import_module("manyfit.engines.native").supports
    verdicts = {id(member.recipe): supports(member.recipe) for member in population.members}
    return [i for i, member in enumerate(population.members) if not verdicts[id(member.recipe)]]
