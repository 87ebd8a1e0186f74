"""A column that is named as a hyperparameter is one, whatever it is called."""

import numpy as np
import pandas as pd
import pytest
from helpers_readers import refused

from leadline.io.table import read_table

N = 60
RNG = np.random.default_rng(0)
SVM = pd.DataFrame(
    {
        "cost": 10 ** RNG.uniform(-2, 2, N),
        "gamma": 10 ** RNG.uniform(-4, 0, N),
        "model": RNG.choice(["rbf", "poly"], N),
        "accuracy": RNG.uniform(0.6, 0.9, N),
    }
)


def read(frame, **options):
    return read_table(frame, score="accuracy", direction="maximize", **options)


@pytest.mark.parametrize(
    "name", ["cost", "model", "task", "trial", "replicate", "status", "space", "order", "budget"]
)
def test_a_reserved_word_may_be_a_hyperparameter(name):
    frame = SVM.rename(columns={"cost": name, "model": "kernel"})
    trials = read(frame, params=[name, "gamma", "kernel"])
    assert trials.params == [f"param:{name}", "param:gamma", "param:kernel"]
    np.testing.assert_allclose(trials.table[f"param:{name}"], SVM["cost"])
    assert trials.searches == [("task", "model")]


def test_a_reserved_word_that_looks_like_a_hyperparameter_is_asked_about():
    for options in ({}, {"params": ["gamma"]}):
        with refused("'model'", "model='model'", "params"):
            read(SVM.drop(columns="cost"), **options)
        with refused("'cost'", "cost='cost'", "params"):
            read(SVM.drop(columns="model"), **options)
    with refused("model='model'", "cost='cost'", "params=['model', 'cost']"):
        read(SVM)
    # Without the column beside it, by its values.
    with refused("'cost'"):
        read(SVM[["cost", "accuracy"]])
    trials = read(SVM, params=["gamma"], cost="cost", model="model")
    assert sorted(trials.searches) == [("task", "poly"), ("task", "rbf")]
    assert "cost" in trials.table


def test_plain_columns_with_reserved_words_are_used():
    seconds = RNG.lognormal(3, 0.4, N)
    blocks = np.repeat(["mlp", "tree", "svm"], N // 3)
    turns = np.tile(["mlp", "tree", "svm"], N // 3)
    for model in (blocks, turns):
        trials = read(pd.DataFrame({"cost": seconds, "model": model, "accuracy": SVM["accuracy"]}))
        assert len(trials.searches) == 3
        np.testing.assert_allclose(trials.table["cost"], seconds)
