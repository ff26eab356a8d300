"""Attacks: the nudge of each row that hurts a network most, one file each, for all networks at once.

A new file in this folder that holds an `@rule` class is a new attack everywhere.
"""

from manyfit.attacks._base import Attack as Attack
from manyfit.attacks._base import Slope as Slope
from manyfit.attacks._base import registry as registry
from manyfit.attacks._base import rule as rule
from manyfit.registry import discover

discover(__name__, __path__)
