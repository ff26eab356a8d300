"""scikit-learn's own checks of an estimator, all of them: none is expected to fail."""

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator, parametrize_with_checks

from manyfit.sklearn import ManyfitClassifier, ManyfitRegressor

EXPECTED: dict[str, str] = {}
"""Reason by name of a check. Whoever adds one says what a user has to do without; strict: one that passes is an error."""


@parametrize_with_checks(
    [ManyfitClassifier(threads=1), ManyfitRegressor(threads=1)],
    expected_failed_checks=lambda estimator: EXPECTED,
    xfail_strict=True,
)
def test_scikit_learn_finds_nothing_wrong(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)


@pytest.mark.parametrize(("estimator", "least"), [(ManyfitClassifier(), 60), (ManyfitRegressor(), 55)])
def test_nothing_found_wrong_means_something(estimator: Any, least: int) -> None:
    # scikit-learn 1.9 has 62 and 58; another version may have some more or less
    assert len(list(estimator_checks_generator(estimator))) >= least


@pytest.mark.slow
def test_arrays_behind_the_array_api_change_nothing() -> None:
    # skipped above: SciPy reads the variable once, when it is first imported
    code = (
        "from sklearn.utils.estimator_checks import check_array_api_input as check\n"
        "from manyfit.sklearn import ManyfitClassifier, ManyfitRegressor\n"
        "for kind in (ManyfitClassifier, ManyfitRegressor):\n"
        "    check(kind.__name__, kind(threads=1), array_namespace='numpy', expect_only_array_outputs=False)\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "SCIPY_ARRAY_API": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )

    assert run.returncode == 0, run.stderr
