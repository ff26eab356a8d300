"""Courses of the learning rate, one file each. A new file in this folder with an `@rule` class is a new schedule everywhere."""

from manyfit.registry import discover
from manyfit.schedules._base import Course as Course
from manyfit.schedules._base import Schedule as Schedule
from manyfit.schedules._base import Timed as Timed
from manyfit.schedules._base import registry as registry
from manyfit.schedules._base import rule as rule

discover(__name__, __path__)
