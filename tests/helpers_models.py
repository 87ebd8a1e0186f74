"""Models of simulated searches, and their densities and values at unconstrained points."""

import functools

import numpy as np
import xarray as xr
from pymc.model.transform.conditioning import remove_value_transforms
from pymc.pytensorf import gradient as pymc_gradient
from pytensor.compile.mode import Mode, get_mode

import leadline as ll
from leadline.data.tails import cut_tail, join_tails
from leadline.inference.sampler import set_data
from leadline.models import crossed, hierarchical, independent, population

# Python modes: numba compiles for longer than all of these tests run. Rewriting a graph takes as
# long as building it, and pays from about a thousand evaluations on.
PYTHON = Mode("py", None)
REWRITTEN = get_mode("FAST_COMPILE").excluding("fusion")

# Labels of the first searches; one pair is missing.
PAIRS = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y"), ("c", "y")]
SPACES = ["s", "t", "s", "t", "t"]
SIZES = (24, 30, 6, 18, 4)


def make_tails(
    sizes,
    seed=0,
    spaces=1,
    repeat=False,
    grid=0.0,
    direction="minimize",
    bounds=(3.0, 4.0, 3.0, 4.0, 3.0),
):
    """Return the better halves of searches with so many trials, and two failures in the first.

    With `repeat`, every second trial of the first, third and fifth search has three seeds. With a
    grid, the scores of all but the second search are rounded to it.
    """
    rng = np.random.default_rng(seed)
    tails = []
    for place, n in enumerate(sizes):
        resolution = grid if place != 1 else 0.0
        scores = []
        for trial, expected in enumerate(place + rng.random(n)):
            seeds = 3 if repeat and trial % 2 and place % 2 == 0 else 1
            own = expected + 0.05 * rng.standard_normal(seeds)
            own = np.round(own / resolution) * resolution if resolution else own
            scores.append(list(own if direction == "minimize" else -own))
        scores += [] if place else [[np.nan], [np.inf]]
        tail = cut_tail(
            ll.from_scores(scores, direction=direction),
            tail_fraction=0.5,
            resolution=resolution,
            min_tail=2,
            max_effective_dim=bounds[place],
            space=SPACES[place] if spaces > 1 else "s",
        )
        task, model = PAIRS[place]
        tails.append(tail.assign_coords(task=("search", [task]), model=("search", [model])))
    return join_tails(tails)


class Evaluator:
    """A model with compiled functions of a point, unconstrained or (`plain`) as it is."""

    def __init__(self, model, data, plain=False):
        self.model = remove_value_transforms(model) if plain else model
        self.data = data
        self._terms = [*self.model.free_RVs, *self.model.observed_RVs]
        self._values = [*self.model.free_RVs, *self.model.deterministics]

    def compile(self, outputs):
        """Return a function of a point."""
        return self.model.compile_fn(
            outputs,
            inputs=self.model.value_vars,
            point_fn=True,
            on_unused_input="ignore",
            mode=PYTHON,
        )

    @functools.cached_property
    def _evaluate(self):
        terms = self.model.logp(vars=self._terms, sum=False)
        return self.compile([*terms, *self.model.replace_rvs_by_values(self._values)])

    @functools.cached_property
    def gradient(self):
        """Return the gradient of the log-density at a point."""
        # Python mode adds at most 32 terms at once.
        total = sum(term.sum() for term in self.model.logp(sum=False))
        return self.compile(pymc_gradient(total, self.model.continuous_value_vars))

    @functools.cached_property
    def start(self):
        return self.model.initial_point(random_seed=1)

    def terms(self, point):
        """Return the log-densities at a point by variable."""
        found = self._evaluate(point)[: len(self._terms)]
        return {one.name: term for one, term in zip(self._terms, found, strict=True)}

    def values(self, point):
        """Return parameters and deterministic variables at a point."""
        found = self._evaluate(point)[len(self._terms) :]
        return {one.name: value for one, value in zip(self._values, found, strict=True)}

    def points(self, count, width=1.0):
        """Return random points; chains start with a width of 1."""
        rng = np.random.default_rng(2)
        return [
            {
                name: value + rng.uniform(-width, width, value.shape)
                for name, value in self.start.items()
            }
            for _ in range(count)
        ]

    def set_data(self, data):
        set_data(self.model, data)


class Case(Evaluator):
    """The model of some tails."""

    def __init__(self, module, tails, effective_dim="continuous", plain=False):
        model = module.build(tails, ll.Priors(), effective_dim)
        super().__init__(model, module.data_of(tails), plain)
        self.module, self.tails, self.effective_dim = module, tails, effective_dim


def kernels_of_tails(tails, kernels=7):
    """Return kernels of the draws of each search, in place of those of fits."""
    rng = np.random.default_rng(6)
    dims, shape = ("search", "kernel"), (tails.sizes["search"], kernels)
    of_kernels, places = (*dims, "coordinate"), len(population.COORDINATES)
    return xr.Dataset(
        {
            "centre": (of_kernels, rng.standard_normal((*shape, places))),
            "variance": (of_kernels, 0.1 * rng.random((*shape, places))),
            "log_weight": (dims, rng.standard_normal(shape)),
            "noise_ratio": ("search", 0.5 + rng.random(shape[0])),
        }
    )


FULL = {"repeat": True, "grid": 0.01}
TABLE = {
    "single": (independent, (30,), {}, "continuous"),
    "single_full": (independent, (30,), FULL | {"direction": "maximize"}, "continuous"),
    "single_integer": (independent, (30,), {}, "integer"),
    "single_full_integer": (independent, (30,), FULL | {"direction": "maximize"}, "integer"),
    "hierarchical": (hierarchical, SIZES, FULL | {"spaces": 2}, "continuous"),
    "crossed": (crossed, SIZES, {}, "continuous"),
}


@functools.cache
def case(name):
    """Return a case of `TABLE`, compiled once per process."""
    module, sizes, how, effective_dim = TABLE[name]
    return Case(module, make_tails(sizes, **how), effective_dim)


def case_of_other_data(name):
    """Return a case with other data of the same structure."""
    module, sizes, how, effective_dim = TABLE[name]
    sizes = (37,) if len(sizes) == 1 else (20, 26, 10, 8, 12)
    return Case(module, make_tails(sizes, seed=1, **how), effective_dim)
