"""Which engine trains what, and `fit` around it."""

import re
from dataclasses import dataclass

import numpy as np
import pytest

import manyfit as mf
from manyfit.engines import choose
from manyfit.engines.choose import engine_for, fit, input_grad, predict, why_missing
from manyfit.engines.mixed import Mixed
from manyfit.errors import EngineError, RunError, UnknownNameError, UsageError
from manyfit.population import Population
from manyfit.recipe import Recipe
from manyfit.runs import Fate, RunFolder
from tests.staircase import KillAfter, Killed, Staircase, networks


@pytest.fixture
def without(monkeypatch):
    """Take engines away."""

    def take(*names: str) -> None:
        reasons = {
            "native": "the native core was not built",
            "reference": "torch is not installed",
            "stacked": "torch is not installed",
        }
        monkeypatch.setattr(choose, "why_missing", lambda name: reasons[name] if name in names else "")

    return take


@pytest.fixture
def made(monkeypatch):
    """Say which engine would be made, without making it."""
    monkeypatch.setattr(choose, "_make", lambda name, threads: (name, threads))


def test_dense_networks_go_to_the_native_core(made, without, monkeypatch):
    without()
    monkeypatch.setattr(choose, "_unknown_to_native", lambda population: [])

    assert engine_for(networks(), threads=2) == ("native", 2)


@pytest.mark.parametrize(
    ("missing", "chosen"), [(("native",), "stacked"), (("native", "stacked"), "reference")]
)
def test_without_the_core_torch_takes_over(made, without, missing, chosen):
    without(*missing)

    assert engine_for(networks()) == (chosen, None)


def test_without_core_and_torch_one_error_says_how_to_get_either(without):
    without("native", "stacked", "reference")

    with pytest.raises(EngineError) as caught:
        engine_for(networks())
    text = str(caught.value)
    assert "There is nothing to train with: the native core was not built; torch is not installed" in text
    assert "install a C++ compiler" in text and "pip install 'manyfit[torch]'" in text


def test_rules_that_the_core_does_not_know_go_to_torch(made, without, monkeypatch):
    without("stacked")
    monkeypatch.setattr(choose, "_unknown_to_native", lambda population: [0, 1, 2])

    assert engine_for(networks()) == ("reference", None)
    with pytest.raises(
        EngineError, match=r"engine 'native' must know every rule of every recipe \(networks 0–2\)"
    ):
        engine_for(networks(), "native")
    without("stacked", "reference")
    with pytest.raises(EngineError, match=r"networks 0–2.*pip install 'manyfit\[torch\]'"):
        engine_for(networks())


def test_networks_that_the_core_knows_stay_with_it_whatever_their_neighbors_need(made, without, monkeypatch):
    without()
    monkeypatch.setattr(choose, "_unknown_to_native", lambda population: [1])
    mixed = engine_for(networks())

    assert isinstance(mixed, Mixed)
    assert mixed.engines == [("native", None), ("stacked", None)] and mixed.owners == [0, 1, 0]


@pytest.mark.parametrize("name", ["native", "reference"])
def test_an_engine_asked_for_by_name_that_is_missing_says_why(without, name):
    without(name)

    with pytest.raises(EngineError, match=rf"engine '{name}' is not there: .* For the native core install"):
        engine_for(networks(), name)


def test_an_unknown_engine_gets_a_suggestion():
    with pytest.raises(UnknownNameError, match=r"unknown engine 'natve'. Did you mean 'native'\?"):
        engine_for(networks(), "natve")


def test_why_missing_tells_what_is_not_there():
    assert why_missing("reference") in ("", "torch is not installed")
    assert why_missing("native") == "" or "native core" in why_missing("native")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ImportError("GLIBC_2.99 not found"), "native core"),
        (AttributeError("no attribute 'catalog'"), r"is not of this version \(no attribute 'catalog'\)"),
    ],
)
def test_a_core_that_cannot_be_loaded_counts_as_missing(monkeypatch, error, message):
    def broken(name: str) -> None:
        raise error

    monkeypatch.setattr(choose, "import_module", broken)

    assert re.search(message, why_missing.__wrapped__("native"))


@pytest.mark.native
@pytest.mark.skipif(bool(why_missing("native")), reason="no native core")
def test_a_rule_of_ones_own_is_unknown_to_the_core():
    from manyfit.optimizers.sgd import SGD

    @dataclass(frozen=True)
    class Mine(SGD):
        name = "mine"

    population = networks(n=2)
    recipe = Recipe(optimizer=Mine())
    X = np.zeros((3, 1))
    mixed = Population.of([population.members[0].recipe, recipe], X, X)

    assert choose._unknown_to_native(mixed) == [1]


# fit


def test_fit_is_public():
    assert mf.fit is fit


def test_fit_checks_the_population_first():
    population = networks()
    object.__setattr__(population.members[0].recipe, "epochs", -1)

    with pytest.raises(mf.RecipeError, match=r"epochs must be .*≥ 0, got -1 \(network 0\)"):
        fit(population, engine=Staircase())


def test_resume_needs_a_folder():
    with pytest.raises(UsageError, match="resume must have a folder to go on with"):
        fit(networks(), engine=Staircase(), resume=True)


def test_resume_of_nothing_begins(tmp_path):
    run = fit(networks(), engine=Staircase(), folder=tmp_path / "a", resume=True)

    assert run.fates == ["finished"] * 3 and RunFolder.open(tmp_path / "a").state == "finished"


def test_resume_of_what_is_complete_trains_nothing(tmp_path):
    first, engine = fit(networks(), engine=Staircase(), folder=tmp_path / "a"), Staircase()
    second = fit(networks(), engine=engine, folder=tmp_path / "a", resume=True)

    assert engine.n_advances == 0
    assert np.array_equal(first.loss, second.loss)


def test_resume_of_what_is_complete_but_torn_trains_again(tmp_path):
    fit(networks(), engine=Staircase(), folder=tmp_path / "a")
    for path in tmp_path.glob("a/state/*"):
        path.write_bytes(b"torn")

    engine = Staircase()
    assert fit(networks(), engine=engine, folder=tmp_path / "a", resume=True).fates == ["finished"] * 3
    assert engine.n_advances == 4


def test_resume_of_what_was_cut_goes_on(tmp_path):
    cut = fit(networks(), engine=Staircase(), folder=tmp_path / "a", watchers=[lambda ledger: True])
    assert cut.fates == ["cut at step 2"] * 3 and RunFolder.open(tmp_path / "a").state == "cut"
    whole = fit(networks(), engine=Staircase(), folder=tmp_path / "a", resume=True)

    assert whole.fates == ["finished"] * 3
    assert [flat[0] for flat in whole.parameters] == [
        flat[0] for flat in fit(networks(), engine=Staircase()).parameters
    ]
    folder = RunFolder.open(tmp_path / "a")
    assert folder.state == "finished" and len(folder.metrics()) == 12
    assert whole.core_seconds == 0.5  # a quarter in each session


def test_a_folder_with_a_training_in_it_is_not_trained_into_again(tmp_path):
    with RunFolder.create(tmp_path / "job", plan={}) as job:
        fit(networks(), engine=Staircase(), folder=job.round(0))
        with pytest.raises(
            RunError, match=r"rounds/0 must not hold a training yet. Go on with it \(resume\)"
        ):
            fit(networks(), engine=Staircase(), folder=job.round(0))


def test_a_killed_training_is_not_complete(tmp_path):
    with pytest.raises(Killed):
        fit(networks(), engine=Staircase(), folder=tmp_path / "a", watchers=[KillAfter(2)])

    folder = RunFolder.open(tmp_path / "a")
    assert (folder.state, folder.is_complete) == ("training", False)


def test_an_engine_that_cannot_begin_leaves_no_folder(tmp_path):
    class Broken(Staircase):
        def start(self, population, ledger):
            raise EngineError("no")

    with pytest.raises(EngineError, match="no"):
        fit(networks(), engine=Broken(), folder=tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


# predict


def test_predict_puts_networks_of_several_shapes_side_by_side():
    run = fit(networks(), engine=Staircase())
    outputs = predict(run, np.zeros((2, 2)), networks=[2, 0], engine=Staircase())

    assert outputs.shape == (2, 2, 1) and outputs.dtype == np.float64
    assert outputs[0, 0, 0] == run.parameters[2][0] and outputs[1, 1, 0] == run.parameters[0][0]


def test_predict_names_the_networks_that_want_other_inputs():
    run = fit(networks(), engine=Staircase())

    with pytest.raises(UsageError, match=r"X must be \[rows, 2\], got \(4, 3\) \(network 1\)"):
        predict(run, np.zeros((4, 3)), networks=[1], engine=Staircase())


def test_predict_of_no_networks_is_empty():
    run = fit(networks(), engine=Staircase())

    assert predict(run, np.zeros((4, 2)), networks=[], engine=Staircase()).shape[:2] == (0, 4)


def test_fates_of_a_run_cut_by_a_watcher_are_cut():
    run = fit(networks(), engine=Staircase(), watchers=[lambda ledger: True])

    assert set(run.fate) == {Fate.CUT}


def trained_together() -> tuple[mf.Run, np.ndarray, np.ndarray]:
    """Networks of two shapes, one of which another loss trained."""
    X = np.linspace(-1, 1, 10).reshape(5, 2)
    y = (X.sum(1, keepdims=True) > 0).astype(float)
    recipes = [
        Recipe(mf.Dense((3,)), epochs=2),
        Recipe(mf.Dense((2,)), epochs=2),
        Recipe(mf.Dense((3,)), "bce", epochs=2),
    ]
    return fit(Population.of(recipes, X, y)), X, y


def test_networks_of_several_shapes_and_losses_are_asked_at_inputs_of_their_own():
    run, X, y = trained_together()
    own = np.stack([X + 0.1, X - 0.1, 2 * X])

    outputs, slopes = predict(run, own), input_grad(run, own, y)

    for i in range(3):
        np.testing.assert_array_equal(outputs[i], predict(run, own[i], networks=[i])[0])
        np.testing.assert_array_equal(slopes[i], input_grad(run, own[i], y, networks=[i])[0])
    assert not np.allclose(slopes[0], slopes[2])


def test_inputs_and_targets_that_fit_no_network_are_refused():
    run, X, y = trained_together()

    with pytest.raises(UsageError, match="X must be for 3 networks"):
        predict(run, X[None])
    with pytest.raises(UsageError, match="y must have 5 rows, as X, got 4"):
        input_grad(run, X, y[:4])
    with pytest.raises(UsageError, match=r"X must be \[rows, 2\]"):
        input_grad(run, X[0], y)
