"""The main job: the same bits twice, cuts that can be repeated, locked rows, Ctrl-C."""

import dataclasses
import signal
import sys
from importlib import import_module

import numpy as np
import pytest
from job.tables import classes, numbers, plan_for, trained

import manyfit as mf
from manyfit.data import Dataset, holdout
from manyfit.errors import ManyfitError, UsageError
from manyfit.job import Job, Options, Plan, search
from manyfit.job.main import small_search
from manyfit.job.narrator import Silent
from manyfit.job.pace import Pace
from manyfit.job.plan import Size
from manyfit.recipe import Recipe
from manyfit.render.document import report
from manyfit.runs import RunFolder
from manyfit.samplers.halving import Rung
from manyfit.space import Space

confirm = import_module("manyfit.job.confirm")
start = import_module("manyfit.job.start")


def parameters(model):
    return [network.parameters for network in model.networks]


def same_bits(a, b):
    return len(a.networks) == len(b.networks) and all(
        np.array_equal(p, q) for p, q in zip(parameters(a), parameters(b), strict=True)
    )


def test_same_plan_and_seed_give_the_same_bits():
    first, second = trained(numbers()), trained(numbers())

    assert same_bits(first, second)
    assert first.facts["test"] == second.facts["test"]


def test_another_seed_trains_other_networks():
    assert not same_bits(trained(numbers()), trained(numbers(), seed=4))


def test_how_a_rung_is_parted_changes_no_bit(monkeypatch):
    whole = trained(classes())
    monkeypatch.setattr(search, "FIRST_PART", 1)

    assert same_bits(trained(classes()), whole)


def test_folds_one_after_another_give_the_bits_of_folds_at_once(monkeypatch):
    whole = trained(classes())
    monkeypatch.setattr(confirm, "MOST_BYTES", 0)

    after = trained(classes())

    assert same_bits(after, whole)
    assert after.facts["confirm"] == whole.facts["confirm"]


def test_content_of_test_rows_changes_no_network():
    data = numbers()
    rows = holdout(data, 3).test
    y = data.y.copy()
    y[rows] = -1e6
    frame = data.frame.with_columns(b=data.frame["b"].scatter(rows, 1e6))
    spoiled = dataclasses.replace(data, y=y, frame=frame, fingerprint="")

    assert same_bits(trained(spoiled), trained(data))


class Ticking:
    """A clock that moves on by a step at every look."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now


def test_search_cut_by_its_deadline_can_be_repeated_from_the_realised_plan(monkeypatch):
    monkeypatch.setattr(search, "FIRST_PART", 2)
    data = numbers()
    late = Job(data, Options(budget=10, seed=3, threads=1), clock=Ticking(0.4))
    late.plan = plan_for(data, expected_s=(0.5, 0.5))
    cut = late.run()
    realised = Plan.from_dict(cut.facts["plan"])
    assert realised.rungs[0].recipes < 6

    again = Job(data, Options(plan=realised, seed=3, threads=1)).run()

    assert again.facts["plan_hash"] == cut.facts["plan_hash"] == realised.hash
    assert same_bits(again, cut)


@pytest.mark.parametrize(
    ("tried", "planned", "paid_out", "is_small", "needs_s"),
    [(64, 352, False, True, 44), (64, 352, True, False, 44), (128, 352, False, False, 22), (8, 8, False, True, 64)],
)
def test_search_cut_to_next_to_nothing_is_known(tried, planned, paid_out, is_small, needs_s):
    found = search.Search(Pace(Size(100, 25, 3, 1)), paid_out=paid_out)
    found.rungs.append(search.Tried(Rung(tried, 2, 100), [], [], np.empty(0)))
    plan = Plan(0, (Rung(planned, 2, 100),), 4, 8)

    known = small_search(found, plan, budget=8.0)

    assert known == {"planned": planned, "is_small": is_small, "needs_s": needs_s}
    assert small_search(found, plan, budget=None)["needs_s"] is None
    found.interrupted = True
    assert small_search(found, plan, budget=8.0)["needs_s"] is None


@pytest.mark.skipif(sys.platform == "win32", reason="a process can't be sent Ctrl-C")
def test_ctrl_c_while_the_result_is_written_does_not_cost_it(tmp_path, monkeypatch):
    def pressed(*arguments, **options):
        signal.raise_signal(signal.SIGINT)
        return report(*arguments, **options)

    monkeypatch.setattr(start, "report", pressed)
    was = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        model = mf.train(numbers(), plan=plan_for(numbers()), seed=3, threads=1, out=tmp_path / "m", narrator=Silent())
    finally:
        signal.signal(signal.SIGINT, was)

    assert RunFolder.open(tmp_path / "m").state == "finished"
    assert (tmp_path / "m/report.html").exists() and model.facts["interrupted"] == []


class CtrlC(Silent):
    """A user who presses Ctrl-C when a stage has come so far."""

    def __init__(self, stage: str, done: int) -> None:
        self.stage, self.done = stage, done
        self.job: Job | None = None
        self.said: list[str] = []

    def progress(self, progress) -> None:
        if progress.stage == self.stage and progress.done >= self.done and self.job is not None:
            self.job.trainer.interrupt.is_set = True

    def say(self, key, **facts) -> None:
        self.said.append(key)


@pytest.mark.parametrize(("stage", "done"), [("search", 0), ("search", 7), ("confirm", 0), ("confirm", 12)])
def test_ctrl_c_ends_the_stage_and_goes_on_with_what_there_is(stage, done):
    user = CtrlC(stage, done)
    data = numbers()
    job = Job(data, Options(plan=plan_for(data), seed=3, threads=1), narrator=user)
    user.job = job

    model = job.run()

    assert "confirmed" in user.said
    assert np.isfinite(model.predict(data.frame)).all()
    assert model.facts["interrupted"] == [stage]
    assert model.verdict.startswith(f"VERDICT  Interrupted ({stage}). ")
    assert model.answer is not None and model.answer.statement[0].zh.startswith("已中断")
    again = Job(data, Options(plan=Plan.from_dict(model.facts["plan"]), seed=3, threads=1)).run()
    assert same_bits(again, model)


def test_ctrl_c_in_the_search_leaves_as_many_finalists_as_the_plan_has_room_for():
    user, data = CtrlC("search", 7), numbers()
    job = Job(data, Options(plan=plan_for(data, finalists=3), seed=3, threads=1), narrator=user)
    user.job = job

    model = job.run()

    assert model.facts["search"]["rungs"][0]["recipes"] == 6
    assert model.facts["confirm"]["recipes"] == 3
    assert model.facts["fit"]["why"] == "budget"  # remedies were not skipped: this plan tries none


def test_planted_line_is_learned_and_beats_the_mean():
    model = trained(numbers(200), epochs=40)
    test = {c["name"]: c for c in model.facts["test"]["contenders"]}

    assert test["manyfit"]["score"]["estimate"] < 0.5 * test["mean"]["score"]["estimate"]
    assert test["mean"]["finding"] == "worse"
    assert model.facts["answer"]["code"] in ("no", "same", "unknown")  # a linear model is the truth here


def test_weights_group_and_time_go_through_the_job():
    frame = numbers(160).frame.with_columns(y=numbers(160).y)
    frame = frame.with_columns(w=frame["b"].abs(), g=frame["b"].rank().cast(int) // 4, t=frame["b"].rank())
    for role in ("weights", "group", "time"):
        data = mf.load(frame, "y", **{role: {"weights": "w", "group": "g", "time": "t"}[role]}, leaks=False)
        model = trained(data)

        assert np.isfinite(model.facts["test"]["contenders"][0]["score"]["estimate"])
        if role == "time":  # only the latest fold has seen rows up to the present
            assert {network.encoder for network in model.networks} == {4}


def test_two_classes_have_one_output_and_an_area_under_the_curve():
    model = trained(classes(n_classes=2), metric="auc")
    first = model.facts["test"]["contenders"][0]

    assert 0.5 < first["score"]["estimate"] <= 1
    assert set(first["others"]) == {"log_loss", "accuracy", "brier"}


@pytest.mark.parametrize("way", ["same", "top"])
def test_every_way_of_averaging_gives_a_model(way):
    model = trained(classes(), ensemble=way)

    assert len(model.networks) % 10 == 0
    assert model.calibration.temperature > 0


def test_options_that_make_no_sense_are_all_named_at_once():
    with pytest.raises(UsageError, match=r"(?s)3 problems.*budget.*margin.*threads"):
        Options(budget=-1, margin=2, threads=0).check()


def test_train_returns_a_model_and_writes_nothing_unasked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    data = numbers()

    model = mf.train(data, plan=plan_for(data), seed=3, narrator=Silent())

    assert isinstance(data, Dataset)
    assert model.facts["plan_hash"] == plan_for(data).hash
    assert list(tmp_path.iterdir()) == []


def test_run_folder_holds_rounds_model_and_a_plan_to_repeat(tmp_path):
    data = numbers()
    model = mf.train(data, plan=plan_for(data), seed=3, out=tmp_path / "n.manyfit", narrator=Silent())
    folder = mf.runs.RunFolder.open(tmp_path / "n.manyfit")

    assert Plan.from_dict(folder.plan).hash == model.facts["plan_hash"]
    assert sum(round_.members().height for round_ in folder.rounds) == 6 + 3 + 20
    assert {"score", "optimizer.lr", "network.hidden"} <= set(folder.rounds[0].members().columns)
    assert same_bits(mf.load_model(tmp_path / "n.manyfit"), model)


def test_search_in_which_everything_diverges_is_one_clear_error(tmp_path):
    data = numbers()
    space = Space(Recipe(optimizer="sgd", batch_size=16).set("optimizer.lr", 1e20))

    with pytest.raises(ManyfitError, match="all 6 networks diverged"):
        mf.train(data, plan=plan_for(data), space=space, seed=3, narrator=Silent())


def test_space_of_ones_own_is_what_is_searched():
    data = numbers()
    space = Space(Recipe(mf.Dense((7,)), batch_size=16), ranges={"optimizer.lr": mf.LogRange(1e-3, 1e-2)})

    model = mf.train(data, plan=plan_for(data), space=space, seed=3, narrator=Silent())

    assert {network.shape.hidden for network in model.networks} == {(7,)}
    assert all(1e-3 <= recipe["optimizer"]["lr"] <= 1e-2 for recipe in model.facts["recipes"])
