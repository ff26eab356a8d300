"""`ManyfitClassifier` and `ManyfitRegressor`: the main job behind `fit`, `predict` and `score`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.utils import Tags, check_array, check_consistent_length, check_random_state, column_or_1d
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from manyfit.data import Target
from manyfit.job.options import BUDGET, MARGIN, Options
from manyfit.job.plan import Plan
from manyfit.recipe import Recipe
from manyfit.sklearn.development import Development, develop, results_of
from manyfit.sklearn.rows import checked, dataset_of, frame_of, is_frame, is_numeric
from manyfit.space import Space

Floats = NDArray[np.float64]


class _ManyfitEstimator(BaseEstimator):
    """What the classifier and the regressor share: arguments, checks of the input, the job, its results."""

    n_features_in_: int
    feature_names_in_: NDArray[Any]

    def __init__(
        self,
        *,
        budget: float | None = None,
        n_recipes: int | None = None,
        metric: str | None = None,
        max_width: int | None = None,
        margin: float = MARGIN,
        ensemble: str = "same",
        space: Space | None = None,
        plan: Plan | Mapping[str, Any] | None = None,
        engine: str = "auto",
        threads: int | None = None,
        random_state: int | np.random.RandomState | None = None,
    ) -> None:
        self.budget = budget
        self.n_recipes = n_recipes
        self.metric = metric
        self.max_width = max_width
        self.margin = margin
        self.ensemble = ensemble
        self.space = space
        self.plan = plan
        self.engine = engine
        self.threads = threads
        self.random_state = random_state

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.non_deterministic = self.budget is not None  # then the clock has a say in how much is tried
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_")

    def _checked(self, X: Any, *, reset: bool) -> Any:
        """X as a DataFrame, or as an array of numbers or objects; names and number of columns are kept or compared."""
        if not is_frame(X):
            array = checked(X)
            validate_data(self, array, reset=reset, skip_check_array=True)
            return array
        if len(X) < 1:
            raise ValueError(
                f"Found array with 0 sample(s) (shape={X.shape}) while a minimum of 1 is required."
            )
        validate_data(self, X, reset=reset, skip_check_array=True)
        return X

    def _names(self) -> list[str]:
        """Names of the columns, for arrays their places."""
        given = getattr(self, "feature_names_in_", None)
        return (
            [f"x{i}" for i in range(self.n_features_in_)] if given is None else [str(name) for name in given]
        )

    def _fit(
        self, X: Any, y: NDArray[Any], target: Target, sample_weight: Any, class_weights: Floats | None = None
    ) -> Self:
        """Run the job on a checked X and numbers or codes `y`."""
        weights = _weights(sample_weight, len(y))
        data = dataset_of(
            frame_of(X, self._names()), y, target, weights, class_weights, numeric=is_numeric(X)
        )
        self._keep(develop(data, self._options(), budget=self.budget, n_recipes=self.n_recipes))
        return self

    def _options(self) -> Options:
        """Options of the job. Its seed is that of `random_state`, or that of a given plan where there is none."""
        plan = self.plan if self.plan is None or isinstance(self.plan, Plan) else Plan.from_dict(self.plan)
        if isinstance(self.random_state, (int, np.integer)):
            seed = int(self.random_state)
        elif plan is not None and self.random_state is None:
            seed = plan.seed
        else:
            seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        plan = None if plan is None else dataclasses.replace(plan, seed=seed)
        options = Options(
            budget=BUDGET if self.budget is None else self.budget,
            seed=seed,
            metric=self.metric if plan is None else plan.metric,
            margin=self.margin,
            max_width=self.max_width,
            ensemble=self.ensemble,
            engine=self.engine,
            threads=self.threads,
            space=self.space,
            plan=plan,
        )
        return options.check()

    def _keep(self, found: Development) -> None:
        self.model_ = found.model
        self.plan_ = found.plan
        self.cv_results_ = results_of(found)
        self.best_index_ = found.chosen[0]
        self.best_recipe_: Recipe = found.confirmed.recipes[self.best_index_]
        self.best_params_ = self.cv_results_["params"][self.best_index_]
        self.best_score_ = float(self.cv_results_["mean_test_score"][self.best_index_])

    def _predict(self, X: Any) -> Floats:
        """Numbers [N] or probabilities [N, C], row by row the same as all at once."""
        check_is_fitted(self)
        X = self._checked(X, reset=False)
        frame = frame_of(X, self._names())
        encoder = self.model_.encoders[0]
        if not (
            is_numeric(X)
            and all(column.style == "" and column.kind == "number" for column in encoder.columns)
        ):
            frame = encoder.read(frame).frame
        return self.model_.predict_frame(frame)


class ManyfitClassifier(ClassifierMixin, _ManyfitEstimator):
    """A classifier that searches among small networks, confirms the best on fresh folds, and averages what it confirmed.

    Each `fit` is a whole model selection: many short trainings on one split of the rows, the best recipes again on
    fresh folds with fresh seeds, the confirmed networks averaged and their probabilities calibrated on rows they have
    not seen. No rows are locked away for a test: hold them out yourself, or let `cross_val_score` do it.

    Without a budget the size of the search is decided by the table alone, so that equal tables with an equal
    `random_state` give equal bits on machines of one instruction set. A weight means a number of copies: rows of weight
    0 are as good as absent, and neither copies in place of weights nor another order of the rows change a bit.

    Args:
        budget: Seconds of wall time that size the search, as in `manyfit.train`. How much fits depends on the machine and its
            load, so two fits may differ; `plan_` holds what was done, for a repetition. None lets the table decide.
        n_recipes: Recipes that the search begins with; None for as many as the size of the search allows.
        metric: What decides: "log_loss" (the default), "accuracy", "auc", "brier".
        max_width: Widest hidden layer that is tried; None for as wide as the rows can fill.
        margin: Share of the best score within which recipes count as the same, in [0, 1).
        ensemble: Which confirmed recipes are averaged: "same" (all that are not shown worse than the best) or "top" (eight).
        space: What is searched, in place of the default.
        plan: A plan to be carried out exactly: `plan_` of another estimator, or the dictionary that its `to_dict` gives.
        engine: "auto", or an engine by name.
        threads: Threads; all cores by default. Their number changes no result.
        random_state: Seed of splits, starts, order and noise. With None and a given plan, the plan's own seed.
        class_weight: "balanced", or a weight for each class; they count in training, not in scores.

    Attributes:
        classes_: [C] the classes, sorted, in their own type.
        n_features_in_: Number of columns.
        feature_names_in_: Their names, if X was a DataFrame whose names are strings.
        model_: The `manyfit.Model`: `model_.save(path)`, `model_.predict(table)`.
        cv_results_: What confirmation measured of each recipe, in the words of `GridSearchCV`.
        best_recipe_, best_params_, best_score_, best_index_: The best confirmed recipe, what was searched of it, and its mean
            score, large is good.
        plan_: The plan as it was carried out.

    Example:
        >>> from sklearn.datasets import load_iris
        >>> X, y = load_iris(return_X_y=True)
        >>> classifier = ManyfitClassifier(random_state=0).fit(X[::2], y[::2])
        >>> bool(classifier.score(X[1::2], y[1::2]) > 0.9)
        True
    """

    def __init__(
        self,
        *,
        budget: float | None = None,
        n_recipes: int | None = None,
        metric: str | None = None,
        max_width: int | None = None,
        margin: float = MARGIN,
        ensemble: str = "same",
        space: Space | None = None,
        plan: Plan | Mapping[str, Any] | None = None,
        engine: str = "auto",
        threads: int | None = None,
        random_state: int | np.random.RandomState | None = None,
        class_weight: str | Mapping[Any, float] | None = None,
    ) -> None:
        super().__init__(
            budget=budget,
            n_recipes=n_recipes,
            metric=metric,
            max_width=max_width,
            margin=margin,
            ensemble=ensemble,
            space=space,
            plan=plan,
            engine=engine,
            threads=threads,
            random_state=random_state,
        )
        self.class_weight = class_weight

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Search, confirm and calibrate.

        Args:
            X: [N, D] numbers, texts, or a DataFrame of mixed columns; missing values may be NaN or None.
            y: [N] classes: numbers, texts or booleans.
            sample_weight: [N] weights ≥ 0; None for the same weight for all rows.

        Returns:
            The estimator itself.

        Raises:
            ValueError: If X, y or the weights can't be learned from, or there is one class only.
        """
        X = self._checked(X, reset=True)
        y = _target(y)
        check_consistent_length(X, y)
        check_classification_targets(y)
        weights = _weights(sample_weight, len(y))
        self.classes_, codes = np.unique(y, return_inverse=True)
        n_classes = len(self.classes_ if weights is None else np.unique(codes[weights > 0]))
        if n_classes < 2:
            raise ValueError(
                f"{type(self).__name__} needs samples of at least 2 classes in the data, but the data contains only one class"
            )
        labels, dtype = _labels(self.classes_)
        target = Target("y", "binary" if len(labels) == 2 else "multiclass", labels, dtype)
        class_weights = None
        if self.class_weight is not None:
            class_weights = self._class_weights(y, codes, weights)
        return self._fit(X, codes.astype(np.int64), target, weights, class_weights)

    def _class_weights(self, y: NDArray[Any], codes: NDArray[Any], weights: Floats | None) -> Floats:
        """[C] what each class weighs in training; "balanced" counts rows by their weight."""
        if self.class_weight == "balanced":
            counts = np.bincount(codes, weights, minlength=len(self.classes_))
            return counts.sum() / (len(counts) * np.where(counts > 0, counts, np.inf))
        return compute_class_weight(self.class_weight, classes=self.classes_, y=y).astype(np.float64)

    def predict(self, X: Any) -> NDArray[Any]:
        """The most probable class of each row.

        Args:
            X: [N, D] rows with the columns that `fit` saw.

        Returns:
            Shape `(N,)`, in the type of `classes_`.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(1)]

    def predict_proba(self, X: Any) -> Floats:
        """Calibrated probabilities of the classes.

        Args:
            X: [N, D] rows with the columns that `fit` saw.

        Returns:
            Shape `(N, C)`, in the order of `classes_`; every row sums to 1.
        """
        return self._predict(X)


class ManyfitRegressor(RegressorMixin, _ManyfitEstimator):
    """A regressor that searches among small networks, confirms the best on fresh folds, and averages what it confirmed.

    As `ManyfitClassifier`, for numbers. The target is scaled inside; predictions and scores are in its own units.

    Args:
        budget: Seconds of wall time that size the search; None lets the table decide, which alone gives equal bits every time.
        n_recipes: Recipes that the search begins with; None for as many as the size of the search allows.
        metric: What decides: "rmse" (the default), "mae", "r2".
        max_width: Widest hidden layer that is tried; None for as wide as the rows can fill.
        margin: Share of the best score within which recipes count as the same, in [0, 1).
        ensemble: Which confirmed recipes are averaged: "same" (all that are not shown worse than the best) or "top" (eight).
        space: What is searched, in place of the default.
        plan: A plan to be carried out exactly: `plan_` of another estimator, or the dictionary that its `to_dict` gives.
        engine: "auto", or an engine by name.
        threads: Threads; all cores by default. Their number changes no result.
        random_state: Seed of splits, starts, order and noise. With None and a given plan, the plan's own seed.

    Attributes:
        n_features_in_, feature_names_in_, model_, cv_results_, plan_: As in `ManyfitClassifier`.
        best_recipe_, best_params_, best_score_, best_index_: As in `ManyfitClassifier`.

    Example:
        >>> from sklearn.datasets import load_diabetes
        >>> X, y = load_diabetes(return_X_y=True)
        >>> regressor = ManyfitRegressor(random_state=0, n_recipes=16).fit(X[::2], y[::2])
        >>> bool(regressor.score(X[1::2], y[1::2]) > 0.35)
        True
    """

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Search, confirm and calibrate.

        Args:
            X: [N, D] numbers, texts, or a DataFrame of mixed columns; missing values may be NaN or None.
            y: [N] numbers.
            sample_weight: [N] weights ≥ 0; None for the same weight for all rows.

        Returns:
            The estimator itself.

        Raises:
            ValueError: If X, y or the weights can't be learned from.
        """
        X = self._checked(X, reset=True)
        y = _target(y)
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        check_consistent_length(X, y)
        return self._fit(X, y, Target("y", "regression"), sample_weight)

    def predict(self, X: Any) -> Floats:
        """The prediction for each row, in units of the target.

        Args:
            X: [N, D] rows with the columns that `fit` saw.

        Returns:
            Shape `(N,)`.
        """
        return self._predict(X)


def _target(y: Any) -> NDArray[Any]:
    if y is None:
        raise ValueError("This estimator requires y to be passed, but the target y is None.")
    y = column_or_1d(y, warn=True)
    check_array(y, ensure_2d=False, dtype=None, ensure_min_samples=1, input_name="y")
    return y


def _weights(sample_weight: Any, n_rows: int) -> Floats | None:
    """[N] float64 weights; None when there are none.

    Raises:
        ValueError: If they are not one number ≥ 0 for each row, or all of them are 0.
    """
    if sample_weight is None:
        return None
    if np.isscalar(sample_weight):
        sample_weight = np.full(n_rows, sample_weight)
    weights = np.asarray(
        check_array(sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight")
    )
    if weights.ndim != 1:
        raise ValueError(f"Sample weights must be 1D array or scalar, got {weights.ndim}D array.")
    if len(weights) != n_rows:
        raise ValueError(f"sample_weight.shape == {weights.shape}, expected {(n_rows,)}!")
    if (weights < 0).any():
        raise ValueError("Negative values in data passed to `sample_weight`.")
    if not weights.any():
        raise ValueError("Sample weights must contain at least one non-zero number.")
    return weights


def _labels(classes: NDArray[Any]) -> tuple[tuple[Any, ...], str]:
    """Classes as the model keeps them: plain values, and the name of their type."""
    if classes.dtype.kind == "b":
        return tuple(classes.tolist()), "Boolean"
    if classes.dtype.kind in "iu":
        return tuple(int(label) for label in classes), "Int64"
    if classes.dtype.kind == "f":
        return tuple(float(label) for label in classes), "Float64"
    return tuple(str(label) for label in classes), "String"
