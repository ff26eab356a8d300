"""What the documents show runs: every example of a docstring, and every block of Python in the documents."""

import doctest
import importlib
import pkgutil
import re
import shlex
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import manyfit
from manyfit.cli import main

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    module.name
    for module in pkgutil.walk_packages(manyfit.__path__, "manyfit.")
    if not module.name.endswith(("__main__", "._native"))
)
DOCUMENTS = sorted([ROOT / "README.md", *(ROOT / "docs").glob("**/*.md")])


@pytest.mark.parametrize("name", MODULES)
def test_examples_of_docstrings_print_what_they_say(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    results = doctest.testmod(
        importlib.import_module(name), optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    )

    assert results.failed == 0


@pytest.mark.slow
@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_python_of_the_documents_runs(path, tmp_path, monkeypatch, registries):
    monkeypatch.chdir(tmp_path)
    # The blocks of one document are one program, as a reader would type them in.
    program = "\n".join(re.findall(r"^```python\n(.*?)^```", path.read_text(), re.M | re.S))

    exec(compile(program, str(path), "exec"), {"__name__": f"document {path.name}"})


def blocks(path: Path) -> list[str]:
    """The blocks of code of a document, each with its language."""
    return re.findall(r"^```(\w*\n.*?)^```", path.read_text("utf-8"), re.M | re.S)


@pytest.mark.parametrize("path", sorted((ROOT / "docs").glob("*.zh.md")), ids=lambda path: path.name)
def test_twins_of_a_document_have_the_same_parts(path):
    twin = path.with_name(path.name.replace(".zh.md", ".md"))
    for count in (
        lambda p: re.findall(r"^#+ ", re.sub(r"^```.*?^```", "", p.read_text("utf-8"), flags=re.M | re.S), re.M),
        lambda p: len(re.findall(r"^\|", p.read_text("utf-8"), re.M)),
        lambda p: [block.partition("\n")[0] for block in blocks(p)],
    ):
        assert count(path) == count(twin)
    assert f"({path.name})" in twin.read_text("utf-8") and f"({twin.name})" in path.read_text("utf-8")


def test_every_document_of_words_has_a_twin():
    pages = {path.name for path in (ROOT / "docs").glob("*.md")}

    assert {name for name in pages if name.replace(".zh.md", ".md").replace(".md", ".zh.md") not in pages} == set()


QUESTIONS = [
    command
    for block in blocks(ROOT / "docs/questions.md")
    for command in re.findall(r"^\$ manyfit (.*)", block, re.M)
]


@pytest.mark.slow
def test_commands_on_the_page_of_questions_run(tmp_path, monkeypatch, capsys):
    pytest.importorskip("torch")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    random = np.random.default_rng(0)
    X = random.normal(size=(120, 3))
    pl.DataFrame({"a": X[:, 0], "b": X[:, 1], "price": X.sum(1)}).write_csv("house.csv")
    np.savez("arrays.npz", X=X.astype(np.float32), y=(X[:, 0] > 0).astype(int))
    page = (ROOT / "docs/questions.md").read_text("utf-8")
    module = re.search(r"^from torch import nn\n\n\nclass Little.*?(?=\n\n\nX = )", page, re.M | re.S)
    assert module is not None and len(QUESTIONS) == 10
    (tmp_path / "nets.py").write_text(module[0])
    for command in QUESTIONS:
        words = shlex.split(command.partition(" > ")[0])
        short = [] if words[0] == "report" or "--add" in words else ["--epochs", "1"]
        with pytest.raises(SystemExit) as left:
            main([*words, *short])

        assert left.value.code == 0, (command, capsys.readouterr().err)
    assert Path("both.html").exists()


def test_twin_of_the_page_of_questions_shows_the_same_code():
    assert blocks(ROOT / "docs/questions.zh.md") == blocks(ROOT / "docs/questions.md")
