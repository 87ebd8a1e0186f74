"""Distributions: what is declared, what is inferred, and the level of the tests."""

import numpy as np
import pandas as pd
import pytest

from leadline.errors import LeadlineError
from leadline.search_audit import search_space
from leadline.search_audit.search_space import Distribution, shape_test, validate_space


def log_uniform(rng, low, high, size=60):
    return np.exp(rng.uniform(np.log(low), np.log(high), size))


DRAWS = {
    "uniform": lambda rng: rng.uniform(-3, 5, 80),
    "log-uniform": lambda rng: log_uniform(rng, 1e-5, 1, 80),
    "few integers": lambda rng: rng.integers(1, 9, 80),
    "many integers": lambda rng: rng.integers(0, 10_000, 80),
    "rounded": lambda rng: np.round(rng.uniform(0, 1, 80), 1),
    "log, rounded": lambda rng: np.round(log_uniform(rng, 3, 100, 80)),
    "log, rounded down": lambda rng: np.floor(log_uniform(rng, 1, 64, 80)),
    "powers of two": lambda rng: 2 ** rng.integers(3, 9, 80),
    "names": lambda rng: rng.choice(["adam", "sgd", "lamb"], 80),
    "truth values": lambda rng: rng.random(80) < 0.5,
}


@pytest.fixture
def fewest_multinomials(monkeypatch):
    """Simulate a p-value of counts as seldom as that of many levels, for tests of their level."""
    monkeypatch.setattr(search_space, "_MULTINOMIALS", search_space._FEWEST_MULTINOMIALS)


@pytest.mark.usefixtures("fewest_multinomials")
@pytest.mark.parametrize("draw", DRAWS.values(), ids=DRAWS.keys())
def test_an_inferred_range_and_choice_raise_no_false_alarm(draw):
    rng = np.random.default_rng(8)
    p_values = np.array([shape_test(pd.Series(draw(rng))).p_value for _ in range(60)])
    # The p-value of the best fitting distribution can only be too large: at most a binomial
    # share, and three standard deviations.
    for level in (0.01, 0.1):
        assert np.mean(p_values <= level) <= level + 3 * np.sqrt(level * (1 - level) / 60)


def test_the_ends_would_fit_themselves():
    rng = np.random.default_rng(9)
    p_values = [shape_test(pd.Series(rng.uniform(0, 1, 12))).p_value for _ in range(150)]
    # Ten values between the ends. Uniform, so the p-values are, too.
    assert abs(np.mean(np.array(p_values) < 0.5) - 0.5) < 3 * 0.5 / np.sqrt(150)


@pytest.mark.parametrize(
    ("declared", "values"),
    [
        (Distribution("uniform", 0.0, 1.0), 0.4 + 0.3 * np.linspace(0, 1, 40)),
        (Distribution("log-uniform", 1e-4, 1.0), np.linspace(0.01, 1, 40)),
        (Distribution("integer", 1, 32, 1.0), np.repeat([7, 8, 9, 10], 10)),
        (Distribution("log-integer", 1, 64, 1.0), np.arange(20, 60)),
        (Distribution("uniform", 0.0, 1.0, 0.1), np.repeat([0.3, 0.4], 20)),
        (Distribution("categorical", choices=("a", "b")), np.array(["a"] * 38 + ["b"] * 2)),
    ],
    ids=lambda value: value.kind if isinstance(value, Distribution) else "",
)
def test_what_was_declared_is_refuted(declared, values):
    assert shape_test(pd.Series(values), declared).p_value < 1e-4


@pytest.mark.parametrize(
    ("declared", "draw"),
    [
        (Distribution("integer", 1, 4, 1.0), lambda rng: rng.integers(1, 5, 60)),
        # Rounded between the bounds, the ends get half a share.
        (Distribution("integer", 1, 4, 1.0), lambda rng: np.round(rng.uniform(1, 4, 60))),
        (
            Distribution("log-integer", 2, 40, 1.0),
            lambda rng: np.round(log_uniform(rng, 1.5, 40.5)),
        ),
        (Distribution("uniform", 0.0, 1.0, 0.25), lambda rng: rng.integers(0, 5, 60) / 4),
    ],
)
@pytest.mark.usefixtures("fewest_multinomials")
def test_what_was_declared_is_accepted_in_either_convention(declared, draw):
    rng = np.random.default_rng(4)
    p_values = [shape_test(pd.Series(draw(rng)), declared).p_value for _ in range(60)]
    assert np.mean(np.array(p_values) <= 0.1) <= 0.1 + 3 * np.sqrt(0.09 / 60)


def test_more_even_than_draws_has_a_small_p_even():
    even = pd.Series(np.linspace(0, 1, 50))
    assert shape_test(even).p_even < 1e-6
    assert shape_test(even, Distribution("uniform", 0, 1)).p_even < 1e-6
    assert shape_test(pd.Series(np.tile(np.arange(6), 10))).p_even < 0.01
    rng = np.random.default_rng(2)
    assert shape_test(pd.Series(rng.random(50))).p_even > 0.01
    # Where most possible values never occur there is no telling.
    assert np.isnan(shape_test(pd.Series(rng.integers(0, 10_000, 50))).p_even)


def test_a_choice_may_be_a_list_or_a_number_that_became_a_float():
    layers = pd.Series([[64], [64, 64], [8]] * 10)
    assert shape_test(layers).p_value > 0.5
    sizes = pd.Series([8.0, np.nan, 16.0] * 10)
    assert shape_test(sizes, Distribution("categorical", choices=(8, 16))).p_value > 0.5
    flags = Distribution("categorical", choices=(True, False))
    assert shape_test(pd.Series([True] * 28 + [False] * 2), flags).p_value < 1e-4


def test_too_little_is_not_tested():
    for values in ([0.1, 0.2, np.nan, 0.5], [0.5] * 30, ["a"] * 30):
        assert shape_test(pd.Series(values)) is None
    assert shape_test(pd.Series([0.1, 0.2]), Distribution("uniform", 0, 1)) is None


def test_a_space_is_read_by_name_with_or_without_prefix():
    params = ["param:lr", "param:layers", "param:act"]
    space = {"lr": ("log-uniform", 1e-4, 1), "param:layers": ("integer", 1, 8)}
    found = validate_space(space | {"act": ("categorical", "relu", "tanh")}, params)
    assert list(found.values()) == [
        Distribution("log-uniform", 1e-4, 1.0),
        Distribution("integer", 1.0, 8.0, 1.0),
        Distribution("categorical", choices=("relu", "tanh")),
    ]
    assert list(found) == params
    assert validate_space({"lr": ("uniform", 0, 1, 0.25)}, params)["param:lr"].step == 0.25
    assert validate_space(None, params) == {}


NO_DISTRIBUTIONS = [("normal", 0, 1), ("uniform", 1, 0), ("uniform", 0), ("uniform", 0, np.inf)]
NO_DISTRIBUTIONS += [("uniform", "0", 1), ("log-uniform", 0, 1), ("integer", 1, 8, -1)]


@pytest.mark.parametrize("entry", [*NO_DISTRIBUTIONS, ("categorical",), (), 3])
def test_a_distribution_that_is_none_is_refused(entry):
    with pytest.raises(LeadlineError, match=r"'lr' .*\('uniform', 0.0, 0.9\)"):
        validate_space({"lr": entry}, ["param:lr"])


def test_a_space_that_does_not_fit_the_trials_is_refused():
    with pytest.raises(LeadlineError, match=r"'lrr'.*Did you mean 'lr'"):
        validate_space({"lrr": ("uniform", 0, 1)}, ["param:lr"])
    numbers = pd.Series([0.5] * 19 + [2.5], name="param:lr")
    with pytest.raises(LeadlineError, match=r"'param:lr' .*2\.5 .*0 to 1"):
        shape_test(numbers, Distribution("uniform", 0, 1))
    names = pd.Series(["a", "b", "c"] * 9, name="act")
    with pytest.raises(LeadlineError, match=r"'act' .*'c' .*'a', 'b'"):
        shape_test(names, Distribution("categorical", choices=("a", "b")))
