"""From a file or arrays to a data set, its splits, and the numbers that networks take."""

from manyfit.data.columns import Column
from manyfit.data.dataset import Dataset
from manyfit.data.encode import Encoder, Input
from manyfit.data.examples import EXAMPLES, Example, example, examples
from manyfit.data.load import load
from manyfit.data.notes import Note
from manyfit.data.rolling import Cuts, cuts
from manyfit.data.split import Fold, Holdout, folds, group_ways, hold_out, holdout, shared_rows
from manyfit.data.table import Table, read
from manyfit.data.target import Target, Task

__all__ = [
    "EXAMPLES",
    "Column",
    "Cuts",
    "Dataset",
    "Encoder",
    "Example",
    "Fold",
    "Holdout",
    "Input",
    "Note",
    "Table",
    "Target",
    "Task",
    "cuts",
    "example",
    "examples",
    "folds",
    "group_ways",
    "hold_out",
    "holdout",
    "load",
    "read",
    "shared_rows",
]
