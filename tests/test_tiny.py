"""The first test to run: what a user does, from outside, in a few seconds."""

import json

import numpy as np
from job.tables import numbers, plan_for

import manyfit as mf
from manyfit.job.narrator import Silent


def test_table_becomes_a_model_that_is_kept_and_predicts(tmp_path):
    data = numbers()

    model = mf.train(data, plan=plan_for(data), seed=3, out=tmp_path / "numbers.manyfit", narrator=Silent())
    again = mf.Model.load(tmp_path / "numbers.manyfit")

    assert (again.predict(data.frame) == model.predict(data.frame)).all()
    assert (
        json.loads((tmp_path / "numbers.manyfit/model/model.json").read_text())["facts"]["metric"] == "rmse"
    )


def test_population_of_four_networks_is_trained():
    recipes = [mf.Recipe(epochs=5).set("optimizer.lr", lr) for lr in (0.001, 0.01, 0.1, 1e30)]
    run = mf.fit(mf.Population.of(recipes, np.array([[-1.0], [0.0], [1.0]]), np.array([1.0, 2.0, 3.0])))

    assert run.fates[:3] == ["finished"] * 3
    assert run.diverged.tolist() == [False, False, False, True]
    assert run.final_loss[3] == float("inf")
    assert run.final_loss[1] < run.loss[0, 1]
