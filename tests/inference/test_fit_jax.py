"""The models on JAX: the same densities and gradients as on numba, and the same posterior."""

import arviz_stats
import numpy as np
import pytest
from conftest import TAIL
from helpers import make_trials

import leadline as ll
from leadline.data.tails import cut_tail
from leadline.models import independent
from leadline.models.likelihood import has_grid, has_replicates

jax = pytest.importorskip("jax")
pytest.importorskip("numpyro")
from pymc.sampling.jax import get_jaxified_logp  # noqa: E402

RNG = np.random.default_rng(2)


def plain():
    return make_trials(n=40, n_failed=2), None


def rounded():
    """Return error rates on a hundred examples."""
    return ll.from_scores(np.round(RNG.random(40), 2), direction="minimize"), 0.01


def replicated():
    """Return scores to maximise, half of them means over three seeds."""
    expected = -RNG.random(30)
    scores = [
        list(q + 0.05 * RNG.standard_normal(3 if i % 2 else 1)) for i, q in enumerate(expected)
    ]
    return ll.from_scores(scores, direction="maximize"), None


@pytest.mark.parametrize(
    ("search", "effective_dim"),
    [
        (plain, "continuous"),
        pytest.param(rounded, "continuous", marks=pytest.mark.slow),
        pytest.param(replicated, "integer", marks=pytest.mark.slow),
    ],
)
def test_density_and_gradient_are_those_of_numba(search, effective_dim):
    trials, resolution = search()
    tails = cut_tail(trials, **TAIL, resolution=resolution, max_effective_dim=3)
    assert has_replicates(tails) == (search is replicated)
    assert has_grid(tails) == (search is rounded)
    model = independent.build(tails, ll.Priors(), effective_dim)

    expected = model.compile_fn([model.logp(), model.dlogp()])
    log_density = get_jaxified_logp(model, negative_logp=False)
    # Without optimisation, which would take as long again and change nothing here.
    options = {"xla_backend_optimization_level": 0}
    evaluate = jax.jit(jax.value_and_grad(log_density), compiler_options=options)
    start = model.initial_point()
    for _ in range(6):
        point = {
            name: value + 1.5 * RNG.standard_normal(value.shape) for name, value in start.items()
        }
        # What `get_jaxified_logp` returns with `negative_logp=False` is minus the logarithm.
        value, gradient = evaluate([point[variable.name] for variable in model.value_vars])
        assert value.dtype == "float64"
        exact_value, exact_gradient = expected(point)
        np.testing.assert_allclose(-value, exact_value, rtol=1e-9, atol=1e-9)
        gradient = -np.concatenate(gradient, axis=None)
        np.testing.assert_allclose(gradient, exact_gradient, rtol=1e-9, atol=1e-9)


@pytest.fixture(scope="module")
def trees(fit_once):
    """Return fits of one search by nutpie and by numpyro."""
    length = {"draws": 2500, "tune": 1000}
    return [fit_once(plain()[0], nuts_sampler=name, **length) for name in ("nutpie", "numpyro")]


@pytest.mark.slow
def test_numpyro_draws_from_the_posterior_of_nutpie(trees):
    posteriors = []
    for tree in trees:
        assert tree["sample_stats"]["diverging"].mean() < 0.01
        draws = tree["posterior"].to_dataset()
        # The logarithms of what is skewed: the standard error of an sd needs a fourth moment.
        draws["log_gap"], draws["log_noise_sd"] = np.log(draws["gap"]), np.log(draws["noise_sd"])
        posteriors.append(draws[["log_gap", "log_noise_sd", "effective_dim", "tail_fraction"]])

    for statistic in ("mean", "sd"):
        one, other = (draws.mean() if statistic == "mean" else draws.std() for draws in posteriors)
        errors = [
            arviz_stats.mcse(draws.squeeze("search"), method=statistic) for draws in posteriors
        ]
        for name in one.data_vars:
            # Both are sums of draws, so nearly normal: 4 standard errors leave 6e-5 a comparison.
            standard_error = np.hypot(*(float(error[name]) for error in errors))
            assert standard_error < 0.15 * posteriors[0][name].std()
            assert abs(float(one[name] - other[name])) < 4 * standard_error, (statistic, name)


@pytest.mark.slow
def test_the_tree_is_that_of_nutpie(trees):
    nutpie, numpyro = trees
    for group in ("posterior", "log_likelihood", "log_prior", "observed_data", "constant_data"):
        assert {name: values.dims for name, values in numpyro[group].data_vars.items()} == {
            name: values.dims for name, values in nutpie[group].data_vars.items()
        }
    assert ll.summary(numpyro).shape == ll.summary(nutpie).shape
