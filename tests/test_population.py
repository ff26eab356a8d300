import numpy as np
import pytest

from manyfit.errors import RecipeError
from manyfit.losses import CrossEntropy
from manyfit.networks import Dense
from manyfit.optimizers.adam import Adam
from manyfit.population import Member, Population, Probe, Rows, View
from manyfit.recipe import Recipe, Stopping
from manyfit.rng import Streams

X = np.arange(10.0).reshape(5, 2)


def population(recipe=None, rows=None, view=None, probes=(), **fields):
    """Three networks, the middle one by another recipe or on other rows."""
    plain = Member(Recipe(), Streams.of(0), Rows(np.arange(5)))
    middle = Member(recipe or Recipe(), Streams.of(1), rows or Rows(np.arange(4), np.array([4])))
    return Population((plain, middle, plain), {"all": view or View(X, X)}, probes, **fields)


def test_view_turns_what_it_is_given_into_arrays_of_one_form():
    view = View([[1, 2], [3, 4]], [5, 6], weights=[1, 2])

    assert (view.X.dtype, view.y.dtype, view.y.shape, view.weights.dtype) == (np.float64, np.float64, (2, 1), np.float64)
    assert (view.has_labels, view.n_outputs) == (False, 1)
    assert View([1, 2, 3], [1, 2, 3]).X.shape == (3, 1)
    assert View(np.zeros((2, 3, 4)), np.zeros(2)).X.shape == (2, 12)


@pytest.mark.parametrize("y", [[0, 2], [0.0, 2.0], [[0], [2]], np.array([0, 2], dtype=np.uint8)])
def test_view_of_labels_holds_whole_numbers(y):
    view = View([[1], [2]], y, n_classes=3)

    assert (view.has_labels, view.n_outputs, view.y.dtype, view.y.tolist()) == (True, 3, np.int64, [0, 2])


@pytest.mark.parametrize("y", [[0.5, 1], [[0, 1], [1, 0]], [np.nan, 1]])
def test_labels_that_are_none_are_refused(y):
    with pytest.raises(RecipeError, match=r"View.y must hold one whole number a row as its label"):
        View([[1], [2]], y, n_classes=3)


@pytest.mark.parametrize(
    ("view", "message"),
    [
        (View(X, X[:4]), "view 'all' must have as many rows in y as in X, got 4 and 5"),
        (View(np.where(X == 3, np.nan, X), X), r"view 'all' X\[1, 1\] must be finite, got nan"),
        (View(X, np.where(X == 3, np.inf, X)), "view 'all' y must be finite"),
        (View(X, X, weights=np.ones(4)), r"view 'all' weights must have one number a row, got shape \(4,\)"),
        (View(X, X, weights=-np.ones(5)), "view 'all' weights must be finite and ≥ 0"),
        (View(X[:, :0], X), "view 'all' must have at least one input column"),
        (View(X, X[:, :0]), "view 'all' must have at least one output"),
    ],
)
def test_bad_view_is_refused(view, message):
    with pytest.raises(RecipeError, match=message):
        population(view=view).check()


def test_labels_out_of_range_are_refused():
    members = (Member(Recipe(loss=CrossEntropy()), Streams.of(0), Rows(np.arange(5))),)

    with pytest.raises(RecipeError, match="view 'all' y must hold labels 0 to 2, got 0 to 3"):
        Population(members, {"all": View(X, np.array([0, 1, 2, 3, 0]), n_classes=3)}).check()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"recipe": Recipe(optimizer=Adam(lr=-1))}, r"Adam.lr must be ≥ 0, got -1 \(network 1\)"),
        ({"recipe": Recipe(loss=CrossEntropy())}, r"CrossEntropy takes class labels \(network 1\)"),
        ({"recipe": Recipe(loss=None)}, r"Recipe.loss must be a loss, got None \(network 1\)"),
        ({"rows": Rows(np.arange(0))}, r"Rows.train must hold at least one row, got none \(network 1\)"),
        ({"rows": Rows(np.array([0, 5]))}, r"Rows.train must hold indices 0 to 4, got 0 to 5 \(network 1\)"),
        ({"rows": Rows(np.arange(2), np.array([-1]))}, r"Rows.held must hold indices 0 to 4, got -1 to -1 \(network 1\)"),
        ({"rows": Rows(np.arange(2), view="al")}, r"unknown view 'al' \(network 1\). Did you mean 'all'"),
        (
            {"recipe": Recipe(stopping=Stopping(patience=2)), "rows": Rows(np.arange(5))},
            r"Stopping.patience must have held-out rows to watch \(network 1\)",
        ),
        ({"record_every": 0}, "Population.record_every must be ≥ 1, got 0"),
        ({"probes": (Probe("p", [0], (1,), view="al"),)}, "unknown view 'al' of probe 'p'. Did you mean 'all'"),
        ({"probes": (Probe("p", [0, 7], (1,)),)}, "probe 'p' must name rows 0 to 4, got 0 to 7"),
        ({"probes": (Probe("p", [0], (-1,)),)}, "probe 'p' must name epochs ≥ 0, got -1"),
        ({"probes": (Probe("p", [0], (1,)), Probe("p", [1], (1,)))}, "probe 'p' must have a name of its own"),
    ],
)
def test_bad_member_or_probe_is_refused(fields, message):
    with pytest.raises(RecipeError, match=message) as caught:
        population(**fields).check()

    assert len(caught.value.problems) == 1


def test_probe_must_have_the_columns_that_networks_read():
    views = {"all": View(X, X), "narrow": View(X[:, :1], X)}
    members = population().members

    with pytest.raises(RecipeError, match="probe 'p' must have as many columns as view 'all': 2, got 1"):
        Population(members, views, (Probe("p", [0], (1,), view="narrow"),)).check()


def test_alike_problems_of_many_networks_are_one_problem():
    bad = Recipe(optimizer=Adam(lr=-1))

    with pytest.raises(RecipeError) as caught:
        Population.of([bad, Recipe(), bad, Recipe(optimizer=Adam(lr=-1)), Recipe(epochs=-1)], X, X)

    assert [problem.who for problem in caught.value.problems] == [(0, 2, 3), (4,)]
    assert str(caught.value).startswith("2 problems in this population\n  Adam.lr must be ≥ 0, got -1 (networks 0, 2–3).")


def test_population_of_recipes_shares_rows_and_has_streams_of_its_own():
    made = Population.of([Recipe(epochs=3), Recipe(epochs=5)], X, X[:, 0], seed=4, held=np.array([1, 3]))

    assert (len(made), made.n_epochs) == (2, 5)
    assert made.members[0].rows is made.members[1].rows
    assert (made.members[0].rows.train.tolist(), made.members[0].rows.held.tolist()) == ([0, 2, 4], [1, 3])
    assert [member.streams for member in made.members] == [Streams.of(4, replicate=0), Streams.of(4, replicate=1)]


def test_population_of_labels_counts_classes():
    made = Population.of([Recipe(Dense((3,)), CrossEntropy())], X, np.array([0, 2, 1, 0, 2]))

    assert made.widths(0) == (2, 3, 3)


def test_empty_population_is_allowed():
    assert Population.of([], X, X).n_epochs == 0


def test_epochs_of_a_probe_are_sorted_and_unique():
    assert Probe("p", [0], (4, 0, 4, 2)).epochs == (0, 2, 4)
