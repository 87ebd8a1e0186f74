"""Searches that scikit-learn ran, and what is made of their candidates."""

import pickle

import numpy as np
import pandas as pd
import pytest
from helpers_readers import Trap, refused
from scipy.stats import loguniform, randint, uniform
from sklearn.base import BaseEstimator
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, RandomizedSearchCV

from leadline.io.sklearn import read_sklearn
from leadline.search_audit.random_search import validate_random_search

pytestmark = pytest.mark.filterwarnings("ignore")
X, Y = np.arange(12.0).reshape(-1, 1), np.arange(12.0)


class Model(BaseEstimator):
    """A regressor whose score is a function of its hyperparameters, and fails for some."""

    def __init__(self, lr=0.1, width=3, act="relu", kind=None, n=1):
        self.lr, self.width, self.act, self.kind, self.n = lr, width, act, kind, n

    def fit(self, x, y):
        if self.width == 7:
            raise ValueError("out of memory")
        return self

    def predict(self, x):
        return x[:, 0] + np.log10(self.lr)

    def score(self, x, y):
        return -abs(np.log10(self.lr) + 2) + 0.01 * x.mean()


SPACE = {"lr": loguniform(1e-4, 1), "width": randint(1, 9), "kind": [None, "a", "b"]}


def search(kind=RandomizedSearchCV, space=SPACE, **options):
    options = {"n_iter": 20, "random_state": 1, "cv": 3} | options
    return kind(Model(), space, **options).fit(X, Y)


def test_a_random_search_is_read_with_its_space_and_failures():
    found = search()
    trials = read_sklearn(found)
    table = trials.table
    failed = np.isnan(found.cv_results_["mean_test_score"])
    assert failed.any()
    assert (table["status"] == "failed").to_numpy().tolist() == failed.tolist()
    assert table["score"].dropna().tolist() == [
        score for score in found.cv_results_["mean_test_score"] if score == score
    ]
    assert (trials.direction, trials.metric) == ("maximize", "score")
    assert trials.sampler == "RandomizedSearchCV"
    assert trials.source == "RandomizedSearchCV"
    assert set(table["task"]) == {"Model"}
    assert trials.params == ["param:kind", "param:lr", "param:width"]
    assert set(table["param:kind"]) == {"(None)", "a", "b"}
    assert trials.distributions == {
        "lr": ("log-uniform", 1e-4, 1.0),
        "width": ("integer", 1.0, 8.0),
        "kind": ("categorical", "(None)", "a", "b"),
    }
    assert (table["cost"] > 0).all()
    assert (table["replicate"] == 1).all()  # folds are none
    assert validate_random_search(trials) == []


def test_results_alone_as_a_mapping_frame_or_file_give_the_same_table(tmp_path):
    found = search(space={"lr": loguniform(1e-4, 1), "width": randint(1, 9)})
    expected = read_sklearn(found).table.drop(columns="task")
    assert read_sklearn(found.cv_results_).table.drop(columns="task").equals(expected)
    frame = pd.DataFrame(found.cv_results_)
    assert read_sklearn(frame).table.drop(columns="task").equals(expected)
    frame.to_csv(tmp_path / "search.csv")
    read = read_sklearn(tmp_path / "search.csv")
    assert set(read.table["task"]) == {"search"}
    pd.testing.assert_frame_equal(read.table.drop(columns="task"), expected)


def test_losses_get_their_sign_back():
    names = {"mse": "neg_mean_squared_error", "own": "r2"}
    several = search(scoring=names, refit=False)
    with refused("2 scorers", "'mse', 'own'", "score"):
        read_sklearn(several)
    with refused("'mae'", "'mse'"):
        read_sklearn(several, score="mae")
    mse = read_sklearn(several, score="mse")
    assert (mse.direction, mse.metric) == ("minimize", "mse")
    assert (mse.table["score"].dropna() >= 0).all()
    assert read_sklearn(several, score="own").direction == "maximize"
    single = read_sklearn(search(scoring="neg_mean_squared_error"))
    assert (single.direction, single.metric) == ("minimize", "mean_squared_error")
    assert any("sign flipped" in note for note in single.notes)
    listed = search(scoring=["neg_mean_squared_error", "r2"], refit=False).cv_results_
    bare = read_sklearn(listed, score="neg_mean_squared_error")
    assert (bare.direction, bare.metric) == ("minimize", "mean_squared_error")
    assert bare.table["score"].equals(single.table["score"])


def test_a_score_that_stands_for_a_failed_fold_is_a_failure():
    trials = read_sklearn(search(error_score=-99.0))
    assert (trials.table["status"] == "failed").any()
    assert trials.table["score"].min() > -99.0


def test_halving_is_refused_and_its_first_rung_offered():
    found = HalvingRandomSearchCV(
        Model(), SPACE, n_candidates=9, random_state=1, cv=2, resource="n", max_resources=9
    ).fit(X, Y)
    with refused("first_rung=True", "all 9 candidates", "RandomizedSearchCV"):
        read_sklearn(found)
    trials = read_sklearn(found, first_rung=True)
    assert trials.counts()["trials"] == 9
    assert set(trials.table["budget"]) == {1.0}
    assert "4 rows of later rungs left out" in " ".join(trials.notes)
    with refused("first_rung", "halving"):
        read_sklearn(search(), first_rung=True)


def test_a_search_that_learns_is_refused():
    class BayesSearchCV(RandomizedSearchCV):
        pass

    found = search(BayesSearchCV)
    with refused("BayesSearchCV", "random_start=N", "assume_random=True"):
        read_sklearn(found)
    assert read_sklearn(found, assume_random=True).sampler == "BayesSearchCV"
    assert len(read_sklearn(found, random_start=5).table) == 5


def test_grids_and_lists():
    grid = GridSearchCV(Model(), {"lr": [0.1, 0.01, 0.001], "width": [1, 2]}, cv=2).fit(X, Y)
    trials = read_sklearn(grid)
    assert trials.sampler == "GridSearchCV"
    assert "is a grid" in validate_random_search(trials)[0]
    lists = read_sklearn(search(space={"lr": [0.1, 0.01, 0.001], "width": [1, 2, 3]}, n_iter=6))
    assert "without replacement" in " ".join(lists.notes)


def test_a_seed_among_the_hyperparameters_tells_replicates_apart():
    found = search(space={"lr": [0.1, 0.01, 0.001], "n": [1, 2, 3]}, n_iter=9)
    trials = read_sklearn(found, replicate="n")
    assert trials.params == ["param:lr"]
    assert trials.per_trial()["replicates"].tolist() == [3, 3, 3]


def test_several_spaces_leave_parameters_inactive():
    spaces = [{"lr": uniform(0.1, 0.9), "kind": ["a"]}, {"lr": uniform(0.1, 0.9), "width": [2, 3]}]
    found = search(space=spaces)
    table = read_sklearn(found.cv_results_).table
    assert table["param:width"].isna().any()
    assert read_sklearn(pd.DataFrame(found.cv_results_)).table.equals(table)


@pytest.mark.parametrize("name", ["search.pkl", "search.joblib", "search.PICKLE"])
def test_a_pickle_is_never_loaded(tmp_path, monkeypatch, name):
    monkeypatch.setenv("LEADLINE_TRAP", str(tmp_path / "sprung"))
    (tmp_path / name).write_bytes(pickle.dumps(Trap()))
    with refused(name, "pickle"):
        read_sklearn(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("source", "error", "named"),
    [
        (Model(), ValueError, "Model"),
        (RandomizedSearchCV(Model(), SPACE), ValueError, "cv_results_"),
        (3, TypeError, "3"),
        ({}, ValueError, "mean_test_"),
        ({"params": [], "mean_test_score": []}, ValueError, "no trials"),
        ({"mean_test_score": ["low"]}, ValueError, "column mean_test_score, row 1: "),
        ({"mean_test_score": [np.nan]}, ValueError, "1 trial: 0 complete"),
    ],
)
def test_other_sources_are_refused(source, error, named):
    with refused(named, error=error):
        read_sklearn(source)
