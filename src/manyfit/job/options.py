"""How a main job is to be done, apart from how its table is read."""

from __future__ import annotations

import dataclasses

import numpy as np

from manyfit.engines.choose import NAMES
from manyfit.errors import Problem, UsageError, did_you_mean
from manyfit.job.plan import Plan
from manyfit.metrics import registry
from manyfit.questions.diagnose import unknown_codes
from manyfit.registry import unknown
from manyfit.space import Space
from manyfit.text import Text

BUDGET = 60.0
MARGIN = 0.01
ENSEMBLES = ("same", "top")
AT_LEAST_ONE = Text("must be ≥ 1", "必须 ≥ 1")


@dataclasses.dataclass(frozen=True)
class Options:
    """How a job is to be done; what `load` takes is apart.

    budget: Seconds of wall time that size the plan.
    seed: Root of all random streams, splits included.
    metric: Name of the deciding metric; the task's own by default.
    margin: Share of the best score within which results count as the same.
    max_width: Widest hidden layer that is tried.
    ensemble: How confirmed networks are put together: "same" or "top".
    engine: "auto", or an engine by name.
    threads: Threads; all cores by default.
    space: What is searched, in place of the default.
    plan: A plan to repeat exactly, in place of one sized by the budget.
    mute: Codes of findings that are not shown and decide nothing.
    """

    budget: float = BUDGET
    seed: int = 0
    metric: str | None = None
    margin: float = MARGIN
    max_width: int | None = None
    ensemble: str = "same"
    engine: str = "auto"
    threads: int | None = None
    space: Space | None = None
    plan: Plan | None = None
    mute: tuple[str, ...] = ()

    def check(self) -> Options:
        """The options themselves.

        Raises:
            UsageError: If any of them makes no sense; all problems at once.
        """
        found = list(unknown_codes(self.mute))
        if not (np.isfinite(self.budget) and self.budget > 0):
            rule = Text("must be seconds > 0", "必须是 > 0 的秒数")
            hint = Text("The default is 60.", "默认值是 60。")
            found.append(Problem("budget", rule, f"{self.budget:g}", hint=hint))
        if not 0 <= self.margin < 1:
            rule = Text("must be a share ≥ 0 and < 1", "必须是 ≥ 0 且 < 1 的比例")
            hint = Text("The default 0.01 is one percent.", "默认值 0.01 即百分之一。")
            found.append(Problem("margin", rule, f"{self.margin:g}", hint=hint))
        if self.max_width is not None and self.max_width < 1:
            found.append(Problem("max_width", AT_LEAST_ONE, str(self.max_width)))
        if self.threads is not None and self.threads < 1:
            found.append(Problem("threads", AT_LEAST_ONE, str(self.threads)))
        if self.engine not in ("auto", *NAMES):
            hint = did_you_mean(self.engine, ("auto", *NAMES))
            found.append(Problem("", unknown("engine", self.engine), hint=hint))
        if self.ensemble not in ENSEMBLES:
            hint = did_you_mean(self.ensemble, ENSEMBLES)
            found.append(Problem("", unknown("ensemble", self.ensemble), hint=hint))
        if self.metric is not None and registry.get(self.metric) is None:
            hint = did_you_mean(self.metric, registry.all())
            found.append(Problem("", unknown("metric", self.metric), hint=hint))
        if self.seed < 0:
            found.append(Problem("seed", Text("must be ≥ 0", "必须 ≥ 0"), str(self.seed)))
        if found:
            raise UsageError(found, Text("these options", "这些选项"))
        return self
