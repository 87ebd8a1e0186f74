"""The hyperparameters of a surface in words: their table as text, and what to run next."""

import json

import pandas as pd
import xarray as xr

from leadline.data.trials import likely_params
from leadline.errors import pluralize
from leadline.stats.diagnostics import checks_line
from leadline.stats.intervals import SAMPLE_DIMS, estimate
from leadline.stats.rounding import percent, rounded, with_interval
from leadline.stats.surface_beside_law import flat_dimensions, law_source
from leadline.stats.surface_settings import best_setting, value_text
from leadline.stats.surface_tree import law_draws, surface_groups

_HARDLY = 0.05
"""With at most this probability that a hyperparameter matters, any value may be as good."""

_CERTAIN = 0.8
"""A hyperparameter matters from this probability on, and does not below 1 minus it."""


AGAIN = "fit the trials again with model='surface'"
"""How to learn which hyperparameters matter, where they are recorded."""


def setting_title(table: pd.DataFrame, search: str = "") -> str:
    """Return the two lines of the heading of a table of `setting_cells`, for one of several."""
    title = f"the hyperparameters{f' of {search}' if search else ''}, "
    title += "those that matter most first; (log): a random value is drawn evenly on the log "
    title += "scale, others on a linear one"
    title += "; (of ...): all values that were tried" * bool((table["tried"] != "").any())
    return f"{title}\n{together_text(table)}"


def which_matter(tree: xr.DataTree, again: str = AGAIN) -> str:
    """Return how to learn which hyperparameters matter, of a fit of the law.

    `again` is how to fit the trials again.
    """
    if has_params(tree):
        return (
            f"which hyperparameters matter: {again}; a surface uses their values, and this law the "
            "scores alone, so that optimum and advice may differ: act on the surface if it passes "
            "its checks"
        )
    notes = json.loads(tree.attrs.get("notes", "[]"))
    return (
        "which hyperparameters matter: unknown, as none are named; if the table has columns for "
        f"them, fit it again with model='surface' and {likely_params(notes)}"
    )


def has_params(tree: xr.DataTree) -> bool:
    """Return whether a fit recorded hyperparameters, to which a surface can be fitted."""
    names = (str(name) for name in tree["constant_data"].data_vars)
    return any(name.startswith("trial_param") for name in names)


def setting_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return a result of `best_setting` as text; the heads of its columns name the interval.

    The index has "(log)" after the names of hyperparameters on a log axis.
    """
    prob = f"{100 * table.attrs['ci_prob']:g} %"
    rows = {}
    for name, row in table.iterrows():
        absent = pd.isna(row["together"])
        gain, low, high = (float(row[f"tuning_gain{end}"]) for end in ("", "_lower", "_upper"))
        # No cost is below 0: its ends need no digits that show their sign.
        cost, *ends = (rounded(own, (high - low) / 4) for own in (gain, low, high))
        tried = f" (of {row['tried']})" if row["tried"] else ""
        rows[f"{name}{' (log)' * (row['axis'] == 'log')}{tried}"] = {
            f"best value [{prob}]": "inactive" if absent else _best_value(row),
            "best together": "" if absent else value_text(row["together"]),
            "best trial": "" if pd.isna(row["best_trial"]) else value_text(row["best_trial"]),
            f"a random value costs [{prob}]": "" if absent else f"{cost} [{', '.join(ends)}]",
            "matters": "" if absent else percent(float(row["p_matters"])),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("hyperparameter")


def together_text(table: pd.DataFrame) -> str:
    """Return the expected score of the best configuration in words, of a result above."""
    text = f"best together: expected score {_together_score(table)}"
    if failed := table.attrs["failed_checks"]:
        text += f" (but {checks_line(failed)})"
    safer, chance, (mean, low, high) = table.attrs["safer"]
    if table.attrs["keep_best"]:
        text += "; no setting is expected to do better than the best trial re-run: keep that one"
        text += f", or trial {safer}" * bool(safer)
    elif table.attrs["never_run"]:
        text += "; no trial had this setting"
        text += ": to run it is the cheapest next step" * _worth_a_run(table)
    if safer:
        text += f"; trial {safer} is better, if re-run, than the one that measured best with "
        text += f"probability {percent(chance)}: {with_interval(mean, low, high, (high - low) / 3)}"
    if len(ends := table.index[table["at_edge"] != ""]):
        text += (
            "; at an end of the tried range, so that a wider one may help, where it can be wider: "
        )
        text += ", ".join(map(str, ends))
    return f"{text}; the optimum is what perfect tuning would reach, at a place not yet known"


def _worth_a_run(table: pd.DataFrame, minimum_gain: float | None = None) -> bool:
    known = table.attrs
    least = known["noise_sd"] if minimum_gain is None else minimum_gain
    if known["keep_best"] or not known["never_run"] or known["failed_checks"]:
        return False
    return bool(known["together_gain"] >= least)


def _together_score(table: pd.DataFrame) -> str:
    mean, low, high = table.attrs["together_score"]
    # Nearly the sd, for as many digits as the other answers have.
    return with_interval(mean, low, high, (high - low) / 3)


def next_run(tree: xr.DataTree, search: str, minimum_gain: float | None = None) -> str:
    """Return the advice to run the setting "best together" if no trial had it, else "".

    Its gain over the best trial re-run must be `minimum_gain` or more, by default the noise of one
    run. A surface that failed a check has no such advice.
    """
    table = best_setting(tree, search)
    if not _worth_a_run(table, minimum_gain):
        return ""
    values = [f"{name} {value_text(own)}" for name, own in table["together"].dropna().items()]
    again = tree["posterior"].dataset["best_seen_expected"].sel(search=search)
    of_search = f" of {search}" if tree["posterior"].sizes["search"] > 1 else ""
    return (
        f"The cheapest next step is to run the setting{of_search} that is best together, which no "
        "trial had: "
        f"{', '.join(values)}. Its expected score is {_together_score(table)}, "
        f"that of the best trial re-run {estimate(again, table.attrs['ci_prob'])}."
    )


def _best_value(row: pd.Series) -> str:
    if row["p_matters"] <= _HARDLY and row["p_worst"] <= 0.5:
        # The place of the optimum says nothing where all values are as good.
        return f"any value ({row['rarely']})" if row["rarely"] else "any value"
    if not pd.isna(row["probability"]):
        return f"{row['value']} ({percent(float(row['probability']))})"
    return f"{value_text(row['value'])} [{value_text(row['lower'])}, {value_text(row['upper'])}]"


def setting_sentences(tree: xr.DataTree, *, ci_prob: float | None = None) -> list[str]:
    """Return which hyperparameters matter in words, one sentence per search."""
    names = list(surface_groups(tree))
    prefixes = [f"{name}: " if len(names) > 1 else "" for name in names]
    return [
        prefix + _sentence(tree, name, best_setting(tree, name, ci_prob=ci_prob))
        for prefix, name in zip(prefixes, names, strict=True)
    ]


def _sentence(tree: xr.DataTree, search: str, table: pd.DataFrame) -> str:
    active = table["together"].notna()
    chance = table["p_matters"][active]
    yes, open_ = chance[chance >= _CERTAIN], chance[(chance > 1 - _CERTAIN) & (chance < _CERTAIN)]
    names = [f"{name} ({percent(own)})" for name, own in yes.items()]
    verb = "matters" if len(yes) == 1 else "matter"
    count = f"{len(yes)} of {pluralize(len(table), 'hyperparameter')}"
    text = f"{count} {verb}, in that a random value costs more than the noise of one run"
    text += f"{': ' if names else ''}{', '.join(names)}"
    if len(open_):
        undecided = []
        for name, row in table.loc[open_.index].iterrows():
            notes = [percent(row["p_matters"]), row["rarely"]]
            notes.append(f"bad choice {row['bad']}" if row["bad"] else "")
            undecided.append(f"{name} ({'; '.join(filter(None, notes))})")
        text += f"; it cannot be told for {', '.join(undecided)}"
    no = chance[chance <= 1 - _CERTAIN]
    if len(no):
        others = ", ".join(f"{name} ({percent(own)})" for name, own in no.items())
        text += f"; {others} {'does' if len(no) == 1 else 'do'} not"
    absent = [str(name) for name in table.index[~active]]
    if absent:
        text += f"; inactive at the optimum: {', '.join(absent)}"
    laws = law_draws(tree)
    if "effective_dim" in laws:
        law = laws["effective_dim"].sel(search=search)
        if bool(law.notnull().all()):  # noqa: PD004  (xarray)
            prob = table.attrs["ci_prob"]
            low, high = law.quantile([(1 - prob) / 2, (1 + prob) / 2], SAMPLE_DIMS).to_numpy()
            text += (
                f"; the law{law_source(tree, search)} has "
                f"{float(law.mean()):.1f} [{low:.1f}, {high:.1f}] effective hyperparameters"
                + ", which the prior decides"
                * (search in flat_dimensions(tree))
            )
    return text
