"""Update rules on the tape: the equations are the rule's own, and change no bit of its result."""

import dataclasses
import sys

import numpy as np
import pytest

from manyfit import optimizers
from manyfit.optimizers.adam import Adam
from manyfit.optimizers.adamw import AdamW
from manyfit.optimizers.momentum import Momentum
from manyfit.optimizers.sgd import SGD
from manyfit.tape.formula import written
from manyfit.tape.update import updated

RULES = [
    pytest.param(rule(**settings), id=f"{name}-{k}")
    for name, rule in optimizers.registry.all().items()
    for k, settings in enumerate(rule.examples)
]


def state_of(rule, p, rng):
    return {name: rng.uniform(0.1, 1, p.shape) for name in rule.init(np, p, rule)}


def equations(rule, t=3, **numbers):
    state = {name: np.array(numbers.get(name, 0.5)) for name in rule.init(np, np.array(0.0), rule)}
    made = updated(rule, np.array(2.0), np.array(-0.25), state, t, rule.lr)
    return {value.name: written(value).symbols for value in made.equations}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("shape", [(3, 2), (2,), ()])
def test_update_on_the_tape_is_the_rules_own_to_the_bit(rule, shape, rng):
    p, g = rng.normal(size=shape), rng.normal(size=shape)
    state = state_of(rule, p, rng)

    made = updated(rule, p, g, state, 3, 0.05)

    after, new = rule.step(np, p, g, state, 3, dataclasses.replace(rule, lr=0.05))
    assert np.array_equal(made.after.data, after)
    assert {name: value.data.tolist() for name, value in made.state.items()} == {
        name: np.asarray(value).tolist() for name, value in new.items()
    }


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_shows_its_equations(rule, rng):
    made = updated(
        rule, rng.normal(size=(3, 2)), rng.normal(size=(3, 2)), state_of(rule, np.zeros((3, 2)), rng), 3, 0.05
    )

    # A rule that the tape couldn't follow would leave a number without operation.
    assert made.after.operation is not None
    assert made.after in made.equations[-1:]


def test_sgd_shows_the_chapters_equation():
    assert equations(SGD()) == {"W_new": "W_old − η·g"}
    assert equations(SGD(weight_decay=0.1)) == {"W_new": "W_old − η·(g + λ·W_old)"}


def test_momentum_shows_its_velocity():
    assert equations(Momentum()) == {"v_new": "γ·v_old + g", "W_new": "W_old − η·v_new"}
    assert equations(Momentum(nesterov=True)) == {
        "v_new": "γ·v_old + g",
        "d": "g + γ·v_new",
        "W_new": "W_old − η·d",
    }


ADAM = {
    "m_new": "β₁·m_old + (1 − β₁)·g",
    "v_new": "β₂·v_old + (1 − β₂)·g²",
    "m̂": "m_new / (1 − β₁ᵗ)",
    "v̂": "v_new / (1 − β₂ᵗ)",
    "W_new": "W_old − η·m̂ / (√v̂ + ε)",
}


def test_adam_shows_the_chapters_equations():
    assert equations(Adam()) == ADAM


def test_adamw_shows_the_decay_before_adams_equations():
    assert equations(AdamW()) == {"W′": "W_old·(1 − η·λ)", **ADAM, "W_new": "W′ − η·m̂ / (√v̂ + ε)"}


def test_settings_of_zero_leave_no_trace():
    assert equations(Adam(beta1=0.0))["m_new"] == "g"
    assert "m̂" not in equations(Adam(beta1=0.0))


@dataclasses.dataclass(frozen=True)
class Lars:
    """A rule of somebody else's: a step of a length that is a share of the array's own."""

    lr: float = 0.1
    trust: float = 0.02

    @staticmethod
    def init(xp, p, h):
        return {}

    @staticmethod
    def step(xp, p, g, s, t, h):
        size_p = xp.sqrt((p * p).sum())
        size_g = xp.sqrt((g * g).sum())
        ratio = xp.where(size_g > 0, h.trust * size_p / size_g, 1.0)
        return p - h.lr * ratio * g, {}


def test_a_rule_of_anybodys_shows_its_own_variables(rng):
    p, g = rng.normal(size=(3, 2)), rng.normal(size=(3, 2))
    made = updated(Lars(), p, g, {}, 1, 0.1)

    assert {
        value.name: written(value, at=(2, 1) if value.ndim else ()).symbols for value in made.equations
    } == {
        "size_p": "√Σ(W_old²)",
        "size_g": "√Σ(g²)",
        "ratio": "trust·size_p / size_g",
        "W_new": "W_old − η·ratio·g",
    }
    assert np.array_equal(made.after.data, Lars.step(np, p, g, {}, 1, Lars())[0])


@dataclasses.dataclass(frozen=True)
class Stubborn:
    """A rule that asks its namespace for what no tape has."""

    lr: float = 0.1

    @staticmethod
    def init(xp, p, h):
        return {}

    @staticmethod
    def step(xp, p, g, s, t, h):
        return p - h.lr * xp.cbrt(g), {}


def test_a_rule_that_the_tape_cannot_follow_is_run_on_plain_numbers():
    made = updated(Stubborn(), np.array([2.0]), np.array([8.0]), {}, 1, 0.1)

    assert made.after.data.tolist() == [pytest.approx(1.8)]
    assert made.equations == ()


def test_listening_to_a_rule_leaves_the_profiler_as_it_was():
    def listening(frame, event, argument):
        pass

    sys.setprofile(listening)
    try:
        updated(Adam(), np.array(1.0), np.array(1.0), Adam.init(np, np.array(1.0), Adam()), 1, 0.1)
        after = sys.getprofile()
    finally:
        sys.setprofile(None)

    assert after is listening
