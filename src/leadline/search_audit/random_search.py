"""`check_random_search` distinguishes random searches from others by their hyperparameters.

The law of leadline is one of independent draws. Samplers that learn from their trials, grids and
quasi-random designs leave evidence in the order of the trials (`order_evidence`), in the
distribution of each parameter (`search_space`) and in the set of configurations
(`design_evidence`).
"""

import math
from collections.abc import Mapping
from dataclasses import asdict

import pandas as pd

from leadline.data.trials import (
    FEWEST_RANDOM,
    NEXT_TIME,
    PARAM_PREFIX,
    RANDOM_SHARE,
    RANDOM_START,
    SURFACE_ADVICE,
    Trials,
    drawn_at_random,
    guided_trials,
    search_labels,
)
from leadline.errors import LeadlineError, pluralize
from leadline.search_audit.search_space import validate_space
from leadline.search_audit.verdict import evidence_on

# Messages name the parameters whose drift has a smaller p-value.
_NAMED_DRIFT = 0.01


def check_random_search(
    trials: Trials, *, space: Mapping[str, tuple[object, ...]] | None = None
) -> pd.DataFrame:
    """Return the evidence for and against random draws of the configurations of each search.

    Parameters
    ----------
    trials : Trials
        With hyperparameters in `param:*` columns. The order of the trials is that of the column
        `order`, else of integer `trial` numbers, else of the rows. Failed trials count too.
        Trials that are known to be guided do not.
    space : mapping of str to tuple, optional
        The distribution of each parameter, such as ``{"lr": ("log-uniform", 1e-5, 0.1),
        "layers": ("integer", 1, 8), "optimizer": ("categorical", "adam", "sgd")}``; also
        "uniform" and "log-integer", and a step as a fourth entry. Default: the distributions that
        the source of the trials recorded, else inferred ones, which make a weaker test.

    Returns
    -------
    pandas.DataFrame
        One row per search and piece of evidence. Columns:

        - `search`, `evidence`, `parameter`: "overall" is the verdict on the search;
        - `statistic`, `p_value`, `limit`: under random search a p-value below the limit is rare;
        - `verdict`: the kind of search that the evidence supports, "random", "model-based",
          "quasi-random", "grid", or "unknown" when it is inconclusive;
        - `advice`: meaning and remedy in one sentence, or empty.

    Raises
    ------
    LeadlineError
        If the declared space does not fit the trials.

    Notes
    -----
    Evidence is "sampler" (the recorded one), "duplicates", "grid", "order" (of all trials
    together, then of each test, then of each parameter: see `order_evidence`), "distribution"
    (Kolmogorov-Smirnov of each parameter, then of all together by Fisher's method) and "evenness"
    (distances that are too small, or gaps between neighbouring values that are too equal).

    A search is model-based when the p-value of the order is below one in 10,000, or that of order
    and distributions together below one in 2,000. Distributions that were not declared count only
    when the order is below one in 200, since users may draw from any. These limits are divided by
    the number of searches. The order of a sorted table is not tested. A recorded sampler that
    learns decides the verdict; a recorded random one is refuted only by an order of one in a
    million.

    Examples
    --------
    >>> import leadline as ll
    >>> evidence = ll.check_random_search(ll.load_dataset("digits-boosting"))
    >>> evidence.loc[evidence["evidence"] == "overall", "verdict"].item()
    'random'
    """
    trials = drawn_at_random(trials)
    if space is None:
        recorded = (trials.distributions or {}).items()
        space = {name: of for name, of in recorded if f"{PARAM_PREFIX}{name}" in trials.params}
    declared = validate_space(space, trials.params)
    labels = dict(zip(trials.searches, search_labels(trials.searches), strict=True))
    # Searches that consist of reported bests have no draws to test.
    searches = trials.with_trials
    rows = [
        {"search": labels[pair], **asdict(evidence)}
        for pair in searches
        for evidence in evidence_on(trials.search(*pair), declared, len(searches))
    ]
    return pd.DataFrame(rows)


def validate_random_search(trials: Trials, assume_random: bool = False) -> list[str]:
    """Return notes on the searches that are not random, one line each.

    Raises `LeadlineError`, which names the evidence, if a search is clearly not random. With
    `assume_random` such a search gets a note instead.
    """
    if not assume_random and (reason := too_few_random(trials)):
        # So few trials of a start would be no better for that.
        anyway = " Or fit all the same with assume_random=True" * (trials.sampler != RANDOM_START)
        raise LeadlineError(f"{trials.source}: {reason.rstrip('.')}.{anyway}")
    found = check_random_search(trials)
    overall = found[found["evidence"] == "overall"]
    notes = []
    for row in overall.to_dict("records"):
        which = f"search {row['search']!r}" if len(overall) > 1 else "the search"
        if row["verdict"] in ("grid", "quasi-random"):
            kind = "a grid" if row["verdict"] == "grid" else "a quasi-random design"
            notes.append(f"{which} is {kind}, not a random search: {row['advice']}")
        elif row["verdict"] == "model-based":
            against = _summarize_evidence(found[found["search"] == row["search"]])
            problem = f"{which} looks model-based, not random"
            if not assume_random:
                raise LeadlineError(
                    f"{trials.source}: {problem}: its sampler learned from earlier "
                    f"trials. To answer from these trials, {SURFACE_ADVICE}; "
                    "if they were drawn at random all the same, assume_random=True fits the law. "
                    f"{NEXT_TIME} The evidence: {against}"
                )
            notes.append(f"{problem}: {against}; fitted because of assume_random=True")
    return notes


def too_few_random(trials: Trials) -> str:
    """Return why no law is fitted to the random part of a search that learned, "" where one is.

    The reason names the numbers of trials, and what would give enough.
    """
    if trials.sampler not in (RANDOM_START, RANDOM_SHARE) and not guided_trials(trials):
        return ""
    for task, model in drawn_at_random(trials).with_trials:
        search = trials.search(task, model)
        total = search.counts()["trials"]
        random = drawn_at_random(search).counts()["trials"]
        if random >= FEWEST_RANDOM:
            continue
        if trials.sampler == RANDOM_START:
            return (
                f"{pluralize(random, 'trial')} of a random start, and a fit needs {FEWEST_RANDOM}: "
                "the prior decides the answer of fewer. To answer from all trials of the study, "
                f"leave out random_start and {SURFACE_ADVICE}. {NEXT_TIME}"
            )
        more = math.ceil((FEWEST_RANDOM - random) * total / random)
        return (
            f"{random} of {pluralize(total, 'trial')} are random, and a fit needs {FEWEST_RANDOM}: "
            "the prior decides the answer of fewer. To answer from these trials, "
            f"{SURFACE_ADVICE}; or go on with the study: about {pluralize(more, 'more trial')} "
            f"with the share of random ones so far, {random / total:.2f}, or fewer with a larger "
            "share=... of RandomShareSampler"
        )
    return ""


def _summarize_evidence(evidence: pd.DataFrame) -> str:
    """Return the evidence against one search in a few words."""
    against = evidence[(evidence["verdict"] == "model-based") & (evidence["parameter"] == "")]
    against = against[against["evidence"] != "overall"]
    parts = [
        row["evidence"] + (f" (p = {row['p_value']:.0e})" if row["evidence"] != "sampler" else "")
        for row in against.to_dict("records")
    ]
    drift = evidence[(evidence["evidence"] == "drift") & (evidence["p_value"] < _NAMED_DRIFT)]
    if len(drift):
        names = drift.sort_values("p_value", kind="stable")["parameter"].tolist()
        parts.append(f"the parameters that drift most are {', '.join(names[:4])}")
    return "; ".join(parts)
