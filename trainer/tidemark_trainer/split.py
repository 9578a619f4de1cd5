"""Splits rows by time so that nothing learned could have known what it is judged on.

S1  A validation row's label window has closed by the first test cut-off.
S2  A training row's label window has closed by the first validation cut-off.
S3  Rows that S1 or S2 leave between the sets are purged, not moved.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tidemark_trainer.data import TrainingSet
from tidemark_trainer.errors import DataError
from tidemark_trainer.instants import format_instant

VALIDATION_ROWS_MIN = 2_000
VALIDATION_CLASS_ROWS_MIN = 200


@dataclass(frozen=True)
class Split:
    """Three sets of rows, and how many labelled rows belong to none of them."""

    train: TrainingSet
    validation: TrainingSet
    test: TrainingSet
    purged: int


def split_by_time(
    rows: TrainingSet, test_cutoff: int | None = None, validation_cutoffs: int | None = None
) -> Split:
    """Splits labelled rows into training, validation and test.

    Test are the rows from `test_cutoff` on (ms UTC; default: the newest labelled cut-off).
    Validation are the last `validation_cutoffs` cut-offs that had closed by then (default: as few
    as calibration needs). Raises DataError where a set stays empty or has one class.
    """
    if len(rows) == 0:
        raise DataError("the training set has no row with a label")
    first_test = int(rows.as_of.max()) if test_cutoff is None else test_cutoff
    is_test = rows.as_of >= first_test
    if not is_test.any():
        raise DataError(
            f"no labelled row at or after the test cut-off {format_instant(first_test)}; "
            f"the newest is of {format_instant(rows.as_of.max())}"
        )
    first_test = int(rows.as_of[is_test].min())
    is_closed = ~is_test & (rows.label_time <= first_test)  # S1
    closed = np.unique(rows.as_of[is_closed])
    if len(closed) == 0:
        raise DataError(
            "no label window closes before the first test cut-off "
            f"{format_instant(first_test)}: nothing is left after the purge"
        )
    count = validation_cutoffs or _cutoffs_needed(rows.take(is_closed))
    first_validation = int(closed[-min(count, len(closed))])
    is_validation = is_closed & (rows.as_of >= first_validation)
    is_train = is_closed & ~is_validation & (rows.label_time <= first_validation)  # S2
    if not is_train.any():
        raise DataError(
            "no label window closes before the first validation cut-off "
            f"{format_instant(first_validation)}: no training row is left after the purge; "
            "add earlier cut-offs or ask for fewer validation cut-offs"
        )
    sets = {"training": is_train, "validation": is_validation, "test": is_test}
    for name, mask in sets.items():
        _require_both_classes(name, rows.label[mask])
    kept = sum(int(mask.sum()) for mask in sets.values())
    return Split(
        rows.take(is_train), rows.take(is_validation), rows.take(is_test), len(rows) - kept
    )


def _cutoffs_needed(closed: TrainingSet) -> int:
    # Each validation cut-off costs a training cut-off, and the newest ones: the purge keeps the
    # distance. So no more of them than a line and a threshold need.
    cutoffs, of_row = np.unique(closed.as_of, return_inverse=True)
    rows = np.cumsum(np.bincount(of_row)[::-1])
    positive = np.cumsum(np.bincount(of_row, weights=closed.label)[::-1])
    enough = (rows >= VALIDATION_ROWS_MIN) & (
        np.minimum(positive, rows - positive) >= VALIDATION_CLASS_ROWS_MIN
    )
    needed = int(np.argmax(enough)) + 1 if enough.any() else len(cutoffs)
    return min(needed, max(1, len(cutoffs) // 4))


def _require_both_classes(name: str, label: np.ndarray) -> None:
    if label.min() == label.max():
        raise DataError(
            f"all {len(label)} {name} rows have the label {int(label[0])}: one class cannot be "
            "learned or judged"
        )
