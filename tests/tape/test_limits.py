"""What the tape can't follow is refused before anything is told."""

import dataclasses

import numpy as np
import pytest

import manyfit as mf
from manyfit.errors import UsageError
from manyfit.losses import MSE, CrossEntropy, Custom
from manyfit.losses import registry as losses
from manyfit.networks import Dense
from manyfit.recipe import Recipe

X = np.random.default_rng(0).normal(size=(5, 2))
y = np.sin(X)[:, :1]


class Wave(Dense):
    """A dense network that computes in a way of its own."""

    def apply(self, *given, **options):
        return np.sin(1.0) * super().apply(*given, **options)


class Roundabout(MSE):
    """A loss that leaves the functions it is handed."""

    def rows(self, xp, output, y):
        return ((np.asarray(getattr(output, "data", output)) - y) ** 2).mean(-1)


class Unheard(MSE):
    """A loss with a function that only numpy has."""

    def rows(self, xp, output, y):
        return xp.hypot(output, y).mean(-1)


class Doubled(MSE):
    """A loss that is another one on the tape."""

    def rows(self, xp, output, y):
        return super().rows(xp, output, y) * (1.0 if xp is np else 2.0)


NETWORKS = {
    "Dense.norm can't be traced.*norm=None": Dense((3,), norm="layer"),
    "Dense.residual can't be traced: layer 2 adds to the layer before.*residual=False": Dense((3, 3), residual=True),
    "Dense.residual can't be traced: layers 2, 4 add": Dense((3, 3, 4, 4), residual=True),
    "a Wave may compute in a way of its own": Wave((3,)),
}
LOSSES = {
    "it computes with torch": Custom("manyfit.losses.custom:squared_error"),
    "it does not keep to the functions it is handed": Roundabout(),
    "xp.hypot is no operation of the tape": Unheard(),
    "it gives other numbers on the tape than on arrays": Doubled(),
}


@pytest.mark.parametrize("said", NETWORKS)
def test_a_network_that_is_more_than_dense_layers_is_refused(said):
    with pytest.raises(UsageError, match=said):
        mf.trace((X, y), Recipe(NETWORKS[said]))


def test_residual_layers_that_add_nothing_are_traced():
    apart = mf.trace((X, y), Recipe(Dense((3, 2), "tanh", residual=True)))
    alike = mf.trace((X, y), Recipe(Dense((3, 2), "tanh")))

    assert [line.value for line in apart.lines] == [line.value for line in alike.lines]


def test_a_module_is_refused():
    torch = pytest.importorskip("torch")

    with pytest.raises(UsageError, match=r"Recipe.network can't be traced: it is a module.*Dense"):
        mf.trace((X, y), Recipe(mf.Module(torch.nn.Linear, {"in_features": 2, "out_features": 1})))


@pytest.mark.parametrize("said", LOSSES)
def test_a_loss_that_leaves_the_tape_is_refused_and_others_are_named(said):
    with pytest.raises(UsageError, match=f"Recipe.loss .* can't be traced: {said}.*huber, mae, mse"):
        mf.trace((X, y), Recipe(loss=LOSSES[said]))


def test_network_and_loss_are_refused_together():
    with pytest.raises(UsageError) as error:
        mf.trace((X, y), Recipe(Dense((3, 3), residual=True, norm="layer"), Unheard()))

    assert [problem.where.split()[0] for problem in error.value.problems] == ["Dense.norm", "Dense.residual", "Recipe.loss"]


def test_a_loss_that_does_not_fit_the_data_is_not_called_untraceable():
    with pytest.raises(mf.RecipeError, match=r"whole number a row|fit the targets"):
        mf.trace((X, y), Recipe(loss=CrossEntropy(class_weights=(1.0, 2.0, 3.0))))


@pytest.mark.parametrize("name", sorted(set(losses.all()) - {"custom"}))
def test_no_loss_of_the_package_is_refused(name):
    loss = losses.find(name)()
    targets = np.arange(5) % 2 if loss.target == "labels" else (y > 0) * 1.0

    assert mf.trace((X, targets), Recipe(loss=loss)).step.t == 1


@dataclasses.dataclass(frozen=True)
class Cubic:
    """Somebody's penalty, λ Σ |w|³, with arithmetic that the tape does not know."""

    strength: float = 0.1
    biases: bool = False

    def value(self, xp, p):
        return self.strength * (xp.abs(p) ** 3).sum()

    def gradient(self, xp, p):
        return 3 * self.strength * np.sign(p) * np.square(p)


def test_a_penalty_of_anybodys_is_told_by_its_number():
    told = mf.trace((X, y), Recipe(Dense((2,), "tanh"), optimizer="sgd", penalties=(Cubic(),)))
    leaf = told.step.leaves[0]

    np.testing.assert_allclose(leaf.gradient, leaf.d_loss + Cubic().gradient(np, leaf.before))
    assert told["cubic"] == Cubic().gradient(np, leaf.before)[0, 0]
    assert told["g"] == leaf.gradient[0, 0]
