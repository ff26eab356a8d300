import numpy as np
import pytest
import torch
from torch.nn import functional as F

from manyfit.engines.choose import engine_for, fit
from manyfit.errors import EngineError, RecipeError
from manyfit.losses import BCE, MAE, MSE, CrossEntropy, Custom, Huber
from manyfit.networks import Dense
from manyfit.optimizers.sgd import SGD
from manyfit.population import Member, Population, Rows, View
from manyfit.recipe import Recipe
from manyfit.rng import Streams

OUTPUT = np.random.default_rng(7).normal(size=(5, 3)) * 3


def test_mse_is_that_of_torch():
    y = OUTPUT[::-1].copy()
    peer = F.mse_loss(torch.from_numpy(OUTPUT), torch.from_numpy(y), reduction="none").mean(1)

    np.testing.assert_allclose(MSE().rows(np, OUTPUT, y), peer, rtol=1e-14)


def test_cross_entropy_is_that_of_torch():
    y = np.array([0, 2, 1, 1, 0])
    peer = F.cross_entropy(torch.from_numpy(OUTPUT), torch.from_numpy(y), reduction="none")

    np.testing.assert_allclose(CrossEntropy().rows(np, OUTPUT, y), peer, rtol=1e-13)


@pytest.mark.parametrize("soften", [0.0, 0.2])
def test_bce_is_that_of_torch_for_hard_and_soft_targets(soften):
    y = np.where(OUTPUT > 1, 1 - soften, soften)
    peer = F.binary_cross_entropy_with_logits(torch.from_numpy(OUTPUT), torch.from_numpy(y), reduction="none").mean(1)

    np.testing.assert_allclose(BCE().rows(np, OUTPUT, y), peer, rtol=1e-13)


def test_gradients_are_those_of_torch_where_outputs_tie():
    # Equal outputs are where a shift by the largest one could share its gradient out wrongly; 0 is where |o| has a corner.
    for rows, peer, y in (
        (CrossEntropy().rows, F.cross_entropy, torch.tensor([1])),
        (BCE().rows, F.binary_cross_entropy_with_logits, torch.tensor([[0.0, 1.0, 1.0]], dtype=torch.float64)),
    ):
        ours, theirs = (torch.zeros(1, 3, dtype=torch.float64, requires_grad=True) for _ in range(2))
        rows(torch, ours, y).sum().backward()
        peer(theirs, y).backward()
        np.testing.assert_allclose(ours.grad, theirs.grad, rtol=1e-14)


def test_certainty_costs_its_size_when_it_is_wrong_and_nothing_when_it_is_right():
    assert CrossEntropy().rows(np, np.array([[0.0, 1e4], [0.0, 1e4]]), np.array([0, 1])).tolist() == [1e4, 0]
    assert BCE().rows(np, np.array([[1e4], [-1e4]]), np.array([[0.0], [0.0]])).tolist() == [1e4, 0]


def test_nan_outputs_give_nan():
    for loss, y in ((MSE(), np.zeros((1, 2))), (CrossEntropy(), np.array([0])), (BCE(), np.zeros((1, 2)))):
        assert np.isnan(loss.rows(np, np.array([[np.nan, 0.0]]), y)).all()


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("class_weights", [(), (0.5, 2.0, 0.25)])
def test_smoothed_and_weighted_cross_entropy_is_that_of_torch(smoothing, class_weights):
    y = np.array([0, 2, 1, 1, 0])
    loss = CrossEntropy(smoothing, class_weights)
    output = torch.from_numpy(OUTPUT).requires_grad_()
    options = {
        "weight": torch.tensor(class_weights, dtype=torch.float64) if class_weights else None,
        "label_smoothing": smoothing,
    }
    peer = F.cross_entropy(output, torch.from_numpy(y), **options)

    rows = loss.rows(torch, output, torch.from_numpy(y))
    mean = rows.sum() / (np.ones(5) * loss.row_weight(np, y)).sum()

    np.testing.assert_allclose(mean.detach(), peer.detach(), rtol=1e-14)
    ours, theirs = (torch.autograd.grad(each, output, retain_graph=True)[0] for each in (mean, peer))
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-15)


def test_smoothed_bce_is_cross_entropy_of_two_classes():
    o, y = OUTPUT[:, :1], np.array([[0.0], [1.0], [1.0], [0.0], [1.0]])
    two = np.concatenate([0 * o, o], axis=1)

    np.testing.assert_allclose(
        BCE(0.2).rows(np, o, y), CrossEntropy(0.2).rows(np, two, y[:, 0].astype(int)), rtol=1e-13
    )


@pytest.mark.parametrize("loss", [CrossEntropy(0.1, (1.0, 2.0)), BCE(0.1)])
def test_held_out_rows_are_scored_without_smoothing(loss):
    assert loss.scoring.label_smoothing == 0
    assert loss.scoring == type(loss)(**{"class_weights": (1.0, 2.0)} if isinstance(loss, CrossEntropy) else {})


def test_a_class_that_is_ruled_out_costs_nothing_without_smoothing():
    assert CrossEntropy().rows(np, np.array([[-np.inf, 0.0]]), np.array([1])).tolist() == [0]


def test_absolute_and_huber_losses_are_those_of_torch():
    y = OUTPUT[::-1].copy()
    tensors = torch.from_numpy(OUTPUT), torch.from_numpy(y)
    for delta in (0.1, 1.0, 3.0):
        peer = F.huber_loss(*tensors, reduction="none", delta=delta).mean(1)
        np.testing.assert_allclose(Huber(delta).rows(np, OUTPUT, y), peer, rtol=1e-13)

    np.testing.assert_allclose(
        MAE().rows(np, OUTPUT, y), F.l1_loss(*tensors, reduction="none").mean(1), rtol=1e-14
    )


@pytest.mark.parametrize("weights", [(1.0, 2.0), (1.0, -1.0, 2.0), (1.0, np.inf, 2.0), ("a", 1.0, 2.0), 3.0])
def test_class_weights_must_be_one_number_a_class(weights):
    view = View(np.zeros((3, 1)), np.array([0, 1, 2]), n_classes=3)
    member = Member(Recipe(loss=CrossEntropy(class_weights=weights)), Streams.of(0), Rows(np.arange(3)))

    with pytest.raises(RecipeError, match=r"CrossEntropy.class_weights must h"):
        Population((member,), {"all": view}).check()


def pinball(output, y):
    """Asks for the value that nine rows of ten stay below."""
    error = y - output
    return torch.maximum(0.9 * error, -0.1 * error).mean(-1)


def test_any_callable_trains_and_scores_on_torch():
    X = np.random.default_rng(0).normal(size=(200, 1))
    y = np.random.default_rng(1).uniform(size=(200, 1))
    recipe = Recipe(Dense(()), Custom(pinball), optimizer=SGD(0.1), epochs=60, batch_size=None, precision="float64")

    run = fit(Population.of([recipe], X, y, held=np.arange(50)))

    assert run.engine["name"] != "native"
    bias = run.parameters[0][-1]  # of a network that learns that X says nothing
    assert (y[50:] < bias).mean() == pytest.approx(0.9, abs=0.05)
    assert run.held_loss[-1, 0] == pytest.approx(float(np.mean(Custom(pinball).rows(np, bias + 0 * y[:50], y[:50]))), abs=0.01)


def test_a_callable_by_name_survives_being_written_down_and_a_lambda_is_refused():
    named = Recipe(loss=Custom("torch.nn.functional:mse_loss", target="binary"))
    local = Recipe(loss=Custom(lambda output, y: output - y))

    assert Recipe.from_dict(named.to_dict()) == named
    assert Recipe(loss=Custom(F.l1_loss)).to_dict()["loss"]["fn"] == "torch.nn.functional:l1_loss"
    with pytest.raises(RecipeError, match="must have an importable name, to be written down"):
        local.to_dict()


def test_a_callable_that_does_not_fit_is_refused():
    X = np.zeros((4, 1))

    with pytest.raises(EngineError, match=r"Custom\.fn must return one number for each row, got shape \(\) \(network 0\)"):
        fit(Population.of([Recipe(loss=Custom("torch.nn.functional:mse_loss"))], X, X))
    with pytest.raises(RecipeError, match=r"Custom\.fn must be a function of outputs and targets, got None"):
        Population.of([Recipe(loss=Custom())], X, X)
    with pytest.raises(RecipeError, match=r"Custom\.fn must be the name of something that can be imported"):
        Population.of([Recipe(loss=Custom("nowhere:loss"))], X, X)


@pytest.mark.native
def test_the_core_says_that_it_knows_no_callables():
    population = Population.of([Recipe(), Recipe(loss=Custom(pinball))], np.zeros((4, 1)), np.zeros((4, 1)))

    with pytest.raises(EngineError, match="must know every rule of every recipe"):
        engine_for(population, "native")
