"""Reference histograms: what values looked like in training, for drift to be judged by counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from tidemark_trainer.data import Feature, TrainingSet
from tidemark_trainer.pipeline import CATEGORIES_MAX, rank_categories

BINS_MAX = 64


def reference_histograms(rows: TrainingSet) -> dict[str, Any]:
    """A histogram for each feature, by name."""
    numeric = zip(rows.num_features, rows.num.T)
    categorical = zip(rows.cat_features, rows.cat.T)
    histograms = {
        feature.name: {"kind": "numeric", **bin_numbers(column), **_growing(feature)}
        for feature, column in numeric
    }
    return histograms | {
        feature.name: {"kind": "category", **count_categories(column)}
        for feature, column in categorical
    }


def bin_numbers(values: np.ndarray) -> dict[str, Any]:
    """Counts over at most 64 bins; NaN is null.

    Bin i holds edges[i] <= x < edges[i+1], and the last also x = its upper edge. With at most 63
    distinct values each has its own bin: the edges are the values, the last one twice. Otherwise
    edges are quantiles; a value that fills several makes one bin. No edges where all is null.
    """
    present = values[~np.isnan(values)]
    null = len(values) - len(present)
    if len(present) == 0:
        return {"edges": [], "counts": [], "null": null, "under": 0, "over": 0}
    distinct = np.unique(present)
    if len(distinct) < BINS_MAX:
        edges = np.append(distinct, distinct[-1])
    else:
        # Quantiles are values that occurred, not means of two, so that counts stay whole numbers.
        steps = np.linspace(0.0, 1.0, BINS_MAX + 1)
        edges = np.unique(np.quantile(present, steps, method="inverted_cdf"))
    edges = edges + 0.0  # Takes the sign from a negative zero.
    bins = np.searchsorted(edges[:-1], present, side="right") - 1
    counts = np.bincount(bins, minlength=len(edges) - 1)
    return {"edges": edges.tolist(), "counts": counts.tolist(), "null": null, "under": 0, "over": 0}


def count_categories(column: np.ndarray) -> dict[str, Any]:
    """Counts of the 50 commonest categories, of all others together, and of null."""
    ranked = [entry for entry in rank_categories(column) if entry[0] != ""]
    return {
        "categories": [
            {"value": value, "count": count} for value, count in ranked[:CATEGORIES_MAX]
        ],
        "other": sum(count for _, count in ranked[CATEGORIES_MAX:]),
        "null": int((column == "").sum()),
    }


def _growing(feature: Feature) -> dict[str, Any]:
    return {"growing": True} if feature.growing else {}
