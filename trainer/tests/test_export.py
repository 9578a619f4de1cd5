"""The graph says what the library says, on every kind of row."""

import numpy as np
import onnx
import pytest

from support import training_columns
from tidemark_trainer.calibrate import calibrate
from tidemark_trainer.data import read_training_set
from tidemark_trainer.errors import ParityError
from tidemark_trainer.export import export_model
from tidemark_trainer.parity import check_parity, open_session, run_graph
from tidemark_trainer.pipeline import TrainingParameters, graph_inputs, train_model
from tidemark_trainer.split import split_by_time

PARAMETERS = TrainingParameters(trees=40, min_child_weight=1, learning_rate=0.3)
KINDS = pytest.mark.parametrize("kind", ["logistic", "xgboost"])


def fitted(path, kind, keep=None):
    columns = training_columns()
    if keep is not None:
        declared = columns.metadata["tidemark"]["features"]
        columns.metadata["tidemark"]["features"] = [f for f in declared if keep(f)]
    rows = read_training_set(columns.write(path / "set.parquet"))
    split = split_by_time(rows, validation_cutoffs=3)
    model = calibrate(train_model(kind, split.train, PARAMETERS), split.validation)
    return model, split, export_model(model, len(rows.num_features), len(rows.cat_features), "m")


@KINDS
def test_the_graph_agrees_with_the_library_on_real_and_nasty_rows(tmp_path, kind):
    model, split, graph = fitted(tmp_path, kind)
    parity = check_parity(model, graph, split.test, seed=7)
    assert len(parity["rows"]) >= 64
    assert any(None in row["num"] for row in parity["rows"])
    assert any(set(row["num"]) == {None} and row["cat"] == [None, None] for row in parity["rows"])
    assert any(row["cat"] == ["", ""] for row in parity["rows"])
    for row in parity["rows"]:
        assert abs(row["probability"] - row["source"]) <= 1e-6
        assert row["probability"] == float(np.float32(row["probability"]))


@KINDS
def test_numbers_at_split_thresholds_go_the_same_way(tmp_path, kind):
    model, split, graph = fitted(tmp_path, kind)
    num, cat = graph_inputs(split.train)
    rng = np.random.default_rng(3)
    # Values that occur in training are where XGBoost puts its thresholds.
    mixed = np.column_stack([rng.permutation(column) for column in num.T])
    below = np.nextafter(mixed, np.float32(-np.inf))
    everything = np.vstack([mixed, below]), np.vstack([cat, cat])
    exported = run_graph(open_session(graph), *everything)
    np.testing.assert_allclose(exported, model.probability(*everything), rtol=0, atol=1e-6)


@KINDS
def test_a_row_scores_the_same_bits_in_any_batch(tmp_path, kind):
    _, split, graph = fitted(tmp_path, kind)
    num, cat = graph_inputs(split.test)
    session = open_session(graph)
    whole = run_graph(session, num, cat)
    for size in (1, 3, 32):
        starts = range(0, len(num), size)
        parts = [run_graph(session, num[i : i + size], cat[i : i + size]) for i in starts]
        assert np.concatenate(parts).tobytes() == whole.tobytes()


@KINDS
def test_a_score_is_finite_even_for_infinite_numbers(tmp_path, kind):
    _, split, graph = fitted(tmp_path, kind)
    num, cat = (part[:2].copy() for part in graph_inputs(split.test))
    num[0], num[1] = np.inf, -np.inf
    scores = run_graph(open_session(graph), num, cat)
    assert ((scores >= 0) & (scores <= 1)).all()


@KINDS
@pytest.mark.parametrize(
    ("keep", "inputs"),
    [
        (lambda f: f["type"] != "string", ["num"]),
        (lambda f: f["type"] == "string", ["cat"]),
        (lambda f: f["name"] in ("logins_30d", "plan"), ["num", "cat"]),
        (lambda f: f["name"] == "logins_30d", ["num"]),
    ],
)
def test_an_input_without_features_is_left_out(tmp_path, kind, keep, inputs):
    model, split, graph = fitted(tmp_path, kind, keep)
    assert [entry.name for entry in onnx.load_from_string(graph).graph.input] == inputs
    check_parity(model, graph, split.test, seed=7)


@KINDS
def test_the_graph_keeps_to_its_opsets_and_shapes(tmp_path, kind):
    _, split, graph = fitted(tmp_path, kind)
    proto = onnx.load_from_string(graph)
    opsets = {entry.domain: entry.version for entry in proto.opset_import}
    assert opsets == {"": 18, "ai.onnx.ml": 3}
    session = open_session(graph)
    assert [(o.name, o.type, o.shape) for o in session.get_outputs()] == [
        ("probability", "tensor(float)", ["N", 1])
    ]
    assert not any(entry.external_data for entry in proto.graph.initializer)


@KINDS
def test_a_graph_that_differs_from_its_library_is_refused(tmp_path, kind):
    model, split, graph = fitted(tmp_path, kind)
    proto = onnx.load_from_string(graph)
    tampered = next(c for c in proto.graph.initializer if c.name == proto.graph.node[-3].input[1])
    shifted = onnx.numpy_helper.to_array(tampered) + 1e-3
    tampered.CopyFrom(onnx.numpy_helper.from_array(shifted, tampered.name))
    with pytest.raises(ParityError, match="due is a difference of at most 1e-06"):
        check_parity(model, proto.SerializeToString(), split.test, seed=7)


def test_a_null_goes_the_default_way_at_every_node(tmp_path):
    model, split, graph = fitted(tmp_path, "xgboost")
    trees = next(n for n in onnx.load_from_string(graph).graph.node if "Tree" in n.op_type)
    assert "nodes_missing_value_tracks_true" not in {a.name for a in trees.attribute}
    num, cat = graph_inputs(split.train)
    rng = np.random.default_rng(5)
    for share in (0.1, 0.5, 0.9, 1.0):
        holes = np.where(rng.random(num.shape) < share, np.float32(np.nan), num)
        exported = run_graph(open_session(graph), holes, cat)
        np.testing.assert_allclose(exported, model.probability(holes, cat), rtol=0, atol=1e-6)


def test_trees_that_look_at_no_number_still_take_them(tmp_path):
    model, split, graph = fitted(tmp_path, "xgboost", lambda f: f["name"] in ("always_null", "plan"))
    num, cat = graph_inputs(split.test)
    assert [entry.name for entry in open_session(graph).get_inputs()] == ["num", "cat"]
    np.testing.assert_allclose(
        run_graph(open_session(graph), num, cat), model.probability(num, cat), rtol=0, atol=1e-6
    )
