"""LAMB follows the libraries that follow the paper, tensor by tensor and network by network."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from manyfit.optimizers.lamb import LAMB

GOLDEN = json.loads(Path(__file__).with_name("lamb.json").read_text())  # see make_lamb.py
START = [np.array(p) for p in GOLDEN["start"]]
GRADIENTS = [[np.array(g) for g in step] for step in GOLDEN["gradients"]]


def walk(rule, start=START, gradients=GRADIENTS):
    p = [each.copy() for each in start]
    state = [rule.init(np, each, rule) for each in p]
    for t, g in enumerate(gradients, start=1):
        for k in range(len(p)):
            p[k], state[k] = rule.step(np, p[k], g[k], state[k], t, rule)
    return p


@pytest.mark.parametrize("library", ["optax", "timm"])
@pytest.mark.parametrize("case", range(len(GOLDEN["settings"])))
def test_lamb_is_that_of_other_libraries(library, case):
    assert np.linalg.norm(START[2]) == pytest.approx(40) and not START[1].any()

    for ours, theirs in zip(walk(LAMB(**GOLDEN["settings"][case])), GOLDEN[library][case], strict=True):
        assert np.abs(ours - theirs).max() <= 1e-12 * np.abs(theirs).max()


def test_lamb_is_that_of_other_libraries_for_networks_side_by_side():
    # The trap is a norm over the stacked tensor, which passes every test with one network.
    names = ("lr", "beta1", "beta2", "eps", "weight_decay")
    each = [torch.tensor([s[name] for s in GOLDEN["settings"]], dtype=torch.float64) for name in names]
    P, fixed = len(GOLDEN["settings"]), {"maximize": False, "max_ratio": None}

    def step(p, s, g, t, *numbers):
        return LAMB.step(torch, p, g, s, t, SimpleNamespace(**dict(zip(names, numbers, strict=True)), **fixed))

    for k, start in enumerate(START):
        p = torch.from_numpy(start).expand(P, *start.shape)
        state = {"mean": torch.zeros_like(p), "size": torch.zeros_like(p)}
        for t, g in enumerate(GRADIENTS, start=1):
            axes = (0, 0, None, None, *[0] * len(names))
            p, state = torch.vmap(step, axes)(p, state, torch.from_numpy(g[k]), t, *each)
        for i in range(P):
            theirs = np.array(GOLDEN["optax"][i][k])
            assert np.abs(p[i].numpy() - theirs).max() <= 1e-12 * np.abs(theirs).max()


def test_lamb_gives_the_numbers_that_keras_publishes():
    # Keras 3.15.1, Lamb(0.5); its epsilon is 1e-7, and without decay it is the paper's.
    rule = LAMB(lr=0.5, eps=1e-7, weight_decay=0.0)

    (p,) = walk(rule, [np.array([1.0, 2, 3, 4])], [[np.array([1.0, 6, 7, 2])]])

    np.testing.assert_allclose(p, [-0.36930632, 0.63069357, 1.63069356, 2.63069361], rtol=2e-8)


def test_ratio_is_one_where_either_norm_is_0():
    rule = LAMB(lr=0.1, eps=1e-300, weight_decay=0.0)

    (from_zero,) = walk(rule, [np.zeros(2)], [[np.array([3.0, -4.0])]])
    (without_gradient,) = walk(rule, [np.ones(2)], [[np.zeros(2)]])

    assert from_zero.tolist() == [-0.1, 0.1]
    assert without_gradient.tolist() == [1, 1]


def test_ratio_stays_below_its_bound():
    # The first step goes along the signs of the gradient, of length √2; the weights have length 10.
    free, bound, loose = (
        walk(LAMB(lr=0.1, weight_decay=0.0, max_ratio=most), [np.array([6.0, 8.0])], [[np.array([1.0, -1.0])]])[0]
        for most in (None, 3.0, 8.0)
    )

    np.testing.assert_allclose(free, [6 - 1 / 2**0.5, 8 + 1 / 2**0.5], rtol=1e-6)  # 1e-6: epsilon beside gradients of 1
    np.testing.assert_allclose(bound, [6 - 0.3, 8 + 0.3], rtol=1e-6)
    assert np.array_equal(free, loose)
