"""scikit-learn's own checks of an estimator, all of them: none is expected to fail."""

from collections.abc import Callable
from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from manyfit.sklearn import ManyfitClassifier, ManyfitRegressor

EXPECTED: dict[str, str] = {}


@parametrize_with_checks(
    [ManyfitClassifier(threads=1), ManyfitRegressor(threads=1)],
    expected_failed_checks=lambda estimator: EXPECTED,
    xfail_strict=True,
)
def test_scikit_learn_finds_nothing_wrong(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)
