"""The scaling law along each covariate, with the searches moved along the law to the same other."""

import numpy as np
import xarray as xr

from leadline.stats.fitted_search import best_seen, validate_tree
from leadline.stats.intervals import SAMPLE_DIMS, interval, validate_interval
from leadline.stats.scaling_law import covariates, law_at, scaling_law, validate_law
from leadline.stats.scaling_sentences import BEYOND

_POINTS = 60


def scaling_curves(tree: xr.DataTree, ci_prob: float | None, ci_kind: str | None) -> xr.Dataset:
    """Return the numbers of `leadline.plot_scaling`, see `leadline.scaling_numbers`."""
    validate_law(validate_tree(tree))
    prob, kind = validate_interval(ci_prob, ci_kind)
    known = {name: own.dropna("search") for name, own in covariates(tree).items()}
    parts = [_curve(tree, known, name, prob, kind) for name in known]
    attrs = {"ci_prob": prob, "ci_kind": kind}
    return xr.concat(parts, "covariate").assign_coords(covariate=list(known)).assign_attrs(attrs)


def _curve(
    tree: xr.DataTree, known: dict[str, xr.DataArray], name: str, prob: float, kind: str
) -> xr.Dataset:
    own = known[name]
    centres = {other: float(np.exp(np.log(values).mean())) for other, values in known.items()}
    points = np.geomspace(float(own.min()), BEYOND * float(own.max()), _POINTS)
    found = scaling_law(tree, **(centres | {name: points}))  # type: ignore[arg-type]
    lower, upper = interval(found["optimum"], prob, kind)
    at = {other: xr.full_like(values, centres[other]) for other, values in known.items()}
    shift = law_at(tree, at | {name: own}) - law_at(tree, known)
    optimum = tree["posterior"].dataset["optimum"].sel(search=own["search"]) + shift
    ends = interval(optimum, prob, kind)
    best = best_seen(tree).sel(search=own["search"].to_numpy()) + shift.mean(SAMPLE_DIMS)
    others = [value for other, value in centres.items() if other != name]
    result = {
        "position": ("point", points),
        "law": found["law"].mean(SAMPLE_DIMS),
        "lower": lower,
        "upper": upper,
        "other": others[0] if others else np.nan,
        "search_position": ("search", own.to_numpy()),
        "optimum": optimum.mean(SAMPLE_DIMS),
        "optimum_lower": ends[0],
        "optimum_upper": ends[1],
        "best_seen": best,
    }
    # Labels of searches and of points, which differ between covariates.
    return xr.Dataset(result).drop_vars(("size", "data", "task", "model"), errors="ignore")
