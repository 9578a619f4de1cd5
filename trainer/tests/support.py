"""Small training sets, made from a seed: plan and counts have a say in the label, noise has too."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

DAY_MS = 86_400_000
ORIGIN_MS = 1_600_000_000_000 - 1_600_000_000_000 % DAY_MS
HORIZON_MS = 30 * DAY_MS

FEATURES = [
    {"name": "logins_30d", "type": "long"},
    {"name": "days_since_last_login", "type": "long"},
    {"name": "revenue_90d", "type": "double"},
    {"name": "always_null", "type": "double"},
    {"name": "tenure_days", "type": "long", "growing": True},
    {"name": "plan", "type": "string"},
    {"name": "country", "type": "string"},
]


@dataclass
class Columns:
    """The columns of a training set, to be changed by a test before they are written."""

    values: dict[str, pa.Array]
    metadata: dict[str, Any]

    def write(self, path: Path) -> Path:
        table = pa.table(self.values)
        texts = {key: json.dumps(value) for key, value in self.metadata.items()}
        pq.write_table(table.replace_schema_metadata(texts), path)
        return path


def training_columns(cutoffs: int = 14, customers: int = 120, seed: int = 1) -> Columns:
    """Weekly cut-offs with a horizon of 30 days; the last label is null in every tenth row."""
    rng = np.random.default_rng(seed)
    rows = cutoffs * customers
    as_of = ORIGIN_MS + np.repeat(np.arange(cutoffs), customers) * 7 * DAY_MS
    logins = rng.poisson(6, rows)
    days = rng.integers(0, 60, rows)
    plan = rng.choice(["basic", "premium", "", "família"], rows)
    logit = 0.06 * (days - 30) - 0.15 * (logins - 6) + 0.8 * (plan == "basic")
    label = (rng.random(rows) < 1 / (1 + np.exp(-logit))).astype(np.int64)
    revenue = rng.lognormal(3, 2, rows) * rng.choice([1, -1], rows, p=[0.9, 0.1])
    instants = pa.timestamp("us", tz="UTC")
    return Columns(
        values={
            "customer_id": pa.array([f"c{i % customers}" for i in range(rows)]),
            "as_of": pa.array(as_of * 1000, pa.int64()).cast(instants),
            "label_time": pa.array((as_of + HORIZON_MS) * 1000, pa.int64()).cast(instants),
            "label": pa.array(label, pa.int64(), mask=rng.random(rows) < 0.1),
            "logins_30d": pa.array(logins, pa.int64(), mask=rng.random(rows) < 0.05),
            "days_since_last_login": pa.array(days, pa.int64(), mask=rng.random(rows) < 0.1),
            "revenue_90d": pa.array(revenue, pa.float64(), mask=rng.random(rows) < 0.3),
            "always_null": pa.nulls(rows, pa.float64()),
            "tenure_days": pa.array(rng.integers(0, 2000, rows), pa.int64()),
            "plan": pa.array(plan.tolist(), pa.string(), mask=plan == ""),
            "country": pa.array(rng.choice(["GB", "FR"], rows).tolist(), pa.string()),
        },
        metadata={
            "tidemark": {
                "app": "churn",
                "appHash": "ab" * 32,
                "featureSet": "churn/1",
                "features": FEATURES,
                "visibility": "known",
                "label": {"gap": 0, "horizon": HORIZON_MS},
                "synthetic": True,
            }
        },
    )
