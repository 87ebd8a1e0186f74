"""The checks by their public names, and their outcomes for a fit."""

import dataclasses
import functools
from collections.abc import Callable

import pandas as pd
import xarray as xr

from leadline.checks import (
    effective_dim,
    noise,
    recorded_trials,
    regime_fit,
    reported,
    sampling,
    scaling,
    sensitivity,
    space_edges,
    surface,
)
from leadline.checks.evidence import Evidence
from leadline.checks.outcome import NO_TRIALS, Outcome, not_made
from leadline.stats.fitted_search import plateau_trials, search_names
from leadline.stats.plateau import NOT_CHECKED
from leadline.stats.scaling_law import has_law
from leadline.stats.surface_tree import is_surface


@dataclasses.dataclass(frozen=True)
class Check:
    """A check of one search; with `needs_trials`, not of one that has reported bests alone."""

    evaluate: Callable[[Evidence], Outcome]
    needs_trials: bool = True

    def __call__(self, evidence: Evidence) -> Outcome:
        """Return the outcome: "not made" if the trials that the check needs are missing."""
        if plateau_trials(evidence.tree, evidence.search):
            return not_made(float("nan"), NOT_CHECKED)
        if self.needs_trials and not evidence.has_trials:
            return not_made(float("nan"), NO_TRIALS)
        return self.evaluate(evidence)


CHECKS = {
    "divergences": Check(sampling.divergences, needs_trials=False),
    "R-hat": Check(sampling.rhat, needs_trials=False),
    "ESS, bulk": Check(sampling.ess_bulk, needs_trials=False),
    "ESS, tail": Check(sampling.ess_tail, needs_trials=False),
    "E-BFMI": Check(sampling.energy, needs_trials=False),
    "tail points": Check(recorded_trials.tail_points),
    "regime fit": Check(regime_fit.whole_tail),
    "regime fit, best scores": Check(regime_fit.best_scores),
    "regime fit, leave-one-out": Check(regime_fit.leave_one_out),
    "thresholds agree": Check(regime_fit.thresholds_agree),
    "effective dimension above 1": Check(effective_dim.lower_bound, needs_trials=False),
    "effective dimension below its bound": Check(effective_dim.upper_bound, needs_trials=False),
    "prior of the optimum": Check(
        functools.partial(sensitivity.prior_sensitivity, name="optimum"), needs_trials=False
    ),
    "prior of the effective dimension": Check(
        functools.partial(sensitivity.prior_sensitivity, name="effective_dim"), needs_trials=False
    ),
    "best seen": Check(noise.best_seen),
    "constant noise": Check(noise.constant_noise),
    "edges of the space": Check(space_edges.space_edges),
    "ties": Check(recorded_trials.ties),
    "resolution": Check(recorded_trials.resolution),
    "order of trials": Check(recorded_trials.order),
    "reported bests": Check(reported.reported, needs_trials=False),
}
"""The checks in the order of the table of `leadline.check`. A new check is a function in a file of
this folder and a line here."""


LAW_CHECKS = CHECKS | {"scaling law": Check(scaling.scaling_law)}
"""The checks of ``leadline.fit(model="scaling")``."""


SURFACE_CHECKS = {
    name: CHECKS[name] for name in ("divergences", "R-hat", "ESS, bulk", "ESS, tail", "E-BFMI")
} | {
    "surface fit, leave-one-out": Check(surface.leave_one_out),
    "best trial": Check(surface.best_trial),
    "noise of seeds": Check(surface.noise_of_seeds),
    "optimum at an edge": Check(surface.optimum_at_edge),
}
"""The checks of ``leadline.fit(model="surface")``."""


def evaluate_checks(tree: xr.DataTree) -> pd.DataFrame:
    """Return the table of `leadline.check`, one row per search and check."""
    checks = SURFACE_CHECKS if is_surface(tree) else LAW_CHECKS if has_law(tree) else CHECKS
    rows = [
        {"search": evidence.search, "check": name, **dataclasses.asdict(evaluate(evidence))}
        for evidence in (Evidence(tree, search) for search in search_names(tree))
        for name, evaluate in checks.items()
    ]
    return pd.DataFrame(rows).astype({"passed": "boolean"})
