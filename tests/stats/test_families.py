"""Families of questions, held to scipy and statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats as scipy_stats

from manyfit.stats import benjamini_hochberg, holm


def test_holm_equals_scipys_step_down_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_benjamini_hochberg_follows_scipy() -> None:
    p = np.random.default_rng(0).uniform(size=20) ** 3

    np.testing.assert_allclose(benjamini_hochberg(p), scipy_stats.false_discovery_control(p))
