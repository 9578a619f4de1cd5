"""XGBoost's trees as the attributes of an ONNX TreeEnsembleRegressor node."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
from xgboost import Booster


def tree_attributes(booster: Booster) -> dict[str, Any]:
    """Reads a binary:logistic booster; the node's single target is its margin (log-odds).

    XGBoost goes left where float32 x < threshold and sends a null the default way. ONNX has
    BRANCH_LT with `missing_value_tracks_true` for that. In XGBoost's JSON a leaf keeps its value in
    the place of its threshold.
    """
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    nodes: dict[str, list[Any]] = {name: [] for name in _NODE_FIELDS}
    leaves: dict[str, list[Any]] = {"treeids": [], "nodeids": [], "weights": []}
    for tree_id, tree in enumerate(learner["gradient_booster"]["model"]["trees"]):
        for node_id, left in enumerate(tree["left_children"]):
            is_leaf = left < 0
            value = float(np.float32(tree["split_conditions"][node_id]))
            nodes["treeids"].append(tree_id)
            nodes["nodeids"].append(node_id)
            nodes["modes"].append("LEAF" if is_leaf else "BRANCH_LT")
            nodes["featureids"].append(0 if is_leaf else tree["split_indices"][node_id])
            nodes["values"].append(0.0 if is_leaf else value)
            nodes["truenodeids"].append(0 if is_leaf else left)
            nodes["falsenodeids"].append(0 if is_leaf else tree["right_children"][node_id])
            nodes["missing_value_tracks_true"].append(
                0 if is_leaf else int(tree["default_left"][node_id])
            )
            if is_leaf:
                leaves["treeids"].append(tree_id)
                leaves["nodeids"].append(node_id)
                leaves["weights"].append(value)
    attributes = {f"nodes_{name}": values for name, values in nodes.items()}
    attributes |= {f"target_{name}": values for name, values in leaves.items()}
    attributes["target_ids"] = [0] * len(leaves["weights"])
    return attributes | {
        "n_targets": 1,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "base_values": [_base_margin(learner)],
    }


_NODE_FIELDS = (
    "treeids", "nodeids", "modes", "featureids", "values", "truenodeids", "falsenodeids",
    "missing_value_tracks_true",
)


def _base_margin(learner: dict[str, Any]) -> float:
    # XGBoost 3 writes the base score as a list of one probability in brackets.
    base_score = float(learner["learner_model_param"]["base_score"].strip("[]"))
    return math.log(base_score / (1.0 - base_score))
