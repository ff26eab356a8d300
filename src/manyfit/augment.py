"""Augmentation: what training does to the inputs so that a network leans on no single number. Predictions see none of it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manyfit.hyper import hyper
from manyfit.rng import KEEP_ALL, dropped, gaussian, keep_threshold


@dataclass(frozen=True)
class Augment:
    """Noise on the inputs, and inputs left out, drawn anew in every step; the chapter's 3.6.8.

    Inputs are encoded and scaled by then: a noise of 0.1 is a tenth of a column's standard deviation, and a value of 0 says
    nothing, because it is the mean of its column. Unlike with `input_dropout`, what stays is not scaled up. Noise comes first,
    then dropping, then input dropout. Inputs that are whole numbers or switches to a module stay as they are.

    Example:
        >>> shift, keep = Augment(noise=0.1, drop=0.25).draw(key=7, step=0, n_rows=2, n_inputs=4)
        >>> keep.tolist()
        [[1.0, 1.0, 1.0, 1.0], [1.0, 1.0, 0.0, 1.0]]

    References:
        Bishop 1995, Training with noise is equivalent to Tikhonov regularization, https://doi.org/10.1162/neco.1995.7.1.108
    """

    noise: float = hyper(
        0.0,
        low=0,
        usual=(0.01, 0.3),
        doc="Standard deviation of the noise added to every input, in units of the encoded inputs.",
    )
    drop: float = hyper(
        0.0,
        low=0,
        below=1,
        usual=(0, 0.2),
        doc="Probability that an input is replaced by 0, without scaling the rest.",
    )

    @property
    def is_on(self) -> bool:
        """Whether it changes anything."""
        return self.noise > 0 or self.drop > 0

    def draw(
        self, key: int, step: int, n_rows: int, n_inputs: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """What is added to the inputs of a batch, and what the sums are multiplied by.

        Args:
            key: Noise stream of the network.
            step: Updates made before this one.
            n_rows: Rows in the batch.
            n_inputs: D.

        Returns:
            Two arrays [n_rows, n_inputs]: x becomes (x + shift) · keep, keep being 0 or 1.
        """
        shape = (n_rows, n_inputs)
        shift = self.noise * gaussian(key, step, n_rows, n_inputs) if self.noise else np.zeros(shape)
        threshold = keep_threshold(self.drop)
        keep = np.ones(shape) if threshold >= KEEP_ALL else dropped(key, step, n_rows, n_inputs, threshold)
        return shift, keep
