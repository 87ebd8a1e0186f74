"""Reported bests as the joint models take them, and the searches known from these alone.

A search without trials has no tail from which to measure a threshold and a tail scale. Reports are
best scores: a scale measured from them would drag all optima onto them (docs/theory.md, Traps). It
borrows both from a search with trials on the same task, for every set of thresholds that is fitted:
from the one with the most lenient threshold, so that the law covers as many of the reports as
possible. A report may be poorer than that. Then the threshold is moved out to the first wider tail
of the lender that contains it, up to the widest that is ever tried. The report decides only which
tail is used; threshold and scale come from the lender. A report that is poorer still is refused: an
optimum lies beyond its threshold, so that the model would put it beyond all evidence for it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.data.scale import SCALES
from leadline.data.tails import join_tails, label_tail, scores_of, trial_losses
from leadline.data.trials import ONLY_REPORTS, Trials
from leadline.errors import LeadlineError, format_value
from leadline.inference.candidates import DEFAULT_MAX_DIM, TAIL_FRACTIONS, space_names
from leadline.models.priors import Priors

Array = npt.NDArray[np.float64]

_OTHER_UNITS = 100.0
"""A report this many tail scales beyond the best trial of its task is taken to be in other units,
such as 91.3 for 0.913. The depth of an optimum is 1 to 8 tail scales."""


def with_reports(tails: xr.Dataset, trials: Trials, priors: Priors) -> xr.Dataset:
    """Return tails with all reported bests, and with the searches known from these alone.

    Parameters
    ----------
    tails : Dataset
        The searches with trials, in the order of `Trials.searches`.
    trials : Trials
        All searches.
    priors : Priors
        For the bound of the effective dimension of searches without trials. Without one there, it
        is the bound of the searches over the same space.

    Returns
    -------
    Dataset
        With dim `report`: `reported_loss`, `report_trials`, the number of trials of which it is the
        best (nan where unknown), and `report_search`. As it is where there are no reports.

    Raises
    ------
    LeadlineError
        If a task has reports only, or a report is out of reach of all its lenders.
    """
    if not len(trials.reports):
        return tails
    spaces = space_names(trials)
    borrowed = [_borrow(tails, trials, pair, spaces[pair], priors) for pair in trials.only_reported]
    joined = join_tails([tails, *borrowed])
    losses, counts, owners = [], [], []
    for search, pair in enumerate(trials.searches):
        reports = trials.search(*pair).reports
        losses.append(_losses(joined, search, reports["score"].to_numpy(dtype=float)))
        counts.append(reports["best_of"].to_numpy(dtype=float))
        owners.append(np.full(len(reports), search))
    return joined.assign(
        reported_loss=("report", np.concatenate(losses)),
        report_trials=("report", np.concatenate(counts)),
        report_search=("report", np.concatenate(owners)),
    )


def validate_reports(
    trials: Trials, candidates: Sequence[Sequence[xr.Dataset]], priors: Priors
) -> None:
    """Raise `LeadlineError` unless the searches known from reports alone can borrow a tail."""
    if not trials.only_reported:
        return
    # What a deep threshold can lend, all can.
    deepest = join_tails([own[0] for own in candidates])
    for pair in trials.only_reported:
        lenders = _lenders(deepest, trials, pair)
        reports = trials.search(*pair).reports["score"].to_numpy(dtype=float)
        for lender in lenders:
            loss = _losses(deepest, lender, reports).min()
            best, tail_scale = (
                float(deepest[name][lender]) for name in ("best_loss", "tail_scale")
            )
            if best - loss > _OTHER_UNITS * tail_scale:
                own = deepest.isel(search=[lender])
                raise LeadlineError(
                    f"{_place(trials, pair)}: the reported best {scores_of(own, [loss])[0]:g} is "
                    f"over {_OTHER_UNITS:g} times as far from the best trial of "
                    f"{_name(deepest, lender)}, {scores_of(own, [best])[0]:g}, as good trials are "
                    "from each other; give it in the same units and direction"
                )
    with_reports(deepest, trials, priors)


def _borrow(
    tails: xr.Dataset, trials: Trials, pair: tuple[str, str], space: str, priors: Priors
) -> xr.Dataset:
    """Return the empty tail of a search without trials, with a borrowed threshold and scale."""
    lenders = _lenders(tails, trials, pair)
    edges = scores_of(tails, tails["threshold"])
    sign = tails.attrs["loss_sign"]
    by_lenience = sorted(lenders, key=lambda lender: -sign * edges[lender])
    reports = trials.search(*pair).reports["score"].to_numpy(dtype=float)
    for lender in by_lenience:
        loss = float(_losses(tails, lender, reports).min())
        tail = _tail_with(tails, lender, trials, loss)
        if tail is not None:
            break
    else:
        raise LeadlineError(_too_poor(trials, pair, tails, by_lenience[0], reports))
    threshold, tail_scale = tail
    bounds = tails["max_effective_dim"].to_numpy()[tails["space"].to_numpy() == space]
    bound = priors.max_effective_dim or max(bounds, default=DEFAULT_MAX_DIM)
    known = {
        "threshold": threshold,
        "tail_scale": tail_scale,
        "n_tail": 0,
        "best_loss": np.inf,
        "resolution": 0.0,
        "scale": str(tails["scale"][lender].item()),
        "max_effective_dim": float(bound),
        "tail_fraction": np.nan,
        "log_prior_weight": 0.0,
    }
    nothing: dict[str, Any] = {
        str(name): (variable.dims, variable.to_numpy()[:0])
        for name, variable in tails.data_vars.items()
        if variable.dims in (("tail_trial",), ("replicate_count",))
    }
    own = {name: ("search", [value]) for name, value in known.items()}
    return label_tail(own | nothing, *pair, space, sign)


def _lenders(tails: xr.Dataset, trials: Trials, pair: tuple[str, str]) -> list[int]:
    """Return the positions of the searches with trials on the task of a search."""
    task, model = pair
    lenders = np.flatnonzero(tails["task"].to_numpy() == task).tolist()
    if not lenders:
        raise LeadlineError(
            f"{trials.source}: of task {format_value(task)} there are reported bests only (model "
            f"{format_value(model)}): {ONLY_REPORTS}"
        )
    return lenders


def _tail_with(
    tails: xr.Dataset, lender: int, trials: Trials, loss: float
) -> tuple[float, float] | None:
    """Return the threshold and the tail scale of the first tail of a search that contains `loss`.

    The tail that is fitted, or the first wider one of `TAIL_FRACTIONS`; None where none does.
    """
    threshold, tail_scale = (float(tails[name][lender]) for name in ("threshold", "tail_scale"))
    if loss < threshold:
        return threshold, tail_scale
    pair = (str(tails[name][lender].item()) for name in ("task", "model"))
    scale = SCALES[str(tails["scale"][lender].item())]
    losses = trial_losses(trials.search(*pair), scale)["loss"].to_numpy()
    finite = np.sort(losses[np.isfinite(losses)])
    for fraction in TAIL_FRACTIONS:
        count = round(fraction * len(losses))
        if int(tails["n_tail"][lender]) < count < len(finite):
            threshold = 0.5 * float(finite[count - 1] + finite[count])
            tail_scale = threshold - float(np.median(finite[:count]))
            if loss < threshold and tail_scale > 0:
                return threshold, tail_scale
    return None


def _losses(tails: xr.Dataset, search: int, score: Array) -> Array:
    """Return scores as losses on the scale of a search."""
    scale = SCALES[str(tails["scale"][search].item())]
    return tails.attrs["loss_sign"] * scale.forward(score)


def _name(tails: xr.Dataset, search: int) -> str:
    return f"{tails['task'][search].item()} / {tails['model'][search].item()}"


def _place(trials: Trials, pair: tuple[str, str]) -> str:
    return f"{trials.source}: {pair[0]} / {pair[1]}"


def _too_poor(
    trials: Trials,
    pair: tuple[str, str],
    tails: xr.Dataset,
    lender: int,
    reports: Array,
) -> str:
    best = reports[np.argmin(_losses(tails, lender, reports))]
    return (
        f"{_place(trials, pair)}: the reported best {best:g} is poorer than "
        f"{TAIL_FRACTIONS[-1]:.0%} of the trials of {_name(tails, lender)}, beyond the reach of "
        "the law. Is it in the same units and direction? If so, leave it out: so poor a best shows "
        "that a model is worse, not how good it can get"
    )
