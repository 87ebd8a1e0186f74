"""Stratified and quasi-random designs are noticed, whatever the distributions of their values."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.stats import qmc

from leadline.data.trials import Trials
from leadline.search_audit.random_search import check_random_search
from leadline.search_audit.search_space import even_spacing

DESIGNS = {
    "Latin hypercube": lambda d, seed: qmc.LatinHypercube(d, rng=seed).random(100),
    "Sobol": lambda d, seed: qmc.Sobol(d, rng=seed).random(100),
    "Halton": lambda d, seed: qmc.Halton(d, rng=seed).random(100),
}
LAWS = {
    "uniform": lambda u: 5 * u - 2,
    "log-uniform": lambda u: 10 ** (-5 * u),
    "normal": stats.norm.ppf,
    "skewed": stats.beta(2, 5).ppf,
    "integer": lambda u: np.floor(1 + 64 * u),
    "sixteen": lambda u: np.floor(16 * u),
    "three": lambda u: np.array(list("abc"))[(3 * u).astype(int)],
    "choice": lambda u: np.array(list("abcd"))[(4 * u).astype(int)],
}
SPACES = {
    "continuous": ["uniform", "log-uniform"],
    "of other distributions": ["normal", "skewed"],
    "half of them uniform": ["uniform", "normal"],
    "mixed": ["log-uniform", "integer", "normal", "choice"],
}


def evidence(points, laws, kept=None):
    """Return the evidence on trials at these points of the unit cube."""
    points = np.clip(points, 1e-9, 1 - 1e-9)[slice(None) if kept is None else kept]
    columns = {
        f"param:p{j}": LAWS[laws[j % len(laws)]](points[:, j]) for j in range(points.shape[1])
    }
    noise = np.random.default_rng(len(points)).normal(size=len(points))
    loss = ((points - 0.4) ** 2).sum(axis=1) + 0.05 * noise
    found = check_random_search(Trials(pd.DataFrame(columns).assign(score=loss), "minimize"))
    return found.set_index("evidence", drop=False)


@pytest.mark.filterwarnings("ignore:The balance properties of Sobol")
@pytest.mark.parametrize("dimension", [2, 5, 8])
@pytest.mark.parametrize("design", DESIGNS)
@pytest.mark.parametrize("space", SPACES)
def test_designs_are_noticed_in_every_space(design, dimension, space):
    for seed in range(2):
        found = evidence(DESIGNS[design](dimension, seed), SPACES[space])
        assert found.loc["overall", "verdict"] == "quasi-random"
        assert found.loc["evenness", "verdict"] == "quasi-random"


@pytest.mark.parametrize("space", SPACES)
def test_random_searches_are_not(space):
    for seed in range(6):
        rng = np.random.default_rng(seed)
        found = evidence(rng.random((100, 2 + seed)), SPACES[space])
        assert found.loc["overall", "verdict"] == "random"


@pytest.mark.parametrize("laws", [["choice", "three"], ["sixteen", "choice"]])
def test_designs_over_few_combinations_are_noticed_by_their_repeats(laws):
    dimension = 4 if "three" in laws else 2
    for seed in range(3):
        found = evidence(DESIGNS["Latin hypercube"](dimension, seed), laws)
        assert found.loc["overall", "verdict"] == "quasi-random"


@pytest.mark.parametrize(
    ("laws", "levels"), [(["choice", "three"], 12), (["sixteen", "choice"], 8)]
)
def test_draws_without_replacement_from_few_combinations_are_not(laws, levels):
    for seed in range(4):
        rng = np.random.default_rng(seed)
        shape = (4, 3, 4, 3) if "three" in laws else (16, 4)
        chosen = rng.choice(np.prod(shape), np.prod(shape) * levels // 16, replace=False)
        points = np.column_stack(np.unravel_index(chosen, shape))
        found = evidence((points + 0.5) / shape, laws)
        assert found.loc["evenness", "verdict"] == "random"
        # With replacement, the repeats are there and the values are not even.
        found = evidence(rng.random((100, len(shape))), laws)
        assert found.loc["evenness", "verdict"] == "random"


def test_failures_may_be_missing():
    kept = np.random.default_rng(0).random(100) < 0.8
    found = evidence(DESIGNS["Latin hypercube"](4, 0), SPACES["continuous"], kept)
    assert found.loc["overall", "verdict"] == "quasi-random"


def test_one_even_parameter_of_several_is_no_design():
    rng = np.random.default_rng(3)
    points = rng.random((100, 4))
    points[:, 1] = rng.permutation((np.arange(100) + 0.5) / 100)
    found = evidence(points, ["uniform"])
    assert found.loc["evenness", "verdict"] == "random"


def test_no_row_below_its_limit_supports_random_draws():
    rng = np.random.default_rng(0)
    searches = [
        evidence(DESIGNS["Latin hypercube"](3, 0), SPACES["half of them uniform"]),
        evidence(rng.random((100, 3)), SPACES["continuous"]),
        # Distributions that nobody would guess.
        evidence(rng.choice([0.1, 0.11, 0.9], (100, 3)) + 1e-4 * rng.random((100, 3)), ["uniform"]),
    ]
    for found in searches:
        below = found[found["p_value"] < found["limit"]]
        assert not (below["verdict"] == "random").any()
    assert searches[2].loc["overall", "verdict"] == "random"


@pytest.mark.parametrize("n", [20, 60, 200])
def test_gaps_of_draws_are_rarely_even(n):
    rng = np.random.default_rng(n)
    draws = [law(rng.random(n)) for law in (np.square, stats.norm.ppf, np.log) for _ in range(700)]
    p_values = np.array([even_spacing(np.asarray(x)) for x in draws])
    for level in (0.1, 0.01):
        assert np.mean(p_values < level) < 1.6 * level
    assert even_spacing(np.round(rng.random(n), 2)) == 1.0
    assert even_spacing(np.array([1.0, 1.0, 2.0])) == 1.0
