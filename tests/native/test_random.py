"""Random words, orders of rows and dropout masks of the native core, against the published generator and the contract."""

import numpy as np
import pytest

native = pytest.importorskip("manyfit._native", reason="the C++ core is not built")
pytestmark = pytest.mark.native

ISAS = native.isas()

# Known answers of Philox4x32 from Random123, file tests/kat_vectors: counter, key, result.
# https://github.com/DEShawResearch/random123 (Salmon, Moraes, Dror & Shaw 2011)
KNOWN_ANSWERS = {
    7: """
        00000000 00000000 00000000 00000000 00000000 00000000   5f6fb709 0d893f64 4f121f81 4f730a48
        ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff   5207ddc2 45165e59 4d8ee751 8c52f662
        243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0   4dfccaba 190a87f0 c47362ba b6b5242a
    """,
    10: """
        00000000 00000000 00000000 00000000 00000000 00000000   6627e8d5 e169c58d bc57ac4c 9b00dbd8
        ffffffff ffffffff ffffffff ffffffff ffffffff ffffffff   408f276d 41c83b0e a20bc7c6 6d5451fd
        243f6a88 85a308d3 13198a2e 03707344 a4093822 299f31d0   d16cfe09 94fdcceb 5001e420 24126ea1
    """,
}


def split_key(key: int, n: int) -> np.ndarray:
    """The two words of a 64-bit key, low word first, for n blocks."""
    return np.tile(np.array([[key & 0xFFFFFFFF, key >> 32]], dtype=np.uint32), (n, 1))


def slow_philox(counter: list[int], key: list[int], rounds: int) -> list[int]:
    """The paper's round, in Python's integers."""
    (c0, c1, c2, c3), (k0, k1) = counter, key
    for _ in range(rounds):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & 0xFFFFFFFF, (p0 >> 32) ^ c3 ^ k1, p0 & 0xFFFFFFFF
        k0, k1 = (k0 + 0x9E3779B9) & 0xFFFFFFFF, (k1 + 0xBB67AE85) & 0xFFFFFFFF
    return [c0, c1, c2, c3]


def words_of_epoch(key: int, epoch: int, n: int) -> np.ndarray:
    """Words whose argsort is the order of an epoch: block i of counter (epoch, 0, 3 << 24, i) holds positions 4i to 4i+3."""
    counters = np.zeros((-(-n // 4), 4), dtype=np.uint32)
    counters[:, 0] = epoch
    counters[:, 2] = 3 << 24
    counters[:, 3] = np.arange(len(counters))
    return native.philox(counters, split_key(key, len(counters)), 10).reshape(-1)[:n]


def mask_by_the_contract(
    key: int, step: int, layer: int, n_positions: int, n_units: int, keep16: int
) -> np.ndarray:
    """Draw d of block unit // 8 is half d % 2 (low first) of word d // 2; it is kept below keep16."""
    n_blocks = -(-n_units // 8)
    counters = np.empty((n_positions, n_blocks, 4), dtype=np.uint32)
    counters[..., 0] = step
    counters[..., 1] = np.arange(n_positions)[:, None]
    counters[..., 2] = (4 << 24) | layer
    counters[..., 3] = np.arange(n_blocks)
    counters = counters.reshape(-1, 4)
    words = native.philox(counters, split_key(key, len(counters)), 7)
    draws = np.stack([words & 0xFFFF, words >> 16], axis=-1).reshape(n_positions, -1)[:, :n_units]
    return np.where(draws < keep16, 65536 / keep16 if keep16 else 0.0, 0.0)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("rounds", [7, 10])
def test_philox_gives_the_published_answers(rounds: int, isa: str) -> None:
    table = np.array(
        [[int(word, 16) for word in line.split()] for line in KNOWN_ANSWERS[rounds].strip().splitlines()],
        dtype=np.uint32,
    )

    words = native.philox(
        np.ascontiguousarray(table[:, :4]), np.ascontiguousarray(table[:, 4:6]), rounds, isa
    )

    np.testing.assert_array_equal(words, table[:, 6:])


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("rounds", [7, 10])
def test_every_lane_of_philox_follows_the_paper(rounds: int, isa: str, rng: np.random.Generator) -> None:
    n = 37  # whole vectors and a rest, for any width
    counters = rng.integers(2**32, size=(n, 4), dtype=np.uint32)
    keys = rng.integers(2**32, size=(n, 2), dtype=np.uint32)

    words = native.philox(counters, keys, rounds, isa)

    expected = [slow_philox(c, k, rounds) for c, k in zip(counters.tolist(), keys.tolist(), strict=True)]
    np.testing.assert_array_equal(words, np.array(expected, dtype=np.uint32))


@pytest.mark.parametrize("isa", ISAS)
# The ends of a vector of words, then of one digit more, then beyond 131072 rows, where a third pass begins.
@pytest.mark.parametrize("n", [0, 1, 2, 3, 4, 5, 15, 16, 17, 63, 64, 65, 129, 1437, 4000, 70_001, 200_000])
def test_order_is_the_stable_argsort_of_the_words(n: int, isa: str) -> None:
    key = 0x0123456789ABCDEF

    order = native.order(key, 3, n, isa)

    assert order.dtype == np.int32
    np.testing.assert_array_equal(order, np.argsort(words_of_epoch(key, 3, n), kind="stable"))


def test_order_of_200000_rows_has_ties_to_keep_in_place() -> None:
    words = words_of_epoch(0x0123456789ABCDEF, 3, 200_000)

    assert len(np.unique(words)) < len(words)


def test_order_changes_with_the_epoch_and_with_each_half_of_the_key() -> None:
    orders = {tuple(native.order(key, epoch, 50)) for key in (5, 6, 5 + 2**32) for epoch in range(4)}

    assert len(orders) == 12


def test_every_row_comes_first_about_equally_often() -> None:
    n, n_epochs = 5, 5000

    first = np.bincount([native.order(9, epoch, n)[0] for epoch in range(n_epochs)], minlength=n)

    # Five standard deviations of a binomial count: sqrt(5000 * 0.2 * 0.8) = 28.
    assert np.abs(first - n_epochs / n).max() < 5 * 28


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("n_units", [1, 7, 8, 9, 17, 100])
def test_dropout_follows_the_contract(n_units: int, isa: str) -> None:
    arguments = (0xFEDCBA9876543210, 12, 2, 5, n_units, 40_000)

    np.testing.assert_array_equal(native.dropout_mask(*arguments, isa=isa), mask_by_the_contract(*arguments))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(("keep16", "value"), [(0, 0.0), (65_536, 1.0)])
def test_dropout_of_all_or_nothing_is_exact(keep16: int, value: float, isa: str) -> None:
    mask = native.dropout_mask(1, 0, 0, 3, 11, keep16, isa=isa)

    np.testing.assert_array_equal(mask, np.full((3, 11), value))


def test_dropout_keeps_the_stated_share() -> None:
    keep16 = 52_429  # 0.8

    mask = native.dropout_mask(1, 7, 1, 1000, 100, keep16)

    # Five standard deviations of the mean of 100000 draws: sqrt(0.8 * 0.2 / 100000) = 0.00126.
    assert abs((mask > 0).mean() - keep16 / 65_536) < 5 * 0.00126


def test_dropout_of_narrower_layers_and_smaller_batches_is_the_corner_of_the_larger() -> None:
    large = native.dropout_mask(3, 4, 1, 6, 33, 30_000)

    np.testing.assert_array_equal(native.dropout_mask(3, 4, 1, 2, 5, 30_000), large[:2, :5])


def test_dropout_changes_with_step_layer_and_key() -> None:
    masks = [
        native.dropout_mask(key, step, layer, 4, 16, 32_768).tobytes()
        for key in (1, 1 + 2**32)
        for step in (0, 1)
        for layer in (0, 1)
    ]

    assert len(set(masks)) == 8


def test_wrong_arguments_are_named() -> None:
    counters, keys = np.zeros((2, 4), np.uint32), np.zeros((3, 2), np.uint32)

    with pytest.raises(ValueError, match="rounds must be 7 or 10, got 8"):
        native.philox(counters, keys[:2], 8)
    with pytest.raises(ValueError, match="equally many rows, got 2 and 3"):
        native.philox(counters, keys)
    with pytest.raises(ValueError, match="n must be at least 0, got -1"):
        native.order(1, 0, -1)
    with pytest.raises(ValueError, match="keep16 must be at most 65536"):
        native.dropout_mask(1, 0, 0, 1, 1, 65_537)
    with pytest.raises(ValueError, match="x86-64-v9"):
        native.order(1, 0, 3, "x86-64-v9")
