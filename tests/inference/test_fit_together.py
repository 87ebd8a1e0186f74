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
            return module.Shared(None, None, {}, 0.5, None, np.array(next(overlaps)))

        def refit(populations):
            log.append(("again", list(populations.values())))
            for search in populations:
                yield search, groups(), xr.Dataset(attrs={"fit": "again"})

        def draws_of(own, tail, kind, priors):
            return xr.Dataset({"z": ("draw", np.zeros(DRAWS))}, attrs={"fit": tail.attrs["fit"]})

        def bridge_draws(first, second, population):
            assert (first.attrs["fit"], second.attrs["fit"]) == ("first", "again")
            return first.assign_attrs(fit="both")

        monkeypatch.setattr(module, "draws_of", draws_of)
        monkeypatch.setattr(module, "bridge_draws", bridge_draws)
        monkeypatch.setattr(module, "given_population", lambda draws, _: draws)
        monkeypatch.setattr(module, "_numbered_as", lambda first, table, draws: draws)
        monkeypatch.setattr(module, "join_tails", list)
        monkeypatch.setattr(module, "pool_draws", pool_draws)
        monkeypatch.setattr(module, "population_of", lambda _, search, own: search)
        monkeypatch.setattr(module, "pooled_groups", lambda *_: {})
        sampler = PosteriorSampler("crossed", Priors(), "continuous", Sampler(draws=DRAWS))
        tails = [xr.Dataset(attrs={"fit": "first"}) for _ in alone]
        module.fit_together(alone, tails, sampler, np.random.SeedSequence(1), refit, Priors())
        assert next(overlaps, None) is None
        return log

    return fit


FIRST, AGAIN = ["first", "first"], ["again", "again"]
GOOD, ENOUGH = [0.9, 0.9], MIN_ESS / DRAWS


def test_all_searches_are_fitted_again_after_a_short_run(together):
    first, again, full = together([GOOD] * 2)
    assert first[0] == "pool"
    assert first[1] < DRAWS
    assert first[2:] == (FIRST, FIRST)
    assert again == ("again", [0, 1])
    # Shared parameters rest on the draws of both fits, and picks on the second.
    assert full == ("pool", DRAWS, AGAIN, ["both", "both"])


def test_a_search_with_too_few_draws_of_use_is_fitted_once_more(together):
    log = together([GOOD, [0.9, 1.1 * ENOUGH]])
    assert [own[0] for own in log] == ["pool", "again", "pool"]
    log = together([GOOD, [0.9, 0.9 * ENOUGH], GOOD])
    assert [own[0] for own in log] == ["pool", "again", "pool", "again", "pool"]
    assert log[3] == ("again", [1])
    assert log[2] == log[4] == ("pool", DRAWS, AGAIN, ["both", "both"])


def test_a_first_fit_that_did_not_converge_is_no_evidence(together):
    log = together([GOOD] * 2, [groups(max_rhat=1.2), groups()])
    assert log[-1] == ("pool", DRAWS, AGAIN, ["again", "both"])


def test_candidates_of_a_second_fit_have_the_numbers_of_the_first():
    def table(n_tail):
        columns = {"scale": [["log", "log", "identity"][: len(n_tail)]], "n_tail": [n_tail]}
        return xr.Dataset({name: (("search", "candidate"), own) for name, own in columns.items()})

    draws = xr.Dataset({"candidate": ("draw", [0, 1, 1, 0])})
    second = table([20, 9]).assign(scale=(("search", "candidate"), [["log", "identity"]]))
    found = module._numbered_as(table([9, 20, 9]), second, draws)
    assert found["candidate"].to_numpy().tolist() == [1, 2, 2, 1]
