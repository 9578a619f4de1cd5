"""Figures of a model on one set of rows, and the threshold by value."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score, brier_score_loss, roc_auc_score

from tidemark_trainer.data import TrainingSet

# A lapse that can be told this well is told by a feature that looks into the future.
LEAK_AUC = 0.9


@dataclass(frozen=True)
class ValueOfAction:
    """What an offer to a customer is worth, in one currency.

    An offer costs `cost` and keeps `save_rate` of those who would have left; one kept is worth
    `customer_value`. The defaults say nothing about a business but that an offer costs a tenth of a
    customer and works on three in ten; with them it pays above a probability of 1/3.
    """

    save_rate: float = 0.3
    customer_value: float = 100.0
    cost: float = 10.0

    def total(self, true_positives: float, false_positives: float) -> float:
        """TP · (saveRate · customerValue − cost) − FP · cost; doing nothing is 0."""
        return (
            true_positives * (self.save_rate * self.customer_value - self.cost)
            - false_positives * self.cost
        )


def choose_threshold(
    label: np.ndarray, probability: np.ndarray, value: ValueOfAction
) -> tuple[float, str]:
    """The threshold of the greatest value on these rows, and a sentence on how it was chosen.

    A customer is acted on where probability >= threshold. Candidates lie midway between
    neighbouring probabilities, so that no rounding moves a row across; 1 where doing nothing is
    best.
    """
    order = np.argsort(-probability, kind="stable")
    ranked, hits = probability[order], label[order]
    true_positives = np.cumsum(hits)
    totals = value.total(true_positives, np.arange(1, len(hits) + 1) - true_positives)
    is_border = np.append(ranked[:-1] > ranked[1:], True)
    totals = np.where(is_border, totals, -np.inf)
    best = int(np.argmax(totals))
    terms = (
        f"TP*({value.save_rate:g}*{value.customer_value:g}-{value.cost:g})-FP*{value.cost:g}"
    )
    if totals[best] <= 0:
        return 1.0, f"no threshold has a positive value {terms} on the validation window"
    below = ranked[best + 1] if best + 1 < len(ranked) else 0.0
    threshold = float(np.float32((ranked[best] + below) / 2))
    return threshold, f"greatest value {terms} on the validation window"


def evaluate(
    label: np.ndarray, probability: np.ndarray, threshold: float, value: ValueOfAction
) -> dict[str, Any]:
    """Ranking, calibration and decision figures; rounded to six digits behind the point.

    Precision is null where nobody is acted on. Lift is of the tenth with the greatest probability.
    """
    acted = probability >= threshold
    tp, fp = int((acted & (label == 1)).sum()), int((acted & (label == 0)).sum())
    fn, tn = int((~acted & (label == 1)).sum()), int((~acted & (label == 0)).sum())
    base_rate = float(label.mean())
    top = np.argsort(-probability, kind="stable")[: math.ceil(len(label) / 10)]
    figures = {
        "auc": roc_auc_score(label, probability),
        "prAuc": average_precision_score(label, probability),
        "lift10": label[top].mean() / base_rate,
        "precision": tp / (tp + fp) if tp + fp else None,
        "recall": tp / (tp + fn),
        "f1": 2 * tp / (2 * tp + fp + fn),
        "brier": brier_score_loss(label, probability),
        "value": value.total(tp, fp),
        "baseRate": base_rate,
        "meanProbability": probability.mean(),
    }
    rounded = {
        name: None if figure is None else round(float(figure), 6)
        for name, figure in figures.items()
    }
    confusion = {"tp": tp, "fp": fp, "tn": tn, "fn": fn}
    return {**rounded, "rows": len(label), "confusion": confusion}


def recency_anchor(rows: TrainingSet) -> dict[str, Any]:
    """AUC of recency alone: what a model must beat to be worth its trouble.

    Takes the best of the features named `days_since…`; null counts as longest ago. Empty without
    such a feature.
    """
    anchors = {}
    for index, feature in enumerate(rows.num_features):
        if feature.name.startswith("days_since"):
            days = np.nan_to_num(rows.num[:, index], nan=np.finfo(np.float64).max)
            anchors[feature.name] = round(float(roc_auc_score(rows.label, days)), 6)
    if not anchors:
        return {}
    best = max(sorted(anchors), key=anchors.__getitem__)
    return {"recencyAuc": anchors[best], "recencyFeature": best}
