"""A saved fit of one search, fitted again with a population in place of its prior."""

import dataclasses
import json

import numpy as np
import xarray as xr
from threadpoolctl import threadpool_limits

from leadline.inference.fit_job import one_at_a_time
from leadline.inference.fit_searches import candidates_in, fit_again
from leadline.inference.posterior import PosteriorSampler
from leadline.inference.sampler import Sampler
from leadline.inference.stored_fits import Read, candidates_again, stored_trials
from leadline.inference.tree import tree_of
from leadline.inference.two_stages import with_population, without_population
from leadline.inference.write_netcdf import file_of_tree
from leadline.models.priors import Priors


@dataclasses.dataclass(frozen=True)
class StoredAgain:
    """A search to fit again, with a population in place of its prior.

    `table` is the group `candidates` of its last fit: a second fit leaves out some thresholds.
    """

    number: int
    read: Read
    table: xr.Dataset
    population: xr.Dataset
    kind: str
    priors: Priors
    sampler: Sampler
    seed: np.random.SeedSequence


def fit_stored_again(job: StoredAgain) -> tuple[bytes, xr.Dataset]:
    """Return the file of a search that was fitted again, and its tail at one threshold.

    The file travels back as bytes: a worker may be on another machine.
    """
    with one_at_a_time, threadpool_limits(1):
        tree = job.read()
        trials, table = stored_trials(tree), job.table
        own = candidates_again(trials, job.priors, json.loads(tree.attrs["settings"]))
        candidates = [
            with_population(tail, job.population, job.kind) for tail in candidates_in(table, own)
        ]
        posterior = PosteriorSampler("single", job.priors, "continuous", job.sampler)
        weight = job.population["weight"].to_numpy()
        pair = trials.searches[0]
        groups, tail = fit_again(trials, pair, candidates, table, weight, posterior, job.seed)
        return file_of_tree(tree_of(groups, {})), without_population(tail)
