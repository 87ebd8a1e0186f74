"""The answers of a fit as a table, one row per search: numbers, and text for a paper or a page."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import xarray as xr

from leadline.errors import LeadlineError, format_value
from leadline.stats.best_seen import best_seen_expected, probability_of_gain
from leadline.stats.decided_by_prior import decided_by_prior
from leadline.stats.diagnostics import convergence, recorded_checks
from leadline.stats.fitted_search import (
    best_runs,
    best_seen,
    direction_sign,
    search_names,
    validate_tree,
)
from leadline.stats.guided import has_guided
from leadline.stats.intervals import SAMPLE_DIMS, interval, interval_label, validate_interval
from leadline.stats.markup import escape
from leadline.stats.plateau import plateau_sentences, plateau_share, plateaus, sampling_line
from leadline.stats.reported import describe_reports
from leadline.stats.rounding import of_best, percent, rounded
from leadline.stats.setting_words import setting_cells, setting_title
from leadline.stats.surface_settings import best_setting
from leadline.stats.surface_summary import (
    BY_PRIOR,
    by_prior_note,
    cell_of,
    surface_cells,
    surface_summary,
)
from leadline.stats.surface_tree import is_surface, surface_groups
from leadline.stats.trials_used import trials_used

# Columns with an interval, and their heads.
_WITH_INTERVALS = {
    "optimum": "optimum",
    "headroom": "headroom",
    "effective_dim": "effective dimension",
    "noise_sd": "noise sd",
}

# Thresholds with less weight are left out of the range of tail fractions.
_MIN_WEIGHT = 0.05

FORMATS = ("markdown", "latex", "csv")


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

        - `trials`, `failed`: the numbers of trials, and of failed or pruned ones without a score;
        - `in_regime`: the number of trials beyond (better than) the threshold, which inform the
          fit; the weighted mean, rounded, if thresholds were averaged. All three are 0 for a search
          known from reported bests alone, and the next two nan;
        - `tail_fraction_lb`, `tail_fraction_ub`: the smallest and the largest share of trials
          beyond the thresholds that have 5 % of the weight or more;
        - `guided`, if a sampler that learned chose some trials: their number; `trials` are the
          random ones. They count for the best seen, and the optimum is at least as good as the
          expected score of that trial;
        - `reported`, if there are reported bests: such as "best of 50"; they are no trials;
        - `best_seen`: the best measured score, luck included; without trials, the best reported;
        - `best_runs`: the number of runs of which it is the mean;
        - `best_seen_expected`, the average score of that trial over many re-runs, `optimum`,
          `headroom`, `effective_dim` and `noise_sd`: posterior means, each followed by `_sd`, the
          posterior sd, and the ends of its interval, such as `optimum_eti89_lb` and
          `optimum_eti89_ub`. The headroom is the difference between the expected score of the
          trial that measured best and the optimum, 0 or more;
        - `p_gain_10`: the probability that the best of the next 10 trials measures better than
          the best seen;
        - `best_within_noise`: the posterior probability that the headroom is below one noise sd,
          too little to be measured;
        - `effective_dim=1`, ...: the probability of each effective dimension, for fits with
          ``effective_dim="integer"``;
        - `plateau`, if a search ends in a plateau: the posterior mean of the probability that a
          trial reaches the best score, followed by `_sd` and the ends of its interval, and
          `plateau_trials`, the posterior median of the number of trials expected until one does.
          They are nan for the others. A search that ends in a plateau has it for its optimum, no
          headroom, and nan for what a law would say;
        - `decided_by_prior`: columns that the priors decide more than the scores, such as
          "noise_sd" without repeated seeds, see `leadline.stats.decided_by_prior`;
        - `warning`: empty, or the reason not to rely on the numbers of the row.

        For ``model="surface"`` the columns are those of
        `leadline.stats.surface_summary.surface_summary`.

        ``attrs`` hold `direction`, `metric`, `source`, and one line each on the whole fit:
        `convergence`, and `checks`, with the checks of `leadline.check` that failed. `plateaus`
        has the answers of the searches that end in one, in words.

    Raises
    ------
    LeadlineError
        If `tree` is not the result of a fit or an option is not valid.

    Examples
    --------
    >>> import xarray
    >>> fit = xarray.open_datatree("fit.nc")
    >>> table = ll.summary(fit, ci_prob=0.9)
    >>> table.loc["mnist / mlp", ["trials", "in_regime"]].tolist()
    [40, 20]
    >>> bool((table["optimum_eti90_lb"] < table["optimum"]).all())
    True
    """
    if is_surface(tree):
        return surface_summary(validate_tree(tree, surface=True), ci_prob=ci_prob, ci_kind=ci_kind)
    validate_tree(tree)
    prob, kind = validate_interval(ci_prob, ci_kind)
    names = search_names(tree)
    posterior = tree["posterior"].dataset
    constant = tree["constant_data"].dataset.sel(search=posterior["search"])
    expected = best_seen_expected(tree)
    # Without −0.
    headroom = direction_sign(tree) * (expected - posterior["optimum"]) + 0.0
    draws = posterior.assign(headroom=headroom)
    columns: dict[str, object] = {
        "trials": constant["n_trials"],
        "failed": constant["n_trials"] - constant["n_complete"],
        **_tail_sizes(tree),
    }
    if has_guided(tree):
        columns["guided"] = constant["n_guided"]
    reports = [describe_reports(tree, name) for name in names]
    if any(reports):
        columns["reported"] = reports
    columns["best_seen"], columns["best_runs"] = best_seen(tree), best_runs(tree)
    columns |= _with_interval("best_seen_expected", expected, prob, kind)
    for name in _WITH_INTERVALS:
        columns |= _with_interval(name, draws[name], prob, kind)
    columns["p_gain_10"] = probability_of_gain(tree, 10)
    within = (headroom < posterior["noise_sd"]).mean(SAMPLE_DIMS)
    columns["best_within_noise"] = within.where(
        xr.ufuncs.isfinite(posterior["noise_sd"]).all(SAMPLE_DIMS)
    )
    if "effective_dim_probability" in posterior:
        probability = posterior["effective_dim_probability"].mean(SAMPLE_DIMS)
        for dimension in probability["dimension"].to_numpy():
            columns[f"effective_dim={dimension}"] = probability.sel(dimension=dimension)
    if plateaus(tree):
        share = plateau_share(tree)
        columns |= _with_interval("plateau", share, prob, kind)
        columns["plateau_trials"] = (1.0 / share).median(SAMPLE_DIMS)
    columns["decided_by_prior"] = [", ".join(own) for own in decided_by_prior(tree)]
    columns["warning"] = [", ".join(convergence(tree, name).problems) for name in names]
    values = {name: np.asarray(column) for name, column in columns.items()}
    table = pd.DataFrame(values, index=pd.Index(names, name="search"))
    table.attrs.update({name: tree.attrs.get(name) for name in ("direction", "metric", "source")})
    table.attrs["convergence"] = sampling_line(tree)
    table.attrs["checks"] = recorded_checks(tree)
    sentences = plateau_sentences(tree, ci_prob=prob, ci_kind=kind)
    table.attrs["plateaus"] = [f"{name}: {text}" for name, text in sentences.items()]
    return table


def _with_interval(
    name: str, draws: xr.DataArray, prob: float, kind: str
) -> dict[str, xr.DataArray]:
    """Return the columns of a quantity: posterior mean and sd, and the ends of its interval."""
    label = interval_label(prob, kind)
    known = xr.ufuncs.isfinite(draws).all(SAMPLE_DIMS)
    ends = interval(draws.fillna(0.0), prob, kind)
    return {
        name: draws.mean(SAMPLE_DIMS),
        f"{name}_sd": draws.std(SAMPLE_DIMS, ddof=1).where(known),
        f"{name}_{label}_lb": ends[0].where(known),
        f"{name}_{label}_ub": ends[1].where(known),
    }


def _tail_sizes(tree: xr.DataTree) -> dict[str, xr.DataArray]:
    """Return the number of trials beyond the threshold, and the range over thresholds."""
    candidates = tree["candidates"].dataset
    n_trials = tree["constant_data"]["n_trials"]
    share = candidates["n_tail"] / n_trials.where(n_trials > 0)
    share = share.where(candidates["weight"] >= _MIN_WEIGHT)
    return {
        "in_regime": trials_used(tree),
        "tail_fraction_lb": share.min("candidate"),
        "tail_fraction_ub": share.max("candidate"),
    }


def summary_cells(
    tree: xr.DataTree, *, ci_prob: float | None = None, ci_kind: str | None = None
) -> pd.DataFrame:
    """Return the summary as text, with the digits that the posterior sds justify.

    The index is `search`; there is a column `warning` if a search has one. ``attrs["title"]``
    describes the scores and the intervals; the other attributes are those of `leadline.summary`.
    """
    prob, kind = validate_interval(ci_prob, ci_kind)
    return _cells(summary(tree, ci_prob=prob, ci_kind=kind), prob, kind)


def _cells(answers: pd.DataFrame, prob: float, kind: str) -> pd.DataFrame:
    if "calibration" in answers.attrs:
        return surface_cells(answers, prob, kind)
    rows = {name: _answer_cells(row, prob, kind) for name, row in answers.iterrows()}
    table = pd.DataFrame.from_dict(rows, orient="index").fillna("")
    table.index.name = "search"
    table.attrs = {
        "title": f"{answers.attrs['metric']} ({answers.attrs['direction']}), "
        f"{answers.attrs['source']}\nposterior mean and {100 * prob:g} % interval"
        + by_prior_note(answers),
        "convergence": answers.attrs["convergence"],
        "checks": answers.attrs["checks"],
        "remarks": answers.attrs["plateaus"],
    }
    return table


def summary_text(
    tree: xr.DataTree, form: str, *, ci_prob: float | None = None, ci_kind: str | None = None
) -> str:
    """Return the summary as a table for a page or a paper, in a form of `FORMATS`.

    Markdown and LaTeX (for the package booktabs) have rounded text; CSV has all numbers with full
    precision. The metric, the convergence of sampling and the failed checks stand in the caption
    of LaTeX, below the table in Markdown, and in the first lines of CSV, which begin with ``#``, as
    do those of the tables of hyperparameters of surfaces, which follow in all forms.
    """
    if form not in FORMATS:
        raise LeadlineError(f"format must be one of {', '.join(FORMATS)}; got {format_value(form)}")
    prob, kind = validate_interval(ci_prob, ci_kind)
    answers = summary(tree, ci_prob=prob, ci_kind=kind)
    cells = _cells(answers, prob, kind)
    title = " ".join(cells.attrs["title"].replace("\n", "; ").split())
    remarks = [title, *cells.attrs["remarks"], cells.attrs["convergence"], cells.attrs["checks"]]
    doubtful = not convergence(tree).ok
    if doubtful:
        # Before the numbers that it is about.
        remarks.insert(0, remarks.pop(-2))
    if answers.attrs.get("calibration"):
        remarks.append(f"calibration: {answers.attrs['calibration']}")
    groups = list(surface_groups(tree)) if is_surface(tree) else []
    settings = [best_setting(tree, name, ci_prob=prob) for name in groups]
    several = len(settings) > 1
    titles = [
        setting_title(own, name * several) for own, name in zip(settings, groups, strict=True)
    ]
    if form == "csv":
        heads = "".join(f"# {remark}\n" for remark in remarks)
        below = "\n".join(
            f"{title}\n{own.to_csv()}" for title, own in zip(titles, settings, strict=True)
        )
        return heads + answers.to_csv() + "".join(f"# {line}\n" for line in below.splitlines())
    texts = [_latex(cells, remarks) if form == "latex" else _markdown(cells, remarks, doubtful)]
    for title, own in zip(titles, settings, strict=True):
        table, lines = setting_cells(own), title.splitlines()
        texts.append(_latex(table, lines) if form == "latex" else _markdown(table, lines))
    return "\n".join(texts)


def _latex(cells: pd.DataFrame, remarks: Sequence[str]) -> str:
    """Return a table of LaTeX with remarks as its caption."""
    escaped = cells.map(escape, form="latex").rename(
        index=lambda name: escape(name, "latex"), columns=lambda name: escape(name, "latex")
    )
    return escaped.reset_index().to_latex(
        index=False,
        escape=False,
        column_format="l" + "r" * len(cells.columns),
        caption=". ".join(escape(remark, "latex") for remark in remarks) + ".",
    )


def _markdown(cells: pd.DataFrame, remarks: Sequence[str], doubtful: bool = False) -> str:
    """Return a table of Markdown with remarks below it, the first above it if it is a doubt."""
    columns = [escape(name, "markdown") for name in cells.reset_index().columns]
    body = [[escape(cell, "markdown") for cell in row] for row in cells.itertuples()]
    rows = [columns, ["---", *["---:"] * (len(columns) - 1)], *body]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    escaped_remarks = [f"{escape(remark, 'markdown')}  " for remark in remarks]
    if doubtful:
        lines = [escaped_remarks.pop(0), "", *lines]
    return "\n".join([*lines, "", *escaped_remarks, ""])


def _answer_cells(row: pd.Series, prob: float, kind: str) -> dict[str, str]:
    """Return the cells of one search as text, by the heads of their columns."""
    sd = float(row["optimum_sd"])
    cells = {
        # Those of a sampler that learned stand in a column of their own.
        f"{'random ' if 'guided' in row.index else ''}trials (no score)": (
            f"{row['trials']:.0f} ({row['failed']:.0f})"
        ),
        "trials used": _trials_used(row),
        **({"guided": f"{row['guided']:.0f}"} if "guided" in row.index else {}),
        **({"reported": row["reported"]} if "reported" in row.index else {}),
        "best seen": rounded(float(row["best_seen"]), sd) + of_best([row["best_runs"]]),
        "expected if re-run": rounded(float(row["best_seen_expected"]), sd),
    }
    label = interval_label(prob, kind)
    flat = row.get("plateau", np.nan) > 0
    for name, head in _WITH_INTERVALS.items():
        if flat:
            value = row[name]
            cells[head] = "–" if np.isnan(value) else f"{value:.4g}"
            continue
        prior = f" {BY_PRIOR}" if name in row["decided_by_prior"].split(", ") else ""
        cells[head] = cell_of(row, name, label) + prior
    integer = row.filter(like="effective_dim=")
    if len(integer) and not flat:
        likely = [
            f"{str(name).split('=')[1]}: {100 * p:.0f} %"
            for name, p in integer.items()
            if p >= 0.005
        ]
        prior = f" {BY_PRIOR}" if "effective_dim" in row["decided_by_prior"].split(", ") else ""
        cells["effective dimension"] = ", ".join(likely) + prior
    if not flat:
        cells["P(headroom < noise)"] = percent(float(row["best_within_noise"]))
    cells["next 10 improve"] = f"{100 * row['p_gain_10']:.0f} %"
    if flat:
        low, high = (percent(float(row[f"plateau_{label}_{end}"])) for end in ("lb", "ub"))
        cells["reach the best"] = f"{percent(float(row['plateau']))} [{low}, {high}]"
    if row["warning"]:
        cells["warning"] = row["warning"]
    return cells


def _trials_used(row: pd.Series) -> str:
    """Return the number of trials beyond the threshold, and its range over thresholds."""
    if row["trials"] == 0:
        return "none"
    low, high = (round(row[f"tail_fraction_{end}"] * row["trials"]) for end in ("lb", "ub"))
    count = f"{row['in_regime']:.0f}"
    return count if low == high else f"{count} ({low} to {high})"
