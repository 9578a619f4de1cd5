"""Platt's calibration: a line over the log-odds, fitted on rows that the model never saw."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.linear_model import LogisticRegression

from tidemark_trainer.data import TrainingSet
from tidemark_trainer.errors import DataError
from tidemark_trainer.pipeline import FittedModel, graph_inputs


def calibrate(model: FittedModel, validation: TrainingSet) -> FittedModel:
    """Returns the model with slope and intercept (Platt 1999) of the validation rows.

    Raises DataError where the model ranks them no better than chance: a line that falls would turn
    the ranking around.
    """
    margin = model.margin(*graph_inputs(validation)).reshape(-1, 1)
    if np.ptp(margin) == 0:
        raise DataError(
            f"the {model.kind} model gives every validation row the same score: the features of "
            "the training rows say nothing about the label"
        )
    line = LogisticRegression(C=np.inf, max_iter=5000).fit(margin, validation.label)
    slope, intercept = float(line.coef_[0, 0]), float(line.intercept_[0])
    if slope <= 0:
        raise DataError(
            f"the {model.kind} model ranks the {len(validation)} validation rows no better than "
            "chance: the features say nothing lasting about the label"
        )
    return replace(model, slope=slope, intercept=intercept)
