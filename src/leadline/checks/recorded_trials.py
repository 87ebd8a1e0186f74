"""Check the trials as recorded: number beyond the threshold, order, ties and resolution."""

import json

import numpy as np
import numpy.typing as npt
from scipy.stats import spearmanr

from leadline.checks.evidence import Evidence
from leadline.checks.outcome import Outcome, at_least, at_most, not_made, too_few_trials
from leadline.data.trials import UNUSED
from leadline.stats.trials_used import ENOUGH, trials_used

MIN_P_ORDER = 0.01
"""One random search in a hundred is flagged. A model-based search improves as it goes, with p far
below this within a few dozen trials."""

MAX_TIED = 0.1
"""Share of the tail trials that repeat a score. Exact scores of different trials are never equal:
a few ties are duplicate entries or runs that ended alike. From one in ten on, ties are as many as
the best scores that determine the fit."""

MAX_STEPS_PER_NOISE = 2.0
"""Spacing of the grid of scores in noise sds. Rounding to a grid of width h adds h²/12 to the
variance (Sheppard's correction): at two sds a third of the noise's own. Only the prior informs
about noise that small."""

_MIN_TRIALS = 10


def tail_points(evidence: Evidence) -> Outcome:
    """Check the number of trials beyond the threshold, the mean over candidates by weight."""
    return at_least(
        int(trials_used(evidence.tree).sel(search=evidence.search)),
        ENOUGH,
        "Run more trials: with so few of use, the prior matters much and a bad fit goes unnoticed.",
    )


def order(evidence: Evidence) -> Outcome:
    """Check the rank correlation of order and loss over all trials; failures rank last."""
    trials = evidence.trials
    if len(trials) < _MIN_TRIALS:
        return too_few_trials(MIN_P_ORDER, len(trials), _MIN_TRIALS)
    index = np.arange(len(trials), dtype=float)
    if "order" in trials and trials["order"].notna().all():
        index = trials["order"].to_numpy(dtype=float)
    if _is_sorted(trials["loss"].to_numpy(dtype=float)[np.argsort(index, kind="stable")]):
        reason = (
            "The trials are sorted by score, so their order is unknown: keep the order in which "
            "they ran, or add it as a column `order`."
        )
        return not_made(MIN_P_ORDER, reason)
    found = spearmanr(index, trials["loss"])
    return at_least(
        found.pvalue,
        MIN_P_ORDER,
        f"Later trials are {'better' if found.statistic < 0 else 'worse'} than early ones: make "
        "sure that the search was random and that nothing changed on the way. Otherwise no answer "
        f"holds.{_unused(evidence)}",
    )


def _unused(evidence: Evidence) -> str:
    """Return the columns that may tell searches apart and were not used, which mixes them."""
    notes = json.loads(evidence.tree.attrs.get("notes", "[]"))
    found = [note for note in notes if note.startswith(UNUSED) and "searches" in note]
    return f" Rows of several searches may be mixed ({found[0]})." if found else ""


def _is_sorted(loss: npt.NDArray[np.float64]) -> bool:
    """Return whether so many scores are in perfect order that no search produced them so."""
    found = loss[np.isfinite(loss)]
    steps = np.diff(found)
    # Ten different scores are in one of both perfect orders with probability 2/10! = 6e-7.
    return len(np.unique(found)) >= _MIN_TRIALS and bool((steps >= 0).all() or (steps <= 0).all())


def ties(evidence: Evidence) -> Outcome:
    """Check the share of tail trials that repeat a score, unless the fit uses a grid."""
    if evidence.constant("resolution") > 0:
        return at_most(0.0, MAX_TIED, "")
    tail = evidence.best(evidence.n_tail)
    n_tied = len(tail) - tail["score"].nunique()
    return at_most(
        n_tied / len(tail),
        MAX_TIED,
        f"{n_tied} of {len(tail)} scores used for the fit repeat another: record more digits, "
        "give the spacing of the scores as `resolution`, or drop trials that were entered twice.",
    )


def resolution(evidence: Evidence) -> Outcome:
    """Check the spacing of the recorded scores in noise sds: a coarse grid hides the noise."""
    return at_most(
        evidence.constant("resolution") / float(np.median(evidence.values("noise_sd"))),
        MAX_STEPS_PER_NOISE,
        "The recorded scores are too coarse to show the noise: record more digits, or a score with "
        "finer steps, such as the loss instead of the error.",
    )
