"""XGBoost's trees as the attributes of an ONNX TreeEnsembleRegressor node."""

from __future__ import annotations

import json
import math
from typing import Any, NamedTuple

import numpy as np
from xgboost import Booster


class Column(NamedTuple):
    """A feature as some of the nodes read it: with `fill` in place of null."""

    feature: int
    fill: float


def tree_attributes(booster: Booster, num_count: int) -> tuple[dict[str, Any], list[Column]]:
    """Reads a binary:logistic booster whose first `num_count` features may be null.

    Returns the attributes of a node with one target, its margin (log-odds), and the columns that
    this node reads before the features that are never null. XGBoost goes left where float32
    x < threshold and sends a null the default way. The node is never shown a null: -inf goes left
    at every threshold and +inf right, so a feature is one column for each way that some node sends
    its nulls. The runtime would otherwise ask at each step to the right whether x is NaN. In
    XGBoost's JSON a leaf keeps its value in the place of its threshold.
    """
    learner = json.loads(bytes(booster.save_raw("json")))["learner"]
    trees = learner["gradient_booster"]["model"]["trees"]
    columns = _columns(trees, num_count)
    place = {column: index for index, column in enumerate(columns)}
    nodes: dict[str, list[Any]] = {name: [] for name in _NODE_FIELDS}
    leaves: dict[str, list[Any]] = {"treeids": [], "nodeids": [], "weights": []}
    for tree_id, tree in enumerate(trees):
        for node_id, left in enumerate(tree["left_children"]):
            is_leaf = left < 0
            value = float(np.float32(tree["split_conditions"][node_id]))
            column = _column(tree, node_id)
            feature = place.get(column, column.feature - num_count + len(columns))
            nodes["treeids"].append(tree_id)
            nodes["nodeids"].append(node_id)
            nodes["modes"].append("LEAF" if is_leaf else "BRANCH_LT")
            nodes["featureids"].append(0 if is_leaf else feature)
            nodes["values"].append(0.0 if is_leaf else value)
            nodes["truenodeids"].append(0 if is_leaf else left)
            nodes["falsenodeids"].append(0 if is_leaf else tree["right_children"][node_id])
            if is_leaf:
                leaves["treeids"].append(tree_id)
                leaves["nodeids"].append(node_id)
                leaves["weights"].append(value)
    attributes = {f"nodes_{name}": values for name, values in nodes.items()}
    attributes |= {f"target_{name}": values for name, values in leaves.items()}
    attributes["target_ids"] = [0] * len(leaves["weights"])
    attributes |= {
        "n_targets": 1,
        "aggregate_function": "SUM",
        "post_transform": "NONE",
        "base_values": [_base_margin(learner)],
    }
    return attributes, columns


_NODE_FIELDS = (
    "treeids", "nodeids", "modes", "featureids", "values", "truenodeids", "falsenodeids",
)


def _columns(trees: list[dict[str, Any]], num_count: int) -> list[Column]:
    inner = (
        _column(tree, node_id)
        for tree in trees
        for node_id, left in enumerate(tree["left_children"])
        if left >= 0
    )
    columns = sorted({column for column in inner if column.feature < num_count})
    # Trees that look at no number would leave the graph an input that leads nowhere.
    return columns or [Column(0, -math.inf)] * min(num_count, 1)


def _column(tree: dict[str, Any], node_id: int) -> Column:
    fill = -math.inf if tree["default_left"][node_id] else math.inf
    return Column(tree["split_indices"][node_id], fill)


def _base_margin(learner: dict[str, Any]) -> float:
    # XGBoost 3 writes the base score as a list of one probability in brackets.
    base_score = float(learner["learner_model_param"]["base_score"].strip("[]"))
    return math.log(base_score / (1.0 - base_score))
