"""One search, checked and ready for a model."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from leadline.data.regime import MIN_TAIL_TRIALS, Regime, cut
from leadline.data.scale import SCALES, Scale
from leadline.data.trials import Trials, loss_sign
from leadline.errors import LeadlineError
from leadline.models.priors import Priors

DEFAULT_MAX_DIM = 10.0
"""Upper bound of the effective dimension when the hyperparameters are not known."""

SMALLEST_MAX_DIM = 2.0
"""With one hyperparameter there is still the question whether it matters in full."""


@dataclass(frozen=True)
class PreparedSearch:
    """What a model and the result need of one search.

    Attributes
    ----------
    task, model : str
        Whose search it is.
    trials : DataFrame
        One row per trial, as `Trials.per_trial`, with the `first_score` of each besides the mean.
    regime : Regime
        The scores past the threshold, as losses.
    max_effective_dim : float
        Upper bound of the effective dimension.
    sign : float
        1 when scores are minimised, −1 when they are maximised.
    reports : DataFrame
        Its reported bests, columns `leadline.data.reported_bests.COLUMNS`.
    """

    task: str
    model: str
    trials: pd.DataFrame
    regime: Regime
    max_effective_dim: float
    sign: float
    reports: pd.DataFrame

    def structure(self, effective_dim: str) -> tuple[Any, ...]:
        """Return what decides the graph: searches that share it share a compiled model."""
        summed_over = int(self.max_effective_dim) if effective_dim == "integer" else None
        return self.regime.replicated, self.regime.resolution > 0, summed_over

    def score(self, loss: Any) -> Any:
        """Return losses on the scale of the regime as scores."""
        return self.regime.scale.inverse(self.sign * np.asarray(loss))


def prepare(
    trials: Trials,
    priors: Priors,
    *,
    threshold: float | None = None,
    tail_fraction: float | None = None,
    resolution: float | None = None,
    scale: Scale = SCALES["identity"],
    min_tail: int = MIN_TAIL_TRIALS,
) -> PreparedSearch:
    """Return the one search of `trials`, ready for a model.

    Raises
    ------
    LeadlineError
        As `leadline.data.regime.cut`.
    """
    ((task, model),) = trials.searches
    if not (trials.table["status"] == "complete").any():
        raise LeadlineError(
            f"search {task} / {model}: no trial has a score ({trials}); leave this search out"
        )
    regime = cut(
        trials,
        threshold=threshold,
        tail_fraction=tail_fraction,
        resolution=resolution,
        scale=scale,
        min_tail=min_tail,
    )
    bound = priors.max_effective_dim
    if bound is None:
        known = float(trials.n_params)
        bound = max(known, SMALLEST_MAX_DIM) if known else DEFAULT_MAX_DIM
    table = trials.per_trial()
    done = trials.table[trials.table["status"] != "running"]
    first = done.drop_duplicates(["task", "model", "trial"])["score"].to_numpy()
    table["first_score"] = np.where(table["status"] == "complete", first, np.nan)
    sign = loss_sign(trials.direction)
    return PreparedSearch(task, model, table, regime, bound, sign, trials.reports)
