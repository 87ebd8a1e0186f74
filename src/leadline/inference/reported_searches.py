"""Reported bests as the joint models take them, and the searches known from these alone.

A search without trials has no tail from which to measure a threshold and a tail scale. Reports are
best scores: a scale measured from them would drag all optima onto them (docs/theory.md, Traps). It
borrows both from a search with trials on the same task, its lender, for every set of thresholds
that is fitted. The lender is the one with the most lenient threshold, so that the law covers as
many of the reports as possible. If even the best report is poorer than that, the threshold is that
of the first wider tail of the lender that contains it, up to the widest of `TAIL_FRACTIONS`. The
report decides only which tail is used; threshold and scale come from the lender. A best report that
is poorer still is refused: an optimum lies beyond its threshold but for noise, so that the model
would put it beyond all evidence for it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.data.scale import SCALES, Scale
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

    `tails` has the searches with trials, in the order of `Trials.searches`; without any reports it
    is returned as it is. The result has, with dim `report`, `reported_loss`, `report_trials`, the
    number of trials of which it is the best (nan if unknown), and `report_search`. The effective
    dimension of a search without trials is bounded by the priors, else as in the searches over the
    same space. `LeadlineError` is raised if a task has reports only, or if no tail of its searches
    contains a report.
    """
    if not len(trials.reports):
        return tails
    spaces = space_names(trials)

    def losses_of(lender: int) -> Array:
        """Return the losses of all trials of a search, on its scale."""
        pair = (str(tails[name][lender].item()) for name in ("task", "model"))
        return trial_losses(trials.search(*pair), _scale(tails, lender))["loss"].to_numpy()

    parts = [tails]
    for pair in trials.only_reported:
        reports = trials.search(*pair).reports["score"].to_numpy(dtype=float)
        lenders = _lenders(tails, pair, trials.source)
        name = f"{trials.source}: {' / '.join(pair)}"
        lender, threshold, tail_scale = _borrow(tails, lenders, reports, losses_of, name)
        space = spaces[pair]
        bounds = tails["max_effective_dim"].to_numpy()[tails["space"].to_numpy() == space]
        bound = priors.max_effective_dim or max(bounds, default=DEFAULT_MAX_DIM)
        variables = _empty_tail(tails, lender, threshold, tail_scale, float(bound))
        parts.append(label_tail(variables, *pair, space, tails.attrs["loss_sign"]))
    joined = join_tails(parts)
    losses, counts, owners = [], [], []
    for search, pair in enumerate(trials.searches):
        own = trials.search(*pair).reports
        losses.append(_losses(joined, search, own["score"].to_numpy(dtype=float)))
        counts.append(own["best_of"].to_numpy(dtype=float))
        owners.append(np.full(len(own), search))
    return joined.assign(
        reported_loss=("report", np.concatenate(losses)),
        report_trials=("report", np.concatenate(counts)),
        report_search=("report", np.concatenate(owners)),
    )


def validate_reports(
    trials: Trials, candidates: Sequence[Sequence[xr.Dataset]], priors: Priors
) -> None:
    """Raise `LeadlineError` unless the searches known from reports alone can borrow a tail.

    `candidates` are those of each search with trials, the deepest first.
    """
    if not trials.only_reported:
        return
    # Wider tails contain what the deepest ones contain.
    deepest = join_tails([own[0] for own in candidates])
    for pair in trials.only_reported:
        reports = trials.search(*pair).reports["score"].to_numpy(dtype=float)
        for lender in _lenders(deepest, pair, trials.source):
            losses = _losses(deepest, lender, reports)
            lead = deepest["best_loss"].to_numpy()[lender] - losses.min()
            if lead > _OTHER_UNITS * deepest["tail_scale"].to_numpy()[lender]:
                best = scores_of(deepest, deepest["best_loss"])[lender]
                raise LeadlineError(
                    f"{trials.source}: {' / '.join(pair)}: the reported best "
                    f"{reports[losses.argmin()]:g} is over {_OTHER_UNITS:g} times as far from the "
                    f"best trial of {_name_of(deepest, lender)}, {best:g}, as good trials are from "
                    "each other; give it in the same units and direction"
                )
    with_reports(deepest, trials, priors)


def _lenders(tails: xr.Dataset, pair: tuple[str, str], source: str) -> list[int]:
    """Return the positions of the searches with trials on the task of a search."""
    task, model = pair
    lenders = np.flatnonzero(tails["task"].to_numpy() == task).tolist()
    if not lenders:
        raise LeadlineError(
            f"{source}: of task {format_value(task)} there are reported bests only (model "
            f"{format_value(model)}): {ONLY_REPORTS}"
        )
    return lenders


def _borrow(
    tails: xr.Dataset,
    lenders: Sequence[int],
    reports: Array,
    losses_of: Callable[[int], Array],
    name: str,
) -> tuple[int, float, float]:
    """Return the lender of a search, and the threshold and tail scale of the borrowed tail.

    The lender is the one with the most lenient threshold that has a tail with the best report: the
    tail that is fitted, else the first wider one of `TAIL_FRACTIONS`. `losses_of` returns the
    losses of all trials of a lender, and `name` is that of the search in messages.
    """
    # Lenders may have different scales: only thresholds in score units compare.
    edges = tails.attrs["loss_sign"] * scores_of(tails, tails["threshold"])
    lenders = sorted(lenders, key=lambda lender: -edges[lender])
    for lender in lenders:
        best = _losses(tails, lender, reports).min()
        threshold, tail_scale, n_tail = (
            tails[each].to_numpy()[lender] for each in ("threshold", "tail_scale", "n_tail")
        )
        if best < threshold:
            return lender, threshold, tail_scale
        losses = losses_of(lender)
        finite = np.sort(losses[np.isfinite(losses)])
        for fraction in TAIL_FRACTIONS:
            count = round(fraction * len(losses))
            if n_tail < count < len(finite):
                threshold = 0.5 * (finite[count - 1] + finite[count])
                tail_scale = threshold - np.median(finite[:count])
                if best < threshold and tail_scale > 0:
                    return lender, threshold, tail_scale
    best = reports[np.argmin(_losses(tails, lenders[0], reports))]
    raise LeadlineError(
        f"{name}: the reported best {best:g} is poorer than {TAIL_FRACTIONS[-1]:.0%} of the trials "
        f"of {_name_of(tails, lenders[0])}, beyond the reach of the law. Is it in the same units "
        "and direction? If so, leave it out: so poor a best shows that a model is worse, not how "
        "good it can get"
    )


def _empty_tail(
    tails: xr.Dataset, lender: int, threshold: float, tail_scale: float, max_effective_dim: float
) -> dict[str, tuple[str, Any]]:
    """Return the variables of a tail without trials, on the scale of its lender."""
    known = {
        "threshold": threshold,
        "tail_scale": tail_scale,
        "noise_scale": tails["noise_scale"].to_numpy()[lender],
        "n_tail": 0,
        "best_loss": np.inf,
        "resolution": 0.0,
        "scale": _scale(tails, lender).name,
        "least_loss": tails["least_loss"].to_numpy()[lender],
        "max_effective_dim": max_effective_dim,
        "tail_fraction": np.nan,
        "log_prior_weight": 0.0,
    }
    empty = {
        str(name): (str(variable.dims[0]), variable.to_numpy()[:0])
        for name, variable in tails.data_vars.items()
        if variable.dims in (("tail_trial",), ("replicate_count",))
    }
    return {name: ("search", [value]) for name, value in known.items()} | empty


def _scale(tails: xr.Dataset, search: int) -> Scale:
    return SCALES[str(tails["scale"][search].item())]


def _losses(tails: xr.Dataset, search: int, score: Array) -> Array:
    """Return scores as losses on the scale of a search."""
    return tails.attrs["loss_sign"] * _scale(tails, search).forward(score)


def _name_of(tails: xr.Dataset, search: int) -> str:
    return f"{tails['task'][search].item()} / {tails['model'][search].item()}"
