"""Ranks over replicates."""

from __future__ import annotations

import math

from manyfit.stats import ranks


def test_diverged_options_rank_worst() -> None:
    assert ranks([[1.0, math.nan], [2.0, math.inf]]).tolist() == [1.0, 2.0]
