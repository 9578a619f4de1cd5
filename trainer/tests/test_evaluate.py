"""Figures against hand-counted ones."""

import numpy as np
import pytest

from tidemark_trainer.evaluate import ValueOfAction, choose_threshold, evaluate
from tidemark_trainer.reference import bin_numbers, count_categories

VALUE = ValueOfAction(save_rate=0.5, customer_value=100, cost=10)


def test_the_threshold_has_the_greatest_value():
    label = np.array([1, 1, 0, 0, 0, 0, 0, 0, 1])
    probability = np.array([0.9, 0.8, 0.7, 0.5, 0.4, 0.3, 0.2, 0.1, 0.05])
    threshold, chosen_by = choose_threshold(label, probability, VALUE)
    assert threshold == pytest.approx(0.75)
    assert chosen_by == "greatest value TP*(0.5*100-10)-FP*10 on the validation window"
    figures = evaluate(label, probability, threshold, VALUE)
    assert figures["value"] == 80
    assert figures["confusion"] == {"tp": 2, "fp": 0, "tn": 6, "fn": 1}
    assert figures["precision"] == 1 and figures["recall"] == pytest.approx(2 / 3, abs=1e-6)
    assert figures["lift10"] == 3


def test_equal_probabilities_are_not_parted_by_the_threshold():
    label, probability = np.array([1, 0, 0, 0]), np.array([0.6, 0.6, 0.6, 0.2])
    threshold, _ = choose_threshold(label, probability, VALUE)
    assert threshold == pytest.approx(0.4)


def test_doing_nothing_is_chosen_where_no_action_pays():
    label, probability = np.array([0, 0, 1]), np.array([0.9, 0.8, 0.1])
    threshold, chosen_by = choose_threshold(label, probability, ValueOfAction(0.1, 100, 10))
    assert threshold == 1 and "no threshold has a positive value" in chosen_by
    assert evaluate(label, probability, threshold, VALUE)["precision"] is None


def test_few_distinct_values_have_a_bin_each():
    histogram = bin_numbers(np.array([0, 0, 1, 2, 2, 2, np.nan]))
    assert histogram == {
        "edges": [0, 1, 2, 2], "counts": [2, 1, 3], "null": 1, "under": 0, "over": 0,
    }


def test_many_values_have_64_bins_of_about_equal_counts():
    values = np.random.default_rng(1).normal(size=64_000)
    histogram = bin_numbers(values)
    assert len(histogram["counts"]) == 64 and sum(histogram["counts"]) == 64_000
    assert histogram["edges"][0] == values.min() and histogram["edges"][-1] == values.max()
    assert max(histogram["counts"]) <= 1002 and min(histogram["counts"]) >= 998


def test_a_value_that_fills_several_quantiles_makes_one_bin():
    values = np.concatenate([np.zeros(5000), np.arange(1, 1001)])
    histogram = bin_numbers(values)
    assert histogram["counts"][0] >= 5000 and sum(histogram["counts"]) == 6000
    assert len(set(histogram["edges"])) == len(histogram["edges"])


def test_a_feature_without_values_has_no_edges():
    assert bin_numbers(np.array([np.nan, np.nan]))["edges"] == []


def test_categories_beyond_the_commonest_are_other():
    column = np.array(["a"] * 3 + [""] * 2 + [f"rare{i:03d}" for i in range(60)], dtype=object)
    histogram = count_categories(column)
    assert histogram["categories"][0] == {"value": "a", "count": 3}
    assert len(histogram["categories"]) == 50
    assert (histogram["other"], histogram["null"]) == (11, 2)
