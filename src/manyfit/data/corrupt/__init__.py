"""Corruptions of rows, one file each: noise, outliers, wrong targets, missing cells, drift, shift.

A new file in this folder that holds an `@rule` class is a new corruption everywhere.
"""

from manyfit.data.corrupt._base import Corruption as Corruption
from manyfit.data.corrupt._base import registry as registry
from manyfit.data.corrupt._base import rule as rule
from manyfit.registry import discover

discover(__name__, __path__)
