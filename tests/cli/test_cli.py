"""The commands: data on stdout, talk on stderr, exit codes, and nothing left behind by a failure."""

import gzip
import io
import json
import os
import re

import numpy as np
import polars as pl
import pytest
from job.tables import numbers, plan_for

from manyfit.cli import main
from manyfit.commands.train import folder_for


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


@pytest.fixture
def table(folder):
    """A table of numbers as a file, and a plan that trains it in a moment."""
    data = numbers()
    data.frame.with_columns(y=data.y).write_csv(folder / "t.csv")
    plan = plan_for(data).to_dict()
    lines = [f"{key} = {json.dumps(value)}" for key, value in plan.items() if key != "rungs"]
    rungs = ", ".join("{" + ", ".join(f"{k} = {v}" for k, v in rung.items()) + "}" for rung in plan["rungs"])
    (folder / "plan.toml").write_text("[plan]\n" + "\n".join(lines) + f"\nrungs = [{rungs}]\n")
    return folder / "t.csv"


def test_train_then_predict(run, table, folder):
    code, out, err = run("train", "t.csv", "--target", "y", "--config", "plan.toml")

    assert code == 0
    assert out.startswith("TEST, first look")
    assert "VERDICT" in out
    assert "next   manyfit predict t.manyfit new.csv" in out
    assert "t.csv   120 rows × 4 columns → y: regression" in err
    assert (folder / "t.manyfit/run.toml").exists()

    code, out, err = run("predict", "t.manyfit", "t.csv", "-o", "p.csv")

    assert (code, out) == (0, "")
    assert "120 rows predicted by" in err
    assert pl.read_csv("p.csv").columns == ["y", "y low", "y high"]

    code, out, _ = run("predict", "t.manyfit", "t.csv")
    assert (code, out) == (0, (folder / "p.csv").read_text())


def test_stored_run_is_repeated_to_the_bit(run, table, folder):
    run("train", "t.csv", "-t", "y", "--config", "plan.toml")
    code, out, _ = run("train", "--config", "t.manyfit/run.toml", "-o", "again", "--json")
    first = json.loads((folder / "t.manyfit/model/model.json").read_text())["facts"]

    assert code == 0
    again = json.loads(out)
    assert again["plan_hash"] == first["plan_hash"]
    assert again["test"] == first["test"]
    weights = [(folder / name / "model/weights.safetensors").read_bytes() for name in ("again", "t.manyfit")]
    assert weights[0] == weights[1]


def test_existing_folder_is_kept_unless_forced(run, table, folder):
    (folder / "t.manyfit").mkdir()
    (folder / "t.manyfit/precious").write_text("mine")

    for flags in ((), ("--force",)):
        code, out, err = run("train", "t.csv", "-t", "y", "--config", "plan.toml", *flags)
        assert (code, out) == (2, "")
        assert "must not exist yet" in err
    assert (folder / "t.manyfit/precious").read_text() == "mine"

    run("train", "t.csv", "-t", "y", "--config", "plan.toml", "-o", "mine")
    assert run("train", "t.csv", "-t", "y", "--config", "plan.toml", "-o", "mine")[0] == 2
    assert run("train", "t.csv", "-t", "y", "--config", "plan.toml", "-o", "mine", "--force")[0] == 0


WRONG = {
    "missing file": (None, "", "does not exist"),
    "missing target": ("a,b\n" + "1,2\n" * 20, "--target=c", "is no column of t.csv"),
    "no target": ("a,b\n" + "1,2\n" * 20, "", "does not say what is to be predicted"),
    "ragged": ("a,y\n1,2\n1,2,3\n" + "1,2\n" * 20, "--target=y", "must have 2 fields"),
    "empty": ("", "--target=y", "is empty"),
    "no rows": ("a,y\n", "--target=y", "has column names but no rows"),
    "one class": ("a,y\n" + "".join(f"{i},yes\n" for i in range(20)), "--target=y", "has one value only"),
    "too few": (
        "a,y\n" + "".join(f"{i},{i * i}\n" for i in range(5)),
        "--target=y",
        "must have at least 10 rows",
    ),
    "infinite": (
        "a,y\n" + "".join(f"{i},{i % 7}.5\n" for i in range(30)) + "1,inf\n",
        "--target=y",
        "must be finite",
    ),
    "binary noise": (bytes(range(256)) * 9, "--target=y", "is no table"),
}


@pytest.mark.parametrize("case", WRONG)
def test_bad_input_is_one_clear_error_with_exit_code_2_and_nothing_left_behind(run, folder, case):
    content, flag, said = WRONG[case]
    if content is not None:
        (folder / "t.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    before = sorted(os.listdir())

    code, out, err = run("train", "t.csv", *([flag] if flag else []))

    assert (code, out) == (2, "")
    assert said in err
    assert "Traceback" not in err
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--budget", "-3"], "budget must be seconds > 0"),
        (["--metric", "acuracy"], "Did you mean 'accuracy'"),
        (["--metric", "rmse"], "can't score a classification"),
        (["--bugdet", "3"], "Did you mean"),
        (["--budget", "soon"], "soon"),
        (["--drop", "nothing"], "is no column of iris"),
        (["--kind", "species"], "must be COLUMN=KIND"),
        (["--config", "none.toml"], "does not exist"),
        (["--engine", "steam"], "unknown engine 'steam'"),
        (["-o", "/proc/none/x"], "can't be written"),
    ],
)
def test_bad_flag_is_refused_before_anything_is_trained(run, flags, said):
    code, out, err = run("train", "iris", *flags)

    assert (code, out) == (2, "")
    assert said in " ".join(err.split())
    assert os.listdir() == []


def test_dry_run_says_the_plan_and_writes_nothing(run):
    code, out, err = run("train", "iris", "--budget", "3", "--dry-run", "--json")

    assert code == 0
    plan = json.loads(out)
    assert plan["plan"]["rungs"][0]["recipes"] >= 1
    assert f"plan {plan['hash']}" in err
    assert os.listdir() == []


def test_predict_takes_odd_new_rows_and_says_what_it_did(run, table, folder):
    run("train", "t.csv", "-t", "y", "--config", "plan.toml")
    with gzip.open("new.csv.gz", "wt") as file:
        file.write("kind,extra,a\nq,1,2.5\n,2,\n")

    code, out, err = run("predict", "t.manyfit", "new.csv.gz", "--json")

    assert code == 0
    rows = json.loads(out)
    assert len(rows) == 2
    assert all(np.isfinite(row["y"]) for row in rows)
    assert "absent" in err
    assert "never seen" in err


def test_predict_refuses_what_it_can_not_do(run, table, folder):
    run("train", "t.csv", "-t", "y", "--config", "plan.toml")
    (folder / "taken.csv").write_text("mine")
    (folder / "foreign.csv").write_text("u,v\n1,2\n")

    for argv, said in [
        (["none.manyfit", "t.csv"], "does not exist"),
        (["t.manyfit", "none.csv"], "does not exist"),
        (["t.manyfit", "t.csv", "-o", "taken.csv"], "must not exist yet"),
        (["t.manyfit", "t.csv", "-o", "p.docx"], "must end in"),
        (["t.manyfit", "t.csv", "--level", "0.7"], "must be one of"),
        (["t.manyfit", "foreign.csv"], "foreign.csv"),
    ]:
        code, out, err = run("predict", *argv)
        assert (code, out) == (2, ""), argv
        assert said in err
    assert (folder / "taken.csv").read_text() == "mine"


def test_chinese_is_spoken_when_asked(run, table):
    code, out, err = run("train", "t.csv", "-t", "y", "--config", "plan.toml", "--lang", "zh")

    assert code == 0
    assert "测试集，首次查看" in out
    assert "结论" in out
    assert "回归" in err
    assert "search" not in err


def test_table_comes_from_standard_input_too(run, table, folder, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(table.read_bytes())))

    code, out, _ = run("train", "-", "-t", "y", "--config", "plan.toml")

    assert code == 0
    assert "stdin.manyfit" in out

    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(table.read_bytes())))
    assert len(run("predict", "stdin.manyfit", "-")[1].splitlines()) == 121


def test_test_rows_may_come_from_a_file(run, table, folder):
    rows = table.read_text().splitlines()
    (folder / "a.csv").write_text("\n".join(rows[:91]))
    (folder / "b.csv").write_text("\n".join([rows[0], *rows[91:]]))

    code, out, err = run("train", "a.csv", "-t", "y", "--test", "b.csv", "--config", "plan.toml", "--json")

    assert code == 0
    assert "test 30 rows, locked" in err
    assert json.loads(out)["test"]["n_rows"] == 30


def test_training_again_in_the_same_place_is_no_first_look(run, table):
    train = ("train", "t.csv", "-t", "y", "--config", "plan.toml", "--force")

    assert run(*train)[1].startswith("TEST, first look")
    _, out, _ = run(*train)

    assert out.startswith("TEST, look 2")
    assert "test rows opened 2 times" in out
    assert run(*train, "--seed", "9")[1].startswith("TEST, first look")  # other rows are locked


def test_json_is_strict(run, folder):
    (folder / "t.csv").write_text("a,y\n" + "".join(f"{7 * i % 11}.5,{i}\n" for i in range(11)))

    code, out, _ = run("train", "t.csv", "-t", "y", "--budget", "1", "--json")

    assert code == 0
    json.loads(out, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_quiet_says_nothing_but_warnings(run, table):
    _, _, err = run("train", "t.csv", "-t", "y", "--config", "plan.toml", "--quiet")

    assert all(line.lstrip().startswith("!") for line in err.splitlines())


def test_doctor_names_core_engines_and_libraries(run):
    code, out, _ = run("doctor")
    assert code == 0
    assert "engine     native" in out

    code, out, _ = run("doctor", "--json")
    assert set(json.loads(out)) >= {"core", "engines", "libraries", "python"}


def test_list_shows_rules_of_every_kind_with_their_settings(run):
    _, out, _ = run("list")
    assert {"optimizers", "schedules", "losses", "metrics", "examples"} <= set(out.splitlines())

    _, out, _ = run("list", "optimizer")
    assert "weight_decay" in out
    assert "schedules" not in out

    code, _, err = run("list", "optimisers")
    assert code == 2
    assert "Did you mean 'optimizers'" in err


def test_version_is_printed(run):
    import manyfit

    assert run("--version")[1] == f"manyfit {manyfit.__version__}\n"


def test_default_folder_has_the_name_of_the_table():
    names = {
        source: str(folder_for(source)) for source in ("a/house.csv", "house.tsv.gz", "digits", "-", ".csv")
    }

    assert names == {
        "a/house.csv": "house.manyfit",
        "house.tsv.gz": "house.manyfit",
        "digits": "digits.manyfit",
        "-": "stdin.manyfit",
        ".csv": ".csv.manyfit",
    }


def test_report_of_one_folder_goes_into_it_and_of_several_beside_us(run, table, folder):
    for name in ("a", "b"):
        run("train", "t.csv", "-t", "y", "--config", "plan.toml", "-o", name)

    assert run("report", "a", "--lang", "zh")[0] == 0
    assert 'lang="zh-Hans"' in (folder / "a/report.html").read_text("utf-8")
    assert not (folder / "report.html").exists()

    assert run("report", "a", "b")[0] == 0
    assert (folder / "report.html").exists()
    code, _, err = run("report", "a", "b")  # somebody's file is not replaced unasked
    assert (code, "must not exist yet" in err) == (2, True)
    assert run("report", "a", "b", "--force", "-o", "report.html")[0] == 0


def test_resume_begins_where_there_is_nothing_and_reads_what_is_finished(run, table, folder):
    train = ("train", "t.csv", "-t", "y", "--seed", "3", "--budget", "1", "--resume")
    code, first, _ = run(*train)
    assert code == 0

    code, again, err = run("train", "--resume", "-o", "t.manyfit")  # the folder knows its table

    assert (code, again) == (0, first)
    assert "search" not in err


def test_wrong_options_place_and_columns_are_told_together(run, table, folder):
    (folder / "taken").write_text("mine")

    code, out, err = run(
        "train", "t.csv", "-t", "z", "--budget", "-1", "--metric", "acuracy", "--kind", "a", "-o", "taken"
    )

    assert (code, out) == (2, "")
    for said in ("5 problems", "budget", "'acuracy'", "must be COLUMN=KIND", "taken", "target 'z'"):
        assert said in err


def test_resume_without_folder_and_table_is_one_problem(run):
    code, _, err = run("train", "--resume")

    assert code == 2
    assert err.count("\n") == 1 and "resume needs a folder to go on with" in err


BAD_LINES = [
    ["train"],
    ["tarin"],
    ["train", "iris", "--bugdet", "3"],
    ["train", "iris", "--budget", "much"],
    ["train", "iris", "--seed", "1.5"],
    ["train", "iris", "--task", "guess"],
    ["train", "iris", "more"],
    ["train", "iris", "--target"],
    ["train", "iris", "--budget", "-1", "--metric", "acc", "--mute", "nothing", "--drop", "zz"],
    ["train", "nowhere.csv", "-t", "y"],
    ["train", ".", "-t", "y"],
    ["train", "iris", "-o", "a_file/x"],
    ["train", "iris", "--config", "nowhere"],
    ["train", "iris", "--kind", "x"],
    ["train", "ragged.csv", "-t", "y"],
    ["train", "infinite.csv", "-t", "y"],
    ["train", "infinite.csv", "-t", "z"],
    ["predict", "nowhere", "iris"],
    ["report", "nowhere"],
    ["list", "zebras"],
    ["compare", "iris", "--set", "x"],
    ["compare", "iris", "--config", "nowhere"],
]


@pytest.mark.parametrize("line", BAD_LINES, ids=" ".join)
def test_every_complaint_is_had_in_chinese(run, folder, monkeypatch, line):
    (folder / "a_file").touch()
    (folder / "ragged.csv").write_text("x,y\n1,2\n3\n")
    (folder / "infinite.csv").write_text("x,y\n" + "".join(f"{i % 7},{i if i != 4 else 'inf'}\n" for i in range(30)))

    code, out, english = run(*line)
    asked = ["--lang", "zh"] if line[0] != "list" else []
    if not asked:  # the command has no such option: the locale decides
        monkeypatch.setenv("LC_ALL", "zh_CN.UTF-8")
    again, _, chinese = run(*line, *asked)

    assert (code, again, out) == (2, 2, "")
    assert not re.search("[一-鿿]", english) and re.search("[一-鿿]", chinese)
    assert not re.search(r"\b(must|can't|does|is|the|give|name|known)\b", chinese, re.IGNORECASE), chinese


def test_half_a_whole_number_is_refused_and_not_rounded(run):
    code, _, err = run("train", "iris", "--seed", "1.5")

    assert code == 2 and err.startswith("manyfit: --seed must be a whole number, got '1.5'.")


@pytest.mark.parametrize("place", ["missing/x.csv", "missing/x.html"])
def test_a_file_in_a_folder_that_is_not_there_is_refused_before_anything_is_done(run, table, folder, place):
    run("train", table, "-t", "y", "--config", "plan.toml", "-q", "--threads", "1")
    line = ["predict", "t.manyfit", table] if place.endswith(".csv") else ["report", "t.manyfit"]

    code, _, err = run(*line, "-o", place)

    assert code == 2 and "there is no folder" in err and len(err.splitlines()) == 1
    assert not (folder / "missing").exists()
    assert run(*line, "-o", place.removeprefix("missing/"))[0] == 0


def test_folders_that_will_be_made_are_told_before_training(run, table, folder):
    code, _, err = run("train", table, "-t", "y", "--config", "plan.toml", "-o", "deep/er/run", "--threads", "1")

    assert code == 0 and (folder / "deep/er/run/report.html").exists()
    assert "deep/er/ is not there yet: it will be made\n" in err
    assert err.index("it will be made") < err.index("search")
