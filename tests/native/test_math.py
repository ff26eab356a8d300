"""Elementary functions of the native core: error bounds, edges, and the same bits in every lane and on v3 and v4."""

import itertools

import numpy as np
import pytest
from scipy.special import ndtr

native = pytest.importorskip("manyfit._native", reason="the C++ core is not built")
pytestmark = pytest.mark.native

ISAS = native.isas()
FUNCTIONS = ["exp", "log", "log1p", "softplus", "sigmoid", "tanh", "expm1", "sqrt", "sin_quarters", "cos_quarters", "adam_ratio"]
# NumPy's long double has 64 bits of mantissa on x86 and more on ARM's Linux; elsewhere it is float64 and judges float32 only.
JUDGED = [np.float32, np.float64] if np.finfo(np.longdouble).nmant >= 63 else [np.float32]

# Bounds in ULP, as the comments of math.hpp state them. A root is exact to half a unit; 0.01 is for the rounding of the judge.
BOUNDS = {
    "exp": 1.1,
    "log": 1.0,
    "log1p": 2.0,
    "softplus": 2.0,
    "sigmoid": 3.0,
    "tanh": 3.0,
    "expm1": 2.0,
    "sqrt": 0.51,
    "sin_quarters": 2.0,
    "cos_quarters": 2.0,
    "adam_ratio": 1.51,
}
# The widest arguments with normal results, per type.
RANGES = {
    np.float32: {"exp": (-86.6, 88.72), "softplus": (-86.6, 1e38), "sigmoid": (-86.6, 1e38)},
    np.float64: {"exp": (-707.7, 709.78), "softplus": (-707.7, 1e308), "sigmoid": (-707.7, 1e308)},
}


def truth(name: str, x: np.ndarray) -> np.ndarray:
    """The function by NumPy in the widest type it has."""
    x = x.astype(np.longdouble)
    if name == "softplus":
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))
    if name == "sigmoid":
        return np.where(x < 0, np.exp(np.minimum(x, 0)), 1) / (1 + np.exp(-np.abs(x)))
    if name in ("sin_quarters", "cos_quarters"):
        return getattr(np, name[:3])(x * (np.arctan(np.longdouble(1)) * 2))
    if name == "adam_ratio":  # of a mean of 1 at epsilon 0
        return 1 / np.sqrt(x)
    return getattr(np, name)(x)


def arguments(name: str, dtype: type, rng: np.random.Generator) -> np.ndarray:
    """Arguments that find the weak spots: the whole range evenly, all magnitudes, the neighborhoods of 0 and of ±1."""
    tiny, huge = float(np.finfo(dtype).tiny), float(np.finfo(dtype).max)
    low, high = {
        "log1p": (0, 1),
        "expm1": (-huge, 0),
        "sin_quarters": (-0.5, 0.5),
        "cos_quarters": (-0.5, 0.5),
        "log": (tiny, huge),
        "sqrt": (tiny, huge),
        "adam_ratio": (tiny, huge),
    }.get(name, RANGES[dtype].get(name, (-huge, huge)))
    n = 40_000
    sign = np.where(rng.random(n) < 0.5, -1.0, 1.0)
    magnitude = np.exp2(rng.uniform(np.log2(tiny), np.log2(min(huge, max(-low, high))), n))
    x = np.concatenate(
        [
            rng.uniform(max(low, -100), min(high, 100), n),
            rng.uniform(max(low, -2), min(high, 2), n),
            sign * magnitude,
            sign * (1 + rng.uniform(-0.5, 0.5, n) * np.exp2(rng.uniform(-30, 0, n))),
            sign * np.exp2(rng.uniform(-30, 0, n)),
        ]
    ).astype(dtype)
    return x[(x >= low) & (x <= high)]


def ulps(got: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Distance in units of the last place of the wanted number."""
    information = np.finfo(got.dtype)
    _, exponent = np.frexp(np.abs(wanted))
    unit = np.ldexp(np.longdouble(1), np.maximum(exponent, information.minexp + 1) - information.nmant - 1)
    return (np.abs(got.astype(np.longdouble) - wanted) / unit).astype(float)


def any_bits(dtype: type, n: int, rng: np.random.Generator) -> np.ndarray:
    """Numbers of every kind: normal, denormal, infinite, NaN."""
    word = {np.float32: np.uint32, np.float64: np.uint64}[dtype]
    return rng.integers(np.iinfo(word).max, size=n, dtype=word, endpoint=True).view(dtype)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", JUDGED)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_error_stays_within_the_stated_bound(
    name: str, dtype: type, isa: str, rng: np.random.Generator
) -> None:
    x = arguments(name, dtype, rng)

    y = native.elementary(name, x, isa)

    assert y.dtype == dtype
    errors = ulps(y, truth(name, x))
    worst = int(np.argmax(errors))
    assert errors[worst] <= BOUNDS[name], f"{name}({x[worst]!r}) is off by {errors[worst]:.3f} ULP"


INF, NAN = np.inf, np.nan
EDGES = [
    ("exp", [(INF, INF), (-INF, 0.0), (0.0, 1.0), (-0.0, 1.0), (1e30, INF), (-1e30, 0.0), (NAN, NAN)]),
    (
        "log",
        [
            (INF, INF),
            (-INF, NAN),
            (0.0, -INF),
            (-0.0, -INF),
            (1.0, 0.0),
            (-1.0, NAN),
            (-1e-30, NAN),
            (NAN, NAN),
        ],
    ),
    ("log1p", [(0.0, 0.0), (NAN, NAN)]),
    ("softplus", [(INF, INF), (-INF, 0.0), (1e30, 1e30), (-1e30, 0.0), (NAN, NAN)]),
    ("sigmoid", [(INF, 1.0), (-INF, 0.0), (0.0, 0.5), (1e30, 1.0), (-1e30, 0.0), (NAN, NAN)]),
    ("tanh", [(INF, 1.0), (-INF, -1.0), (0.0, 0.0), (-0.0, -0.0), (1e30, 1.0), (-1e30, -1.0), (NAN, NAN)]),
    ("sqrt", [(INF, INF), (0.0, 0.0), (4.0, 2.0), (-1.0, NAN), (NAN, NAN)]),
    ("adam_ratio", [(INF, 0.0), (0.0, INF), (4.0, 0.5), (-1.0, NAN), (NAN, NAN)]),
]


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("name", "pairs"), EDGES, ids=[name for name, _ in EDGES])
def test_edges_are_exact(name: str, pairs: list[tuple[float, float]], dtype: type, isa: str) -> None:
    x, wanted = np.array(pairs, dtype=dtype).T.copy()

    y = native.elementary(name, x, isa)

    np.testing.assert_array_equal(y, wanted)
    np.testing.assert_array_equal(np.signbit(y[~np.isnan(y)]), np.signbit(wanted[~np.isnan(wanted)]))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_nan_is_lost_whatever_its_payload(name: str, isa: str, rng: np.random.Generator) -> None:
    for dtype, word, exponent in ((np.float32, np.uint32, 0x7F800000), (np.float64, np.uint64, 0x7FF << 52)):
        bits = rng.integers(np.iinfo(word).max, size=4000, dtype=word) | word(exponent)
        x = np.append(bits, word(exponent | 1)).view(dtype)
        x = x[np.isnan(x)]

        assert np.isnan(native.elementary(name, x, isa)).all()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize(
    # log(largest number) lies between the two: the last argument with a finite exponential, and the next one.
    ("dtype", "last"),
    [(np.float32, 88.72283172607422), (np.float64, 709.782712893384)],
)
def test_exp_overflows_exactly_where_it_must(dtype: type, last: float, isa: str) -> None:
    last = dtype(last)
    x = np.array([last, np.nextafter(last, dtype(INF))])

    assert np.isfinite(native.elementary("exp", x, isa)).tolist() == [True, False]


@pytest.mark.parametrize("isa", ISAS)
def test_exp_of_very_negative_numbers_is_zero_and_never_denormal(isa: str) -> None:
    for dtype in (np.float32, np.float64):
        information = np.finfo(dtype)
        y = native.elementary(
            "exp", np.linspace(1.1, 0.9, 5001).astype(dtype) * np.log(information.tiny), isa
        )

        assert y[0] == 0
        assert ((y == 0) | (y >= information.tiny)).all()


@pytest.mark.parametrize("isa", ISAS)
def test_results_keep_their_bounds_for_every_argument(isa: str, rng: np.random.Generator) -> None:
    for dtype in (np.float32, np.float64):
        x = any_bits(dtype, 50_000, rng)
        x = x[~np.isnan(x)]

        tanh, sigmoid = native.elementary("tanh", x, isa), native.elementary("sigmoid", x, isa)

        assert (np.abs(tanh) <= 1).all()
        assert ((sigmoid >= 0) & (sigmoid <= 1)).all()
        np.testing.assert_array_equal(native.elementary("tanh", -x, isa), -tanh)


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_number_gives_the_same_bits_in_every_lane(
    name: str, dtype: type, isa: str, rng: np.random.Generator
) -> None:
    x = any_bits(dtype, 100, rng)
    whole = native.elementary(name, x, isa)

    for shift in range(1, 17):  # 16: the widest vector
        assert native.elementary(name, x[shift:].copy(), isa).tobytes() == whole[shift:].tobytes()


@pytest.mark.skipif(
    len(ISAS) < 2 or "x86-64-v3" not in ISAS, reason="this processor has only one set with FMA"
)
@pytest.mark.parametrize("name", FUNCTIONS)
def test_sets_with_fused_multiply_add_agree_to_the_bit(name: str, rng: np.random.Generator) -> None:
    fused = [isa for isa in ISAS if isa != "x86-64-v2"]
    for dtype in (np.float32, np.float64):
        x = np.concatenate([any_bits(dtype, 200_000, rng), arguments(name, dtype, rng)])
        x = x[~np.isnan(x)]  # the payload of a NaN is nobody's promise

        results = [native.elementary(name, x, isa) for isa in fused]

        for first, second in itertools.pairwise(results):
            np.testing.assert_array_equal(first, second)
            np.testing.assert_array_equal(np.signbit(first), np.signbit(second))


def test_the_caller_keeps_its_denormals() -> None:
    native.elementary("exp", np.array([1e-310, 1.0]))

    assert np.float64(2.0**-1060) * np.float64(0.5) == 2.0**-1061


def test_shape_is_kept_and_nothing_is_nothing() -> None:
    assert native.elementary("exp", np.zeros((2, 3, 5))).shape == (2, 3, 5)
    assert native.elementary("exp", np.zeros((0, 4), np.float32)).shape == (0, 4)


def test_an_unknown_function_is_an_error_that_lists_the_known() -> None:
    with pytest.raises(ValueError, match=r"no function 'sine'. Known: exp, log"):
        native.elementary("sine", np.zeros(2))


# Every float from 2⁻⁸ to 2 and of either sign was tried, every 16th below and every 8th above, and 6 million doubles. The worst:
# 1.58e-7 and 2.9e-16 with fused multiply-add, 1.81e-7 and 3.1e-16 without, where each step of Horner rounds twice. They lie near
# 0, where the errors of the polynomial, of its argument and of the exponential count in full.
SHARE_BOUNDS = {np.float32: (1.6e-7, 1.9e-7), np.float64: (3.1e-16, 3.4e-16)}


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", JUDGED)
def test_share_of_the_normal_distribution_stays_within_the_stated_bound(dtype, isa, rng) -> None:
    near = rng.uniform(-0.25, 0.25, 200_000)  # where the worst lie; in float32, a good share of all numbers there
    far = [rng.uniform(-9, 9, 40_000), rng.normal(size=40_000), rng.uniform(-50, 50, 1000), [0.0]]
    x = np.concatenate([near, *far]).astype(dtype)
    bound = SHARE_BOUNDS[dtype][isa == "x86-64-v2"]

    y = native.elementary("normal_below", x, isa)

    assert np.abs(y - normal_below(x)).max() <= bound
    assert y.dtype == dtype and (y >= 0).all() and (y <= 1).all()
    edges = native.elementary("normal_below", np.array([-np.inf, np.inf, np.nan, 0.0], dtype), isa)
    np.testing.assert_allclose(edges, [0, 1, np.nan, 0.5], atol=bound)


def normal_below(x: np.ndarray) -> np.ndarray:
    """The share by its series where scipy's own rounding would count, by scipy elsewhere."""
    z, near = x.astype(np.longdouble), np.abs(x) < 1.5
    term = total = np.where(near, 1, 0).astype(np.longdouble)
    for k in range(1, 30):
        term = -term * np.where(near, z, 0) ** 2 / (2 * k)
        total = total + term / (2 * k + 1)
    root = np.sqrt(8 * np.arctan(np.longdouble(1)))  # of 2π
    return np.where(near, np.longdouble(0.5) + np.where(near, z, 0) * total / root, ndtr(x.astype(float)))
