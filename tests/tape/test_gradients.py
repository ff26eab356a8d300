"""The tape's derivatives, held to torch's autograd and to finite differences."""

import numpy as np
import pytest

from manyfit.errors import EngineError, UsageError
from manyfit.tape import Value, gradients
from manyfit.tape import arithmetic as xp
from manyfit.tape.backward import local, order

torch = pytest.importorskip("torch")

# Each function takes (xp, a [2, 3], b [2, 3], w [3, 2]), all positive, and gives any array. Names are torch's and numpy's.
FUNCTIONS = {
    "add": lambda xp, a, b, w: a + b + 1.5,
    "subtract": lambda xp, a, b, w: 2.0 - a - b,
    "multiply": lambda xp, a, b, w: a * b * a,
    "divide": lambda xp, a, b, w: a / b + 3.0 / a,
    "negate": lambda xp, a, b, w: -a * abs(-b),
    "power of a number": lambda xp, a, b, w: a**3 + a**-0.5,
    "power by a value": lambda xp, a, b, w: 0.9**a + b**a,
    "exp and log": lambda xp, a, b, w: xp.exp(a) * xp.log(b),
    "log1p and expm1": lambda xp, a, b, w: xp.log1p(a) + xp.expm1(b),
    "sqrt": lambda xp, a, b, w: xp.sqrt(a * b),
    "tanh": lambda xp, a, b, w: xp.tanh(a - b),
    "abs and sign": lambda xp, a, b, w: xp.abs(a - b) * xp.sign(a - b) * a,
    "square": lambda xp, a, b, w: xp.square(a - b),
    "where": lambda xp, a, b, w: xp.where(a > b, a * a, 3 * b),
    "sum of all": lambda xp, a, b, w: a * (a * b).sum(),
    "sum along rows": lambda xp, a, b, w: (a * b).sum(-1) * (a * a).sum(0)[:2],
    "mean": lambda xp, a, b, w: (a * b).mean(-1) * a.mean(),
    "largest": lambda xp, a, b, w: xp.amax(a * b, -1),
    "matmul": lambda xp, a, b, w: a @ w @ b,
    "broadcast": lambda xp, a, b, w: a * b[0] + w.sum(0)[..., None],
    "pick": lambda xp, a, b, w: a[xp.arange(2), [2, 0]] * b[1, 1],
    "reshape": lambda xp, a, b, w: a.reshape(3, 2) * w,
}


def inputs(rng):
    return rng.uniform(0.5, 2, (2, 3)), rng.uniform(0.5, 2, (2, 3)), rng.uniform(0.5, 2, (3, 2))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_are_those_of_torch(name, rng):
    arrays = inputs(rng)
    ours = [Value(array) for array in arrays]
    theirs = [torch.tensor(array, requires_grad=True) for array in arrays]
    result, expected = FUNCTIONS[name](xp, *ours), FUNCTIONS[name](torch, *theirs)
    seed = rng.normal(size=result.shape)

    found = gradients(result, ours, seed=seed)

    np.testing.assert_allclose(result.data, expected.detach().numpy(), rtol=1e-14)
    wanted = torch.autograd.grad(expected, theirs, torch.tensor(seed), allow_unused=True)
    for derivative, want, array in zip(found, wanted, arrays, strict=True):
        want = np.zeros(array.shape) if want is None else want.numpy()
        np.testing.assert_allclose(derivative, want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_derivatives_are_the_slopes_of_finite_differences(name, rng):
    arrays = inputs(rng)
    first = FUNCTIONS[name](xp, *map(Value, arrays))
    seed = rng.normal(size=first.shape)
    ours = [Value(array) for array in arrays]
    found = gradients(FUNCTIONS[name](xp, *ours), ours, seed=seed)

    def at(which, place, step):
        moved = [array.copy() for array in arrays]
        moved[which][place] += step
        return float((FUNCTIONS[name](xp, *map(Value, moved)).data * seed).sum())

    for which, array in enumerate(arrays):
        for place in np.ndindex(array.shape):
            slope = (at(which, place, 1e-6) - at(which, place, -1e-6)) / 2e-6
            assert found[which][place] == pytest.approx(slope, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("name", ["maximum", "minimum"])
def test_where_two_are_equal_each_takes_half_as_in_torch(name):
    a, b = Value([1.0, 2.0, 3.0]), Value([1.0, 3.0, 2.0])
    ta, tb = torch.tensor(a.data, requires_grad=True), torch.tensor(b.data, requires_grad=True)

    found = gradients(getattr(xp, name)(a, b).sum(), [a, b])

    getattr(torch, name)(ta, tb).sum().backward()
    assert [g.tolist() for g in found] == [ta.grad.tolist(), tb.grad.tolist()]


def test_largest_values_that_are_equal_share_as_in_torch():
    a = Value([[1.0, 3.0, 3.0], [2.0, 1.0, 0.0]])
    t = torch.tensor(a.data, requires_grad=True)

    torch.amax(t, -1).sum().backward()

    assert gradients(xp.amax(a, -1).sum(), [a])[0].tolist() == t.grad.tolist()


@pytest.mark.parametrize("kind", ["sigmoid", "erf"])
def test_functions_that_numpy_has_not_have_torchs_derivative(kind, rng):
    a = Value(rng.normal(size=5))
    t = torch.tensor(a.data, requires_grad=True)
    result = getattr(xp, kind)(a)

    getattr(torch, kind)(t).sum().backward()

    np.testing.assert_allclose(result.data, getattr(torch, kind)(t).detach().numpy(), rtol=1e-13)
    np.testing.assert_allclose(gradients(result.sum(), [a])[0], t.grad.numpy(), rtol=1e-12)


def test_a_value_used_twice_gathers_both_ways():
    x = Value(3.0)
    y = x * x
    z = y * x + y  # x³ + x², whose derivative at 3 is 27 + 6

    assert [float(g) for g in gradients(z, [x, y])] == [33.0, 4.0]


def test_asking_twice_gives_the_same_twice():
    x = Value(2.0)
    y = x**3

    assert float(gradients(y, [x])[0]) == float(gradients(y, [x])[0]) == 12.0


def test_a_tape_longer_than_the_stack_of_python_is_walked():
    x = Value(1.0, "x")
    y = x
    for _ in range(20_000):
        y = y + x

    assert float(gradients(y, [x])[0]) == 20_001.0
    assert len(order(y)) == 20_001
    assert float(local(y.called("y"))[0][1]) == 20_001.0


def test_what_a_result_does_not_depend_on_has_derivative_zero():
    x, other = Value(2.0), Value([1.0, 2.0])

    assert gradients(x * 3, [other])[0].tolist() == [0.0, 0.0]


def test_an_array_needs_a_seed():
    x = Value([1.0, 2.0])

    with pytest.raises(UsageError, match=r"gradients needs a seed .*, got shape \(2,\)"):
        gradients(x * 2, [x])


def test_local_derivatives_end_at_names():
    x = Value(2.0, "x")
    h = (x * x).called("h")
    y = (h * h + x).called("y")

    assert [(value.name, float(by)) for value, by in local(y)] == [("h", 8.0), ("x", 1.0)]


def test_numbers_of_numpy_do_not_swallow_a_value():
    x = Value(2.0)

    for made in (np.float64(3) * x, np.float64(3) + x, np.float64(3) ** x, np.array([3.0, 4.0]) * x):
        assert isinstance(made, Value)


def test_a_function_that_is_missing_is_named():
    with pytest.raises(EngineError, match=r"xp\.lgamma is no operation of the tape"):
        xp.lgamma(Value(1.0))
