"""Writes a fitted model as one lean ONNX graph: preprocessing, model and calibration.

The nodes are written here one by one, not by a converter: converters drop the missing indicators,
add a class label and a ZipMap, and encode each category column in nodes of its own.

E1  Inputs are `num` float[N, k] (NaN is null) and `cat` string[N, m] ('' is null); an input with no
    feature is left out. Output is `probability` float[N, 1].
E2  Linear algebra and the calibrated sigmoid run in double and are rounded to float32 once, at the
    end, so that a vectorised kernel's last bit is lost in the rounding.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, checker, helper, numpy_helper

from tidemark_trainer.pipeline import SCALED_LIMIT, FittedModel, NumericSteps
from tidemark_trainer.trees import Column, tree_attributes

OPSET = {"ai.onnx": 18, "ai.onnx.ml": 3}
_ML = "ai.onnx.ml"


class _Graph:
    """Nodes and constants in the order in which they were added; names are their numbers."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def add(
        self, operator: str, *inputs: str, domain: str = "", output: str = "", **attributes: Any
    ) -> str:
        """Appends a node and returns the name of its output."""
        name = output or f"{operator.lower()}_{len(self.nodes)}"
        node = helper.make_node(operator, inputs, [name], name=name, domain=domain, **attributes)
        self.nodes.append(node)
        return name

    def constant(self, values: np.ndarray) -> str:
        """Appends a constant and returns its name."""
        name = f"constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def to_double(self, name: str) -> str:
        """Appends a cast to double and returns the name of its output."""
        return self.add("Cast", name, to=TensorProto.DOUBLE)


def export_model(model: FittedModel, num_count: int, cat_count: int, name: str) -> bytes:
    """Serialises the model; the same model gives the same bytes."""
    graph = _Graph()
    write_margin = _linear if model.kind == "logistic" else _trees
    margin = write_margin(graph, model, num_count)
    slope = graph.constant(np.array([model.slope]))
    intercept = graph.constant(np.array([model.intercept]))
    logit = graph.add("Add", graph.add("Mul", margin, slope), intercept)
    graph.add("Cast", graph.add("Sigmoid", logit), output="probability", to=TensorProto.FLOAT)
    inputs = []
    if num_count:
        inputs.append(helper.make_tensor_value_info("num", TensorProto.FLOAT, ["N", num_count]))
    if cat_count:
        inputs.append(helper.make_tensor_value_info("cat", TensorProto.STRING, ["N", cat_count]))
    output = helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["N", 1])
    proto = helper.make_model(
        helper.make_graph(graph.nodes, name, inputs, [output], graph.constants),
        opset_imports=[
            helper.make_opsetid("", OPSET["ai.onnx"]),
            helper.make_opsetid(_ML, OPSET[_ML]),
        ],
        producer_name="tidemark-trainer",
        ir_version=8,
    )
    checker.check_model(proto, full_check=True)
    return proto.SerializeToString(deterministic=True)


def _linear(graph: _Graph, model: FittedModel, num_count: int) -> str:
    parts = []
    if model.numeric is not None:
        parts.append(_numeric(graph, model.numeric, num_count))
    if model.onehot is not None:
        parts.append(_onehot(graph, model, TensorProto.DOUBLE))
    matrix = parts[0] if len(parts) == 1 else graph.add("Concat", *parts, axis=1)
    weights = graph.constant(model.estimator.coef_.T.astype(np.float64))
    bias = graph.constant(model.estimator.intercept_.astype(np.float64))
    return graph.add("Add", graph.add("MatMul", matrix, weights), bias)


def _numeric(graph: _Graph, steps: NumericSteps, num_count: int) -> str:
    wide = graph.to_double("num")
    one = graph.constant(np.array([1.0]))
    logarithm = graph.add("Log", graph.add("Add", graph.add("Abs", wide), one))
    signed = graph.add("Mul", graph.add("Sign", wide), logarithm)
    is_null = graph.add("IsNaN", "num")
    medians = graph.constant(steps.imputer.statistics_.astype(np.float64))
    columns = graph.add("Where", is_null, medians, signed)
    indicated = steps.imputer.indicator_.features_
    if len(indicated):
        if len(indicated) < num_count:
            positions = graph.constant(indicated.astype(np.int64))
            is_null = graph.add("Gather", is_null, positions, axis=1)
        columns = graph.add("Concat", columns, graph.to_double(is_null), axis=1)
    centred = graph.add("Sub", columns, graph.constant(steps.scaler.mean_))
    scaled = graph.add("Div", centred, graph.constant(steps.scaler.scale_))
    limits = [graph.constant(np.array(limit)) for limit in (-SCALED_LIMIT, SCALED_LIMIT)]
    return graph.add("Clip", scaled, *limits)


def _trees(graph: _Graph, model: FittedModel, num_count: int) -> str:
    attributes, columns = tree_attributes(model.estimator.get_booster(), num_count)
    parts = [_filled(graph, columns)] if columns else []
    if model.onehot is not None:
        parts.append(_onehot(graph, model, TensorProto.FLOAT))
    matrix = parts[0] if len(parts) == 1 else graph.add("Concat", *parts, axis=1)
    return graph.to_double(graph.add("TreeEnsembleRegressor", matrix, domain=_ML, **attributes))


def _filled(graph: _Graph, columns: list[Column]) -> str:
    positions = graph.constant(np.array([column.feature for column in columns], dtype=np.int64))
    fills = graph.constant(np.array([column.fill for column in columns], dtype=np.float32))
    picked = graph.add("Gather", "num", positions, axis=1)
    return graph.add("Where", graph.add("IsNaN", picked), fills, picked)


def _onehot(graph: _Graph, model: FittedModel, element_type: int) -> str:
    """One vocabulary for all columns: each text is looked up once, whatever the columns' number."""
    vocabularies = [column.tolist() for column in model.onehot.categories_]
    texts = sorted({text for column in vocabularies for text in column})
    code = {text: index for index, text in enumerate(texts)}
    codes = graph.add(
        "LabelEncoder", "cat", domain=_ML,
        keys_strings=texts, values_int64s=list(range(len(texts))), default_int64=-1,
    )
    if len(vocabularies) > 1:
        column_of = [index for index, column in enumerate(vocabularies) for _ in column]
        positions = graph.constant(np.array(column_of, dtype=np.int64))
        codes = graph.add("Gather", codes, positions, axis=1)
    due = np.array([code[text] for column in vocabularies for text in column], dtype=np.int64)
    return graph.add("Cast", graph.add("Equal", codes, graph.constant(due)), to=element_type)
