"""Which searches are fitted again, how often, and with what."""

import numpy as np
import pytest
import xarray as xr

from leadline.inference import fit_together as module
from leadline.inference.posterior import PosteriorSampler
from leadline.inference.sampler import Sampler
from leadline.models.priors import Priors
from leadline.stats.diagnostics import MIN_ESS

DRAWS = 1000


def groups(max_rhat=1.0):
    columns = {"weight": 1.0, "max_rhat": max_rhat, "min_ess_bulk": DRAWS, "min_ess_tail": DRAWS}
    columns = {name: (("search", "candidate"), [[value]]) for name, value in columns.items()}
    return {"candidates": xr.Dataset(columns, {"sample": [0]})}


@pytest.fixture
def together(monkeypatch):
    """Return a function of the overlaps that runs find, one row each: it returns what was run."""

    def fit(overlaps, alone=None):
        overlaps, log = iter(overlaps), []
        alone = [groups(), groups()] if alone is None else alone

        def pool_draws(evidence, draws, tails, sampler, seed):
            shared, picked = ([part.attrs["fit"] for part in own] for own in (evidence, draws))
            log.append(("pool", sampler.sampler.draws, picked, shared))
            return module.Shared(None, None, {}, None, np.array(next(overlaps)))

        def refit(poor, populations):
            log.append(("again", populations))
            for search in poor:
                yield search, groups(), xr.Dataset(attrs={"fit": "again"})

        def draws_of(own, tail, kind):
            return xr.Dataset({"z": ("draw", np.zeros(DRAWS))}, attrs={"fit": tail.attrs["fit"]})

        monkeypatch.setattr(module, "draws_of", draws_of)
        monkeypatch.setattr(module, "join_tails", list)
        monkeypatch.setattr(module, "pool_draws", pool_draws)
        monkeypatch.setattr(module, "population_of", lambda _, search, own: search)
        monkeypatch.setattr(module, "pooled_groups", lambda *_: {})
        sampler = PosteriorSampler("crossed", Priors(), "continuous", Sampler(draws=DRAWS))
        tails = [xr.Dataset(attrs={"fit": "first"}) for _ in alone]
        module.fit_together(alone, tails, sampler, np.random.SeedSequence(1), refit)
        assert next(overlaps, None) is None
        return log

    return fit


FIRST, SECOND = ["first", "first"], ["first", "again"]


def test_a_short_run_and_a_full_one_where_all_draws_can_be_used(together):
    (_, short, *before), full = together([[0.9, 0.9]] * 2)
    assert short < DRAWS
    assert (before, full) == ([FIRST, FIRST], ("pool", DRAWS, FIRST, FIRST))


def test_after_second_fits_a_short_run_looks_again(together):
    poor, good = [0.9, 0.2], [0.9, 0.9]
    log = together([poor, good, good])
    assert [own[0] for own in log] == ["pool", "again", "pool", "pool"]
    assert log[1] == ("again", [1])
    # Shared parameters still rest on the first draws.
    assert log[-1] == ("pool", DRAWS, SECOND, FIRST)


def test_shared_parameters_rest_on_a_second_fit_where_the_first_says_too_little(together):
    log = together([[0.9, 0.05], [0.9, 0.9], [0.9, 0.9]])
    assert log[-1] == ("pool", DRAWS, SECOND, SECOND)


def test_a_full_run_may_ask_for_second_fits_once(together):
    enough = MIN_ESS / DRAWS
    good, poor = [0.9, 0.9], [0.9, 0.9 * enough]
    log = together([good, poor, poor])
    assert [own[0] for own in log] == ["pool", "pool", "again", "pool"]
    assert [own[1] for own in log if own[0] == "pool"][1:] == [DRAWS, DRAWS]
    # A short run is trusted less.
    log = together([[0.9, 1.1 * enough], good, good])
    assert log[1] == ("again", [1])


def test_a_search_that_did_not_converge_is_fitted_again(together):
    log = together([[0.9, 0.9]] * 3, [groups(max_rhat=1.2), groups()])
    assert log[1] == ("again", [0])
