"""Reads a training set: one row for each (customer, cut-off), as `tidemark replay` wrote it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tidemark_trainer.errors import DataError, OutputError

FEATURE_TYPES = ("long", "double", "string")


@dataclass(frozen=True)
class Feature:
    """A declared feature; `growing` marks those that rise by construction (tenure, totals)."""

    name: str
    type: str
    growing: bool = False


@dataclass(frozen=True)
class TrainingSet:
    """Labelled rows in columns.

    `num` is float64 [n, k] with NaN for null, `cat` is [n, m] of str with the empty string for
    null, both in declared order; instants are milliseconds UTC; labels are 0 or 1.
    """

    features: tuple[Feature, ...]
    as_of: np.ndarray
    label_time: np.ndarray
    label: np.ndarray
    num: np.ndarray
    cat: np.ndarray
    rows_without_label: int
    fingerprint: str
    metadata: dict[str, Any]

    @property
    def num_features(self) -> tuple[Feature, ...]:
        """The features of the graph's input `num`."""
        return tuple(feature for feature in self.features if feature.type != "string")

    @property
    def cat_features(self) -> tuple[Feature, ...]:
        """The features of the graph's input `cat`."""
        return tuple(feature for feature in self.features if feature.type == "string")

    @property
    def synthetic(self) -> bool:
        """True where the events were generated, so that no figure is taken for a real one."""
        return bool(self.metadata.get("synthetic", False))

    def take(self, mask: np.ndarray) -> TrainingSet:
        """The rows that a boolean mask selects, in their order."""
        return replace(
            self,
            as_of=self.as_of[mask],
            label_time=self.label_time[mask],
            label=self.label[mask],
            num=self.num[mask],
            cat=self.cat[mask],
        )

    def __len__(self) -> int:
        return len(self.label)


def read_training_set(path: Path) -> TrainingSet:
    """Reads the labelled rows of a Parquet file; rows without a label are counted and left out.

    Raises OutputError where the file cannot be read, DataError where it is no training set.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise OutputError(f"cannot read training set {path}: {error.strerror}") from error
    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError, OSError) as error:
        raise DataError(f"{path} is not a readable Parquet file: {error}") from error
    metadata = _read_metadata(path, table)
    features = _read_features(path, metadata)
    label = _column(table, "label")
    if not (pa.types.is_integer(label.type) or pa.types.is_null(label.type)):
        raise DataError(f"column label is {label.type}; due is int64 with 0, 1 or null")
    labelled = table.filter(pc.is_valid(label))
    values = _column(labelled, "label").to_numpy().astype(np.int64)
    if not np.isin(values, (0, 1)).all():
        raise DataError(f"column label holds {sorted(set(values.tolist()))[:5]}; due are 0 and 1")
    numeric = [_numbers(labelled, f) for f in features if f.type != "string"]
    categories = [_strings(labelled, f) for f in features if f.type == "string"]
    rows = labelled.num_rows
    return TrainingSet(
        features=features,
        as_of=_instants(labelled, "as_of"),
        label_time=_instants(labelled, "label_time"),
        label=values,
        num=np.column_stack(numeric) if numeric else np.empty((rows, 0)),
        cat=np.column_stack(categories) if categories else np.empty((rows, 0), dtype=object),
        rows_without_label=table.num_rows - rows,
        fingerprint=hashlib.sha256(content).hexdigest(),
        metadata=metadata,
    )


def _read_metadata(path: Path, table: pa.Table) -> dict[str, Any]:
    text = (table.schema.metadata or {}).get(b"tidemark")
    if text is None:
        raise DataError(
            f"{path} has no metadata key 'tidemark'; was it written by tidemark replay?"
        )
    try:
        metadata = json.loads(text)
    except ValueError as error:
        raise DataError(f"the metadata key 'tidemark' of {path} is not JSON: {error}") from error
    if not isinstance(metadata, dict):
        raise DataError(f"the metadata key 'tidemark' of {path} is not a JSON object")
    return metadata


def _read_features(path: Path, metadata: dict[str, Any]) -> tuple[Feature, ...]:
    declared = metadata.get("features")
    if not isinstance(declared, list) or not declared:
        raise DataError(f"the metadata of {path} lists no features")
    features = []
    for entry in declared:
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            raise DataError(f"the metadata of {path} has a feature without a name: {entry!r}")
        if entry.get("type") not in FEATURE_TYPES:
            raise DataError(
                f"feature {entry['name']} has the unknown type {entry.get('type')!r}; "
                f"known are {', '.join(FEATURE_TYPES)}"
            )
        features.append(Feature(entry["name"], entry["type"], bool(entry.get("growing", False))))
    names = [feature.name for feature in features]
    repeated = {name for name in names if names.count(name) > 1}
    if repeated:
        raise DataError(f"the metadata of {path} declares {', '.join(sorted(repeated))} twice")
    return tuple(features)


def _column(table: pa.Table, name: str) -> pa.ChunkedArray:
    if name not in table.column_names:
        raise DataError(f"the training set has no column {name}")
    return table.column(name)


def _instants(table: pa.Table, name: str) -> np.ndarray:
    column = _column(table, name)
    if not pa.types.is_timestamp(column.type):
        raise DataError(f"column {name} is {column.type}; due is a timestamp")
    if column.null_count > 0:
        raise DataError(f"column {name} is null in {column.null_count} labelled rows")
    # Finer digits are cut, as everywhere in Tidemark; a zone never changes the instant.
    cut = column.cast(pa.timestamp("ms", tz=column.type.tz), safe=False)
    return cut.cast(pa.int64()).to_numpy()


def _numbers(table: pa.Table, feature: Feature) -> np.ndarray:
    column = _column(table, feature.name)
    fits = pa.types.is_integer(column.type) or (
        feature.type == "double" and pa.types.is_floating(column.type)
    )
    if not fits:
        raise DataError(f"column {feature.name} is {column.type}; declared is {feature.type}")
    values = column.cast(pa.float64(), safe=False)
    return pc.fill_null(values, float("nan")).to_numpy().astype(np.float64)


def _strings(table: pa.Table, feature: Feature) -> np.ndarray:
    column = _column(table, feature.name)
    if pa.types.is_dictionary(column.type):
        column = column.cast(column.type.value_type)
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        raise DataError(f"column {feature.name} is {column.type}; declared is string")
    return np.asarray(pc.fill_null(column, "").to_pylist(), dtype=object)
