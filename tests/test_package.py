"""The package as it is installed: its public names, what importing it costs, and that its core was built."""

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import manyfit

ROOT = Path(__file__).parents[1]


def python(code: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Run `code` in a fresh interpreter, where nothing has been imported yet."""
    return subprocess.run(
        [sys.executable, *args, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.native
def test_native_core_is_built_for_this_version():
    import manyfit._native as core

    assert core.version() == manyfit.__version__


def test_version_is_the_one_in_pyproject():
    declared = re.search(r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(), re.M)

    assert declared and declared[1] == manyfit.__version__ == importlib.metadata.version("manyfit")


@pytest.mark.parametrize("name", manyfit.__all__)
def test_every_public_name_loads(name):
    assert getattr(manyfit, name) is not None
    assert name in dir(manyfit)


def test_names_for_type_checkers_are_the_names_at_run_time():
    tree = ast.parse((ROOT / "src/manyfit/__init__.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0]
    declared = {
        alias.name: node.module.removeprefix("manyfit.")
        for node in imports
        if node.module and node.module.startswith("manyfit.")
        for alias in node.names
    }

    assert declared == manyfit._ROOM_OF
    assert {*declared, "__version__"} == set(manyfit.__all__)


def test_no_public_verb_has_the_name_of_a_module():
    modules = {path.stem for path in (ROOT / "src/manyfit").iterdir()}

    assert modules.isdisjoint(name for name in manyfit.__all__ if name.islower())


def test_no_room_opens_the_private_part_of_another():
    """What begins with an underscore is for the folder that it lies in."""
    opened = []
    for path in sorted((ROOT / "src/manyfit").rglob("*.py")):
        here = path.relative_to(ROOT / "src").with_suffix("").parts
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("manyfit.")):
                continue
            parts = node.module.split(".")
            private = next((place for place, part in enumerate(parts) if part.startswith("_")), None)
            if private is not None and here[:private] != tuple(parts[:private]):
                opened.append(f"{'.'.join(here)} opens {node.module}")

    assert opened == []


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'manyfit' has no attribute 'trian'"):
        manyfit.trian  # noqa: B018 - reading it is the test


def test_import_loads_no_room():
    code = "import sys; before = set(sys.modules); import manyfit; print(*sorted(set(sys.modules) - before))"
    loaded = python(code).stdout.split()

    assert [name for name in loaded if name.split(".")[0] not in sys.stdlib_module_names] == ["manyfit"]


def test_help_imports_neither_torch_nor_what_trains():
    code = (
        "import sys; from manyfit.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'torch', 'polars', 'sklearn', 'scipy', 'optuna', 'numpy'}\n"
        "print(*heavy.intersection(sys.modules), file=sys.stderr)"
    )
    done = python(code)

    assert "train" in done.stdout
    assert done.stderr.split() == []


@pytest.mark.slow
@pytest.mark.native
def test_main_job_needs_no_torch(tmp_path):
    done = python(
        "from importlib.machinery import PathFinder\n"
        "find = PathFinder.find_spec\n"
        "PathFinder.find_spec = lambda name, *rest: None if name == 'torch' else find(name, *rest)\n"
        "from manyfit.cli import main\n"
        f"main(['train', 'line', '--budget', '1', '-o', {str(tmp_path / 'line')!r}])"
    )

    assert (done.returncode, "VERDICT" in done.stdout) == (0, True), done.stderr


@pytest.mark.slow
def test_wheel_is_built_without_a_compiler(tmp_path):
    wheel, log = build_wheel(tmp_path, CXX="/bin/false")

    assert "py3-none-any" in wheel.name, log
    names = zipfile.ZipFile(wheel).namelist()
    assert {"manyfit/__init__.py", "manyfit/py.typed"} <= set(names)
    assert not [name for name in names if name.endswith(".so")]


@pytest.mark.slow
@pytest.mark.native
def test_wheel_carries_the_core(tmp_path):
    # One instruction set, no optimization: that the core is packed is the question, not how fast it is.
    wheel, log = build_wheel(
        tmp_path, SKBUILD_CMAKE_BUILD_TYPE="None", SKBUILD_CMAKE_DEFINE="MANYFIT_ISAS=v2"
    )
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")

    # -S: without the checkout that an editable install puts before everything.
    done = python(
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "import manyfit._native as core; print(core.__file__, core.version())",
        "-S",
    )

    core = next(tmp_path.glob("site/manyfit/_native*.so"))
    assert (core.parent / "_native.pyi").exists()
    assert done.stdout.split() == [str(core), manyfit.__version__], log


def build_wheel(folder: Path, **environment: str) -> tuple[Path, str]:
    """A wheel of this checkout, built by the tools already installed, without the network."""
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    command += ["--config-settings", f"build-dir={folder / 'build'}", "-w", str(folder), str(ROOT)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | environment, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return next(folder.glob("*.whl")), done.stdout + done.stderr
