"""A job that was killed: what it had finished is not trained again, and the result has the bits that it would have had."""

import os
import signal
import subprocess
import sys

import pytest
from job.tables import classes, numbers, plan_for, trained
from job.test_job import Ticking, same_bits

import manyfit as mf
from manyfit.errors import DataError, RunError, UsageError
from manyfit.job import Job, Options, Plan, search
from manyfit.job.log import Log
from manyfit.job.narrator import Silent
from manyfit.job.start import Request
from manyfit.runs import RunFolder


class Killed(BaseException):
    """What no part of the job can catch."""


def train(data, folder, resume=False, **changes):
    plan = plan_for(data, **changes)
    return mf.train(data, plan=plan, seed=3, out=folder, threads=1, narrator=Silent(), resume=resume)


@pytest.fixture
def kill(monkeypatch):
    """A way to kill the job when so many rounds are written, and to let it live again."""

    def after(n_rounds: int) -> None:
        def write(self, *args, **more):
            if self._done >= n_rounds:
                raise Killed
            return whole(self, *args, **more)

        monkeypatch.setattr(Log, "write", write)

    whole = Log.write
    yield after
    monkeypatch.setattr(Log, "write", whole)


TWINS = {"twin_folds": 2, "twin_seeds": 1}


@pytest.fixture(scope="module")
def whole():
    """The job as it goes when nobody kills it: two rungs, two parts of the confirmation, twins."""
    return trained(classes(), **TWINS)


@pytest.mark.parametrize("n_rounds", [0, 1, 3, 4])
def test_killed_job_goes_on_to_the_same_bits(tmp_path, kill, whole, n_rounds):
    data = classes()
    kill(n_rounds)
    with pytest.raises(Killed):
        train(data, tmp_path / "a", resume=True, **TWINS)
    folder = RunFolder.open(tmp_path / "a")
    assert folder.state == "training"
    assert len(folder.rounds) == n_rounds
    assert all(len(round_.members()) for round_ in folder.rounds)
    kill(10**6)

    model = train(data, tmp_path / "a", resume=True, **TWINS)

    assert same_bits(model, whole)
    assert same_bits(mf.load_model(tmp_path / "a"), whole)
    for name in ("plan_hash", "test", "fit", "importance", "confirm", "search"):
        assert model.facts[name] == whole.facts[name], name


def test_what_was_finished_is_not_trained_again(tmp_path, kill, monkeypatch):
    data, trained_networks = numbers(), []
    kill(3)
    with pytest.raises(Killed):
        train(data, tmp_path / "a")
    kill(10**6)
    training = sys.modules["manyfit.job.training"]
    whole = training.train

    def counted(population, *args, **more):
        trained_networks.append(len(population))
        return whole(population, *args, **more)

    monkeypatch.setattr(training, "train", counted)
    train(data, tmp_path / "a", resume=True)

    assert trained_networks == [10]  # the second half of the confirmation


def test_decisions_of_the_clock_are_read_off_the_rounds(tmp_path, monkeypatch):
    """The search was cut by its deadline before the job was killed: it stays cut, though the clock now says otherwise."""
    monkeypatch.setattr(search, "FIRST_PART", 2)
    data, options = numbers(), Options(budget=10, seed=3, threads=1)
    job = Job(data, options, folder=RunFolder.create(tmp_path / "a", plan={}, seed=3), clock=Ticking(0.4))
    job.plan = plan_for(data, expected_s=(0.5, 0.5))

    def die(*_) -> None:
        raise Killed

    with monkeypatch.context() as until_here, pytest.raises(Killed):
        until_here.setattr(sys.modules["manyfit.job.main"], "look", die)
        job.run()
    assert [round_.header["plan"]["stage"] for round_ in RunFolder.open(tmp_path / "a").rounds] == [
        "search",
        "confirm",
    ]

    model = Job(data, options, folder=RunFolder.open(tmp_path / "a"), clock=Ticking(0.0001)).run()

    realised = Plan.from_dict(model.facts["plan"])
    assert realised.rungs[0].recipes < 6
    assert same_bits(model, Job(data, Options(plan=realised, seed=3, threads=1)).run())


def test_clock_of_a_killed_job_stood_still_while_it_was_dead(tmp_path, kill):
    data = numbers()
    kill(2)
    with pytest.raises(Killed):
        train(data, tmp_path / "a")
    kill(10**6)
    last = RunFolder.open(tmp_path / "a").rounds[-1].header["elapsed"]

    assert train(data, tmp_path / "a", resume=True).facts["seconds"] >= last


def test_finished_job_is_read_and_nothing_is_trained(tmp_path, monkeypatch):
    data = numbers()
    first = train(data, tmp_path / "a", resume=True)
    monkeypatch.setattr(Job, "run", lambda self: pytest.fail("trained again"))

    again = train(data, tmp_path / "a", resume=True)

    assert same_bits(again, first)
    assert again.verdict == first.verdict
    assert not list((tmp_path / "a").glob("rounds/*/state/*"))  # weights that count are in the model


def test_unfinished_job_is_not_replaced_and_the_error_says_what_to_do(tmp_path, kill):
    data = numbers()
    kill(1)
    with pytest.raises(Killed):
        train(data, tmp_path / "a")

    with pytest.raises(RunError, match=r"must not exist yet.*resume \(--resume\) goes on with it"):
        train(data, tmp_path / "a")
    with pytest.raises(RunError, match="training was not finished"):
        mf.report(tmp_path / "a")


def test_other_table_options_or_folder_are_refused(tmp_path, kill):
    data = numbers()
    kill(1)
    with pytest.raises(Killed):
        train(data, tmp_path / "a")
    common = {"out": tmp_path / "a", "resume": True, "narrator": Silent()}

    with pytest.raises(RunError, match="must be the table with which the job"):
        mf.train(numbers(seed=1), **common)
    with pytest.raises(UsageError, match=r"(?s)seed must be 3.*margin must be 0.01"):
        mf.train(data, seed=4, margin=0.2, **common)
    with pytest.raises(UsageError, match="resume needs a folder"):
        mf.train(data, resume=True, narrator=Silent())
    with RunFolder.create(tmp_path / "b", plan={"epochs": 3}):
        pass  # a population's, not a job's
    with pytest.raises(RunError, match="holds no main job"):
        mf.train(data, out=tmp_path / "b", resume=True, narrator=Silent())


def test_problems_of_options_place_and_table_are_told_together(tmp_path):
    (tmp_path / "taken").write_text("mine")
    (tmp_path / "t.csv").write_text("a,y\n" + "1,2\n" * 20)
    request = Request(
        str(tmp_path / "t.csv"),
        "z",
        {"drop": ("nothing",)},
        Options(budget=-1, engine="steam"),
        tmp_path / "taken",
    )

    with pytest.raises(UsageError) as error:
        request.begin(Silent(), began=0.0)

    said = str(error.value)
    for part in ("5 problems", "budget", "steam", "taken", "target 'z'", "drop 'nothing'"):
        assert part in said
    with pytest.raises(DataError, match="'z'"):  # of one kind: that kind
        Request(str(tmp_path / "t.csv"), "z").begin(Silent(), began=0.0)


PROGRAM = """
import os, signal, sys
from job.tables import numbers
from job.test_resume import train
whole, left = os.replace, [int(sys.argv[2])]

def fatal(*args):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return whole(*args)

os.replace = fatal
train(numbers(), sys.argv[1])
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize("nth", [2, 7, 16, 25])
def test_folder_is_readable_wherever_its_writer_was_killed_and_goes_on(tmp_path, nth):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "a"), str(nth)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    for round_ in RunFolder.open(tmp_path / "a").rounds:
        assert round_.metrics() is not None
        assert round_.notes == []

    assert same_bits(train(numbers(), tmp_path / "a", resume=True), trained(numbers()))
