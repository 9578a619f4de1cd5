"""Nothing that a model learns from could have known what it is judged on."""

import numpy as np
import pytest

from support import DAY_MS, ORIGIN_MS, training_columns
from tidemark_trainer.data import read_training_set
from tidemark_trainer.errors import DataError
from tidemark_trainer.split import split_by_time


@pytest.fixture()
def rows(tmp_path):
    return read_training_set(training_columns().write(tmp_path / "set.parquet"))


def cutoff(index):
    return ORIGIN_MS + index * 7 * DAY_MS


def test_every_label_window_closes_before_the_next_set_begins(rows):
    split = split_by_time(rows, validation_cutoffs=2)
    assert split.train.label_time.max() <= split.validation.as_of.min()
    assert split.validation.label_time.max() <= split.test.as_of.min()
    # 30 days are four weeks and a bit: five cut-offs lie between.
    assert np.unique(split.test.as_of).tolist() == [cutoff(13)]
    assert np.unique(split.validation.as_of).tolist() == [cutoff(7), cutoff(8)]
    assert np.unique(split.train.as_of).tolist() == [cutoff(0), cutoff(1), cutoff(2)]


def test_rows_between_the_sets_are_purged_and_counted(rows):
    split = split_by_time(rows, validation_cutoffs=2)
    kept = len(split.train) + len(split.validation) + len(split.test)
    assert split.purged == len(rows) - kept
    assert split.purged > 0


def test_a_label_window_that_closes_at_the_cutoff_itself_is_kept(tmp_path):
    columns = training_columns()
    instants = columns.values["as_of"].cast("int64").to_numpy() // 1000
    columns.values["label_time"] = training_columns().values["as_of"]
    rows = read_training_set(columns.write(tmp_path / "set.parquet"))
    assert (rows.label_time == rows.as_of).all() and len(instants) >= len(rows)
    split = split_by_time(rows, validation_cutoffs=1)
    assert np.unique(split.validation.as_of).tolist() == [cutoff(12)]
    assert split.purged == 0


def test_all_rows_from_the_test_cutoff_on_are_test(rows):
    split = split_by_time(rows, cutoff(12) - 1, 1)
    assert np.unique(split.test.as_of).tolist() == [cutoff(12), cutoff(13)]
    assert split.validation.label_time.max() <= cutoff(12)


def test_no_row_at_the_test_cutoff_is_refused(rows):
    with pytest.raises(DataError, match="no labelled row at or after the test cut-off"):
        split_by_time(rows, cutoff(14))


def test_nothing_left_after_the_purge_is_refused(rows):
    with pytest.raises(DataError, match="nothing is left after the purge"):
        split_by_time(rows, cutoff(4))
    with pytest.raises(DataError, match="no training row is left after the purge"):
        split_by_time(rows, cutoff(5))


@pytest.mark.parametrize(("name", "chosen"), [("training", 0), ("validation", 8), ("test", 13)])
def test_a_set_of_one_class_is_refused(rows, name, chosen):
    label = rows.label.copy()
    label[rows.as_of <= cutoff(2) if chosen == 0 else rows.as_of == cutoff(chosen)] = 0
    rows = rows.__class__(**{**rows.__dict__, "label": label})
    with pytest.raises(DataError, match=f"{name} rows have the label 0"):
        split_by_time(rows, validation_cutoffs=2 if chosen == 0 else 1)


def test_validation_takes_no_more_cutoffs_than_calibration_needs(tmp_path):
    large = training_columns(cutoffs=24, customers=1200).write(tmp_path / "large.parquet")
    split = split_by_time(read_training_set(large))
    assert len(np.unique(split.validation.as_of)) == 2 and len(split.validation) >= 2000
    small = training_columns(cutoffs=24, customers=40).write(tmp_path / "small.parquet")
    split = split_by_time(read_training_set(small))
    # Nineteen cut-offs have closed by the test; a quarter of them is the most.
    assert len(np.unique(split.validation.as_of)) == 4
