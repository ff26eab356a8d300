"""`manyfit trace`: words and numbers on stdout, JSON in full, a page beside it, clear refusals."""

import json

import pytest

import manyfit as mf
from manyfit.cli import main
from manyfit.networks import Dense
from manyfit.optimizers.adam import Adam
from manyfit.recipe import Recipe


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """Every command runs in a folder of its own, in English, away from a terminal."""
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


def test_without_data_the_embedded_line_is_traced(run):
    code, out, err = run("trace")

    assert (code, err) == (0, "")
    assert out.startswith("One training step on line\n")
    assert out.rstrip() == mf.trace().text().rstrip()
    assert "\x1b" not in out


def test_the_chapters_own_are_built_in(run):
    assert "∂L/∂x = ∂L/∂f·∂f/∂g·∂g/∂h·∂h/∂x = 1·0.25·4·2 = 2" in run("trace", "chain")[1]
    code, out, _ = run("trace", "two-layer", "--lang", "zh")

    assert code == 0
    assert out.startswith("两层网络的反向传播\n")
    assert "反向传播" in out


def test_json_holds_every_line_and_array_in_full(run):
    code, out, _ = run("trace", "--json", "--row", 7, "--weight", "1,2,b")
    found = json.loads(out)
    told = mf.trace(row=7, weight=(1, 2, "b"))

    assert code == 0
    assert found == json.loads(told.to_json())
    assert found["weight"] == [1, 2, "b"]
    assert [line["value"] for line in found["lines"]] == [line.value for line in told.lines]


def test_settings_of_the_recipe_are_set_by_their_paths(run):
    given = (
        "optimizer.lr=0.25",
        "network.hidden=3,2",
        "optimizer=adam",
        "batch_size=none",
        "network.activation=tanh",
    )
    code, out, _ = run("trace", "--json", *(part for text in given for part in ("--set", text)))
    recipe = Recipe.from_dict(json.loads(out)["recipe"])

    assert code == 0
    assert recipe.optimizer == Adam(lr=0.25)
    assert recipe.network == Dense((3, 2), "tanh")
    assert recipe.batch_size is None


def test_values_of_the_built_in_ones_are_set_by_their_names(run):
    _, out, _ = run("trace", "two-layer", "--json", "--set", "x=0.5", "--set", "optimizer=adam")
    found = json.loads(out)

    assert found["given"]["x"] == 0.5
    assert "m̂" in [line["quantity"] for line in found["lines"]]


@pytest.mark.parametrize("ending", ["json", "toml"])
def test_a_recipe_may_come_from_a_file(run, folder, ending):
    import tomli_w

    recipe = Recipe(Dense((2,), "tanh"), optimizer=Adam(lr=0.5), batch_size=4, precision="float64")
    fields = recipe.to_dict()
    (folder / f"recipe.{ending}").write_text(
        json.dumps(fields) if ending == "json" else tomli_w.dumps(fields)
    )
    _, out, _ = run("trace", "--recipe", f"recipe.{ending}", "--json")

    assert Recipe.from_dict(json.loads(out)["recipe"]) == recipe


def test_a_page_is_written_beside_the_text(run, folder):
    code, out, _ = run("trace", "iris", "--report", "page.html", "--lang", "en")
    page = (folder / "page.html").read_text("utf-8")

    assert code == 0
    assert out.startswith("One training step on iris")
    assert "The computation graph for row" in page
    assert "∂L/∂" in page


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["--row", "101"], "row 101 must be 1 to 100"),
        (["--weight", "1,1"], "weight must be three"),
        (["--weight", "one,1,1"], "weight must name a layer 1 to 2, got 'one'"),
        (["--set", "optimizer"], "--set must be PATH=VALUE, got 'optimizer'"),
        (["--set", "optimizer=adm"], "Did you mean 'adam'"),
        (["--set", "optimizer.lrr=1"], "Did you mean 'lr'"),
        (["--set", "optimizer.lr=-1"], "SGD.lr must be ≥ 0, got -1"),
        (["--recipe", "none.toml"], "none.toml can't be read"),
        (["chain", "--set", "x=one"], "--set x must be a number, got 'one'"),
        (["chain", "--row", "1"], "row has no meaning for 'chain'"),
        (["two-layer", "--set", "network.hidden=3"], "--set network.hidden has no meaning for 'two-layer'"),
        (["--set", "network.norm=layer"], "Dense.norm can't be traced"),
        (["chian"], "chian"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(run, argv, said):
    code, out, err = run("trace", *argv)

    assert (code, out) == (2, "")
    assert said in err


def test_a_broken_recipe_file_is_refused(run, folder):
    (folder / "recipe.toml").write_text("[[[")
    code, _, err = run("trace", "--recipe", "recipe.toml")

    assert code == 2
    assert "recipe.toml must hold a recipe in TOML or JSON" in err
