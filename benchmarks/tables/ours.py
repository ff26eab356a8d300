"""manyfit's main job on one split: what `mf.train(train, target, test=test)` does, with its ways of averaging told apart."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from benchmarks.tables.scores import calibration_error, scores
from benchmarks.tables.splits import Split
from manyfit.data import load
from manyfit.job import main as job_main
from manyfit.job.ensemble import calibrate, choose, held_out, out_of_fold
from manyfit.job.main import Job, Options
from manyfit.job.narrator import Silent
from manyfit.job.rows import Table
from manyfit.job.training import Trainer
from manyfit.model import Model, tempered
from manyfit.space import Space

Floats = NDArray[np.float64]
WAYS = ("same", "top")
LEVEL = 0.9


class Listener(Silent):
    """Keeps what the job says of its confirmation."""

    def __init__(self) -> None:
        self.heard: dict[str, dict[str, Any]] = {}

    def say(self, key: str, **facts: Any) -> None:
        """Remember the last facts of every sentence."""
        self.heard[key] = facts


def main_job(split: Split, seconds: float, seed: int, clock: Callable[[], float]) -> dict[str, Any]:
    """Train with a budget and predict the test rows.

    The test rows are given as such, so that all rows of the other part are there to learn from. The job locks them until it
    prints its own test table.

    Returns:
        Scores of the model and of every other way of averaging the same confirmed networks, what was trained, coverage of the
        prediction intervals, and calibration errors.
    """
    began, listener = clock(), Listener()
    task = "regression" if split.task == "regression" else "classification"
    data = load(split.train, split.target, test=split.test, task=task, seed=seed)
    options = Options(budget=seconds, seed=seed, threads=1)
    with mock.patch.object(job_main, "measure", _unhurried(clock)):
        model = Job(data, options, narrator=listener, clock=clock, began=began).run()
    spent = clock() - began
    frame = model.read(split.test)
    predicted = _in_order(split, model, model.predict_frame(frame))
    found: dict[str, Any] = {"seconds": spent, "scores": scores(split, predicted), "plan": _trained(model)}
    if split.task == "regression":
        width = model.calibration.widths.get(LEVEL)
        if width is not None:
            found["covered"] = float(np.mean(np.abs(split.y_test - predicted) <= width))
    else:
        raw = tempered(predicted, 1 / model.calibration.temperature)  # raises to the power that undoes it
        found["temperature"] = model.calibration.temperature
        found["ece"] = {
            "raw": calibration_error(split.y_test, raw),
            "tempered": calibration_error(split.y_test, predicted),
        }
    found["ways"] = _ways(split, listener.heard["confirmed"], data, frame)
    return found


def _unhurried(clock: Callable[[], float]) -> Callable[..., Any]:
    """The job's look at the machine's speed, told in the seconds of another clock: the engine knows wall time alone."""
    original = job_main.measure

    def measure(table: Table, space: Space, trainer: Trainer) -> Any:
        spent = [0.0, 0.0]

        def train(*arguments: Any, **more: Any) -> Any:
            wall, began = time.perf_counter(), clock()
            run = Trainer.train(trainer, *arguments, **more)
            spent[:] = clock() - began, time.perf_counter() - wall
            return run

        with mock.patch.object(trainer, "train", train):
            size, rate, first = original(table, space, trainer)
        return size, rate * spent[1] / max(spent[0], 1e-3), first

    return measure


def _in_order(split: Split, model: Model, predicted: Floats) -> Floats:
    """Probabilities in the order of the split's labels."""
    if split.task == "regression":
        return predicted
    return predicted[:, [list(model.target.labels).index(label) for label in split.labels]]


def _trained(model: Model) -> dict[str, Any]:
    """What the job came to do, in a few plain values."""
    plan = model.facts["plan"]
    return {
        "rungs": [[rung["recipes"], rung["epochs"]] for rung in plan["rungs"]],
        "finalists": plan["finalists"],
        "epochs": plan["epochs"],
        "networks": len(model.networks),
        "scores": model.facts["confirm"]["scores"][:3],
        "best": model.facts["recipes"][0],
        "verdict": model.verdict,
        "answer": model.facts["answer"]["code"],
        "fit": model.facts["fit"]["code"],
    }


def _ways(split: Split, heard: dict[str, Any], data: Any, frame: Any) -> dict[str, Any]:
    """Scores of the same confirmed networks averaged in other ways, each calibrated on its own."""
    confirmed, plan = heard["confirmed"], heard["plan"]
    known = held_out(confirmed)
    rows = confirmed.table.development[known]
    found = {}
    for way in WAYS:
        chosen = choose(confirmed, plan.margin, way)
        averaged = calibrate(data.target, data.y[rows], out_of_fold(confirmed, chosen)[known])
        model = Model(data.target, confirmed.encoders, confirmed.networks(chosen), averaged)
        predicted = _in_order(split, model, model.predict_frame(frame))
        found[way] = {"recipes": len(chosen), **scores(split, predicted)}
    return found
