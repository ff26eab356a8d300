import numpy as np
import pytest
import torch

from manyfit.errors import DataError, RecipeError
from manyfit.networks import Dense, Input, Layout, cut, flatten, network_from, vector
from manyfit.population import View


def test_arrays_of_any_shape_come_back_as_they_were():
    image, token = np.arange(12.0).reshape(3, 2, 2), np.array([[7], [8], [9]])

    table, inputs = flatten((image, token))

    assert table.shape == (3, 5) and table.dtype == np.float64
    assert inputs == (Input((2, 2)), Input((1,), "int"))
    assert all(np.array_equal(a, b) for a, b in zip(cut(table, inputs), (image, token), strict=True))


def test_named_inputs_keep_their_names_and_tensors_need_no_detaching():
    given = {
        "x": torch.ones(2, 3, requires_grad=True),
        "mask": torch.tensor([True, False]),
        "half": torch.ones(2).bfloat16(),
    }

    table, inputs = flatten(given)

    assert inputs == (Input((3,), "float", "x"), Input((), "bool", "mask"), Input((1,), "float", "half"))
    assert table.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 1]]


def test_large_whole_numbers_are_exact():
    table, _ = flatten(np.array([[2**53 - 1]]))

    assert int(table[0, 0]) == 2**53 - 1


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((np.zeros(3), np.zeros(4)), r"as many rows in each input, got \[3, 4\]"),
        (np.zeros(()), "rows along the first axis"),
        (np.array(["a", "b"]), "must hold numbers"),
        ((), "rows along the first axis"),
    ],
)
def test_what_can_not_be_a_table_is_one_clear_error(given, message):
    with pytest.raises(DataError, match=message):
        flatten(given)


def test_a_view_reads_its_inputs_off_the_arrays():
    images = View(np.zeros((4, 1, 2, 3)), np.zeros(4))
    given = View(np.zeros((4, 6)), np.zeros(4), inputs=(Input((2, 3)),))

    assert images.X.shape == (4, 6) and images.inputs == (Input((1, 2, 3)),)
    assert given.inputs == (Input((2, 3)),)
    assert View(np.zeros((4, 6)), np.zeros(4)).inputs == vector(6)
    wrong = View(np.zeros((4, 6)), np.zeros(4), inputs=(Input((2, 2)),))
    assert [str(p) for p in wrong.problems("a")] == [
        "view 'a' inputs must take 6 numbers a row, got [rows, 2, 2]."
    ]


def test_a_layout_cuts_flat_arrays_of_numpy_and_torch_without_copying():
    layout = Layout.of([("w", (2, 2)), ("b", (2,))], [("mean", (2,))])
    flat = np.arange(24.0).reshape(3, 8)

    assert (layout.size, layout.n_trained) == (8, 6)
    assert [leaf.is_weight for leaf in layout] == [True, False, False]
    for each in (flat, torch.from_numpy(flat)):
        parts = layout.cut(each)
        assert [tuple(part.shape) for part in parts.values()] == [(3, 2, 2), (3, 2), (3, 2)]
        parts["mean"][:] = -1
        assert (flat[:, 6:] == -1).all()
        flat[:, 6:] = 0


def test_a_dense_network_takes_any_inputs_as_one_vector():
    inputs = (Input((2, 3)), Input((), "int"))
    network = Dense((4,))

    assert network.takes(inputs) == vector(7)
    assert network.layout(inputs, 2) == network.layout(vector(7), 2) == network.layout_of(inputs, 42)
    assert network.layout(inputs, 2).size == network.n_parameters(7, 2)


def test_a_network_is_read_by_its_kind():
    assert network_from(Dense((3,), "tanh").to_dict()) == Dense((3,), "tanh")
    with pytest.raises(RecipeError, match="unknown field 'widht' of Dense"):
        network_from({"widht": 3})
