"""What every test stands on: one thread for each library, seeded generators, and which core is loaded."""

import os

# Before numpy, scikit-learn or torch is imported: test workers share the processor, and a sum must not depend on
# how many threads took part in it.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "POLARS_MAX_THREADS"):
    os.environ.setdefault(variable, "1")

import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# No deadline: the first example of a test pays for imports and caches. Derandomized: what is green stays green.
settings.register_profile(
    "manyfit", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("manyfit")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--core", metavar="DIR", help="take the C++ core from this folder, e.g. a build with sanitizers"
    )


def pytest_configure(config: pytest.Config) -> None:
    folder = config.getoption("--core")
    if folder:
        import manyfit

        manyfit.__path__.insert(0, os.path.abspath(folder))


def pytest_report_header() -> str:
    import importlib.util

    core = importlib.util.find_spec("manyfit._native")
    return f"core: {core.origin if core else 'not built'}"


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator of its own for each test, always the same."""
    return np.random.default_rng(20260101)


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever a test registers is forgotten after it, and packages are looked through anew."""
    from manyfit import losses, optimizers, penalties, questions, samplers, schedules

    for room in (losses, optimizers, penalties, questions, samplers, schedules):
        monkeypatch.setattr(room.registry, "_rules", dict(room.registry._rules))
        monkeypatch.setattr(room.registry, "_origins", dict(room.registry._origins))
        monkeypatch.setattr(room.registry, "_waiting", None)


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """torch keeps its own count of threads and doesn't read the environment in every build."""
    try:
        import torch
    except ImportError:
        return
    torch.set_num_threads(1)
