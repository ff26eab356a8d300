import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from manyfit.rng import (
    KEEP_ALL,
    Purpose,
    Streams,
    derive,
    dropout_mask,
    dropped,
    epoch_order,
    gaussian,
    keep_threshold,
    philox,
    uniform,
    words,
)

# Random123's tests/kat_vectors (https://github.com/DEShawResearch/random123): rounds, counter, key, expected.
PUBLISHED = """
7 00000000 00000000 00000000 00000000 00000000 00000000   5f6fb709 0d893f64 4f121f81 4f730a48
7 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff   5207ddc2 45165e59 4d8ee751 8c52f662
7 243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0   4dfccaba 190a87f0 c47362ba b6b5242a
10 00000000 00000000 00000000 00000000 00000000 00000000   6627e8d5 e169c58d bc57ac4c 9b00dbd8
10 ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff   408f276d 41c83b0e a20bc7c6 6d5451fd
10 243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0   d16cfe09 94fdcceb 5001e420 24126ea1
"""


def published():
    for line in PUBLISHED.split("\n")[1:-1]:
        rounds, *numbers = line.split()
        n = [int(number, 16) for number in numbers]
        yield int(rounds), n[:4], n[4] | n[5] << 32, n[6:]


@pytest.mark.parametrize(("rounds", "counter", "key", "expected"), list(published()))
def test_philox_gives_the_published_vectors(rounds, counter, key, expected):
    assert philox(counter, key, rounds).tolist() == expected


def test_philox_of_many_counters_and_keys_is_philox_of_each(rng):
    counters = rng.integers(0, 2**32, size=(3, 2, 4), dtype=np.uint32)
    keys = rng.integers(0, 2**64, size=(3, 1), dtype=np.uint64)

    together = philox(counters, keys)

    for i in range(3):
        for j in range(2):
            assert together[i, j].tolist() == philox(counters[i, j], int(keys[i, 0])).tolist()


def test_words_stand_where_the_layout_says():
    table = words(99, Purpose.DROPOUT, 3, 6, time=7, layer=2)

    # Counter = (time, row, purpose << 24 | layer, column // 4), word column % 4.
    assert table[2, 5] == philox([7, 2, 4 << 24 | 2, 1], 99)[1]
    assert table[0, 0] == philox([7, 0, 4 << 24 | 2, 0], 99)[0]


def test_words_of_several_streams_are_those_of_each():
    keys = np.array([1, 2**63 + 5], dtype=np.uint64)

    together = words(keys, Purpose.WEIGHT, 2, 5)

    assert together.shape == (2, 2, 5)
    for i, key in enumerate(keys):
        assert np.array_equal(together[i], words(int(key), Purpose.WEIGHT, 2, 5))


def test_purposes_times_layers_and_keys_draw_apart():
    tables = [
        words(1, Purpose.WEIGHT, 2, 4),
        words(2, Purpose.WEIGHT, 2, 4),
        words(1, Purpose.BIAS, 2, 4),
        words(1, Purpose.WEIGHT, 2, 4, time=1),
        words(1, Purpose.WEIGHT, 2, 4, layer=1),
    ]

    assert len(np.unique(tables)) == 5 * 8


def test_uniform_lies_strictly_inside_and_is_symmetric():
    ends = uniform(np.array([0, 2**32 - 1], dtype=np.uint32))

    assert ends[0] > 0 and ends[1] < 1 and ends.sum() == 1
    drawn = uniform(words(3, Purpose.SAMPLE, 100, 100))
    # 10,000 draws: the mean strays by 0.0029, the variance by 0.0007 (one standard deviation).
    assert abs(drawn.mean() - 0.5) < 0.012
    assert abs(drawn.var() - 1 / 12) < 0.003


@given(st.integers(0, 2**64 - 1), st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_order_is_a_permutation_sorted_by_its_words(key, epoch, n):
    order = epoch_order(key, epoch, n)

    assert sorted(order.tolist()) == list(range(n))
    drawn = [int(philox([epoch, 0, 3 << 24, i // 4], key)[i % 4]) for i in range(n)]
    assert order.tolist() == sorted(range(n), key=lambda i: drawn[i])


def test_orders_differ_between_epochs_and_streams():
    orders = {tuple(epoch_order(key, epoch, 20)) for key in range(3) for epoch in range(3)}

    assert len(orders) == 9


def test_every_row_is_equally_likely_to_come_first():
    first = np.bincount([epoch_order(5, epoch, 4)[0] for epoch in range(2000)], minlength=4)

    # 500 expected, standard deviation 19.
    assert (abs(first - 500) < 80).all()


@pytest.mark.parametrize(("p", "keep"), [(0.0, 65536), (0.5, 32768), (0.1, 58982), (0.25, 49152), (0.9999999, 1)])
def test_keep_threshold_is_a_multiple_of_1_in_65536(p, keep):
    assert keep_threshold(p) == keep


def test_mask_is_drawn_where_the_layout_says():
    keep = keep_threshold(0.4)
    mask = dropout_mask(11, step=5, layer=1, n_rows=3, n_units=21, keep=keep)

    for row in range(3):
        for unit in range(21):
            word = int(philox([5, row, 4 << 24 | 1, unit // 8], 11, rounds=7)[unit % 8 // 2])
            draw = word >> 16 if unit % 2 else word & 0xFFFF
            assert mask[row, unit] == (65536 / keep if draw < keep else 0)


def test_mask_keeps_the_mean_and_the_share_it_promises():
    keep = keep_threshold(0.3)
    mask = dropout_mask(1, 0, 1, 200, 500, keep)

    assert np.unique(mask).tolist() == [0, KEEP_ALL / keep]
    # 100,000 draws: the share strays by 0.0014, the mean by 0.002 (one standard deviation).
    assert abs((mask > 0).mean() - 0.7) < 0.006
    assert abs(mask.mean() - 1) < 0.009


def test_mask_of_a_wider_layer_or_longer_batch_begins_alike():
    small, large = dropout_mask(1, 2, 3, 4, 5, 30000), dropout_mask(1, 2, 3, 9, 17, 30000)

    assert np.array_equal(large[:4, :5], small)


def test_inputs_are_dropped_where_the_layout_says_and_the_rest_keeps_its_size():
    kept = dropped(11, step=5, n_rows=3, n_inputs=21, keep=40_000)

    for row in range(3):
        for column in range(21):
            word = int(philox([5, row, 9 << 24, column // 8], 11, rounds=7)[column % 8 // 2])
            assert kept[row, column] == ((word >> 16 if column % 2 else word & 0xFFFF) < 40_000)


def test_noise_is_drawn_where_the_layout_says():
    noise = gaussian(11, step=5, n_rows=3, n_columns=6)

    for row in range(3):
        for column in range(6):
            radius, angle = (int(w) >> 8 for w in philox([5, row, 5 << 24, column // 4], 11, rounds=7)[column % 4 // 2 * 2 :][:2])
            wave = math.sin if column % 2 else math.cos
            expected = math.sqrt(-2 * math.log((radius + 1) / 2**24)) * wave(2 * math.pi * angle / 2**24)
            assert math.isclose(noise[row, column], expected, rel_tol=1e-14)


def test_noise_is_normal():
    noise = gaussian(3, 2, 500, 401).ravel()

    # A true sample strays so far from its distribution once in a thousand times (Kolmogorov, 200,500 numbers).
    assert kstest(noise, "norm").pvalue > 0.001
    pairs = noise[:-1:2] * noise[1::2], noise[:-1:2] ** 2 * noise[1::2] ** 2
    # Sine and cosine of one radius are independent all the same: means 0 and 1, standard deviations 0.0032 and 0.009.
    assert abs(pairs[0].mean()) < 0.016 and abs(pairs[1].mean() - 1) < 0.045


def test_noise_of_more_rows_and_columns_begins_alike_and_differs_by_step_and_stream():
    small, large = gaussian(1, 2, 4, 5), gaussian(1, 2, 9, 17)

    assert np.array_equal(large[:4, :5], small)
    assert len({gaussian(key, step, 1, 1).item() for key in range(3) for step in range(3)}) == 9


def test_no_dropout_draws_nothing():
    assert np.array_equal(dropout_mask(1, 0, 0, 2, 3, KEEP_ALL), np.ones((2, 3)))


def test_keys_are_apart_for_every_path_and_root():
    keys = [derive(root, a, b, c) for root in (0, 1, -1) for a in range(3) for b in range(3) for c in range(3)]

    assert len(set(keys)) == 81
    assert all(0 <= key < 2**64 for key in keys)


def test_a_path_longer_than_three_is_refused():
    with pytest.raises(ValueError, match="at most three"):
        derive(0, 1, 2, 3, 4)


def test_streams_are_apart_for_every_seed_stage_and_replicate():
    streams = [Streams.of(seed, stage, r) for seed in range(3) for stage in range(3) for r in range(3)]
    keys = [key for s in streams for key in (s.init, s.order, s.noise, s.split)]

    assert len(set(keys)) == 27 * 4
    assert Streams.of(2, 1, 0) == Streams.of(2, 1, 0)


def test_streams_share_what_is_not_replaced():
    a, b = Streams.of(0), Streams.of(1)
    mixed = a.replace(noise=b.noise)

    assert (mixed.init, mixed.order, mixed.noise, mixed.split) == (a.init, a.order, b.noise, a.split)
