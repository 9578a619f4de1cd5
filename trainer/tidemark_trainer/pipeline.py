"""The models as scikit-learn and XGBoost train them, before they become one ONNX graph.

Logistic: signed logarithm, median with missing indicators, scaling, one-hot, regression in float64.
XGBoost: numbers as they are (a null takes the default branch, so an indicator would say nothing
new) and the same one-hot. Both learn from float32 values, for that is what the graph receives.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Literal

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from xgboost import XGBClassifier

from tidemark_trainer.data import TrainingSet
from tidemark_trainer.errors import DataError

Kind = Literal["xgboost", "logistic"]

# A value further out than this says no more than that it is far out; it also keeps infinities and
# the extremes of one odd customer from deciding a linear score alone.
SCALED_LIMIT = 8.0
# Beyond the commonest categories a column is mostly noise; the rest is encoded as unknown.
CATEGORIES_MAX = 50
ROWS_PER_CHILD_WEIGHT = 400


@dataclass(frozen=True)
class TrainingParameters:
    """What a command line may change. The defaults were chosen on Online Retail cut-offs whose
    label windows closed before its test cut-off."""

    seed: int = 7
    trees: int = 200
    depth: int = 5
    learning_rate: float = 0.02
    min_child_weight: float = 50.0
    regularisation: float = 0.01


@dataclass(frozen=True)
class NumericSteps:
    """Fitted preprocessing of the numeric columns of a linear model."""

    imputer: SimpleImputer
    scaler: StandardScaler

    def transform(self, num: np.ndarray) -> np.ndarray:
        """Logarithm, imputation with indicators, scaling, clipping; float64."""
        scaled = self.scaler.transform(self.imputer.transform(signed_log(num)))
        return np.clip(scaled, -SCALED_LIMIT, SCALED_LIMIT)


@dataclass(frozen=True)
class FittedModel:
    """A trained model and, once calibrated, the Platt line over its margin (log-odds)."""

    kind: Kind
    numeric: NumericSteps | None
    onehot: OneHotEncoder | None
    estimator: XGBClassifier | LogisticRegression
    slope: float = 1.0
    intercept: float = 0.0

    def margin(self, num: np.ndarray, cat: np.ndarray) -> np.ndarray:
        """Uncalibrated log-odds, float64; `num` as float32 values, `cat` with '' for null."""
        matrix = _matrix(self.kind, self.numeric, self.onehot, num, cat)
        if isinstance(self.estimator, XGBClassifier):
            return self.estimator.predict(matrix, output_margin=True).astype(np.float64)
        return self.estimator.decision_function(matrix)

    def probability(self, num: np.ndarray, cat: np.ndarray) -> np.ndarray:
        """Calibrated churn probability as the libraries compute it, float64."""
        return 1.0 / (1.0 + np.exp(-(self.slope * self.margin(num, cat) + self.intercept)))


def signed_log(values: np.ndarray) -> np.ndarray:
    """sign(x) · ln(1 + |x|): tames money and counts, keeps NaN."""
    wide = values.astype(np.float64)
    return np.sign(wide) * np.log(1.0 + np.abs(wide))


def rank_categories(column: np.ndarray) -> list[tuple[str, int]]:
    """The categories of a column with their counts, commonest first, ties by text."""
    return sorted(Counter(column.tolist()).items(), key=lambda entry: (-entry[1], entry[0]))


def graph_inputs(rows: TrainingSet) -> tuple[np.ndarray, np.ndarray]:
    """The rows as the graph receives them: float32 numbers and strings."""
    with np.errstate(over="ignore"):
        return rows.num.astype(np.float32), rows.cat


def train_model(kind: Kind, rows: TrainingSet, parameters: TrainingParameters) -> FittedModel:
    """Fits one model; the same rows and parameters give the same model on the same machine.

    Raises DataError where a numeric value does not fit into float32.
    """
    num, cat = graph_inputs(rows)
    for index, feature in enumerate(rows.num_features):
        if np.isinf(num[:, index]).any():
            raise DataError(f"feature {feature.name} has values beyond float32 in training rows")
    onehot = _fit_onehot(cat) if cat.shape[1] else None
    numeric = _fit_numeric(num) if kind == "logistic" and num.shape[1] else None
    matrix = _matrix(kind, numeric, onehot, num, cat)
    if kind == "logistic":
        estimator = LogisticRegression(C=parameters.regularisation, max_iter=5000)
    else:
        # A short history would otherwise leave no leaf that may be split.
        min_child_weight = min(parameters.min_child_weight, len(rows) / ROWS_PER_CHILD_WEIGHT)
        estimator = XGBClassifier(
            objective="binary:logistic",
            n_estimators=parameters.trees,
            max_depth=parameters.depth,
            learning_rate=parameters.learning_rate,
            min_child_weight=min_child_weight,
            reg_lambda=5.0,
            subsample=0.8,
            colsample_bytree=0.5,
            tree_method="hist",
            random_state=parameters.seed,
            # One thread: sums in another order would change the last bits, and so the hash.
            n_jobs=1,
        )
    return FittedModel(kind, numeric, onehot, estimator.fit(matrix, rows.label))


def _fit_onehot(cat: np.ndarray) -> OneHotEncoder:
    vocabularies = []
    for column in cat.T:
        # The empty string is a category like others: it is the missing indicator of its column.
        commonest = rank_categories(column)[:CATEGORIES_MAX]
        vocabularies.append(np.array(sorted(value for value, _ in commonest), dtype=object))
    encoder = OneHotEncoder(
        categories=vocabularies, handle_unknown="ignore", sparse_output=False, dtype=np.float32
    )
    return encoder.fit(cat)


def _fit_numeric(num: np.ndarray) -> NumericSteps:
    imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    imputed = imputer.fit_transform(signed_log(num))
    return NumericSteps(imputer, StandardScaler().fit(imputed))


def _matrix(
    kind: Kind,
    numeric: NumericSteps | None,
    onehot: OneHotEncoder | None,
    num: np.ndarray,
    cat: np.ndarray,
) -> np.ndarray:
    parts: list[np.ndarray] = []
    if num.shape[1]:
        parts.append(num if numeric is None else numeric.transform(num))
    if onehot is not None:
        parts.append(onehot.transform(cat))
    return np.hstack(parts).astype(np.float32 if kind == "xgboost" else np.float64)
