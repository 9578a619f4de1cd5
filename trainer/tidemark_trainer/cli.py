"""The command line `python -m tidemark_trainer`."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from tidemark_trainer.bundle import refuse_existing
from tidemark_trainer.data import TrainingSet, read_training_set
from tidemark_trainer.errors import TrainerError, UsageError
from tidemark_trainer.evaluate import ValueOfAction
from tidemark_trainer.instants import parse_instant
from tidemark_trainer.pipeline import Kind, TrainingParameters
from tidemark_trainer.report import bundle_json, leak_warning, print_bundle, print_split
from tidemark_trainer.split import split_by_time
from tidemark_trainer.train import BundleRequest, train_bundle

KINDS: dict[str, Kind] = {"lr": "logistic", "xgb": "xgboost"}


def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns its exit code: 0, 1 our fault, 2 usage, 74 files, 78 data."""
    try:
        return _run(_parser().parse_args(arguments))
    except TrainerError as error:
        print(f"tidemark_trainer: {error}", file=sys.stderr)
        return error.exit_code


def _run(options: argparse.Namespace) -> int:
    models = list(dict.fromkeys(options.models.split(",")))
    unknown = [model for model in models if model not in KINDS]
    if unknown:
        raise UsageError(f"unknown model {unknown[0]!r} in --models; known are {', '.join(KINDS)}")
    parameters, value = _parameters(options), _value(options)
    test_cutoff = parse_instant(options.test_cutoff) if options.test_cutoff else None
    # Asked before the training, for nobody wants to hear of it after.
    for model in models:
        refuse_existing(options.out / model)
    rows = read_training_set(options.data)
    split = split_by_time(rows, test_cutoff, options.validation_cutoffs)
    if not options.json:
        print_split(rows, split)
    bundles = []
    for model in models:
        name = options.name or f"{_app_name(rows)}-{model}"
        request = BundleRequest(
            KINDS[model], options.out / model, name, options.version, parameters, value
        )
        bundle = train_bundle(rows, split, request)
        bundles.append(bundle)
        warning = leak_warning(bundle)
        if warning:
            print(warning, file=sys.stderr)
        if not options.json:
            print_bundle(bundle)
    if options.json:
        print(json.dumps({"bundles": [bundle_json(bundle) for bundle in bundles]}, indent=1))
    return 0


def _app_name(rows: TrainingSet) -> str:
    app = rows.metadata.get("app")
    return app if isinstance(app, str) and app else "model"


def _parameters(options: argparse.Namespace) -> TrainingParameters:
    return TrainingParameters(
        seed=options.seed,
        trees=options.trees,
        depth=options.depth,
        learning_rate=options.learning_rate,
        min_child_weight=options.min_child_weight,
        regularisation=options.regularisation,
    )


def _value(options: argparse.Namespace) -> ValueOfAction:
    if options.save_rate > 1:
        raise UsageError(f"--save-rate is {options.save_rate:g}; due is a share of at most 1")
    return ValueOfAction(options.save_rate, options.customer_value, options.cost)


def _parser() -> argparse.ArgumentParser:
    model, value = TrainingParameters(), ValueOfAction()
    parser = argparse.ArgumentParser(
        prog="tidemark_trainer",
        description="Trains churn models on a training set of `tidemark replay`: one bundle folder "
        "a model in --out. The same data, seed and libraries give the same bundle hash.",
    )
    add = parser.add_argument
    add("--data", type=Path, required=True, help="Parquet file")
    add("--out", type=Path, required=True, help="folder that receives lr/, xgb/")
    add("--models", default="lr,xgb", help=f"comma-separated, of {', '.join(KINDS)} (%(default)s)")
    add("--test-cutoff", help="ISO instant, UTC: rows from here on are the test (newest labelled)")
    add("--validation-cutoffs", type=at_least_one,
        help="how many of the last cut-offs closed by then calibrate (as few as hold 2,000 rows, "
        "at most a quarter)")
    add("--name", help="bundle name (app and model)")
    add("--version", default="1", help="bundle version (%(default)s)")
    add("--seed", type=seed_number, default=model.seed,
        help="of row and column sampling (%(default)s)")
    add("--trees", type=at_least_one, default=model.trees,
        help="xgb: number of trees (%(default)s)")
    add("--depth", type=at_least_one, default=model.depth,
        help="xgb: depth of a tree (%(default)s)")
    add("--learning-rate", type=positive_number, default=model.learning_rate,
        help="xgb: as in XGBoost (%(default)s)")
    add("--min-child-weight", type=positive_number, default=model.min_child_weight,
        help="xgb: as in XGBoost (%(default)s)")
    add("--regularisation", type=positive_number, default=model.regularisation,
        help="lr: inverse strength, scikit-learn's C (%(default)s)")
    add("--save-rate", type=positive_number, default=value.save_rate,
        help="share of leaving customers that an offer keeps (%(default)s)")
    add("--customer-value", type=positive_number, default=value.customer_value,
        help="worth of one kept (%(default)s)")
    add("--cost", type=positive_number, default=value.cost, help="price of one offer (%(default)s)")
    add("--json", action="store_true", help="print one JSON document instead of text")
    return parser


def positive_number(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text} is not a positive number")
    return number


def at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{text} is less than 1")
    return number


def seed_number(text: str) -> int:
    number = int(text)
    if not 0 <= number < 2**31:
        raise argparse.ArgumentTypeError(f"{text} is not a whole number from 0 to 2^31 - 1")
    return number
