"""What the documents show runs: every example of a docstring, and every block of Python in the documents."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import manyfit

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
