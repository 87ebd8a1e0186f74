"""`summary`: the answers of a fit as a table, one row per search."""

import pandas as pd
import xarray as xr

from leadline.stats.convergence import convergence, recorded_checks
from leadline.stats.fitted_search import best_seen, direction_sign, search_names, validate_tree
from leadline.stats.forecast import best_seen_expected, probability_of_gain
from leadline.stats.intervals import SAMPLE_DIMS, interval, interval_label, validate_interval
from leadline.stats.reported import describe_reports

_WITH_INTERVALS = ("optimum", "headroom", "effective_dim", "noise_sd")

# Thresholds with less weight are left out of the range of tail fractions.
_MIN_WEIGHT = 0.05


def summary(
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: str | None = None
) -> pd.DataFrame:
    """Return the answers of a fit, one row per search.

    Parameters
    ----------
    tree : DataTree
        The result of `leadline.fit`.
    ci_prob : float, optional
        Probability of the intervals. Default: ``arviz.rcParams["stats.ci_prob"]``.
    ci_kind : {"eti", "hdi"}, optional
        Equal-tailed or highest-density intervals. Default: ``arviz.rcParams["stats.ci_kind"]``.

    Returns
    -------
    pandas.DataFrame
        Index `search`. Columns, scores in the user's units:

        - `trials`, `failed`: the numbers of trials and of those without a score (the pruned ones
          included);
        - `in_regime`: the number of trials beyond (better than) the threshold, which inform the
          fit; beyond the one with the largest weight if thresholds were averaged. All three are 0
          for a search known from reported bests alone, and the next two nan;
        - `tail_fraction_lb`, `tail_fraction_ub`: the smallest and the largest share of trials
          beyond the thresholds that have 5 % of the weight or more;
        - `reported`, where there are reported bests: such as "best of 50"; they are no trials;
        - `best_seen`: the best measured score of the trials, luck included; without any, the best
          reported one;
        - `best_seen_expected`: the average score of that trial over many re-runs;
        - `optimum`, `headroom`, `effective_dim`, `noise_sd`: posterior means, each followed by
          `_sd`, the posterior sd, and the ends of its interval, such as `optimum_eti89_lb` and
          `optimum_eti89_ub`. The headroom is the gain of perfect tuning over the trial that
          measured best: the difference of its expected score and the optimum, 0 or more;
        - `p_gain_10`: the probability that the best of the next 10 trials measures better than
          the best seen;
        - `best_within_noise`: posterior probability that the headroom is less than one noise sd:
          then more trials can gain little that can be measured;
        - `effective_dim=1`, ...: the probability of each effective dimension, for fits with
          ``effective_dim="integer"``;
        - `warning`: empty, or the reason not to rely on the numbers of this row.

        ``attrs`` hold `direction`, `metric`, `source`, and one line each on the whole fit:
        `convergence`, and `checks`, with the checks of `leadline.check` that failed.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.

    Examples
    --------
    With `fit` the result of `leadline.fit` for the searches `mlp` and `forest`:

    >>> table = ll.summary(fit, ci_prob=0.9)
    >>> table.loc[["mlp", "forest"], ["trials", "failed", "in_regime"]].to_numpy().tolist()
    [[40, 2, 24], [40, 2, 24]]
    >>> bool((table["optimum_eti90_lb"] < table["optimum"]).all())
    True
    """
    validate_tree(tree)
    prob, kind = validate_interval(ci_prob, ci_kind)
    label = interval_label(prob, kind)
    names = search_names(tree)
    posterior = tree["posterior"].dataset
    constant = tree["constant_data"].dataset.sel(search=posterior["search"])
    expected = best_seen_expected(tree)
    headroom = direction_sign(tree) * (expected - posterior["optimum"])
    draws = posterior.assign(headroom=headroom)
    columns: dict[str, object] = {
        "trials": constant["n_trials"],
        "failed": constant["n_trials"] - constant["n_complete"],
        **_tail_sizes(tree),
    }
    reports = [describe_reports(tree, name) for name in names]
    if any(reports):
        columns["reported"] = reports
    columns["best_seen"] = best_seen(tree)
    columns["best_seen_expected"] = expected.mean(SAMPLE_DIMS)
    for name in _WITH_INTERVALS:
        columns[name] = draws[name].mean(SAMPLE_DIMS)
        columns[f"{name}_sd"] = draws[name].std(SAMPLE_DIMS, ddof=1)
        ends = interval(draws[name], prob, kind)
        columns[f"{name}_{label}_lb"], columns[f"{name}_{label}_ub"] = ends
    columns["p_gain_10"] = probability_of_gain(tree, 10)
    columns["best_within_noise"] = (headroom < posterior["noise_sd"]).mean(SAMPLE_DIMS)
    if "effective_dim_probability" in posterior:
        probability = posterior["effective_dim_probability"].mean(SAMPLE_DIMS)
        for dimension in probability["dimension"].to_numpy():
            columns[f"effective_dim={dimension}"] = probability.sel(dimension=dimension)
    columns["warning"] = [", ".join(convergence(tree, name).problems) for name in names]
    values = {
        name: column.to_numpy() if isinstance(column, xr.DataArray) else column
        for name, column in columns.items()
    }
    table = pd.DataFrame(values, index=pd.Index(names, name="search"))
    table.attrs.update({name: tree.attrs.get(name) for name in ("direction", "metric", "source")})
    table.attrs["convergence"] = convergence(tree).message
    table.attrs["checks"] = recorded_checks(tree)
    return table


def _tail_sizes(tree: xr.DataTree) -> dict[str, xr.DataArray]:
    """Return the number of trials beyond the threshold, and the range over thresholds."""
    candidates = tree["candidates"].dataset
    n_trials = tree["constant_data"]["n_trials"]
    share = candidates["n_tail"] / n_trials.where(n_trials > 0)
    share = share.where(candidates["weight"] >= _MIN_WEIGHT)
    heaviest = candidates["weight"].fillna(0.0).argmax("candidate")
    return {
        "in_regime": candidates["n_tail"].isel(candidate=heaviest).astype(int),
        "tail_fraction_lb": share.min("candidate"),
        "tail_fraction_ub": share.max("candidate"),
    }
