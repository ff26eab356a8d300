"""Train hundreds of networks for about the price of one, and answer with error bars.

Names are loaded when they are first used, so that `import manyfit` costs nothing and a command that only
shows its help never pays for what trains.
"""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from manyfit.asking import ask_again
    from manyfit.augment import Augment
    from manyfit.curves import fit_curves, loss_curves
    from manyfit.data import Dataset, load
    from manyfit.engines.choose import fit
    from manyfit.errors import (
        DataError,
        EngineError,
        ManyfitError,
        Problem,
        RecipeError,
        RunError,
        UnknownNameError,
        UsageError,
    )
    from manyfit.hyper import Choice, IntRange, LogRange, Range
    from manyfit.job import train
    from manyfit.model import Model, load_model
    from manyfit.networks.dense import Dense
    from manyfit.networks.module import Module
    from manyfit.population import Member, Population, Probe, Rows, View
    from manyfit.recipe import Recipe, Stopping
    from manyfit.render.document import report
    from manyfit.render.picture import draw
    from manyfit.rng import Streams
    from manyfit.runs import Run
    from manyfit.sklearn import ManyfitClassifier, ManyfitRegressor
    from manyfit.tape import trace

__all__ = [
    "Augment",
    "Choice",
    "DataError",
    "Dataset",
    "Dense",
    "EngineError",
    "IntRange",
    "LogRange",
    "ManyfitClassifier",
    "ManyfitError",
    "ManyfitRegressor",
    "Member",
    "Model",
    "Module",
    "Population",
    "Probe",
    "Problem",
    "Range",
    "Recipe",
    "RecipeError",
    "Rows",
    "Run",
    "RunError",
    "Stopping",
    "Streams",
    "UnknownNameError",
    "UsageError",
    "View",
    "__version__",
    "ask_again",
    "draw",
    "fit",
    "fit_curves",
    "load",
    "load_model",
    "loss_curves",
    "report",
    "trace",
    "train",
]

__version__: str

# Which room a public name lives in. The imports above say the same to type checkers; a test compares them.
_ROOM_OF = {
    "Augment": "augment",
    "Choice": "hyper",
    "DataError": "errors",
    "Dataset": "data",
    "Dense": "networks.dense",
    "EngineError": "errors",
    "IntRange": "hyper",
    "LogRange": "hyper",
    "ManyfitClassifier": "sklearn",
    "ManyfitError": "errors",
    "ManyfitRegressor": "sklearn",
    "Member": "population",
    "Model": "model",
    "Module": "networks.module",
    "Population": "population",
    "Probe": "population",
    "Problem": "errors",
    "Range": "hyper",
    "Recipe": "recipe",
    "RecipeError": "errors",
    "Rows": "population",
    "Run": "runs",
    "RunError": "errors",
    "Stopping": "recipe",
    "Streams": "rng",
    "UnknownNameError": "errors",
    "UsageError": "errors",
    "View": "population",
    "ask_again": "asking",
    "draw": "render.picture",
    "fit": "engines.choose",
    "fit_curves": "curves",
    "load": "data",
    "load_model": "model",
    "loss_curves": "curves",
    "report": "render.document",
    "trace": "tape",
    "train": "job",
}


# Rooms that are used by their own names: `mf.torch.LAMB`, `mf.testing.check_optimizer`.
_ROOMS = ("testing", "torch")


def __getattr__(name: str) -> Any:
    """Load a public name from its room, once (PEP 562).

    Args:
        name: What was asked for: one of `__all__`, or a question: each file in `questions/` is a function of that name.

    Returns:
        The object, which from now on is an ordinary attribute of the package.

    Raises:
        AttributeError: The package has no such public name.
    """
    if name == "__version__":
        value = import_module("importlib.metadata").version("manyfit")
    elif name in _ROOM_OF:
        value = getattr(import_module(f"manyfit.{_ROOM_OF[name]}"), name)
    elif name in _ROOMS:
        value = import_module(f"manyfit.{name}")
    elif name in _questions():
        value = import_module("manyfit.asking").function_of(name)
    else:
        raise AttributeError(f"module 'manyfit' has no attribute {name!r}")
    globals()[name] = value
    return value


def _questions() -> list[str]:
    """The questions there are, by the names of their files: nothing is imported to find them."""
    names = [name for _, name, _ in iter_modules([f"{path}/questions" for path in __path__])]
    return [name for name in names if not name.startswith("_")]


def __dir__() -> list[str]:
    return sorted([*__all__, *_questions()])
