"""What a corruption is: a frozen record with one pure function that spoils rows by a given strength.

`apply(sample, domain, strength, key)` acts on encoded rows, but knows which inputs are numbers, flags or parts of one column.
The same key at two strengths spoils the same cells in the same direction, so that a score over strength is a smooth curve.
"""

from __future__ import annotations

from typing import ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from manyfit.data.domain import Domain, Sample
from manyfit.registry import Registry
from manyfit.rng import Purpose, uniform, words

Stage = Literal["score", "train"]

registry = Registry("corruption")
rule = registry.rule
"""Registers a class as one of them: a frozen dataclass, known by its name in lower case."""


@runtime_checkable
class Corruption(Protocol):
    """A way to spoil rows.

    said: Its name in English and Chinese.
    unit: What strength is counted in, in both.
    stage: Which rows it spoils: those that score, or those that train.
    strengths: Which strengths are tried when nothing is said, increasing.
    """

    said: ClassVar[tuple[str, str]]
    unit: ClassVar[tuple[str, str]]
    stage: ClassVar[Stage]
    strengths: ClassVar[tuple[float, ...]]

    def apply(self, sample: Sample, domain: Domain, strength: float, key: int) -> Sample:
        """The rows, spoiled; at strength 0 as they are."""
        ...


def uniforms(key: int, n_rows: int, n_columns: int, layer: int = 0) -> NDArray[np.float64]:
    """[n_rows, n_columns] numbers between 0 and 1; other layers of a key are other numbers."""
    return uniform(words(key, Purpose.CORRUPT, n_rows, n_columns, layer=layer))


def normals(key: int, n_rows: int, n_columns: int, layer: int = 0) -> NDArray[np.float64]:
    """[n_rows, n_columns] standard normal numbers."""
    return ndtri(uniforms(key, n_rows, n_columns, layer))
