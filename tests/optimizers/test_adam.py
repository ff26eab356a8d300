import numpy as np

from manyfit.optimizers.adam import Adam
from manyfit.optimizers.adamw import AdamW


def test_first_step_is_the_rate_whatever_the_size_of_the_gradient():
    p = np.zeros(3)

    new, _ = Adam.step(np, p, np.array([1e-3, 1.0, -1e3]), Adam.init(np, p, Adam()), 1, Adam(lr=0.1))

    np.testing.assert_allclose(new, [-0.1, -0.1, 0.1], rtol=2e-5)  # 1e-5: the share of epsilon beside the smallest gradient


def test_two_steps_by_hand():
    h = Adam(lr=1.0, beta1=0.5, beta2=0.75, eps=1e-300)
    p, s = np.array([0.0]), Adam.init(np, np.array([0.0]), Adam())

    p, s = Adam.step(np, p, np.array([2.0]), s, 1, h)
    assert (p[0], s["mean"][0], s["size"][0]) == (-1, 1, 1)

    # mean = 0.5·1 + 0.5·(−4) = −1.5, corrected −1.5/0.75 = −2; size = 0.75·1 + 0.25·16 = 4.75, corrected 4.75/0.4375.
    p, s = Adam.step(np, p, np.array([-4.0]), s, 2, h)
    assert (s["mean"][0], s["size"][0]) == (-1.5, 4.75)
    np.testing.assert_allclose(p, -1 + 2 / np.sqrt(4.75 / 0.4375), rtol=1e-15)


def test_no_gradient_ever_moves_nothing():
    p = np.array([1.0, -2.0])

    new, _ = Adam.step(np, p, np.zeros(2), Adam.init(np, p, Adam()), 1, Adam())

    assert np.array_equal(new, p)


def test_decay_of_adamw_passes_by_the_division_and_that_of_adam_through_it():
    p, g = np.array([4.0]), np.array([0.0])

    apart, _ = AdamW.step(np, p, g, AdamW.init(np, p, AdamW()), 1, AdamW(lr=0.1, weight_decay=0.5))
    through, _ = Adam.step(np, p, g, Adam.init(np, p, Adam()), 1, Adam(lr=0.1, weight_decay=0.5))

    assert apart[0] == 4 * (1 - 0.1 * 0.5)
    np.testing.assert_allclose(through, 4 - 0.1, rtol=1e-8)
