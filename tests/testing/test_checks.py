"""The contracts have teeth: each refuses a rule or an engine that breaks it in one way, and says in which."""

from dataclasses import dataclass

import numpy as np
import pytest

from manyfit import losses, optimizers, penalties, schedules, testing
from manyfit.engines.reference import Reference
from manyfit.hyper import hyper
from manyfit.optimizers.sgd import SGD
from manyfit.runs import Cursor

DICE = np.random.default_rng(0)


def refuses(check, rule, message):
    with pytest.raises(AssertionError, match=message):
        check(rule)


@pytest.fixture
def registered(monkeypatch):
    """Make a class a rule for the length of a test."""

    def register(registry, cls):
        rule = dataclass(frozen=True)(cls)
        monkeypatch.setitem(registry._rules, "broken", rule)
        return rule

    return register


@dataclass(frozen=True)
class Broken:
    """An optimizer like SGD, for tests to break."""

    lr: float = hyper(0.01, low=0, doc="Rate.")
    examples = ({},)
    oracle = None

    @staticmethod
    def init(xp, p, h):
        return {}

    @staticmethod
    def step(xp, p, g, s, t, h):
        return p - h.lr * g, {}


def broken_step(step, **more):
    return type("Broken", (Broken,), {"step": staticmethod(step), "__doc__": "Broken.", **more})


def mutating(xp, p, g, s, t, h):
    p -= h.lr * g
    return p, {}


@pytest.mark.parametrize(
    ("step", "more", "message"),
    [
        (mutating, {}, "changes its inputs"),
        (lambda xp, p, g, s, t, h: (xp.asarray(p - h.lr * g, dtype=xp.float64), {}), {}, "turns float32 into"),
        (lambda xp, p, g, s, t, h: ((p - h.lr * g).sum(0), {}), {}, "turns shape"),
        (lambda xp, p, g, s, t, h: (p - h.lr * g * (2 if xp is np else 1), {}), {}, "differs between numpy and torch"),
        (lambda xp, p, g, s, t, h: (p - h.lr * g, {"extra": g}), {}, "changes the names in its state"),
        (lambda xp, p, g, s, t, h: (p + h.lr * g, {}), {}, "goes uphill"),
        (
            lambda xp, p, g, s, t, h: (p - h.lr * (g + 1e-9 * p), {}),
            {"oracle": ("torch.optim.SGD", {"lr": "lr"})},
            r"from torch.optim.SGD at step \d+",
        ),
        (lambda xp, p, g, s, t, h: (p - h.lr * g, {}), {"examples": ({"lr": -1},)}, "its example .* is refused"),
    ],
)
def test_broken_optimizer_is_refused(registered, step, more, message):
    refuses(testing.check_optimizer, registered(optimizers.registry, broken_step(step, **more)), message)


def test_optimizer_that_only_misses_its_name_is_refused():
    refuses(testing.check_optimizer, Broken, "Broken is not registered as 'broken'")


def test_optimizer_that_may_climb_is_allowed_to(registered):
    step = broken_step(lambda xp, p, g, s, t, h: (p + h.lr * g, {}), is_descent=False)

    testing.check_optimizer(registered(optimizers.registry, step))


def test_undeclared_and_unexplained_knobs_are_refused():
    @dataclass(frozen=True)
    class Undeclared:
        """A rule."""

        lr: float = 0.1

    @dataclass(frozen=True)
    class Unexplained:
        """A rule."""

        lr: float = hyper(0.1)

    refuses(testing.check_knobs, Undeclared, r"declare by hyper\(...\): \['lr'\]")
    refuses(testing.check_knobs, Unexplained, r"Unexplained.lr needs a sentence")


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (lambda self, n, k: np.ones(n), "has shape"),
        (lambda self, n, k: np.ones(n * k, dtype=np.float32), "is float32"),
        (lambda self, n, k: -np.ones(n * k), "must be finite and ≥ 0"),
        (lambda self, n, k: np.zeros(n * k), "never trains"),
        (lambda self, n, k: DICE.uniform(size=n * k), "differs from call to call"),
    ],
)
def test_broken_schedule_is_refused(registered, table, message):
    cls = type("Broken", (), {"table": table, "examples": ({},), "__doc__": "Broken."})

    refuses(testing.check_schedule, registered(schedules.registry, cls), message)


def wrong_slope(xp, o, y):
    if xp is np:
        return ((o - y) ** 2).mean(-1)
    fixed = o.detach()
    return ((fixed - y) ** 2).mean(-1) + (o - fixed).mean(-1)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (lambda xp, o, y: ((o - y) ** 2).mean(), "gives shape"),
        (lambda xp, o, y: ((o - o.mean(0) - y) ** 2).mean(-1), "depends on other rows"),
        (lambda xp, o, y: xp.exp(xp.abs(o - y)).mean(-1), "overflow"),
        (wrong_slope, "is not its slope"),
    ],
)
def test_broken_loss_is_refused(registered, rows, message):
    cls = type("Broken", (losses.Loss,), {"rows": lambda self, *batch: rows(*batch), "target": "numbers", "__doc__": "Broken."})

    with pytest.raises((AssertionError, FloatingPointError, TypeError), match=message):
        testing.check_loss(registered(losses.registry, cls))


@dataclass(frozen=True)
class Broom:
    """A penalty, for tests to break."""

    strength: float = hyper(0.1, low=0, doc="Strength.")
    biases: bool = hyper(False, doc="Biases too.")

    def value(self, xp, p):
        return self.strength * (p * p).sum()


@pytest.mark.parametrize(
    ("gradient", "message"),
    [
        (lambda self, xp, p: self.strength * p, "is not its slope"),
        (lambda self, xp, p: (2 * self.strength * p).sum(0), "gives a gradient of shape"),
        (lambda self, xp, p: 2 * self.strength * p * (1 if xp is np else 2), "differs between numpy and torch"),
    ],
)
def test_broken_penalty_is_refused(registered, gradient, message):
    cls = type("Broken", (Broom,), {"gradient": gradient, "__doc__": "Broken.", "name": "broken"})

    refuses(testing.check_penalty, registered(penalties.registry, cls), message)


class Crowded(Reference):
    """Its networks feel how many they are."""

    def start(self, population, ledger):
        for member, flat in zip(population.members, ledger.parameters, strict=True):
            if member.recipe.epochs and not ledger.cursor[:, Cursor.STEP].any():
                flat += 5e-8 * len(population)
        super().start(population, ledger)


class Forgetful(Reference):
    """Loses the optimizer's state when it is resumed."""

    def start(self, population, ledger):
        for state in ledger.state:
            state[:] = 0
        super().start(population, ledger)


class Blind(Reference):
    """Gives the gradient of the wrong loss."""

    def input_grad(self, network, loss, parameters, X, y):
        return super().input_grad(network, loss, parameters, X, y) * 1.01


@pytest.mark.parametrize(
    ("engine", "message"),
    [
        (Crowded, "network 0 alone and together differ"),
        (Forgetful, "after a resume after 1 updates and without differ"),
        (Blind, "input_grad is not the slope"),
    ],
)
def test_broken_engine_is_refused(engine, message):
    refuses(testing.check_engine, engine, message)


def test_small_differences_pass_where_they_are_allowed():
    testing.check_engine(Crowded, tolerance=1e-3)


def test_checks_of_a_rule_of_the_package_pass():
    testing.check_optimizer(SGD)
