"""Every question as a command and as a function: options, folders, going on, answering again, both languages, hostile names."""

from __future__ import annotations

import inspect
import json
import re
import signal
import sys
import time

import numpy as np
import polars as pl
import pytest

import manyfit as mf
from manyfit.asking.functions import function_of
from manyfit.cli import main
from manyfit.commands.asking import commands
from manyfit.errors import RecipeError, RunError, UsageError
from manyfit.hyper import knobs
from manyfit.questions import registry

FEW = ("--points", "3", "--replicates", "3", "--confirm", "3", "--epochs", "2", "--widen", "0")
HOSTILE = "a\n\x1b[31m</script><script>alert(1)</script>"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every command runs in a folder of its own, in English."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    return tmp_path


@pytest.fixture
def run(capsys):
    """Run a command; gives its exit code, stdout and stderr."""

    def command(*argv: str):
        with pytest.raises(SystemExit) as left:
            main([str(part) for part in argv])
        out, err = capsys.readouterr()
        return left.value.code, out, err

    return command


def test_every_question_has_a_command_a_function_and_a_line_in_the_list(run):
    names = set(registry.all())
    listed = json.loads(run("list", "questions", "--json")[1])["questions"]

    assert {name.replace("-", "_") for name in commands()} == names == set(listed)
    for name in names:
        assert set(knobs(registry.find(name))) <= set(inspect.signature(getattr(mf, name)).parameters)
        assert name in dir(mf)


@pytest.mark.parametrize("name", sorted(commands()))
def test_help_of_every_question_names_its_settings(run, name):
    code, out, _ = run(name, "--help")

    assert code == 0
    for knob, declared in knobs(registry.find(name.replace("-", "_"))).items():
        assert declared.kind == "record" or f"--{knob.replace('_', '-')}" in out
    for option in ("--target", "--set", "--seed", "--out", "--json", "--lang", "--dry-run"):
        assert option in out


def test_answer_goes_to_stdout_and_talk_to_stderr(run, folder):
    code, out, err = run("learning-rate", "iris", *FEW)

    assert code == 0
    assert out.startswith("3 rates × 3 replicates = 9 networks")
    assert re.search(r"^ANSWER  Take .*error .* %", out, re.M)
    assert re.search(r"^SCOPE   seeds and splits of iris, .*; plan [0-9a-f]{4}$", out, re.M)
    assert "150 rows" in err and "wrote  iris.learning-rate-" in err
    (kept,) = folder.glob("iris.learning-rate-*")
    assert {"run.toml", "answer.json", "report.html", "rounds"} <= {path.name for path in kept.iterdir()}


def test_same_command_again_trains_nothing_and_says_the_same(run, folder):
    first = run("learning-rate", "iris", *FEW)
    (kept,) = folder.glob("iris.learning-rate-*")
    before = {path: path.stat().st_mtime_ns for path in kept.glob("rounds/*/state/*")}
    second = run("learning-rate", "iris", *FEW)

    assert before and before == {path: path.stat().st_mtime_ns for path in kept.glob("rounds/*/state/*")}
    assert second[:2] == first[:2]
    assert "is read, not trained again" in second[2]


def test_another_plan_does_not_fall_on_a_folder_that_was_named(run):
    run("learning-rate", "iris", *FEW, "-o", "here")
    code, _, err = run("learning-rate", "iris", *FEW, "--seed", "1", "-o", "here")

    assert code == 2 and "here holds another question, plan or table" in err
    assert run("learning-rate", "iris", *FEW, "--seed", "1", "-o", "here", "--force")[0] == 0


def test_plan_of_a_folder_is_repeated_to_the_digit(run):
    first = json.loads(run("learning-rate", "iris", *FEW, "--set", "optimizer=sgd", "-o", "one", "--json")[1])
    again = json.loads(run("learning-rate", "--config", "one", "-o", "two", "--json")[1])
    for said in (first, again):
        del said["folder"], said["seconds"]

    assert first == again


def test_chinese_is_spoken_in_terminal_and_report(run, folder):
    code, out, _ = run("learning-rate", "iris", *FEW, "--lang", "zh", "-o", "here")

    assert code == 0 and "结论  取 " in out and "范围  iris 的种子与划分" in out
    assert 'lang="zh-Hans"' in (folder / "here/report.html").read_text("utf-8")


def test_dry_run_trains_nothing_and_writes_nothing(run, folder):
    code, out, err = run("learning-rate", "iris", *FEW, "--dry-run", "--json")

    assert code == 0 and json.loads(out)["networks"] == 9
    assert not list(folder.iterdir()) and "9 networks in the first round" in err


def test_wrong_options_are_all_named_with_what_was_meant(run):
    code, _, err = run("learning-rate", "iris", "--points", "1", "--level", "2")
    assert (
        code == 2
        and "learning-rate.points must be a whole number ≥ 3" in err
        and "learning-rate.level" in err
    )

    assert "Did you mean '--rates'" in run("learning-rate", "--rate", "1")[2]
    assert "--rates must be a range of numbers, got '3..x'" in run("learning-rate", "--rates", "3..x")[2]
    assert "Did you mean 'optimizer'" in run("learning-rate", "iris", "--set", "optimiser=sgd")[2]


def test_names_of_columns_and_data_steer_neither_terminal_nor_page(run, folder):
    random = np.random.default_rng(0)
    frame = pl.DataFrame({HOSTILE: random.normal(size=40), "y": random.normal(size=40)})
    frame.write_csv(folder / "t\x1b[31m.csv")
    code, out, _ = run("learning-rate", "t\x1b[31m.csv", "--target", "y", *FEW, "-o", "here")

    assert code == 0 and "\x1b" not in out
    assert "<script>alert(1)" not in (folder / "here/report.html").read_text("utf-8")


def test_report_holds_any_set_of_folders_and_answers(run, folder):
    run("learning-rate", "iris", *FEW, "-o", "one")
    answer = mf.learning_rate("wine", points=3, replicates=3, confirm=3, epochs=2, widen=0)
    code, _, _ = run("report", "one", "one", "-o", "both.html")
    mf.report([answer, "one"], folder / "mixed.html")

    assert code == 0
    assert (folder / "both.html").read_text("utf-8").count("<h1") == 2
    text = (folder / "mixed.html").read_text("utf-8")
    assert text.index("for wine?") < text.index("for iris?")


def test_answer_is_made_again_from_stored_runs_with_another_margin(run, folder):
    out = json.loads(run("learning-rate", "iris", *FEW, "-o", "here", "--json")[1])
    again, other = mf.ask_again("here"), mf.ask_again("here", margin=1.01 * out["margin"])

    assert again.numbers["rate"] == out["rate"] and again.numbers["margin"] == out["margin"]
    assert other.numbers["margin"] == 1.01 * out["margin"] and other.numbers["rate"] == out["rate"]


def test_change_that_would_train_other_networks_is_refused(run):
    run("learning-rate", "iris", *FEW, "-o", "here")

    with pytest.raises(RunError, match="holds no finished round of these networks"):
        mf.ask_again("here", confirm=4)


def test_answer_is_not_made_again_from_other_data(run):
    run("learning-rate", "iris", *FEW, "-o", "here")

    with pytest.raises(RunError, match="was asked about other data"):
        mf.ask_again("here", "wine")


def test_missing_round_is_named(run, folder):
    import shutil

    run("learning-rate", "iris", *FEW, "-o", "here")
    shutil.rmtree(folder / "here/rounds/1")

    with pytest.raises(RunError, match="holds no finished round of these networks"):
        mf.ask_again("here")


def test_function_keeps_nothing_unless_a_folder_is_named(folder):
    answer = mf.learning_rate("iris", points=3, replicates=3, confirm=3, epochs=2, widen=0)

    assert not list(folder.iterdir())
    assert str(answer).startswith("3 rates × 3 replicates")
    assert answer.table().shape[0] >= 1 and answer.chart().to_dict()["layer"]


def test_unknown_argument_of_a_function_names_the_nearest():
    with pytest.raises(UsageError, match="Did you mean 'replicates'"):
        mf.learning_rate("iris", replicate=3)


def test_signature_of_a_function_shows_its_settings():
    assert "rates" in inspect.signature(function_of("learning_rate")).parameters
    assert "Rates to try" in (function_of("learning_rate").__doc__ or "")


@pytest.fixture
def heard():
    """Ctrl-C is heard, also where the tests run in the background and their shell had it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
def test_ctrl_c_leaves_what_was_trained_and_the_same_command_goes_on(run, folder, monkeypatch):
    from manyfit.engines import choose

    fitted = choose.fit
    calls = []

    def interrupted(population, **options):
        calls.append(options["folder"])
        if len(calls) == 1:
            options["watchers"] = [lambda ledger: signal.raise_signal(signal.SIGINT), *options["watchers"]]
            options["segment_s"] = 1e-4
        return fitted(population, **options)

    monkeypatch.setattr("manyfit.asking.inquiry.fit", interrupted)
    command = (
        "learning-rate",
        "digits",
        "--points",
        "4",
        "--replicates",
        "4",
        "--confirm",
        "3",
        "--widen",
        "0",
        "--epochs",
        "150",  # half a second: a busy machine may take a while to notice the signal
        "-o",
        "here",
    )
    code, out, err = run(*command)

    assert (code, out) == (130, "") and "the same command goes on" in err
    monkeypatch.undo()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    whole, there = run(*command, "--json"), time.monotonic()
    fresh = json.loads(run(*command[:-1], "anew", "--json")[1])

    assert whole[0] == 0 and there
    assert json.loads(whole[1])["rates"] == fresh["rates"]


MEET = (
    "--points",
    "3",
    "--replicates",
    "3",
    "--fresh",
    "1",
    "--confirm",
    "3",
    "--epochs",
    "2",
    "--widen",
    "0",
)


def test_compare_says_who_is_better_and_how_sure_it_is(run):
    code, out, _ = run("compare", "iris", "--optimizers", "sgd,adam", *MEET)

    assert code == 0
    assert out.startswith("2 optimizers × 3 rates × 3 seeds = 18 networks")
    assert re.search(r"^(sgd|adam) .*\[.*\] (better|worse|same|\?)", out, re.M)
    assert "same: within ±" in out and re.search(r"^ANSWER  Take (sgd|adam) at rate ", out, re.M)


def test_compare_in_chinese(run):
    code, out, _ = run("compare", "iris", "--optimizers", "sgd,adam", *MEET, "--lang", "zh")

    assert code == 0 and "2 种优化器 × 3 个学习率 × 3 个种子 = 18 个网络" in out
    assert "结论  取 " in out and "配对" in out and "ANSWER" not in out


def test_anything_may_vary_by_name_or_by_path(run):
    code, out, _ = run(
        "compare", "iris", "--vary", "activation=relu,tanh", "--vary", "network.hidden=4,4-4", *MEET, "--json"
    )
    told = json.loads(out)

    assert code == 0 and {option["name"] for option in told["options"]} == {
        "relu 4",
        "relu 4-4",
        "tanh 4",
        "tanh 4-4",
    }
    assert {tuple(option["settings"]["network.hidden"]) for option in told["options"]} == {(4,), (4, 4)}


def test_vary_is_a_mapping_in_python():
    varied = {"hidden": [(4,), (4, 3)]}
    answer = mf.compare("iris", vary=varied, points=2, replicates=3, fresh=1, confirm=2, epochs=2, widen=0)

    assert {option["name"] for option in answer.numbers["options"]} == {"4", "4-3"}


def test_replicates_are_added_to_a_stored_run_as_declared_looks(run, folder):
    command = ("compare", "iris", "--optimizers", "sgd,adam", *MEET, "--most", "9")
    first = json.loads(run(*command, "-o", "here", "--json")[1])
    before = {path: path.stat().st_mtime_ns for path in (folder / "here").glob("rounds/[0-2]/state/*")}
    code, out, _ = run("compare", "-o", "here", "--add", "3", "--json")
    again = json.loads(out)

    assert code == 0 and again["plan"] != first["plan"]
    tuned = {option["name"]: option["tuned"] for option in again["options"]}
    assert all(
        tuned[option["name"]][:3] == option["tuned"] and len(tuned[option["name"]]) == 6
        for option in first["options"]
    )
    assert before == {
        path: path.stat().st_mtime_ns for path in (folder / "here").glob("rounds/[0-2]/state/*")
    }
    assert run("compare", "-o", "here", "--add", "6")[0] == 2  # 12 would be more than 9


def test_folder_that_is_missing_is_named_by_the_option_that_was_given(run):
    for options in (("-o", "gone", "--add", "3"), ("--config", "gone")):
        code, out, err = run("compare", *options)

        assert code == 2 and not out
        assert f"{options[0]} gone does not exist" in err


@pytest.mark.parametrize("n", ["0", "-2"])
def test_no_replicates_to_add_leave_the_stored_run_as_it_is(run, folder, n):
    run("compare", "iris", "--optimizers", "sgd,adam", *MEET, "--most", "9", "-o", "here")
    before = (folder / "here/run.toml").read_text("utf-8")
    code, _, err = run("compare", "-o", "here", f"--add={n}")

    assert code == 2 and f"--add must be a whole number ≥ 1, got {n}" in err
    assert (folder / "here/run.toml").read_text("utf-8") == before


def test_rate_that_is_tuned_for_every_option_does_not_vary(run):
    for name in ("lr", "optimizer.lr"):
        code, _, err = run("compare", "iris", "--vary", f"{name}=0.1,0.01", *MEET)

        assert code == 2 and "can't hold optimizer.lr, which is tuned for every option" in err


def test_settings_of_the_only_optimizer_named_may_vary(run):
    code, out, _ = run("compare", "iris", "--optimizers", "momentum", "--vary", "momentum=0.5,0.9", *MEET)

    assert code == 0 and out.startswith("2 options")


def test_scope_names_nothing_that_varies(run):
    scope = re.compile(r"^SCOPE .*", re.M)
    _, out, _ = run("compare", "iris", "--vary", "hidden=8,16", "--vary", "epochs=1,2", *MEET)
    found = scope.search(out)
    assert found is not None and "adam" in found[0]
    assert "hidden" not in found[0] and "epochs" not in found[0]

    _, out, _ = run("compare", "iris", "--optimizers", "sgd,adam", "--vary", "activation=relu,tanh", *MEET)
    found = scope.search(out)
    assert found is not None and "hidden layers 64" in found[0] and "adam" not in found[0]


def test_several_values_in_python_are_the_values_to_try():
    of = {"replicates": 3, "points": 3, "confirm": 3, "epochs": 1, "widen": 0}

    assert mf.learning_rate("iris", rates=[0.1, 0.01], **of).head[0].en.startswith("2 rates")
    assert mf.batch_size("iris", sizes=(16, 32), fresh=1, **of).head[0].en.startswith("2 sizes")
    with pytest.raises(UsageError, match="rates must be a range"):
        mf.learning_rate("iris", rates=[], **of)


NETS = """
from torch import nn

class Little(nn.Sequential):
    def __init__(self, n_inputs=3, n_outputs=2, width=4):
        super().__init__(nn.Linear(n_inputs, width), nn.ReLU(), nn.Linear(width, n_outputs))
"""


def test_module_of_a_file_in_the_folder_is_asked_about_with_arrays_of_another(run, folder):
    pytest.importorskip("torch")
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 3)).astype(np.float32)
    np.savez(folder / "d.npz", X=X, y=(X[:, 0] > 0).astype(int))
    (folder / "nets_of_a_folder.py").write_text(NETS)
    (folder / "net.toml").write_text(
        'loss = "cross_entropy"\n[network]\nkind = "module"\nfactory = "nets_of_a_folder:Little"\n'
    )
    named = ("--set", "network=nets_of_a_folder:Little", "--set", "loss=cross_entropy")
    code, out, err = run("learning-rate", "d.npz", *named, *FEW, "-o", "named")
    assert (code, "SCOPE   seeds and splits of d.npz, Little, adam, 2 epochs" in out) == (0, True), err
    code, filed, _ = run("learning-rate", "d.npz", "--recipe", "net.toml", *FEW, "-o", "filed")

    assert code == 0 and filed.splitlines()[1:] == out.splitlines()[1:]
    assert mf.ask_again("named").statement == mf.ask_again("filed").statement


def test_module_without_a_name_is_answered_about_and_refused_a_folder_before_it_trains(folder):
    nn = pytest.importorskip("torch").nn
    random = np.random.default_rng(0)
    X = random.normal(size=(60, 3)).astype(np.float32)
    module = mf.Module(lambda: nn.Linear(3, 2))
    given = {
        "recipe": mf.Recipe(module, loss="cross_entropy", epochs=1),
        "points": 3,
        "replicates": 3,
        "confirm": 3,
        "widen": 0,
    }
    answer = mf.learning_rate((X, (X[:, 0] > 0).astype(int)), **given)

    assert answer.plan == "" and answer.scope.en.endswith("a module, adam, 1 epoch")
    with pytest.raises(RecipeError, match="must have an importable name, to be written down"):
        mf.learning_rate((X, (X[:, 0] > 0).astype(int)), **given, out=folder / "here")
    assert not (folder / "here").exists()


def test_arrays_that_can_not_be_used_are_named(run, folder):
    np.savez(folder / "x.npz", X=np.zeros((3, 2)))
    (folder / "bad.npz").write_text("no archive")

    assert "x.npz must hold y, got X" in run("learning-rate", "x.npz")[2]
    assert "bad.npz can't be read as arrays" in run("learning-rate", "bad.npz")[2]
    assert "none.npz does not exist" in run("learning-rate", "none.npz")[2]


def test_schedules_are_compared_by_their_names(run):
    code, out, _ = run("schedule", "iris", "--schedules", "constant,warmup >> cosine", *MEET)

    assert code == 0 and out.startswith("2 schedules × 3 rates × 3 seeds")
    assert "warmup >> cosine" in out


def test_ranges_are_shown_as_options_take_them(run):
    assert "Default 1,2,4,8,16,32,64,128,256." in " ".join(run("bias-variance", "--help")[1].replace("│", " ").split())

    code, _, err = run("bias-variance", "cubic", "--widths", "0,4")
    assert code == 2
    assert "each ≥ 1, got 0,4. The default is 1,2,4,8,16,32,64,128,256." in err


def test_module_in_the_folder_where_we_are_is_found_by_its_name(run, folder, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr("sys.path", [place for place in sys.path if place])
    (folder / "nets_from_here.py").write_text("from torch import nn\n\n\ndef net():\n    return nn.Linear(1, 1)\n")
    (folder / "recipe.toml").write_text('epochs = 2\nnetwork = {kind = "module", factory = "nets_from_here:net"}\n')

    code, out, err = run("diagnose", "line", "--recipe", "recipe.toml", "--replicates", "3", "-o", "here")

    assert code == 0, err
    assert "ANSWER" in out
