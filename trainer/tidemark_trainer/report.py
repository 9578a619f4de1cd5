"""What the command prints: every figure of generated data says that it is synthetic."""

from __future__ import annotations

from typing import Any

from tidemark_trainer.data import TrainingSet
from tidemark_trainer.evaluate import LEAK_AUC
from tidemark_trainer.instants import format_instant
from tidemark_trainer.split import Split
from tidemark_trainer.train import Bundle

_FIGURES = {
    "auc": "AUC",
    "prAuc": "PR-AUC",
    "lift10": "lift at 10 %",
    "precision": "precision",
    "recall": "recall",
    "f1": "F1",
    "brier": "Brier",
    "baseRate": "base rate",
}


def print_split(rows: TrainingSet, split: Split) -> None:
    """Prints how many rows went where."""
    sets = {"training": split.train, "validation": split.validation, "test": split.test}
    for name, part in sets.items():
        first = format_instant(part.as_of.min())[:10]
        last = format_instant(part.as_of.max())[:10]
        print(f"{name:12}{len(part):>10,} rows, cut-offs {first} to {last}")
    print(f"{'purged':12}{split.purged:>10,} rows, label windows open at a later set's cut-off")
    print(f"{'no label':12}{rows.rows_without_label:>10,} rows")


def print_bundle(bundle: Bundle) -> None:
    """Prints the figures of a bundle, validation beside test."""
    description = bundle.description
    metrics = description["metrics"]
    mark = _mark(bundle)
    print(f"\n{description['name']} ({description['kind']})   validation       test")
    for key, title in _FIGURES.items():
        cells = (_figure(metrics[part][key]) for part in ("validation", "test"))
        print(f"  {title:28}" + "".join(f"{cell:>11}" for cell in cells) + mark)
    anchors = metrics["anchors"]
    if anchors:
        title = f"AUC of {anchors['recencyFeature']}"
        print(f"  {title:39}{anchors['recencyAuc']:>11.4f}{mark}")
    print(f"  threshold {description['threshold']:.4f}: {description['thresholdChosenBy']}")
    print(f"  {bundle.folder}  {bundle.hash}")


def leak_warning(bundle: Bundle) -> str | None:
    """A sentence where a figure is too good to be true."""
    metrics = bundle.description["metrics"]
    auc = max(metrics[part]["auc"] for part in ("validation", "test"))
    if auc <= LEAK_AUC:
        return None
    figure = f"{auc:.4f}{_mark(bundle)}"
    name = bundle.description["name"]
    return f"warning: {name}: AUC above 0.9 on lapse data means a leak ({figure})"


def bundle_json(bundle: Bundle) -> dict[str, Any]:
    """What a script wants to know of a bundle."""
    wanted = ("name", "version", "kind", "threshold", "metrics", "data")
    return {
        "folder": str(bundle.folder),
        "hash": bundle.hash,
        **{key: bundle.description[key] for key in wanted},
    }


def _mark(bundle: Bundle) -> str:
    return " synthetic" if bundle.description["data"]["synthetic"] else ""


def _figure(figure: float | None) -> str:
    return "none" if figure is None else f"{figure:.4f}"
