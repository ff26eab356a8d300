"""Odd tables through the whole job: a model or one clear error, never a traceback."""

import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job.tables import plan_for

import manyfit as mf
from manyfit.errors import ManyfitError
from manyfit.job import Job, Options
from manyfit.samplers.halving import Rung


@st.composite
def tables(draw):
    """Ten to forty rows of few columns, among them constant, empty, huge, text and sparse ones."""
    n = draw(st.integers(10, 40))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kinds = draw(
        st.lists(
            st.sampled_from(["normal", "constant", "empty", "huge", "few", "text", "holes", "bool", "date"]),
            min_size=1,
            max_size=5,
        )
    )
    columns = {}
    for i, kind in enumerate(kinds):
        columns[f"c{i}"] = {
            "normal": random.normal(size=n),
            "constant": np.ones(n),
            "empty": [None] * n,
            "huge": random.normal(size=n) * 1e300,
            "few": random.integers(0, 3, n),
            "text": [f"t{k}" for k in random.integers(0, max(n // 2, 2), n)],
            "holes": [
                None if hole else value
                for hole, value in zip(random.random(n) < 0.7, random.normal(size=n), strict=True)
            ],
            "bool": random.random(n) < 0.5,
            "date": np.datetime64("2024-01-01") + random.integers(0, 900, n).astype("timedelta64[D]"),
        }[kind]
    target = draw(st.sampled_from(["numbers", "two", "three", "rare", "tiny", "large"]))
    y = {
        "numbers": random.normal(size=n),
        "two": random.choice(["no", "yes"], n),
        "three": random.choice(["a", "b", "c"], n),
        "rare": ["b", *["a"] * (n - 2), "c"],
        "tiny": random.normal(size=n) * 1e-200,
        "large": random.normal(size=n) * 1e150,
    }[target]
    return pl.DataFrame({**columns, "y": y})


def job_on(frame: pl.DataFrame) -> mf.Model:
    data = mf.load(frame, "y", leaks=False)
    plan = plan_for(data, rungs=(Rung(2, 2, 10**6),), finalists=1, epochs=3, seeds=1)
    return Job(data, Options(plan=plan, seed=3, threads=1)).run()


@given(tables())
@settings(max_examples=40)
def test_any_table_gives_a_model_or_one_clear_error(frame):
    try:
        model = job_on(frame)
    except ManyfitError as error:
        assert re.search("[一-鿿]", error.to("zh")), str(error)
        return
    assert np.isfinite(model.predict_frame(model.read(frame))).all()


@pytest.mark.long
@pytest.mark.timeout(1800)
@given(tables())
@settings(max_examples=400)
def test_many_tables_give_a_model_or_one_clear_error(frame):
    try:
        job_on(frame)
    except ManyfitError as error:
        assert re.search("[一-鿿]", error.to("zh")), str(error)


@pytest.mark.parametrize("n_groups", [2, 3, 7])
def test_few_groups_are_enough_for_as_many_folds(n_groups):
    random = np.random.default_rng(0)
    a = random.normal(size=60)
    frame = pl.DataFrame({"a": a, "y": a + random.normal(size=60), "g": np.arange(60) % n_groups})
    data = mf.load(frame, "y", group="g", leaks=False)
    job = Job(data, Options(budget=1, seed=3, threads=1))
    if n_groups == 2:
        with pytest.raises(ManyfitError, match="groups"):
            job.prepare()
        return

    plan = job.prepare()

    assert plan.folds == min(5, n_groups - 1)
    assert np.isfinite(job.run().predict(frame)).all()
