"""`summary`: the answers of a fit as a table, one row a search."""

import json

import pandas as pd
import xarray as xr

from leadline.checks.check import checks_line
from leadline.stats.convergence import convergence
from leadline.stats.fitted_search import best_seen, direction_sign, search_names, validate_tree
from leadline.stats.forecast import best_seen_expected, chance_of_gain
from leadline.stats.intervals import SAMPLE_DIMS, interval, interval_label, validate_interval
from leadline.stats.reported import reports_cell

_WITH_INTERVALS = ("optimum", "headroom", "effective_dim", "noise_sd")

_NEXT = 10
"""Further trials that `p_gain_10` is about."""

# Thresholds with less weight than this are not worth a word.
_COUNTS = 0.05


def summary(
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: str | None = None
) -> pd.DataFrame:
    """Return the answers of a fit, one row a search.

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

        - `trials`, `failed`: how many there were, and how many of them have no score (pruned
          ones are among these);
        - `in_regime`: how many are past the threshold, and so inform the fit; where thresholds
          were averaged, past the one with the largest weight. A search that is known from reported
          bests alone has none of either, and nan below;
        - `tail_fraction_lb`, `tail_fraction_ub`: the smallest and the largest share of trials past
          the thresholds that hold 5 % of the weight or more;
        - `reported`, where there are reported bests: such as "best of 50"; they are no trials;
        - `best_seen`: the best measured score of the trials, luck included; without any, the best
          that is reported;
        - `best_seen_expected`: what that trial would give on average if it were run again;
        - `optimum`, `headroom`, `effective_dim`, `noise_sd`: posterior means, each followed by
          `_sd`, the posterior sd, and the ends of its interval, such as `optimum_eti89_lb` and
          `optimum_eti89_ub`. The headroom is what perfect tuning would gain over the trial that
          measured best: the difference of its expected score and the optimum, 0 or more;
        - `p_gain_10`: the probability that the best of the next 10 trials measures better than
          the best seen;
        - `best_within_noise`: posterior probability that the headroom is less than one noise sd:
          then more trials can gain little that can be measured;
        - `effective_dim=1`, ...: the probability of each effective dimension, when the fit was
          made with ``effective_dim="integer"``;
        - `warning`: empty, or why the numbers of this row should not be relied on.

        ``attrs`` hold `direction`, `metric`, `source`, and one line each on the whole fit:
        `convergence`, and `checks`, which of those of `leadline.check` failed.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.
    """
    validate_tree(tree)
    prob, kind = validate_interval(ci_prob, ci_kind)
    label = interval_label(prob, kind)
    posterior = tree["posterior"].dataset
    constant = tree["constant_data"].dataset.sel(search=posterior["search"])
    expected = best_seen_expected(tree)
    room = direction_sign(tree) * (expected - posterior["optimum"])
    draws = {name: posterior[name] for name in _WITH_INTERVALS if name in posterior}
    draws["headroom"] = room
    columns: dict[str, object] = {
        "trials": constant["n_trials"].to_numpy(),
        "failed": (constant["n_trials"] - constant["n_complete"]).to_numpy(),
        **_regime_columns(tree),
        **_reported_column(tree),
        "best_seen": best_seen(tree).to_numpy(),
        "best_seen_expected": expected.mean(SAMPLE_DIMS).to_numpy(),
    }
    for name in _WITH_INTERVALS:
        lower, upper = interval(draws[name], prob, kind)
        columns[name] = draws[name].mean(SAMPLE_DIMS).to_numpy()
        columns[f"{name}_sd"] = draws[name].std(SAMPLE_DIMS, ddof=1).to_numpy()
        columns[f"{name}_{label}_lb"] = lower.to_numpy()
        columns[f"{name}_{label}_ub"] = upper.to_numpy()
    columns["p_gain_10"] = chance_of_gain(tree, _NEXT).to_numpy()
    columns["best_within_noise"] = (room < posterior["noise_sd"]).mean(SAMPLE_DIMS).to_numpy()
    if "effective_dim_probability" in posterior:
        probability = posterior["effective_dim_probability"].mean(SAMPLE_DIMS)
        for dimension in probability["dimension"].to_numpy():
            columns[f"effective_dim={dimension}"] = probability.sel(dimension=dimension).to_numpy()
    names = search_names(tree)
    columns["warning"] = [", ".join(convergence(tree, name).problems) for name in names]
    table = pd.DataFrame(columns, index=pd.Index(names, name="search"))
    table.attrs.update({name: tree.attrs.get(name) for name in ("direction", "metric", "source")})
    table.attrs["convergence"] = convergence(tree).message
    failed = tree.attrs.get("failed_checks")
    table.attrs["checks"] = "not checked" if failed is None else checks_line(json.loads(failed))
    return table


def _reported_column(tree: xr.DataTree) -> dict[str, object]:
    """Return what is reported of each search, in words; nothing when nothing is."""
    cells = [reports_cell(tree, name) for name in search_names(tree)]
    return {"reported": cells} if any(cells) else {}


def _regime_columns(tree: xr.DataTree) -> dict[str, object]:
    """Return how many trials are past the threshold, and the range of those that count."""
    candidates = tree["candidates"].dataset
    n_trials = tree["constant_data"]["n_trials"]
    share = candidates["n_tail"] / n_trials.where(n_trials > 0)
    counts = share.where(candidates["weight"] >= _COUNTS)
    heaviest = candidates["weight"].fillna(0.0).argmax("candidate")
    return {
        "in_regime": candidates["n_tail"].isel(candidate=heaviest).to_numpy().astype(int),
        "tail_fraction_lb": counts.min("candidate").to_numpy(),
        "tail_fraction_ub": counts.max("candidate").to_numpy(),
    }
