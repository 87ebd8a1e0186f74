"""`check_random_search` tells random search from searches that learn, grids and quasi-random ones.

Leadline's law is of independent draws. What a sampler that learns from its trials leaves behind
is looked for in the hyperparameters: in the order of the trials, which a random search makes
exchangeable whatever it draws from (`order_evidence`); in the distribution of each
parameter (`search_space`); in the set of configurations (`design_evidence`).
"""

from collections.abc import Mapping
from dataclasses import asdict

import numpy as np
import pandas as pd

from leadline.data.trials import PARAM_PREFIX, Trials, search_labels
from leadline.errors import LeadlineError
from leadline.search_audit.search_space import validate_space
from leadline.search_audit.verdict import evidence_on

Space = Mapping[str, tuple[object, ...]]

_WORTH_NAMING = 0.01


def check_random_search(trials: Trials, *, space: Space | None = None) -> pd.DataFrame:
    """Return the evidence whether each search drew its configurations at random.

    Parameters
    ----------
    trials : Trials
        With hyperparameters in `param:*` columns. The order of the trials is that of the column
        `order`, else of integer `trial` numbers, else of the rows. Failed trials count too.
    space : mapping of str to tuple, optional
        What each parameter was drawn from, such as ``{"lr": ("log-uniform", 1e-5, 0.1),
        "layers": ("integer", 1, 8), "optimizer": ("categorical", "adam", "sgd")}``; also
        "uniform" and "log-integer", and a step as a fourth entry. Default: what the source of
        the trials recorded, else inferred from the values, which makes a weaker test.

    Returns
    -------
    pandas.DataFrame
        One row a search and piece of evidence. Columns:

        - `search`, `evidence`, `parameter`: "overall" is the verdict on the search;
        - `statistic`, `p_value`, `limit`: under random search a p-value below the limit is rare;
        - `verdict`: what the evidence points to, "random", "model-based", "quasi-random",
          "grid", or "unknown" when it can not tell;
        - `advice`: what it means and what to do, in one sentence; empty when there is nothing.

    Raises
    ------
    LeadlineError
        If the declared space does not fit the trials.

    Notes
    -----
    Evidence is "sampler" (the recorded one), "duplicates", "grid", "order" (of all trials
    together, then of its signs, then of each parameter: see `order_evidence`), "distribution"
    (Kolmogorov-Smirnov of each parameter, then of all together by Fisher's method) and "evenness"
    (a distance that is too small). A search is called model-based when the order is one in 10,000
    by itself, or order and distributions together one in 2,000; distributions that were not
    declared count only when the order is below one in 200, since users may draw from any. These
    limits are divided by the number of searches. A table that was sorted by something has no
    order to test. A recorded sampler that learns settles it; a recorded random one leaves it to
    an order of one in a million.
    """
    if space is None:
        space = {
            name: drawn_from
            for name, drawn_from in (trials.distributions or {}).items()
            if f"{PARAM_PREFIX}{name}" in trials.params
        }
    declared = validate_space(space, trials.params)
    labels = dict(zip(trials.searches, search_labels(trials.searches), strict=True))
    # Of reported bests alone, nobody knows how they were drawn.
    searches = trials.with_trials
    rows = [
        {"search": labels[pair], **asdict(evidence)}
        for pair in searches
        for evidence in evidence_on(trials.search(*pair), declared, len(searches))
    ]
    return pd.DataFrame(rows)


def validate_random_search(
    trials: Trials, assume_random: bool = False, *, space: Space | None = None
) -> list[str]:
    """Return notes on how the configurations were drawn, one line each.

    Parameters
    ----------
    trials : Trials
        What is to be fitted.
    assume_random : bool
        Whether to make a note of a search that is clearly not random, not an error.
    space : mapping, optional
        As in `check_random_search`.

    Raises
    ------
    LeadlineError
        If a search is clearly not random and `assume_random` is false; it names the evidence.
    """
    found = check_random_search(trials, space=space)
    overall = found[found["evidence"] == "overall"]
    notes = []
    for search, verdict, advice in zip(
        overall["search"], overall["verdict"], overall["advice"], strict=True
    ):
        which = f"search {search!r}" if len(overall) > 1 else "the search"
        if verdict in ("grid", "quasi-random"):
            notes.append(f"{which} is {_a(verdict)}, not a random search: {advice}")
        elif verdict == "model-based":
            told = _told(found[found["search"] == search])
            told = f"{which} looks model-based, not random: {told}"
            if not assume_random:
                raise LeadlineError(
                    f"{trials.source}: {told}. The law is of trials drawn independently (random "
                    "search; a grid or a quasi-random design gets a note). Fit only the trials "
                    "that were drawn at random, such as a sampler's random start (of Optuna's TPE "
                    "the first 10: read_optuna(..., random_start=10)); or pass assume_random=True; "
                    "leadline.check_random_search(trials) has all the evidence"
                )
            notes.append(f"{told}; fitted because of assume_random=True")
    return notes


def _a(verdict: str) -> str:
    return "a grid" if verdict == "grid" else f"a {verdict} design"


def _told(own: pd.DataFrame) -> str:
    """Return the evidence against a search in a few words."""
    whole = own[(own["verdict"] == "model-based") & (own["parameter"] == "")]
    whole = whole[whole["evidence"] != "overall"]
    parts = [
        evidence if np.isnan(p_value) else f"{evidence} (p = {p_value:.0e})"
        for evidence, p_value in zip(whole["evidence"], whole["p_value"].tolist(), strict=True)
    ]
    drift = own[(own["evidence"] == "drift") & (own["p_value"] < _WORTH_NAMING)]
    if len(drift):
        names = drift.sort_values("p_value", kind="stable")["parameter"].tolist()
        parts.append(f"the parameters that drift most are {', '.join(names[:4])}")
    return "; ".join(parts)
