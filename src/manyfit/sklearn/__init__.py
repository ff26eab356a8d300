"""The main job in scikit-learn's clothes: estimators for pipelines, grid searches and cross-validation."""

from manyfit.sklearn.estimators import ManyfitClassifier as ManyfitClassifier
from manyfit.sklearn.estimators import ManyfitRegressor as ManyfitRegressor
