"""The posterior of tails at one threshold per search: a DataTree whose groups keep `search`.

Models work in losses on the scale of each search ("the scale" below). The draws are stored once in
these units, as the parameters of the noisy quadratic, and once in score units:

=================  =================================================================================
group              contents, dims (chain, draw, ...)
=================  =================================================================================
posterior          parameters of each search (search), `optimum`, `noise_sd`, `spread` as scores
noisy_quadratic    `alpha`, `beta`, `gamma`, `sigma`, `threshold` (search), in losses on the scale;
                   with guided trials also `guided_alpha`, `guided_beta` and `guided_gamma`
pooled             parameters that the searches share
sample_stats       statistics of the sampler
log_likelihood     per observation, of losses on the scale
log_prior          per parameter
tails              the Dataset that was fitted, `leadline.data.tails`
=================  =================================================================================

The attributes hold the sampling diagnostics, see `leadline.stats.diagnostics`, and the
`target_accept` of the run.
"""

import dataclasses
import math
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt
import pymc as pm
import xarray as xr

from leadline.data.scale import SCALES
from leadline.data.tails import without_trial
from leadline.distributions.array_functions import NoisyQuadraticParams, log_survival
from leadline.inference.compiled_models import ReadyModel, ready_model
from leadline.inference.effective_dims import draw_effective_dims
from leadline.inference.importance import sample_by_importance
from leadline.inference.progress import Progress
from leadline.inference.sampler import Sampler
from leadline.models import best_of_k, crossed, hierarchical, independent, scaling
from leadline.models.guided import guided_start
from leadline.models.likelihood import coords_of, positions, structure
from leadline.models.priors import Priors
from leadline.models.scaled_depth import edge_and_scale
from leadline.stats.diagnostics import diagnose

Array = npt.NDArray[np.float64]

MODELS: Mapping[str, ModuleType] = {
    "single": independent,
    "hierarchical": hierarchical,
    "crossed": crossed,
    "scaling": scaling,
}

# Leave-one-out needs a mean over the posterior, not its quantiles.
_REFIT_DRAWS = 500

# Suffix of the standardised variables of non-centred priors, which are not results.
_STANDARDISED = "_offset"

_OBSERVATION_DIMS = {
    "loss": "tail_trial",
    "in_regime": "replicate_count",
    "seed_variance": "repeated_trial",
    "reported": "report",
    "guided": "guided_trial",
}


@dataclasses.dataclass(frozen=True)
class PosteriorSampler:
    """Samples one model on tails; tails of the same structure share a compiled model.

    `kind` is a key of `MODELS`; `effective_dim` is "continuous" or "integer", as in `leadline.fit`.
    """

    kind: str
    priors: Priors
    effective_dim: str
    sampler: Sampler

    @property
    def progress(self) -> Progress:
        """The progress to which the sampler reports."""
        return self.sampler.progress

    def sample(self, tails: xr.Dataset, seed: np.random.SeedSequence) -> xr.DataTree:
        """Return the posterior of tails; same seed, same draws.

        A search by itself is drawn by importance sampling, if its weights are reliable, else by
        NUTS. A run of NUTS with divergences is repeated once with smaller steps.
        """
        if self.effective_dim == "integer" and self.kind != "single":
            # Searches of a space share the dimension, at most the smallest of their bounds.
            bound = tails["max_effective_dim"].groupby("space").min()
            tails = tails.assign(
                max_effective_dim=bound.sel(space=tails["space"]).drop_vars("space")
            )
        first, second, choice = (int(word) for word in seed.generate_state(3))
        drawn = self.draw_by_importance(tails, first)
        if drawn is None:
            ready, data = self._ready(tails), self._data_of(tails)
            compiled = ready.compiled.with_sampler(self.sampler).with_data(data)
            drawn = compiled.sample_carefully(first, second)
        posterior = self._with_effective_dims(drawn, tails, choice)
        statistics = drawn["sample_stats"].to_dataset()
        # Importance sampling has evaluated the densities already.
        names = [name for name in ("log_likelihood", "log_prior") if name in drawn.children]
        known = {name: drawn[name].to_dataset() for name in names}
        known = known or self._densities_of(posterior, tails)
        fit = _fit_of(posterior, statistics, tails, tails, known)
        found = dataclasses.asdict(diagnose(posterior, statistics))
        if "ess" in drawn.attrs:
            # The weights have fewer effective points than the draws that repeat them.
            for name in ("min_ess_bulk", "min_ess_tail"):
                found[name] = min(found[name], drawn.attrs["ess"])
        run = {name: drawn.attrs[name] for name in ("discarded_divergences", "target_accept")}
        fit.attrs.update(found | run)
        return fit

    def sample_without(
        self, tails: xr.Dataset, trial: int, seed: np.random.SeedSequence
    ) -> xr.DataTree:
        """Return the posterior of one search without one trial, with the densities of all trials.

        `tails` includes that trial, at position `trial` along `tail_trial`.
        """
        fewer = dataclasses.replace(
            self.sampler,
            draws=min(self.sampler.draws, _REFIT_DRAWS),
            tune=min(self.sampler.tune, _REFIT_DRAWS),
            # Too short to be shown.
            progress=Progress(),
        )
        others = without_trial(tails, trial)
        first, choice = (int(word) for word in seed.generate_state(2))
        drawn = dataclasses.replace(self, sampler=fewer).draw_by_importance(others, first)
        if drawn is None:
            compiled = self._ready(others).compiled.with_sampler(fewer)
            drawn = compiled.with_data(self._data_of(others)).sample(first)
        posterior = self._with_effective_dims(drawn, others, choice)
        densities = self._densities_of(posterior, tails)
        return _fit_of(posterior, drawn["sample_stats"].to_dataset(), others, tails, densities)

    def draw_by_importance(self, tails: xr.Dataset, seed: int) -> xr.DataTree | None:
        """Return draws as NUTS would, or None where importance sampling is not used or fails.

        `ess`, an attribute, is the effective number of the draws, which repeat each other.
        """
        if self.kind != "single" or not self.sampler.by_importance:
            return None
        model, rng = self._ready(tails).unconstrained, np.random.default_rng(seed)
        model.set_data(self._data_of(tails))
        observations = tails.sizes["tail_trial"] + tails.sizes.get("guided_trial", 0)
        shape = self.sampler.chains, self.sampler.draws
        count = math.prod(shape)
        found = sample_by_importance(
            lambda points: model.log_density(points, observations), model.start, count, rng
        )
        if not found.ok:
            return None
        evaluated = model.evaluate(found.resample(count, rng), shape[0], observations)
        none = xr.DataArray(np.zeros(shape, dtype=bool), dims=("chain", "draw"))
        groups = {"posterior": evaluated[0], "sample_stats": xr.Dataset({"diverging": none})}
        if self.effective_dim == "continuous":
            # Else each dimension has densities of its own.
            groups |= _label_densities(*evaluated)
        drawn = xr.DataTree.from_dict(groups)
        drawn.attrs.update(
            discarded_divergences=0,
            target_accept=np.nan,
            ess=1.0 / (1.0 / found.ess + 1.0 / count),
        )
        return drawn

    def _with_effective_dims(self, drawn: xr.DataTree, tails: xr.Dataset, seed: int) -> xr.Dataset:
        """Return labelled draws, with one effective dimension per draw where it was summed out."""
        posterior = drawn["posterior"].to_dataset()
        coords = {name: own for name, own in coords_of(tails).items() if name in posterior.dims}
        space = positions(tails["space"].to_numpy())
        posterior = draw_effective_dims(posterior.assign_coords(coords), space, seed)
        if "effective_dim_probability" in posterior:
            # Missing, not 0, beyond the bound of a search, as where it is fitted alone.
            probability = posterior["effective_dim_probability"]
            bound = xr.DataArray(tails["max_effective_dim"].to_numpy(), dims="search")
            within = probability["dimension"] <= bound
            posterior["effective_dim_probability"] = probability.where(within)
        return posterior

    def _densities_of(self, posterior: xr.Dataset, tails: xr.Dataset) -> dict[str, xr.Dataset]:
        """Return the log-densities of tails under draws of a posterior, by group of a fit."""
        data = self._data_of(tails)
        return _label_densities(posterior, *self._ready(tails).pointwise_logp(posterior, data))

    def _ready(self, tails: xr.Dataset) -> ReadyModel:
        """Return the compiled model for tails of this structure."""
        largest = None
        if self.effective_dim == "integer":
            largest = int(tails["max_effective_dim"].max())

        def build() -> tuple[pm.Model, pm.Model]:
            model = self._build(tails, self.effective_dim)
            if self.effective_dim == "continuous":
                return model, model
            # Densities given the effective dimension of each draw, over which `model` sums.
            return model, self._build(tails, "continuous" if self.kind == "single" else "shared")

        key = (self.kind, self.priors, structure(tails), largest)
        return ready_model(key, self.sampler, build)

    def _build(self, tails: xr.Dataset, effective_dim: str) -> pm.Model:
        model = MODELS[self.kind]
        if "report" in tails.sizes:
            return best_of_k.build(tails, self.priors, model)
        return model.build(tails, self.priors, effective_dim)

    def _data_of(self, tails: xr.Dataset) -> dict[str, Any]:
        model = MODELS[self.kind]
        return best_of_k.data_of(tails, model) if "report" in tails.sizes else model.data_of(tails)


def _label_densities(
    posterior: xr.Dataset, log_likelihood: Mapping[str, Array], log_prior: Mapping[str, Array]
) -> dict[str, xr.Dataset]:
    """Return densities by variable, arrays (chain, draw, ...), as the groups of a fit."""
    dims = ("chain", "draw")
    return {
        "log_likelihood": xr.Dataset(
            {
                name: ((*dims, _OBSERVATION_DIMS[name]), values)
                for name, values in log_likelihood.items()
            }
        ),
        # A multivariate prior has one density for all entries along its last dim.
        "log_prior": xr.Dataset(
            {name: (posterior[name].dims[: own.ndim], own) for name, own in log_prior.items()}
        ),
    }


def _fit_of(
    posterior: xr.Dataset,
    statistics: xr.Dataset,
    tails: xr.Dataset,
    evaluated: xr.Dataset,
    densities: Mapping[str, xr.Dataset],
) -> xr.DataTree:
    """Return the posterior given `tails`, with the log-densities of the tails `evaluated`."""
    results = posterior[[n for n in posterior.data_vars if not str(n).endswith(_STANDARDISED)]]
    shared = [
        name
        for name in results.data_vars
        if "search" not in results[name].dims or name in scaling.LAW_VARIABLES
    ]
    quadratic = noisy_quadratic_of(posterior, tails)
    groups = {
        "posterior": results.drop_vars(shared).assign(scores_of_quadratic(quadratic, tails)),
        "noisy_quadratic": quadratic,
        "pooled": tasks_as_scores(results[shared].drop_vars("search", errors="ignore"), tails),
        "sample_stats": statistics,
        **densities,
        "tails": evaluated,
    }
    return xr.DataTree.from_dict(groups)


def noisy_quadratic_of(posterior: xr.Dataset, tails: xr.Dataset) -> xr.Dataset:
    """Return the parameters of the noisy quadratic in losses, dims (chain, draw, search)."""
    # In models, `optimum` is a score on the scale; `spread` and `noise_sd` have no sign.
    alpha = tails.attrs["loss_sign"] * posterior["optimum"]
    threshold = xr.DataArray(tails["threshold"].to_numpy(), dims="search")
    quadratic = {
        "alpha": alpha,
        "beta": alpha + posterior["spread"],
        "gamma": posterior["effective_dim"],
        "sigma": posterior["noise_sd"],
        "threshold": threshold.broadcast_like(alpha),
    }
    if "guided_dim" in posterior:
        edge, _ = edge_and_scale({"threshold": threshold, "tail_scale": 0.0}, posterior["noise_sd"])
        law = (alpha, edge, posterior["guided_dim"], posterior["guided_root"])
        quadratic["guided_alpha"] = guided_start(*law)
        quadratic["guided_beta"] = edge
        quadratic["guided_gamma"] = posterior["guided_dim"]
    return xr.Dataset(quadratic).transpose("chain", "draw", "search")


def scores_of_quadratic(quadratic: xr.Dataset, tails: xr.Dataset) -> dict[str, Any]:
    """Return `optimum`, `noise_sd` and `spread` in score units, dims (chain, draw, search).

    `optimum` is the mean score of repeated runs of the best configuration, `noise_sd` their sd.
    """
    sign = tails.attrs["loss_sign"]
    columns: dict[str, list[Array]] = {"optimum": [], "noise_sd": [], "spread": []}
    for index, name in enumerate(tails["scale"].to_numpy()):
        scale = SCALES[str(name)]
        alpha, beta, noise = (
            quadratic[part].to_numpy()[..., index] for part in ("alpha", "beta", "sigma")
        )
        expected = sign * scale.expected_score(sign * alpha, noise)
        # Off the identity scale, noise alone could take the mean beyond a bound.
        bound = sign * scale.inverse(sign * tails["least_loss"].to_numpy()[index])
        columns["optimum"].append(sign * np.maximum(expected, bound))
        columns["noise_sd"].append(scale.score_sd(sign * alpha, noise))
        span = scale.inverse(sign * beta) - scale.inverse(sign * alpha)
        columns["spread"].append(sign * span)
    return {
        name: (quadratic["alpha"].dims, np.stack(column, -1)) for name, column in columns.items()
    }


def tasks_as_scores(pooled: xr.Dataset, tails: xr.Dataset) -> xr.Dataset:
    """Return the location of each task as a score, and its scale in score units there."""
    if "task_scale" not in pooled:
        return pooled
    # Only a crossed model has tasks, and all its searches have one scale.
    scale = SCALES[str(tails["scale"].to_numpy()[0])]
    score = scale.inverse(pooled["task_location"].to_numpy())
    return pooled.assign(
        task_location=pooled["task_location"].copy(data=score),
        task_scale=pooled["task_scale"] * np.exp(-scale.log_slope(score)),
    )


def law_of(fit: xr.DataTree, search: int = 0) -> NoisyQuadraticParams:
    """Return alpha, beta, gamma and sigma of one search, each (draw, 1), chains concatenated."""
    quadratic = fit["noisy_quadratic"].dataset
    alpha, beta, gamma, sigma = (
        quadratic[name].to_numpy()[..., search].reshape(-1, 1).astype(float)
        for name in ("alpha", "beta", "gamma", "sigma")
    )
    return alpha, beta, gamma, sigma


def log_worse(fit: xr.DataTree, loss: float, search: int = 0) -> Array:
    """Return log P(the mean loss of a trial is above `loss`), shape (draw, group).

    The groups are the numbers of seeds per trial in the search, in increasing order.
    """
    alpha, beta, gamma, sigma = law_of(fit, search)
    point = np.full_like(alpha, loss)
    columns = [
        log_survival(point, (alpha, beta, gamma, sigma / np.sqrt(seeds)))
        for seeds in groups_of(fit, search)["group_replicates"].to_numpy()
    ]
    # A search without trials has no groups.
    return np.concatenate([point[:, :0], *columns], axis=1)


def log_better(fit: xr.DataTree, loss: float, search: int = 0) -> Array:
    """Return log P(the mean loss of a trial is below `loss`), shape (draw, group)."""
    return np.log(-np.expm1(log_worse(fit, loss, search)))


def groups_of(fit: xr.DataTree, search: int = 0) -> xr.Dataset:
    """Return the counts of one search by number of seeds, dims (replicate_count)."""
    tails = fit["tails"].dataset
    own = tails["group_search"].to_numpy() == search
    return tails[["group_replicates", "group_trials", "n_exceedances"]].isel(replicate_count=own)


def tail_of(fit: xr.DataTree, search: int = 0) -> xr.Dataset:
    """Return the tail trials of one search, dims (tail_trial), with their `log_likelihood`.

    `group` is their position in `groups_of`. `log_likelihood` (chain, draw, tail_trial) is that of
    their mean losses given that these are beyond the threshold; `seed_log_likelihood` is that of
    the sample variances over their seeds, 0 for a single seed.
    """
    tails, densities = fit["tails"].dataset, fit["log_likelihood"].dataset
    own = tails["tail_search"].to_numpy() == search
    names = [name for name in tails.data_vars if tails[name].dims == ("tail_trial",)]
    tail = tails[names].isel(tail_trial=own)
    seeds = np.zeros((*densities["loss"].shape[:2], len(own)))
    if "seed_variance" in densities:
        seeds[..., tails["replicates"].to_numpy() > 1] = densities["seed_variance"].to_numpy()
    dims = ("chain", "draw", "tail_trial")
    groups = groups_of(fit, search)["group_replicates"].to_numpy()
    return tail.assign(
        group=("tail_trial", np.searchsorted(groups, tail["replicates"].to_numpy())),
        log_likelihood=(dims, densities["loss"].to_numpy()[..., own]),
        seed_log_likelihood=(dims, seeds[..., own]),
    )
