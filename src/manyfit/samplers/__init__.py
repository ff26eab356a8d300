"""Samplers: which recipes a search tries, one file each. A new file here that holds an `@rule` class is a new sampler."""

from manyfit.registry import discover
from manyfit.samplers._base import Sampler as Sampler
from manyfit.samplers._base import registry as registry
from manyfit.samplers._base import rule as rule

discover(__name__, __path__)
