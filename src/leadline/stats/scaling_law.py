"""A scaling law at other sizes: the optimum, what some trials would reach, and the best split."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.data.validate import COVARIATES
from leadline.distributions.smooth_paths import SMOOTH_SHARE, continue_paths
from leadline.errors import LeadlineError, format_value, join_values
from leadline.stats.fitted_search import Array, direction_sign, search_bound, validate_tree
from leadline.stats.options import validate_budgets
from leadline.stats.tuning_curve import tuning_curve

Numbers = float | Sequence[float] | npt.NDArray[np.float64]

FLOP_PER_PARAMETER_AND_TOKEN = 6.0
"""Training costs about 6 N D operations (Kaplan et al. 2020, arXiv:2001.08361)."""


def has_law(tree: xr.DataTree) -> bool:
    """Return whether a fit has a scaling law."""
    return "pooled" in tree.children and "irreducible" in tree["pooled"].dataset


def validate_law(tree: xr.DataTree) -> None:
    """Raise `LeadlineError` unless a fit has a scaling law."""
    if not has_law(tree):
        raise LeadlineError(
            "this fit has no scaling law; fit a table with the size or the data of each search, as "
            "in read_table(..., size='params', data='tokens'), with model='scaling'"
        )


def scaling_law(
    tree: xr.DataTree,
    *,
    size: Numbers | None = None,
    data: Numbers | None = None,
    trials: Numbers | None = None,
    compute: Numbers | None = None,
    random_seed: int = 0,
) -> xr.Dataset:
    """Return the fully tuned optimum at other sizes, from a fit with ``model="scaling"``.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    size, data : float or array_like, optional
        Sizes and data of the points, in the units of the table: one number for all points, or one
        for each. Both are needed if the law has both. Default: those of the searches.
    trials : float or array_like, optional
        Numbers of random trials k, at least 1.
    compute : float or array_like, optional
        Budgets of training in operations, 6 times size times data. They are split between size
        and data so that the law is lowest.
    random_seed : int
        Seed of the misfits, and of the searches from which `best` borrows.

    Returns
    -------
    Dataset
        In score units, dims (chain, draw, point) unless noted:

        - `law`: the law itself;
        - `optimum`: the optimum of a model there. Its misfit to the law continues the smooth part
          of those of the searches, and the rest is drawn anew;
        - `best` (chain, draw, point, budget), with `trials`: the median of the expected score of
          the trial that measures best of k, failed trials included. It is `optimum` and the
          distance from the optimum that k trials leave in one of the fitted searches, another one
          in each draw: its effective dimension, its noise and its depth;
        - `split_size`, `split_data` and `split_law` (chain, draw, compute), with `compute`.

        Coordinates are `size` and `data` (point), `budget` and `compute`.

    Raises
    ------
    LeadlineError
        If the fit has no scaling law, or a number is not valid.

    Notes
    -----
    ``law(N, D) = irreducible + reducible (s (N / N0)^(−a) + (1 − s) (D / D0)^(−b))^c``, with N0 and
    D0 the geometric means over the searches, ``s reducible`` the `size_part`, and the rest the
    `data_part` (`leadline.models.scaling`). The split of 6 N D has
    ``N^(a + b) = a A / (b B) (compute / 6)^b``, with A and B the parts at N = 1 and D = 1
    (Hoffmann et al. 2022, arXiv:2203.15556), whatever c.

    Far beyond the searches the form of the law is all there is, and the interval of the optimum
    grows by the misfit alone. `leadline.check` asks whether the searches follow the law.

    Examples
    --------
    >>> import xarray
    >>> fit = xarray.open_datatree("scaling.nc")
    >>> found = ll.scaling_law(fit, size=1e9, data=2e10, trials=[20])
    >>> found["best"].dims
    ('chain', 'draw', 'point', 'budget')
    """
    validate_law(validate_tree(tree))
    given = {"size": size, "data": data}
    points = _points(tree, given)
    budgets = None if trials is None else validate_budgets(trials, "trials")
    law = law_at(tree, points)
    rng = np.random.default_rng(random_seed)
    sign = direction_sign(tree)
    loss = sign * (law + _misfits(tree, points, law, rng))
    optimum = sign * xr.ufuncs.maximum(loss, search_bound(tree))
    result = {"law": law, "optimum": optimum.transpose(*law.dims)}
    if budgets is not None:
        result["best"] = optimum + _left_by(tree, budgets, law.sizes["point"], rng)
    if compute is not None:
        result |= _split(tree, _positive(compute, "compute"))
    attrs = {"direction": tree.attrs["direction"], "metric": tree.attrs.get("metric", "score")}
    return xr.Dataset(result, attrs=attrs)


def covariates(tree: xr.DataTree) -> dict[str, xr.DataArray]:
    """Return the size and the data of the searches of the law, dims (search), where it has them."""
    constant = tree["constant_data"].dataset
    pooled = tree["pooled"].dataset
    return {name: constant[name] for name in COVARIATES if f"{name}_part" in pooled}


def law_at(tree: xr.DataTree, points: Mapping[str, xr.DataArray]) -> xr.DataArray:
    """Return the law at points of any dims, as a score, dims (chain, draw, ...)."""
    pooled, sign = tree["pooled"].dataset, direction_sign(tree)
    known = covariates(tree)
    reducible = sum(pooled[f"{name}_part"] for name in known)
    powers = sum(
        pooled[f"{name}_part"]
        / reducible
        * np.exp(-pooled[f"{name}_exponent"] * (np.log(points[name]) - np.log(own).mean()))
        for name, own in known.items()
    )
    law = sign * pooled["irreducible"] + reducible * powers ** outer_exponent(tree)
    return (sign * law).transpose("chain", "draw", ...)


def outer_exponent(tree: xr.DataTree) -> xr.DataArray | float:
    """Return the outer exponent of the law (chain, draw); laws of one covariate have 1."""
    # So have the fits of earlier versions.
    return tree["pooled"].dataset.get("outer_exponent", 1.0)


def _misfits(
    tree: xr.DataTree,
    points: Mapping[str, xr.DataArray],
    law: xr.DataArray,
    rng: np.random.Generator,
) -> xr.DataArray:
    """Return draws of the misfits of optima at points, dims of `law` (chain, draw, point).

    The smooth part continues that of the searches (`leadline.models.scaling`).
    """
    pooled, known = tree["pooled"].dataset, covariates(tree)
    used = next(iter(known.values())).notnull().to_numpy()
    logs = np.stack([np.log(own.to_numpy()[used]) for own in known.values()], axis=-1)
    new = np.stack([np.log(points[name].to_numpy()) for name in known], axis=-1)
    misfit = pooled["misfit"].to_numpy().reshape(-1, 1)
    scale = np.sqrt(SMOOTH_SHARE) * misfit
    paths = pooled["smooth_misfit"].transpose("chain", "draw", ...).to_numpy()
    smooth = scale * continue_paths(
        paths.reshape(len(misfit), -1) / scale,
        pooled["misfit_length"].to_numpy().reshape(-1),
        (logs - logs.mean(axis=0)) / logs.std(axis=0),
        (new - logs.mean(axis=0)) / logs.std(axis=0),
        rng,
    )
    own = np.sqrt(1.0 - SMOOTH_SHARE) * misfit * rng.standard_normal(smooth.shape)
    return law.copy(data=(smooth + own).reshape(law.shape))


def _points(tree: xr.DataTree, given: Mapping[str, Numbers | None]) -> dict[str, xr.DataArray]:
    """Return the points at which the law is asked for, dims (point)."""
    known = covariates(tree)
    unknown = [name for name, own in given.items() if own is not None and name not in known]
    if unknown:
        raise LeadlineError(
            f"the law does not depend on {unknown[0]}, which the table does not have; leave it out"
        )
    values = {name: given[name] for name in known}
    missing = [name for name, own in values.items() if own is None]
    if missing and len(missing) < len(values):
        raise LeadlineError(
            f"the law depends on {join_values(list(values))}; give {missing[0]} too"
        )
    found = {
        name: known[name].dropna("search").to_numpy() if own is None else _positive(own, name)
        for name, own in values.items()
    }
    lengths = {len(own) for own in found.values()}
    if len(lengths - {1}) > 1:
        raise LeadlineError(
            "size and data must have as many values as there are points, or one for all; got "
            + " and ".join(str(len(own)) for own in found.values())
        )
    count = max(lengths)
    columns = {name: np.broadcast_to(own, count) for name, own in found.items()}
    coords = {name: ("point", own) for name, own in columns.items()}
    return {name: xr.DataArray(own, coords, dims="point") for name, own in columns.items()}


def _positive(values: Numbers, name: str) -> Array:
    try:
        found = np.asarray(values, dtype=float).reshape(-1)
    except (TypeError, ValueError):
        found = np.array([])
    if not found.size or not (np.isfinite(found) & (found > 0)).all():
        raise LeadlineError(
            f"{name} must be positive numbers, as in [1e8, 1e9]; got {format_value(values)}"
        )
    return found


def _left_by(
    tree: xr.DataTree, budgets: Array, points: int, rng: np.random.Generator
) -> xr.DataArray:
    """Return what k trials leave of the way to the optimum, dims (chain, draw, point, budget).

    Each draw and point has that of a search at random, among those that follow the law.
    """
    curve = tuning_curve(tree, budgets, kind="expected")
    left = curve - tree["posterior"]["optimum"]
    follow = next(iter(covariates(tree).values())).notnull().to_numpy()
    left = left.isel(search=np.flatnonzero(follow)).drop_vars(("task", "model"))
    shape = (left.sizes["chain"], left.sizes["draw"], points)
    chosen = xr.DataArray(
        rng.integers(left.sizes["search"], size=shape), dims=("chain", "draw", "point")
    )
    picked = left.isel(search=chosen).drop_vars("search")
    return picked.transpose("chain", "draw", "point", "budget")


def _split(tree: xr.DataTree, compute: Array) -> dict[str, xr.DataArray]:
    known = covariates(tree)
    if len(known) < len(COVARIATES):
        raise LeadlineError(
            "compute is split between size and data, and the law depends on "
            f"{join_values(list(known))} alone; name both columns"
        )
    pooled = tree["pooled"].dataset
    a, b = (pooled[f"{name}_exponent"] for name in COVARIATES)
    centres = [float(np.log(own).mean()) for own in known.values()]
    log_a, log_b = (
        np.log(pooled[f"{name}_part"]) + pooled[f"{name}_exponent"] * centre
        for name, centre in zip(COVARIATES, centres, strict=True)
    )
    coordinate = xr.DataArray(compute, {"compute": compute}, dims="compute")
    log_product = np.log(coordinate / FLOP_PER_PARAMETER_AND_TOKEN)
    log_size = (np.log(a) + log_a - np.log(b) - log_b + b * log_product) / (a + b)
    split = {"size": np.exp(log_size), "data": np.exp(log_product - log_size)}
    found = {f"split_{name}": own for name, own in split.items()}
    return {
        name: own.transpose("chain", "draw", "compute")
        for name, own in (found | {"split_law": law_at(tree, split)}).items()
    }
