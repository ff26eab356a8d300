"""The main job: table → search → confirmation → model → a look at the test rows."""

from __future__ import annotations

import dataclasses
import math
import time as clocks
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from manyfit.data import Dataset
from manyfit.job.confirm import Confirmed, confirm, fitted
from manyfit.job.defaults import default_space
from manyfit.job.edges import edges
from manyfit.job.ensemble import calibrate, choose, held_out, out_of_fold
from manyfit.job.log import Log
from manyfit.job.look import Look, look
from manyfit.job.measure import measure
from manyfit.job.narrator import Narrator, Silent
from manyfit.job.options import Options
from manyfit.job.plan import CONFIRM_SHARE, SEARCH_SHARE, Plan, size_plan
from manyfit.job.rows import Table
from manyfit.job.search import Search, run_search
from manyfit.job.settings import versions
from manyfit.job.summary import Material, summarize
from manyfit.job.training import Trainer
from manyfit.job.twins import Tried
from manyfit.job.verdict import judge, remedies
from manyfit.metrics import metric_for
from manyfit.model import Model
from manyfit.render.result import verdict_lines
from manyfit.runs import RunFolder
from manyfit.space import Space
from manyfit.stats import Finding

HURRY_S = 2.0
"""Seconds that confirmation may take in any case after Ctrl-C has ended the search."""


class Job:
    """One main job. `prepare` decides what will be done, `run` does it.

    Args:
        data: The table.
        options: How.
        narrator: Who is told.
        folder: Where rounds and the model are kept; None keeps nothing on disk. One that is there already is gone on with.
        clock: Where the time comes from.
        began: When the job began, if reading the table is part of it.
        opened: How often the test rows of this table have been opened before, as far as is known.
    """

    def __init__(
        self,
        data: Dataset,
        options: Options | None = None,
        *,
        narrator: Narrator | None = None,
        folder: RunFolder | None = None,
        clock: Callable[[], float] = clocks.perf_counter,
        began: float | None = None,
        opened: int = 0,
    ) -> None:
        self.options = (options or Options()).check()
        self.data = data
        self.narrator: Narrator = narrator or Silent()
        self.metric = metric_for(data.task, self.options.metric)
        self.opened = opened
        self.table = Table(data, self.options.seed)
        self.folder = folder
        goes_on = folder is not None and folder.exists
        log = Log(folder, repeat=goes_on)
        self.trainer = Trainer(
            self.narrator,
            log,
            engine=self.options.engine,
            threads=self.options.threads,
            clock=clock,
            began=clock() if began is None else began,
            shown=self._shown,
        )
        self.asked: dict[str, Any] = {}
        """What `run.toml` says about where the table came from and what was asked for, so that it can be asked again."""
        self.space = self.options.space
        self.plan = self.options.plan
        self.repeats = self.plan is not None
        """Whether a plan was given that is to be repeated exactly, whatever the clock says."""
        if folder is not None and goes_on:
            stored = folder.header
            self.space = Space.from_dict(stored["space"]).check()
            self.plan = Plan.from_dict({**stored["plan"], **stored.get("sizing", {})})
            self.repeats = "sizing" not in stored

    def prepare(self) -> Plan:
        """Split the rows, look how fast the machine is, and size the plan."""
        from manyfit.registry import name_of

        n_dev = len(self.table.development)
        by_time, folds = self.data.time is not None, self.table.n_folds
        self.narrator.say("split", n_test=self.table.n_test, n_dev=n_dev, folds=folds, by_time=by_time)
        if self.space is None:
            self.space = default_space(
                self.data.task, len(self.table.search_fold.train), max_width=self.options.max_width
            )
        log = self.trainer.log
        if self.folder is not None and self.folder.exists:
            self.narrator.say(
                "resumed", folder=str(self.folder.path), rounds=log.n_stored, seconds=log.seconds
            )
        if self.plan is None:
            size, rate, first = measure(self.table, self.space, self.trainer)
            self.narrator.say(
                "first", best=self._shown(first), metric=self._training_metric, seconds=self.trainer.elapsed
            )
            self.plan = size_plan(
                self.space,
                size,
                rate=rate,
                seconds=self.options.budget,
                seed=self.options.seed,
                metric=name_of(self.metric),
                margin=self.options.margin,
                ensemble=self.options.ensemble,
                folds=self.table.n_folds,
                spent=self.trainer.elapsed,
            )
        self.narrator.say("plan", plan=self.plan, budget=None if self.repeats else self.options.budget)
        return self.plan

    def _write_down(self, plan: Plan) -> None:
        """Write into the folder what a killed job needs to go on, before anything is trained."""
        if self.folder is None or self.folder.exists:
            return
        assert self.space is not None
        sizing = None if self.repeats else plan.sizing
        self.folder.amend(
            state="training",
            seed=self.options.seed,
            plan_hash=plan.hash,
            planned_hash=plan.hash,
            fingerprint=self.data.fingerprint,
            job=self.asked,
            sizing=sizing,
            plan=plan.to_dict(),
            space=self.space.to_dict(),
        )

    def run(self) -> Model:
        """Do it all: search, confirm, choose, calibrate, look at the test rows.

        Ctrl-C ends the stage it is in (the search, the confirmation, the remedies) and goes on with what there is; a second one
        before that has happened is a KeyboardInterrupt.
        """
        with self.trainer.interrupt:
            plan = self.plan
            if plan is None or self.space is None:
                plan = self.prepare()
            assert self.space is not None, "prepare settles the space"
            self._write_down(plan)
            options, trainer = self.options, self.trainer
            left = max(options.budget - trainer.elapsed, 0.3 * options.budget)
            begun = trainer.elapsed
            search_end = np.inf if self.repeats else begun + SEARCH_SHARE * left
            found = run_search(self.table, self.space, plan, trainer, until=search_end)
            self.narrator.say("searched", search=found, seconds=trainer.elapsed, plan=plan)
            most = (CONFIRM_SHARE + 0.05) * left
            if found.interrupted:  # whoever is in a hurry waits no longer than the search was allowed to take
                most = min(most, max(trainer.elapsed - begun, HURRY_S))
            if not self.repeats:
                plan = fitted(plan, found, trainer, seconds=most)
            confirm_end = np.inf if self.repeats else trainer.elapsed + most
            confirmed = confirm(self.table, found, plan, trainer, until=confirm_end)
            chosen = choose(confirmed, plan.margin, plan.ensemble)
            self.narrator.say("confirmed", confirmed=confirmed, chosen=chosen, plan=plan)
            best, space = confirmed.recipes[chosen[0]], self.space
            tried = remedies(
                confirmed,
                chosen[0],
                plan,
                trainer,
                budget=options.budget,
                is_repeated=self.repeats,
                mute=options.mute,
                edges=lambda shown: edges(space, found, best, shown),
            )
            realised = plan.realised(
                [each.rung for each in found.rungs],
                len(confirmed.recipes),
                twin_folds=tried.trial.folds,
                twin_seeds=tried.trial.seeds,
                twin_rows=tried.trial.rows,
            )
            model = self._model(found, confirmed, chosen, tried, realised)
            model.facts["search"] |= small_search(found, plan, None if self.repeats else options.budget)
            judged = judge(model, confirmed, chosen, tried, plan.metric)
            model.facts.update(judged.facts())
            self.narrator.say("testing")
            looked = look(model, self.table, plan.metric, plan.margin, options.threads)
            model.facts["test"] = looked.to_dict()
            model.facts["answer"] = answer(looked, self.metric.is_loss)
            if (
                model.facts["answer"]["code"] == "nothing"
            ):  # no column matters to networks that have learned nothing
                for each in (model.facts.get("importance") or {}).get("found", ()):
                    each["matters"] = False
            model.facts["interrupted"] = list(trainer.interrupted)
            model.facts["seconds"] = round(trainer.elapsed, 2)
            model.facts["versions"] = versions()
            model.facts["verdict"] = "\n".join(verdict_lines(model.facts))
            model._answer = summarize(Material(model, found, confirmed, chosen, judged, looked))
        return model

    def _model(
        self, search: Search, confirmed: Confirmed, chosen: list[int], tried: Tried, realised: Plan
    ) -> Model:
        assert self.space is not None, "prepare settles the space"
        data, table = self.data, self.table
        known = held_out(confirmed)
        rows = table.development[known]
        predicted = out_of_fold(confirmed, chosen)[known]
        weights = None if data.weights is None else data.weights[rows]
        calibration = calibrate(data.target, data.y[rows], predicted, weights)
        means = confirmed.pairs.mean(1)
        sign = 1 if self.metric.is_loss else -1
        facts = {
            "source": data.name,
            "fingerprint": data.fingerprint,
            "seed": self.options.seed,
            "openings": self.opened,
            "metric": realised.metric,
            "margin": realised.margin,
            "plan": realised.to_dict(),
            "plan_hash": realised.hash,
            "planned_hash": self.plan.hash if self.plan is not None else realised.hash,
            "engine": self.trainer.described,
            "rows": {"development": len(table.development), "test": table.n_test},
            "columns": [column.to_dict() for column in data.columns],
            "notes": [
                {"code": n.code, "en": n.text, "zh": n.zh, "flag": n.flag, "warning": n.is_warning}
                for n in data.notes
            ],
            "search": {
                "rungs": [dataclasses.asdict(tried.rung) for tried in search.rungs],
                "networks": search.n_networks,
                "diverged": len(search.diverged),
                "paid_out": search.paid_out,
            },
            "confirm": {
                "recipes": len(confirmed.recipes),
                "networks": int(confirmed.scores.size),
                "diverged": confirmed.n_diverged,
                "scores": [sign * float(means[r]) for r in chosen],
            },
            "recipes": [confirmed.recipes[r].to_dict() for r in chosen],
            "edges": []
            if "edge-of-search" in self.options.mute
            else edges(self.space, search, confirmed.recipes[chosen[0]], _shown_by(tried.facts)),
        }
        model = Model(data.target, confirmed.encoders, confirmed.networks(chosen), calibration, facts)
        model._data = data
        return model

    @property
    def _training_metric(self) -> str:
        return "RMSE" if self.data.task == "regression" else "log loss"

    def _shown(self, loss: float) -> float:
        """A held-out loss of training as a reader understands it: RMSE in units of the target, or log loss."""
        if self.data.task != "regression" or not loss >= 0:
            return loss
        return float(np.sqrt(loss) * np.std(self.data.y[self.table.development]))


FEW_RECIPES = 32
"""Recipes of a search below which it has hardly begun: of each structure a handful."""
CUT = 0.25
"""Share of the planned recipes below which a search was cut to next to nothing."""


def small_search(search: Search, plan: Plan, budget: float | None) -> dict[str, Any]:
    """How small a search was: the `planned` recipes, whether it `is_small`, and the budget that would do.

    That is `needs_s`; None where no budget was too small: a plan was repeated, or somebody ended the search.
    """
    planned, tried = plan.rungs[0].recipes, max(search.rungs[0].rung.recipes, 1)
    is_small = tried < FEW_RECIPES or (tried < CUT * planned and not search.paid_out)
    needs = None
    if budget is not None and not search.interrupted:
        needs = math.ceil(budget * max(planned, 2 * FEW_RECIPES) / tried)
    return {"planned": planned, "is_small": is_small, "needs_s": needs}


def _shown_by(fit: Mapping[str, Any]) -> dict[str, Finding]:
    """What each remedy has shown; nothing where none was tried."""
    return {name: Finding(each["finding"]) for name, each in fit.get("remedies", {}).items()}


def answer(looked: Look, is_loss: bool) -> dict[str, Any]:
    """Whether the table needs a network: the best rival against manyfit on the test rows.

    Returns:
        code ("yes", "no", "same", "unknown", or "nothing" when not even a guess that looks at no column is shown to be
        worse), the rival, and by how much manyfit is better: `share`, `low`, `high` as shares of the rival's score,
        `difference` the same three in the metric itself.
    """
    guess = next(each for each in looked.contenders if each.name in ("mean", "majority"))
    rival = looked.contenders[1]
    if rival.finding is not Finding.BETTER and guess.finding is not Finding.WORSE:
        rival, code = guess, "nothing"
    else:
        code = {"better": "no", "worse": "yes", "same": "same"}.get(str(rival.finding), "unknown")
    assert rival.minus is not None
    ends = [rival.minus.estimate, rival.minus.low, rival.minus.high]
    if not is_loss:
        ends = [-ends[0], -ends[2], -ends[1]]
    scale = abs(rival.score.estimate) or 1.0
    # nobody is better by more than all of a loss, however wide the interval
    share, low, high = (min(end / scale, 1.0) if is_loss else end / scale for end in ends)
    return {"code": code, "rival": rival.name, "share": share, "low": low, "high": high, "difference": ends}
