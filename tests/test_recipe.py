import json
import tomllib

import numpy as np
import pytest
import tomli_w

from manyfit import schedules
from manyfit.augment import Augment
from manyfit.errors import RecipeError, UnknownNameError
from manyfit.losses import BCE, MSE, CrossEntropy
from manyfit.networks import Dense
from manyfit.optimizers.adam import Adam
from manyfit.optimizers.sgd import SGD
from manyfit.penalties import L1, L2, ElasticNet
from manyfit.recipe import Recipe, Stopping
from manyfit.schedules.constant import Constant
from manyfit.schedules.cosine import Cosine
from manyfit.schedules.plateau import Plateau
from manyfit.schedules.warmup import Warmup

FULL = Recipe(
    Dense((8, 4), "tanh", dropout=0.1, input_dropout=0.2, init="he"),
    CrossEntropy(),
    SGD(0.3, 0.01),
    Warmup(2.0) >> Cosine(0.1),
    (L2(0.5), L1(0.1, biases=True)),
    Augment(0.1, 0.2),
    batch_size=None,
    epochs=7,
    clip_norm=2.0,
    clip_value=0.5,
    stopping=Stopping(3, 0.01, 0.5),
    precision="float64",
)


def test_rules_may_be_given_by_name():
    recipe = Recipe(loss="bce", optimizer="sgd", schedule="cosine", penalties=("l1", L2(0.3)))

    assert recipe == Recipe(loss=BCE(), optimizer=SGD(), schedule=Cosine(), penalties=(L1(), L2(0.3)))
    assert Recipe(penalties="l2").penalties == Recipe(penalties=L2()).penalties == (L2(),)


def test_defaults_are_adam_at_a_constant_rate_on_squared_error():
    assert (Recipe().optimizer, Recipe().schedule, Recipe().loss) == (Adam(), Constant(), MSE())


def test_unknown_rule_gets_a_hint():
    with pytest.raises(UnknownNameError, match=r"unknown schedule 'cosin'. Did you mean 'cosine'"):
        Recipe(schedule="cosin")


@pytest.mark.parametrize("recipe", [Recipe(), FULL, Recipe(penalties=(L1(),), stopping=Stopping(patience=1))])
def test_recipe_survives_json(recipe):
    assert Recipe.from_dict(json.loads(json.dumps(recipe.to_dict()))) == recipe


def test_recipe_of_numpy_scalars_survives_json():
    recipe = Recipe(Dense(np.array([8, 4])), optimizer=Adam(np.float64(0.1)), epochs=np.int64(3), batch_size=np.int32(5))

    loaded = Recipe.from_dict(json.loads(json.dumps(recipe.to_dict())))

    assert loaded == recipe.check()
    assert loaded.network.hidden == (8, 4)


def test_recipe_is_hashable_and_frozen():
    assert len({FULL, Recipe.from_dict(FULL.to_dict()), Recipe()}) == 2
    with pytest.raises(AttributeError):
        FULL.epochs = 3


def test_short_forms_are_read():
    recipe = Recipe.from_dict(
        {"optimizer": "sgd", "penalties": ["l1", {"rule": "l2", "strength": 0.3}], "network": {"hidden": [3]}, "batch_size": 0}
    )

    assert recipe == Recipe(Dense((3,)), optimizer=SGD(), penalties=(L1(), L2(0.3)), batch_size=None)
    assert Recipe.from_dict({"penalties": "l1"}).penalties == (L1(),)
    assert Recipe.from_dict({}) == Recipe()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"epoch": 3}, "unknown field 'epoch' of a recipe. Did you mean 'epochs'"),
        ({"optimizer": {"rule": "adam", "rate": 1}}, "unknown field 'rate' of Adam. Known: amsgrad, beta1, beta2"),
        ({"optimizer": {"lr": 1}}, r"optimizer must name its rule, got \{'lr': 1\}. For example"),
        ({"optimizer": 3}, "optimizer must be a table of fields, got 3"),
        ({"optimizer": {"rule": "adm"}}, "unknown optimizer 'adm'"),
        ({"network": [3]}, r"network must be a table of fields, got \[3\]"),
        ({"network": {"kind": "conv"}}, "network.kind must be a kind of network, got 'conv'. Known: dense, module"),
        ({"network": {"hiden": [3]}}, "unknown field 'hiden' of Dense. Did you mean 'hidden'"),
        ({"stopping": {"patience": 0}}, "Stopping.patience must be a whole number ≥ 1, got 0"),
        ({"epochs": -1}, "Recipe.epochs must be a whole number ≥ 0, got -1"),
        ({"precision": "float16"}, "Recipe.precision must be 'float32' or 'float64', got 'float16'"),
    ],
)
def test_bad_fields_are_one_clear_error(fields, message):
    with pytest.raises(RecipeError, match=message):
        Recipe.from_dict(fields)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"network": Dense((3, 0))}, r"Dense.hidden must hold whole numbers ≥ 1, got \[3, 0\]"),
        ({"network": Dense(2.5)}, r"Dense.hidden must hold whole numbers ≥ 1, got \[2.5\]"),
        ({"network": Dense(activation="rely")}, "unknown activation 'rely'. Did you mean 'relu'"),
        ({"network": Dense(init="hee")}, "unknown init 'hee'. Did you mean 'he'"),
        ({"network": Dense(dropout=1.0)}, "Dense.dropout must be ≥ 0 and < 1, got 1.0"),
        ({"network": (32, 32)}, r"Recipe.network must be a network, got \(32, 32\)"),
        ({"optimizer": Adam}, r"Recipe.optimizer must be a rule with its values, got the class Adam. Write Adam\(\)"),
        ({"optimizer": 0.1}, "Recipe.optimizer must be an optimizer, got 0.1"),
        ({"optimizer": Cosine()}, r"Recipe.optimizer must be an optimizer, got Cosine\("),
        ({"loss": None}, "Recipe.loss must be a loss, got None"),
        ({"schedule": Warmup(-1.0)}, "Warmup.length must be ≥ 0, got -1.0"),
        ({"schedule": Warmup(unit="year")}, "Warmup.unit must be 'epoch' or 'step', got 'year'"),
        ({"schedule": Warmup() >> Cosine(floor=2.0)}, "Cosine.floor must be ≥ 0 and ≤ 1, got 2.0"),
        ({"schedule": Warmup() >> Adam()}, r"Recipe.schedule must be a schedule, got Adam\("),
        ({"schedule": Cosine() >> Warmup()}, r"Cosine before >> must say how long it takes. For example Cosine\(length=5\)"),
        ({"schedule": Plateau() >> Warmup()}, "Plateau before >> must say how long it takes. Plateau must be the last one"),
        ({"schedule": "sequence"}, "Sequence.parts must hold at least one schedule"),
        ({"penalties": None}, "Recipe.penalties must be a penalty, got None"),
        ({"penalties": (L1(), L1())}, "Recipe.penalties must hold L1 once only"),
        ({"penalties": (L1(-1.0),)}, "L1.strength must be ≥ 0, got -1.0"),
        ({"augment": 0.1}, "Recipe.augment must be an augment, got 0.1"),
        ({"augment": Augment(drop=1.0)}, "Augment.drop must be ≥ 0 and < 1, got 1.0"),
        ({"penalties": L1(proximal="yes")}, "L1.proximal must be true or false, got 'yes'"),
        (
            {"penalties": L1(proximal=True)},
            "L1.proximal must not be true with adam. SGD and Momentum can set weights to exactly 0",
        ),
        ({"penalties": ElasticNet(l1_ratio=1.5)}, "ElasticNet.l1_ratio must be ≥ 0 and ≤ 1, got 1.5"),
        ({"clip_value": 0.0}, "Recipe.clip_value must be > 0, got 0.0"),
        ({"stopping": 3}, "Recipe.stopping must be a stopping, got 3"),
        ({"stopping": Stopping(patience=2.5)}, "Stopping.patience must be a whole number ≥ 1, got 2.5"),
        ({"stopping": Stopping(target_loss=float("nan"))}, "Stopping.target_loss must be a finite number, got nan"),
        ({"clip_norm": 0.0}, "Recipe.clip_norm must be > 0, got 0.0"),
        ({"batch_size": 0}, "Recipe.batch_size must be a whole number ≥ 1, got 0"),
        ({"epochs": float("nan")}, "Recipe.epochs must be a whole number ≥ 0, got nan"),
        ({"precision": 32}, "Recipe.precision must be text, got 32"),
    ],
)
def test_bad_value_is_refused(values, message):
    with pytest.raises(RecipeError, match=message) as caught:
        Recipe(**values).check()

    assert len(caught.value.problems) == 1


def test_all_problems_are_reported_at_once():
    with pytest.raises(RecipeError, match="3 problems in this recipe"):
        Recipe(Dense((0,)), optimizer=Adam(lr=-1), epochs=-2).check()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("optimizer.lr", 0.01),
        ("network.hidden", (5,)),
        ("network.dropout", 0.3),
        ("augment.noise", 0.3),
        ("augment.drop", 0.3),
        ("stopping.patience", 4),
        ("schedule.warmup.length", 3.0),
        ("schedule.1.floor", 0.2),
        ("l1.strength", 0.7),
        ("l2.biases", True),
        ("epochs", 9),
    ],
)
def test_value_at_a_path_can_be_changed_and_read(path, value):
    changed = FULL.set(path, value)

    assert changed.get(path) == value
    assert changed.set(path, FULL.get(path)) == FULL


def test_rule_can_be_changed_by_name():
    assert FULL.set("optimizer", "adam").optimizer == Adam()
    assert FULL.set("network.hidden", 6).network.hidden == (6,)


def test_schedules_one_after_another_are_read_in_every_short_form():
    expected = Recipe(schedule=Warmup() >> Cosine())

    assert Recipe().set("schedule", "Warmup >>CosineAnnealingLR") == expected
    assert Recipe.from_dict({"schedule": "warmup>>cosine"}) == expected
    assert Recipe.from_dict({"schedule": ["warmup", {"rule": "cosine"}]}) == expected
    assert (Constant(length=2) >> (Warmup() >> "cosine")).parts == (Constant(length=2), Warmup(), Cosine())
    assert tomllib.loads(tomli_w.dumps(expected.to_dict()))["schedule"] == expected.to_dict()["schedule"]


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("StepLR", "step_lr"),
        ("steplr", "step_lr"),
        ("ExponentialLR", "exponential_lr"),
        ("CosineAnnealingLR", "cosine"),
        ("CosineAnnealingWarmRestarts", "cosine_restarts"),
        ("ReduceLROnPlateau", "plateau"),
        ("LinearLR", "warmup"),
        ("OneCycleLR", "one_cycle"),
        ("SequentialLR", "sequence"),
    ],
)
def test_schedules_are_found_by_the_names_that_torch_has(theirs, ours):
    assert schedules.registry.find(theirs) is schedules.registry.find(ours)
    with pytest.raises(UnknownNameError, match=f"Did you mean '{ours}'"):
        schedules.registry.find(f"{theirs[:-1]}_{theirs[-1]}s")


def test_penalty_is_added_when_it_is_set_and_stays_in_its_place():
    assert Recipe().set("l1", 0.3).penalties == (L1(0.3),)
    assert FULL.set("l2.strength", 0.9).penalties == (L2(0.9), L1(0.1, biases=True))


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("optimiser.lr", "no field 'optimiser' in 'optimiser.lr'. Did you mean 'optimizer'"),
        ("optimizer.rate", "no field 'rate' in 'optimizer.rate'"),
        ("optimizer.lr.x", "no field"),
        ("l2.strengh", "no field 'strengh' in 'l2.strengh'. Did you mean 'strength'"),
        ("epoch", "no field 'epoch' in 'epoch'. Did you mean 'epochs'"),
        ("schedule.warmups.length", "no field 'warmups' in 'schedule.warmups.length'. Did you mean 'warmup'"),
        ("", "no field ''"),
    ],
)
def test_wrong_path_gets_a_hint(path, message):
    with pytest.raises(RecipeError, match=message):
        Recipe(schedule="warmup >> cosine").set(path, 1)
