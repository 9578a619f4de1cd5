"""Holds the exported graph against the library that trained it, on real rows and on nasty ones."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime as ort

from tidemark_trainer.data import TrainingSet
from tidemark_trainer.errors import ParityError
from tidemark_trainer.pipeline import FittedModel, graph_inputs

TOLERANCE = 1e-6
REAL_ROWS = 48
# Finite extremes of float32, numbers near zero, the first whole number that float32 cannot hold.
_EXTREMES = (0.0, 1.0, -1.0, 1e-30, -1e-30, 16777217.0, 1e12, -1e12, 3.4e38, -3.4e38)
_UNKNOWN_TEXTS = ("no such category", "", " ", "ünïcode ☂ 𝒳", "null")


def open_session(model: bytes) -> ort.InferenceSession:
    """A session with one thread, as in Node: more of them change last bits with the batch size."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return ort.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run_graph(session: ort.InferenceSession, num: np.ndarray, cat: np.ndarray) -> np.ndarray:
    """The graph's probabilities, float32 [N]."""
    offered = {"num": num, "cat": cat}
    feeds = {entry.name: offered[entry.name] for entry in session.get_inputs()}
    return session.run(["probability"], feeds)[0][:, 0]


def check_parity(model: FittedModel, graph: bytes, rows: TrainingSet, seed: int) -> dict[str, Any]:
    """The rows of `parity.json` with both probabilities; raises ParityError where they differ.

    All of `rows` are compared, a sample of them is written; null is written as null, and in `cat`
    it is the empty string to both sides.
    """
    session = open_session(graph)
    _compare(model, session, *graph_inputs(rows))
    num, cat, is_null = _parity_rows(rows, seed)
    exported, source = _compare(model, session, num, cat)
    written = [
        {
            "num": [None if np.isnan(value) else float(value) for value in num[index]],
            "cat": [
                None if null else text for text, null in zip(cat[index].tolist(), is_null[index])
            ],
            "probability": float(exported[index]),
            "source": float(source[index]),
        }
        for index in range(len(num))
    ]
    return {
        "inputs": {
            "num": [feature.name for feature in rows.num_features],
            "cat": [feature.name for feature in rows.cat_features],
        },
        "tolerance": TOLERANCE,
        "onnxruntime": ort.__version__,
        "rows": written,
    }


def _compare(
    model: FittedModel, session: ort.InferenceSession, num: np.ndarray, cat: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    exported, source = run_graph(session, num, cat), model.probability(num, cat)
    difference = np.abs(exported - source)
    # A NaN on either side is a difference too, so the test asks for agreement.
    if not (difference <= TOLERANCE).all():
        row = int(np.argmax(np.nan_to_num(difference, nan=np.inf)))
        raise ParityError(
            f"export of the {model.kind} model: row {row} has {exported[row]} in the graph and "
            f"{source[row]} in the library; due is a difference of at most {TOLERANCE}"
        )
    return exported, source


def _parity_rows(rows: TrainingSet, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    all_num, all_cat = graph_inputs(rows)
    picked = np.sort(rng.choice(len(rows), min(REAL_ROWS, len(rows)), replace=False))
    num, cat = [all_num[picked]], [all_cat[picked]]
    one_num, one_cat = all_num[picked[:1]], all_cat[picked[:1]]
    # All null; then each number alone null, as many as there is room for; then random nulls.
    num.append(np.full_like(one_num, np.nan))
    cat.append(np.full_like(one_cat, ""))
    for index in range(min(8, one_num.shape[1])):
        num.append(_with(one_num, index, np.nan))
        cat.append(one_cat)
    holes = all_num[picked[:8]].copy()
    holes[rng.random(holes.shape) < 0.5] = np.nan
    num.append(holes)
    cat.append(all_cat[picked[:8]])
    for value in _EXTREMES:
        num.append(np.full_like(one_num, value))
        cat.append(one_cat)
    for text in _UNKNOWN_TEXTS:
        num.append(one_num)
        cat.append(np.full_like(one_cat, text))
    texts = np.vstack(cat)
    # In the all-null row the empty strings are written as null, elsewhere as they are.
    is_null = np.zeros(texts.shape, dtype=bool)
    is_null[len(picked)] = True
    return np.vstack(num), texts, is_null


def _with(row: np.ndarray, index: int, value: float) -> np.ndarray:
    changed = row.copy()
    changed[:, index] = value
    return changed
