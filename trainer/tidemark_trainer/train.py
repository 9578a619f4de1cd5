"""From a training set to a bundle folder: train, calibrate, export, compare, judge, write."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tidemark_trainer.bundle import FORMAT, library_versions, write_bundle
from tidemark_trainer.calibrate import calibrate
from tidemark_trainer.data import TrainingSet
from tidemark_trainer.evaluate import ValueOfAction, choose_threshold, evaluate, recency_anchor
from tidemark_trainer.export import OPSET, export_model
from tidemark_trainer.instants import format_instant
from tidemark_trainer.parity import check_parity, open_session, run_graph
from tidemark_trainer.pipeline import Kind, TrainingParameters, graph_inputs, train_model
from tidemark_trainer.reference import bin_numbers, reference_histograms
from tidemark_trainer.split import Split

RISK_LEVELS = {"high": 0.7, "medium": 0.4}


@dataclass(frozen=True)
class BundleRequest:
    """What the caller decides about a bundle."""

    kind: Kind
    folder: Path
    name: str
    version: str = "1"
    parameters: TrainingParameters = field(default_factory=TrainingParameters)
    value: ValueOfAction = field(default_factory=ValueOfAction)


@dataclass(frozen=True)
class Bundle:
    """A written bundle: its hash and the content of its bundle.json."""

    folder: Path
    hash: str
    description: dict[str, Any]


def train_bundle(rows: TrainingSet, split: Split, request: BundleRequest) -> Bundle:
    """Trains one model on the split and writes its bundle.

    Figures are those of the exported graph, not of the library behind it. Raises DataError where
    the rows teach nothing, ParityError where the graph differs, OutputError where the folder is
    taken.
    """
    parameters = request.parameters
    model = calibrate(train_model(request.kind, split.train, parameters), split.validation)
    graph = export_model(model, len(rows.num_features), len(rows.cat_features), request.name)
    parity = check_parity(model, graph, split.test, parameters.seed)
    session = open_session(graph)
    validated = run_graph(session, *graph_inputs(split.validation)).astype(float)
    tested = run_graph(session, *graph_inputs(split.test)).astype(float)
    threshold, chosen_by = choose_threshold(split.validation.label, validated, request.value)
    reference = {
        "features": reference_histograms(split.train),
        "probability": {"kind": "numeric", **bin_numbers(validated)},
    }
    description = _provenance(rows, split) | {
        "format": FORMAT,
        "name": request.name,
        "version": request.version,
        "kind": request.kind,
        "output": "probability",
        "threshold": threshold,
        "thresholdChosenBy": chosen_by,
        "riskLevels": RISK_LEVELS,
        "calibration": {"method": "platt", "slope": model.slope, "intercept": model.intercept},
        "metrics": {
            "validation": evaluate(split.validation.label, validated, threshold, request.value),
            "test": evaluate(split.test.label, tested, threshold, request.value),
            "anchors": recency_anchor(split.test),
        },
        "reference": reference,
        "seeds": {"model": parameters.seed},
        "parameters": _parameters(request),
        "libraries": library_versions(),
        "opset": OPSET,
    }
    digest = write_bundle(request.folder, description, graph, parity)
    return Bundle(request.folder, digest, description)


def _provenance(rows: TrainingSet, split: Split) -> dict[str, Any]:
    def cutoffs(part: TrainingSet) -> list[str]:
        return [format_instant(instant) for instant in sorted(set(part.as_of.tolist()))]

    trained = cutoffs(split.train)
    metadata = rows.metadata
    return {
        "app": metadata.get("app"),
        "appHash": metadata.get("appHash"),
        "featureSet": metadata.get("featureSet"),
        "label": metadata.get("label"),
        "visibility": metadata.get("visibility"),
        "features": [{"name": feature.name, "type": feature.type} for feature in rows.features],
        "inputs": {
            "num": [feature.name for feature in rows.num_features],
            "cat": [feature.name for feature in rows.cat_features],
        },
        "trainingWindow": {
            "from": trained[0],
            "to": trained[-1],
            "validationCutoffs": cutoffs(split.validation),
            "testCutoffs": cutoffs(split.test),
        },
        "data": {
            "fingerprint": rows.fingerprint,
            "rows": len(rows) + rows.rows_without_label,
            "rowsWithoutLabel": rows.rows_without_label,
            "rowsTraining": len(split.train),
            "rowsValidation": len(split.validation),
            "rowsTest": len(split.test),
            "rowsPurged": split.purged,
            "synthetic": rows.synthetic,
        },
    }


def _parameters(request: BundleRequest) -> dict[str, Any]:
    parameters, value = request.parameters, request.value
    business = {
        "saveRate": value.save_rate,
        "customerValue": value.customer_value,
        "cost": value.cost,
    }
    if request.kind == "logistic":
        return {"value": business, "regularisation": parameters.regularisation}
    return {
        "value": business,
        "trees": parameters.trees,
        "depth": parameters.depth,
        "learningRate": parameters.learning_rate,
        "minChildWeight": parameters.min_child_weight,
    }
