"""What other packages bring: found by entry point, listed with where it is from, left out with one line when it is broken."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import manyfit as mf
from manyfit import optimizers, testing
from manyfit.errors import UnknownNameError

ROOT = Path(__file__).parents[1]
PACKAGE = "lion-for-manyfit 0.1"


def lion():
    """The file that the documentation shows."""
    text = (ROOT / "docs" / "extending.md").read_text("utf-8")
    return re.search(r"^```python\n(.*?)^```", text, re.M | re.S)[1]


def install(
    site,
    name="lion-for-manyfit",
    module="lion",
    source=None,
    entries="[manyfit.optimizers]\nlion = lion:Lion\n",
):
    """A distribution as pip leaves it behind."""
    info = site / f"{name.replace('-', '_')}-0.1.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n")
    (info / "entry_points.txt").write_text(entries)
    (site / f"{module}.py").write_text(lion() if source is None else source, "utf-8")


@pytest.fixture
def site(tmp_path, monkeypatch, registries):
    """A folder on the path that packages can be put into."""
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in ("lion", "torn", "thief"):
        sys.modules.pop(name, None)


def test_optimizer_of_another_package_keeps_the_contract_and_trains(site):
    install(site)
    X = np.linspace(-1, 1, 32)[:, None]
    recipe = mf.Recipe(mf.Dense((8,), "tanh"), optimizer="lion", epochs=40).set("optimizer.lr", 0.02)

    testing.check_optimizer(optimizers.registry.find("lion"))
    run = mf.fit(mf.Population.of([recipe, recipe.set("optimizer", "sgd")], X, X**2))

    assert run.final_loss[0] < 0.05
    assert mf.Recipe.from_dict(recipe.to_dict()) == recipe


def test_its_package_is_named_where_rules_are_listed(site, capsys):
    from manyfit.commands import doctor, listing

    install(site)
    listing.run("optimizers")
    doctor.run()
    listing.run("optimizers", as_json=True)
    out = capsys.readouterr().out

    assert f"Every parameter moves by the rate, up or down, and forgets slowly. [{PACKAGE}]" in out
    assert f"plug-in    {PACKAGE} optimizers lion" in out
    assert json.loads(out[out.index("{") :])["optimizers"]["lion"]["from"] == PACKAGE
    assert optimizers.registry.origin("lion") == PACKAGE
    assert optimizers.registry.origin("adam") == "manyfit"


def test_it_is_an_optimizer_of_torch_too(site):
    torch = pytest.importorskip("torch")
    import manyfit.torch

    install(site)
    weights = torch.ones(3, requires_grad=True)
    weights.grad = torch.tensor([2.0, -1.0, 0.0])
    manyfit.torch.optimizer_class(optimizers.registry.find("lion"))(
        [weights], lr=0.1, betas=(0.5, 0.9)
    ).step()

    assert weights.tolist() == pytest.approx([0.9, 1.1, 1.0])


def test_packages_are_not_imported_before_they_are_needed(site):
    install(site, source="raise SystemExit('imported')")

    assert mf.Recipe(optimizer="adamw").set("l2.strength", 0.1).set("optimizer.lr", 0.1).check()
    assert "lion" not in sys.modules


@pytest.mark.parametrize(
    ("source", "entries", "why"),
    [
        ("import not_there_at_all", "torn = torn:Torn", "No module named 'not_there_at_all'"),
        ("raise ValueError('two\\nlines')", "torn = torn:Torn", "two lines"),
        ("x = 1", "torn = torn:Torn", "module 'torn' has no attribute 'Torn'"),
        (
            "class Torn: name = 'worn'",
            "torn = torn:Torn",
            "its class is called 'worn', and so must its entry point be",
        ),
        (
            "from manyfit.optimizers import rule\n@rule\nclass Adam: pass",
            "torn = torn:Adam",
            "optimizer 'adam' must be registered once only; manyfit.optimizers.adam already has that name, got torn.",
        ),
    ],
)
def test_broken_package_is_left_out_with_one_line(site, caplog, source, entries, why):
    install(site, "torn-rules", "torn", source, f"[manyfit.optimizers]\n{entries}\n")
    install(site)

    known = optimizers.registry.all()
    optimizers.registry.all()

    assert {"lion", "adam"} <= known.keys() and "torn" not in known
    assert known["adam"].__module__ == "manyfit.optimizers.adam"
    assert caplog.messages == [f"optimizer 'torn' of torn-rules 0.1 is left out: {why}"]
    with pytest.raises(UnknownNameError, match="unknown optimizer 'torn'"):
        optimizers.registry.find("torn")


def test_command_line_says_one_line_about_a_broken_package_and_lists_the_others(tmp_path):
    install(tmp_path, "torn-rules", "torn", "1 / 0", "[manyfit.schedules]\ntorn = torn:Torn\n")
    path = os.pathsep.join([str(tmp_path), *filter(None, [os.environ.get("PYTHONPATH")])])
    code = "from manyfit.cli import main; main(['list', 'schedules'])"

    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        encoding="utf-8",
    )

    assert done.returncode == 0
    assert done.stderr == "schedule 'torn' of torn-rules 0.1 is left out: division by zero\n"
    assert "one_cycle" in done.stdout
