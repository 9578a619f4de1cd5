"""The command as a script sees it: bundles, exit codes, sentences."""

import hashlib
import json

import pyarrow as pa
import pytest

from support import FEATURES, training_columns
from tidemark_trainer.canonical import canonical_hash
from tidemark_trainer.cli import main

FAST = ["--trees", "20", "--validation-cutoffs", "3"]


@pytest.fixture()
def columns():
    return training_columns()


def run(tmp_path, columns, *flags, out="out"):
    data = columns.write(tmp_path / "set.parquet")
    return main(["--data", str(data), "--out", str(tmp_path / out), *FAST, *flags])


def test_one_bundle_a_model_is_written_with_everything_in_it(tmp_path, columns, capsys):
    assert run(tmp_path, columns) == 0
    for model, kind in (("lr", "logistic"), ("xgb", "xgboost")):
        folder = tmp_path / "out" / model
        description = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
        assert sorted(path.name for path in folder.iterdir()) == [
            "HASH", "MLmodel", "bundle.json", "model.onnx", "parity.json",
        ]
        assert description["format"] == 1 and description["kind"] == kind
        assert description["features"] == [
            {"name": f["name"], "type": f["type"]} for f in FEATURES
        ]
        assert description["inputs"]["cat"] == ["plan", "country"]
        assert description["files"] == {
            name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
            for name in ("model.onnx", "parity.json", "MLmodel")
        }
        assert (folder / "HASH").read_text().strip() == canonical_hash(description)
        assert description["reference"]["features"]["tenure_days"]["growing"] is True
        assert description["metrics"]["anchors"]["recencyFeature"] == "days_since_last_login"
        assert description["data"]["rowsWithoutLabel"] > 0
    figures = [line for line in capsys.readouterr().out.splitlines() if "AUC" in line]
    assert figures and all(line.endswith("synthetic") for line in figures)


def test_the_same_data_and_seed_give_the_same_hash(tmp_path, columns):
    assert run(tmp_path, columns) == 0
    assert run(tmp_path, columns, out="again") == 0
    assert run(tmp_path, columns, "--seed", "8", out="other") == 0
    for model in ("lr", "xgb"):
        hashes = [
            (tmp_path / out / model / "HASH").read_text() for out in ("out", "again", "other")
        ]
        assert hashes[0] == hashes[1] != hashes[2]


def test_json_is_one_document_on_standard_output(tmp_path, columns, capsys):
    assert run(tmp_path, columns, "--json", "--models", "lr", "--name", "n", "--version", "2") == 0
    (bundle,) = json.loads(capsys.readouterr().out)["bundles"]
    assert (bundle["name"], bundle["version"], bundle["kind"]) == ("n", "2", "logistic")
    assert bundle["data"]["synthetic"] is True


def test_metadata_needs_nothing_but_the_features(tmp_path, columns):
    columns.metadata["tidemark"] = {"features": FEATURES}
    assert run(tmp_path, columns, "--models", "lr") == 0


def test_a_feature_that_knows_the_label_is_warned_of(tmp_path, columns, capsys):
    columns.values["logins_30d"] = columns.values["label"].fill_null(0)
    assert run(tmp_path, columns, "--models", "lr") == 0
    assert "AUC above 0.9 on lapse data means a leak" in capsys.readouterr().err


def test_real_figures_are_not_called_synthetic(tmp_path, columns, capsys):
    columns.metadata["tidemark"]["synthetic"] = False
    assert run(tmp_path, columns, "--models", "lr") == 0
    assert "synthetic" not in capsys.readouterr().out


def test_an_existing_bundle_is_never_written_over(tmp_path, columns, capsys):
    (tmp_path / "out" / "xgb").mkdir(parents=True)
    assert run(tmp_path, columns) == 74
    assert "exists already" in capsys.readouterr().err
    assert not (tmp_path / "out" / "lr").exists()


def one_class(columns):
    columns.values["label"] = pa.array([1] * len(columns.values["label"]), pa.int64())


def no_labels(columns):
    columns.values["label"] = pa.nulls(len(columns.values["label"]), pa.int64())


def odd_label(columns):
    columns.values["label"] = pa.array([2] * len(columns.values["label"]), pa.int64())


def short_history(columns):
    for name, column in columns.values.items():
        columns.values[name] = column[-240:]


def no_metadata(columns):
    columns.metadata.clear()


def no_features(columns):
    del columns.metadata["tidemark"]["features"]


def unknown_type(columns):
    columns.metadata["tidemark"]["features"] = [{"name": "plan", "type": "decimal"}]


def wrong_column_type(columns):
    columns.values["logins_30d"] = columns.values["plan"]


def missing_column(columns):
    del columns.values["plan"]


def twice_declared(columns):
    columns.metadata["tidemark"]["features"] = [*FEATURES, FEATURES[0]]


def pure_noise(columns):
    names = ("logins_30d", "days_since_last_login", "revenue_90d", "tenure_days")
    columns.metadata["tidemark"]["features"] = [f for f in FEATURES if f["name"] in names]
    for name in names:
        columns.values[name] = pa.nulls(len(columns.values[name]), columns.values[name].type)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (one_class, "training rows have the label 1"),
        (no_labels, "no row with a label"),
        (odd_label, "column label holds [2]; due are 0 and 1"),
        (short_history, "nothing is left after the purge"),
        (no_metadata, "no metadata key 'tidemark'"),
        (no_features, "lists no features"),
        (unknown_type, "feature plan has the unknown type 'decimal'"),
        (wrong_column_type, "column logins_30d is string; declared is long"),
        (missing_column, "the training set has no column plan"),
        (twice_declared, "declares logins_30d twice"),
        (pure_noise, "same score"),
    ],
)
def test_wrong_data_is_refused_with_a_sentence(tmp_path, columns, capsys, spoil, sentence):
    spoil(columns)
    assert run(tmp_path, columns) == 78
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists() or not any((tmp_path / "out").iterdir())


def test_a_file_that_is_no_parquet_is_wrong_data(tmp_path, capsys):
    path = tmp_path / "set.parquet"
    path.write_text("customer_id,as_of\n")
    assert main(["--data", str(path), "--out", str(tmp_path / "out")]) == 78
    assert "not a readable Parquet file" in capsys.readouterr().err


def test_a_missing_file_is_told(tmp_path, capsys):
    assert main(["--data", str(tmp_path / "none"), "--out", str(tmp_path / "out")]) == 74
    assert "cannot read training set" in capsys.readouterr().err


@pytest.mark.parametrize(
    "flags",
    [
        ["--models", "svm"], ["--test-cutoff", "October"], ["--trees", "0"], ["--cost", "-1"],
        ["--save-rate", "2"], ["--validation-cutoffs", "0"], ["--no-such-flag"],
    ],
)
def test_wrong_usage_exits_2(tmp_path, columns, flags):
    try:
        code = run(tmp_path, columns, *flags)
    except SystemExit as stop:
        code = stop.code
    assert code == 2
