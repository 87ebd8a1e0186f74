"""The tails that the models see: trials beyond a threshold, as one labelled Dataset.

Models and posteriors never see a `Trials` table. They see the Dataset of `cut_tail`, one search, or
of `join_tails`, many. Scores are losses there, on the scale of the fit: small is good, scores to
maximise are negated. Its variables:

==================  =================  ===============================================
variable            dims               meaning
==================  =================  ===============================================
threshold           search             loss at which the tail starts
tail_scale          search             threshold minus the median loss beyond it
noise_scale         search             unit of the noise, the same at every threshold
n_tail              search             number of trials beyond the threshold
best_loss           search             smallest loss, infinite without trials
resolution          search             spacing of the grid of single scores, in score units, or 0
scale               search             name of the scale, see `leadline.data.scale`
least_loss          search             smallest loss that the bounds of the score allow, or −inf
max_effective_dim   search             upper bound of the effective dimension
tail_fraction       search             share of trials asked for, nan where a threshold was
size, data          search             what a scaling law depends on, where it is known
log_prior_weight    search             log of the prior weight of this threshold, up to a constant
loss                tail_trial         mean loss per trial; the middle of its bin on a grid
bin_width           tail_trial         width of that bin, 0 without a grid
replicates          tail_trial         number of seeds behind the mean
sum_of_squares      tail_trial         squared deviations of the seeds from their mean, summed
log_slope           tail_trial         log-derivative of the scale, summed over the seeds
row                 tail_trial         position among the trials of the search
tail_search         tail_trial         position of the search
group_replicates    replicate_count    a number of seeds that occurs in the search
group_trials        replicate_count    trials with that number of seeds, failures included
n_exceedances       replicate_count    those of them beyond the threshold
group_search        replicate_count    position of the search
guided_loss         guided_trial       mean loss of a complete guided trial, see `with_guided`
guided_replicates   guided_trial       number of seeds behind the mean
guided_width        guided_trial       width of its bin, 0 without a grid
guided_search       guided_trial       position of the search
==================  =================  ===============================================

Coordinates of `search` are `task`, `model` and `space`; the attribute `loss_sign` is 1 for scores
that are minimised and −1 for scores that are maximised. `leadline.inference.reported_searches`
adds reported bests, dim `report`.
"""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from leadline.data.bounds import NO_BOUNDS, Bounds
from leadline.data.replicates import one_row_per_trial
from leadline.data.resolution import infer_resolution
from leadline.data.scale import SCALES, Scale
from leadline.data.trials import LOSS_SIGNS, Trials, search_labels
from leadline.data.validate import COVARIATES
from leadline.errors import LeadlineError, format_value

MIN_TAIL_TRIALS = 8
"""Fewer scores beyond the threshold hardly inform three parameters."""

MIN_TAIL_TRIALS_POOLED = 2
"""The minimum for a search that is pooled with others: a tail scale takes two scores."""

_NOISE_FRACTION = 0.2


class TiedScoresError(LeadlineError):
    """So many scores are equal that a tail of them informs no law."""


_POSITION_OF_SEARCH = ("tail_search", "group_search", "report_search", "guided_search")


def describe_search(trials: Trials) -> str:
    """Return the name of the one search of `trials`, for messages."""
    ((task, model),) = trials.searches
    label = search_labels([(task, model)])[0]
    # A table without names of tasks and models is one search, named after its file.
    return "the search" if trials.source.partition(".")[0] == label else f"search {label}"


def trial_losses(trials: Trials, scale: Scale) -> pd.DataFrame:
    """Return the loss of each trial of one search on a scale that takes all its scores.

    Columns are `loss` (infinite unless the trial is complete), `replicates`, `sum_of_squares`,
    `log_slope` (summed over the seeds), and `scores`, a list of the single scores. Attributes are
    `search`, a name for messages, and `loss_sign`.
    """
    sign = LOSS_SIGNS[trials.direction]
    score = trials.table["score"].to_numpy(dtype=float)
    table = one_row_per_trial(trials.table.assign(score=scale.forward(score)))
    # 0.5 is on every scale; the slope of a missing score is never used.
    slope = scale.log_slope(np.where(scale.takes(score), score, 0.5))
    mean_slope = one_row_per_trial(trials.table.assign(score=slope))["score"]
    single = trials.table[trials.table["status"] != "running"].groupby("trial", sort=False)["score"]
    losses = table[["replicates", "sum_of_squares"]].assign(
        loss=np.where(table["status"] == "complete", sign * table["score"], np.inf),
        log_slope=mean_slope * table["replicates"],
        scores=single.agg(list).to_numpy(),
    )
    losses.attrs = {"search": describe_search(trials), "loss_sign": sign}
    return losses


def cut_tail(
    trials: Trials,
    *,
    threshold: float | None = None,
    tail_fraction: float | None = None,
    resolution: float | None = None,
    scale: Scale = SCALES["identity"],
    bounds: Bounds = NO_BOUNDS,
    min_tail: int = MIN_TAIL_TRIALS,
    max_effective_dim: float = np.inf,
    space: str = "",
    losses: pd.DataFrame | None = None,
) -> xr.Dataset:
    """Return the tail of one search; the module docstring lists its variables.

    Give either `threshold`, the score at which the tail starts (a score at it is inside), or
    `tail_fraction`, the share in (0, 1] of all trials, failures included, that are inside. The
    threshold is then midway between the last score inside and the first outside. `resolution` is
    the spacing of the grid on which scores are recorded, in score units, 0 for none; default:
    inferred from ties. `scale` takes all scores, and `losses`, from `trial_losses` on that scale,
    saves time when several tails are cut. `bounds` are those of the score, in score units.
    `min_tail` is the smallest number of trials inside. `max_effective_dim` bounds the effective
    dimension; `space` is the name of the search space.

    Raises `LeadlineError` when the threshold lies outside the scores, or too few trials are beyond
    it, and `TiedScoresError` when half of their scores or more equal the threshold.
    """
    _validate_cut(threshold, tail_fraction, resolution)
    losses = trial_losses(trials, scale) if losses is None else losses
    sign, name = losses.attrs["loss_sign"], losses.attrs["search"]
    loss, replicates = losses["loss"].to_numpy(), losses["replicates"].to_numpy()
    finite = np.sort(loss[np.isfinite(loss)])
    if finite[0] == finite[-1]:
        raise TiedScoresError(
            f"{name}: all {len(finite)} scores are equal ({scale.inverse(sign * finite[0]):g}), "
            "so that the optimum cannot be inferred; check the score column"
        )
    if tail_fraction is not None:
        edge = _edge_of_fraction(tail_fraction, finite, len(loss), name, min_tail)
    else:
        edge = _edge_of_threshold(float(threshold or 0.0), finite, sign, scale, name)

    # Trials with equally many seeds stand together: the kernel evaluates such runs faster.
    rows = np.flatnonzero(loss <= edge)
    rows = rows[np.argsort(replicates[rows], kind="stable")]
    _validate_tail(loss[rows], len(loss), float(scale.inverse(sign * edge)), edge, name, min_tail)
    if resolution is None:
        resolution = infer_resolution(np.concatenate(losses["scores"].to_numpy()[rows]))
    tail, width = loss[rows], np.zeros(len(rows))
    if resolution > 0:
        tail, width = _bins(tail, resolution / replicates[rows], sign, scale)
        # The edge of the last bin, so that the bins add up to the probability of the tail.
        last = np.argmax(tail)
        edge = float(tail[last] + 0.5 * width[last])
    groups, counts = np.unique(replicates, return_counts=True)
    inside = (replicates[rows] == groups[:, None]).sum(axis=1)
    variables: dict[str, tuple[str, Any]] = {
        "threshold": ("search", [edge]),
        "tail_scale": ("search", [edge - np.median(tail)]),
        "noise_scale": ("search", [noise_scale(loss)]),
        "n_tail": ("search", [len(rows)]),
        "best_loss": ("search", [tail.min()]),
        "resolution": ("search", [float(resolution)]),
        "scale": ("search", [scale.name]),
        "least_loss": ("search", [least_loss(bounds, sign, scale)]),
        "max_effective_dim": ("search", [float(max_effective_dim)]),
        "tail_fraction": ("search", [np.nan if tail_fraction is None else tail_fraction]),
        "log_prior_weight": ("search", [0.0]),
        "loss": ("tail_trial", tail),
        "bin_width": ("tail_trial", width),
        "replicates": ("tail_trial", replicates[rows]),
        "sum_of_squares": ("tail_trial", losses["sum_of_squares"].to_numpy()[rows]),
        "log_slope": ("tail_trial", losses["log_slope"].to_numpy()[rows]),
        "row": ("tail_trial", rows),
        "tail_search": ("tail_trial", np.zeros(len(rows), dtype=int)),
        "group_replicates": ("replicate_count", groups),
        "group_trials": ("replicate_count", counts),
        "n_exceedances": ("replicate_count", inside),
        "group_search": ("replicate_count", np.zeros(len(groups), dtype=int)),
    }
    for name in COVARIATES:
        if name in trials.table:
            variables[name] = "search", [float(trials.table[name].iloc[0])]
    return label_tail(variables, *trials.searches[0], space, sign)


def with_guided(tail: xr.Dataset, guided: Trials) -> xr.Dataset:
    """Return the tail of one search with the losses of its complete guided trials.

    They are on the scale of the tail, which takes all their scores.
    """
    scale = SCALES[str(tail["scale"].item())]
    table = trial_losses(guided, scale)
    table = table[np.isfinite(table["loss"].to_numpy())]
    replicates = table["replicates"].to_numpy()
    # On the scale a bin is wider by the slope, whose log is summed over the seeds.
    slope = np.exp(table["log_slope"].to_numpy() / replicates)
    return tail.assign(
        guided_loss=("guided_trial", table["loss"].to_numpy()),
        guided_replicates=("guided_trial", replicates),
        guided_width=("guided_trial", tail["resolution"].item() * slope / replicates),
        guided_search=("guided_trial", np.zeros(len(table), dtype=int)),
    )


def least_loss(bounds: Bounds, sign: float, scale: Scale) -> float:
    """Return the smallest loss, on the scale, that the bounds of the score allow, −inf for none."""
    bound = np.float64(bounds[0] if sign > 0 else bounds[1])
    return float(sign * scale.forward(bound)) if scale.takes(bound) else -np.inf


def label_tail(
    variables: Mapping[str, Any], task: str, model: str, space: str, sign: float
) -> xr.Dataset:
    """Return the variables of the tail of one search with its labels."""
    labels = {"task": task, "model": model, "space": space}
    coords = {name: ("search", [value]) for name, value in labels.items()}
    return xr.Dataset(variables, coords, {"loss_sign": sign})


def search_name(tails: xr.Dataset) -> str:
    """Return the name of the first search of `tails`, such as "digits / mlp"."""
    return search_labels([(tails["task"][0].item(), tails["model"][0].item())])[0]


def join_tails(tails: Sequence[xr.Dataset]) -> xr.Dataset:
    """Return the tails of several searches as one Dataset, searches concatenated."""
    if len(tails) == 1:
        return tails[0]
    starts = np.cumsum([0, *(tail.sizes["search"] for tail in tails)])
    parts = [
        tail.assign({name: tail[name] + start for name in _POSITION_OF_SEARCH if name in tail})
        for tail, start in zip(tails, starts, strict=False)
    ]
    names = dict.fromkeys(name for part in parts for name in part.variables)
    joined = {
        name: xr.Variable.concat(own, dim=own[0].dims[0])
        for name in names
        if (own := [part[name].variable for part in parts if name in part.variables])
    }
    labels = {name: joined.pop(name) for name in ("task", "model", "space")}
    return xr.Dataset(joined, labels, tails[0].attrs)


def noise_scale(loss: npt.NDArray[np.float64]) -> float:
    """Return the unit of the noise of a search: the tail scale of its best fifth, if positive.

    `loss` (trial,) has the losses of all trials, infinite for failures; two or more differ. Noise
    does not depend on where the tail starts, and neither does its unit. With many ties, the tail
    is as wide as a positive scale needs.
    """
    finite = np.sort(loss[np.isfinite(loss)])
    first = min(max(round(_NOISE_FRACTION * len(loss)), MIN_TAIL_TRIALS), len(finite))
    for count in range(first, len(finite)):
        edge = 0.5 * (finite[count - 1] + finite[count])
        scale = edge - np.median(finite[:count])
        if scale > 0:
            return float(scale)
    return float(finite[-1] - np.median(finite) or finite[-1] - finite[0])


def without_trial(tail: xr.Dataset, trial: int) -> xr.Dataset:
    """Return the tail of one search without the trial at a position, its threshold unchanged."""
    group = (tail["group_replicates"] == tail["replicates"][trial]).astype(int)
    others = np.delete(np.arange(tail.sizes["tail_trial"]), trial)
    return tail.isel(tail_trial=others).assign(
        group_trials=tail["group_trials"] - group,
        n_exceedances=tail["n_exceedances"] - group,
        n_tail=tail["n_tail"] - 1,
        best_loss=("search", [tail["loss"].to_numpy()[others].min()]),
    )


def scores_of(tails: xr.Dataset, losses: Any) -> npt.NDArray[np.float64]:
    """Return losses, shape (search,), in score units; each search has its own scale."""
    signed = tails.attrs["loss_sign"] * np.asarray(losses, dtype=float)
    pairs = zip(tails["scale"].to_numpy(), signed, strict=True)
    return np.array([float(SCALES[str(scale)].inverse(loss)) for scale, loss in pairs])


def _bins(
    loss: np.ndarray, grid: np.ndarray, sign: float, scale: Scale
) -> tuple[np.ndarray, np.ndarray]:
    """Return the middles and widths, on the scale, of the bins of recorded losses.

    `loss` (tail_trial,) is on the scale; `grid`, the widths of the bins, is in score units. Off the
    identity scale the smallest bin may reach below its lowest score.
    """
    score = scale.inverse(sign * loss)
    # A hundredth of the bin is kept between its end and the end of the scale.
    lower, upper = scale.lower + 0.01 * grid, scale.upper - 0.01 * grid
    low, high = (scale.forward((score + step).clip(lower, upper)) for step in (-grid / 2, grid / 2))
    return sign * 0.5 * (low + high), high - low


def _validate_cut(threshold: object, tail_fraction: object, resolution: float | None) -> None:
    given = {"threshold": threshold, "tail_fraction": tail_fraction, "resolution": resolution}
    for option, value in given.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, Real)):
            raise LeadlineError(f"{option} must be a number, got {format_value(value)}")
    if resolution is not None and not 0 <= resolution < np.inf:
        raise LeadlineError(f"resolution must be 0 or more, in score units; got {resolution!r}")
    if (threshold is None) == (tail_fraction is None):
        raise LeadlineError("give either threshold (in score units) or tail_fraction, not both")


def _edge_of_fraction(
    fraction: float, finite: np.ndarray, n: int, name: str, min_tail: int
) -> float:
    if not 0 < fraction <= 1:
        raise LeadlineError(f"tail_fraction must be in (0, 1], got {fraction!r}")
    r = round(fraction * n)
    if r > len(finite):
        raise LeadlineError(
            f"{name}: tail_fraction={fraction:g} asks for {r} of {n} trials, but only "
            f"{len(finite)} have a score; use tail_fraction <= {len(finite) / n:.2f}"
        )
    if r == 0:
        raise LeadlineError(
            f"{name}: tail_fraction={fraction:g} of {n} trials is less than one trial; "
            f"use tail_fraction >= {min_tail / n:.2f} ({min_tail} trials)"
        )
    last = finite[r - 1]
    beyond = finite[finite > last]
    # Midway, so that the last score is not the edge itself.
    return float(last + beyond[0]) / 2 if len(beyond) else float(last)


def _edge_of_threshold(
    threshold: float, finite: np.ndarray, sign: float, scale: Scale, name: str
) -> float:
    if not np.isfinite(threshold):
        raise LeadlineError(f"threshold must be a finite number in score units, got {threshold!r}")
    score = np.float64(threshold)
    edge = sign * scale.forward(score) if scale.takes(score) else np.nan
    if not finite[0] <= edge <= finite[-1]:
        low, high = sorted(scale.inverse(sign * finite[[0, -1]]))
        raise LeadlineError(
            f"{name}: threshold {threshold:g} is outside the scores, which run from {low:g} to "
            f"{high:g}; choose one between them, or tail_fraction=0.2"
        )
    return float(edge)


def _validate_tail(
    tail: np.ndarray, n: int, score: float, edge: float, name: str, min_tail: int
) -> None:
    if len(tail) < min_tail:
        raise LeadlineError(
            f"{name}: only {len(tail)} of {n} trials are beyond the threshold {score:g}; at "
            f"least {min_tail} are needed: choose a wider tail "
            f"(tail_fraction >= {min_tail / n:.2f}) or run more trials"
        )
    if np.median(tail) >= edge or tail.min() == tail.max():
        raise TiedScoresError(
            f"{name}: at least half of the {len(tail)} scores beyond the threshold are equal to "
            f"it ({score:g}): choose a wider tail or another score"
        )
