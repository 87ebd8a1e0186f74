"""Where the regime starts, and what a search looks like from there.

The models never see a `Trials` table. They see a `Regime`: the scores past the threshold, on the
scale on which they are fitted, as losses (small is good; scores to maximise are negated here and
nowhere else), and how many trials there were in all.
"""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from numbers import Real

import numpy as np
import pandas as pd

from leadline.data.replicates import one_row_per_trial
from leadline.data.resolution import infer_resolution
from leadline.data.scale import SCALES, Scale
from leadline.data.trials import Trials, loss_sign
from leadline.errors import LeadlineError, format_value

MIN_TAIL_TRIALS = 8
"""Fewer scores past the threshold say next to nothing of three parameters."""

MIN_TAIL_TRIALS_POOLED = 2
"""The same for a search that learns from others: a tail scale takes two."""


@dataclass(frozen=True)
class Regime:
    """The trials of one search past a threshold, in losses on a `Scale`.

    Attributes
    ----------
    loss : ndarray of float, shape (tail_trial,)
        Mean loss of each trial past the threshold; where scores are recorded on a grid, the
        middle of its cell.
    cell : ndarray of float, shape (tail_trial,)
        Width of that cell, 0 when there is no grid.
    replicates : ndarray of int, shape (tail_trial,)
        Number of seeds behind each mean.
    sum_of_squares : ndarray of float, shape (tail_trial,)
        Sum of squared deviations of the seeds from their mean.
    group_replicates : ndarray of int, shape (replicates,)
        The different numbers of seeds a trial had in this search.
    group_trials, group_in_regime : ndarray of int, shape (replicates,)
        Trials with that number of seeds, failures included, and how many are past the threshold.
    threshold : float
        Loss at which the regime starts.
    tail_scale : float
        Threshold minus the median loss past it.
    resolution : float
        Spacing of the grid on which single scores are recorded, in score units, 0 when there is
        none.
    rows : ndarray of int, shape (tail_trial,)
        Places of these trials among the trials of the search: those with the fewest seeds first,
        each in the order of the trials.
    log_slope : ndarray of float, shape (tail_trial,)
        Log of the derivative of the scale, summed over the seeds of each trial: what is added to
        a log-density on the scale to make it one of scores.
    scale : Scale
        The scale of the losses.
    """

    loss: np.ndarray
    cell: np.ndarray
    replicates: np.ndarray
    sum_of_squares: np.ndarray
    group_replicates: np.ndarray
    group_trials: np.ndarray
    group_in_regime: np.ndarray
    threshold: float
    tail_scale: float
    resolution: float
    rows: np.ndarray
    log_slope: np.ndarray
    scale: Scale

    @property
    def n_tail(self) -> int:
        """Number of trials past the threshold."""
        return len(self.loss)

    @property
    def best(self) -> float:
        """Smallest loss, infinite when there is none."""
        return float(self.loss.min(initial=np.inf))

    @property
    def replicated(self) -> bool:
        """Whether any trial of the search has more than one seed, past the threshold or not.

        All thresholds of a search have models of the same structure for that reason.
        """
        return bool((self.group_replicates > 1).any())

    @property
    def repeated(self) -> np.ndarray:
        """Places, among the tail trials, of those with more than one seed."""
        return np.flatnonzero(self.replicates > 1)

    def without(self, trial: int) -> "Regime":
        """Return the regime that this would be, threshold and all, without one tail trial.

        Parameters
        ----------
        trial : int
            Its place among the tail trials.
        """
        group = self.group_replicates == self.replicates[trial]
        return dataclasses.replace(
            self,
            loss=np.delete(self.loss, trial),
            cell=np.delete(self.cell, trial),
            replicates=np.delete(self.replicates, trial),
            sum_of_squares=np.delete(self.sum_of_squares, trial),
            rows=np.delete(self.rows, trial),
            log_slope=np.delete(self.log_slope, trial),
            group_trials=self.group_trials - group,
            group_in_regime=self.group_in_regime - group,
        )


def cut(
    trials: Trials,
    *,
    threshold: float | None = None,
    tail_fraction: float | None = None,
    resolution: float | None = None,
    scale: Scale = SCALES["identity"],
    min_tail: int = MIN_TAIL_TRIALS,
) -> Regime:
    """Return the regime of one search.

    Parameters
    ----------
    trials : Trials
        One search.
    threshold : float, optional
        Where the regime starts, in score units. A score at the threshold is inside.
    tail_fraction : float, optional
        The share of all trials, failures included, that is past the threshold, in (0, 1]; the
        threshold is put midway between the last score inside and the first outside.
        Give this or `threshold`.
    resolution : float, optional
        Spacing of the grid on which scores are recorded, in score units; 0 for none. Inferred
        when ties show it.
    scale : Scale
        The scale on which losses are measured; it takes all scores.
    min_tail : int
        How many trials there must be past the threshold.

    Raises
    ------
    LeadlineError
        When the threshold lies outside the scores, too few trials are past it, or their
        scores are all equal.
    """
    given = {"threshold": threshold, "tail_fraction": tail_fraction, "resolution": resolution}
    for option, value in given.items():
        if value is not None and (isinstance(value, bool) or not isinstance(value, Real)):
            raise LeadlineError(f"{option} must be a number, got {format_value(value)}")
    if resolution is not None and not 0 <= resolution < np.inf:
        raise LeadlineError(f"resolution must be 0 or more, in score units; got {resolution!r}")
    if (threshold is None) == (tail_fraction is None):
        raise LeadlineError("give either threshold (in score units) or tail_fraction, not both")
    sign = loss_sign(trials.direction)
    name = describe_search(trials)
    score = trials.table["score"].to_numpy(dtype=float)
    table = one_row_per_trial(trials.table.assign(score=scale.forward(score)))
    complete = (table["status"] == "complete").to_numpy()
    loss = np.where(complete, sign * table["score"].to_numpy(dtype=float), np.inf)
    replicates = table["replicates"].to_numpy(dtype=int)
    finite = np.sort(loss[complete])

    def in_score_units(loss: float) -> float:
        return float(scale.inverse(np.float64(sign * loss)))

    if finite[0] == finite[-1]:
        raise LeadlineError(
            f"{name}: all {len(finite)} scores are equal ({in_score_units(finite[0]):g}): "
            "nothing can be learned of the optimum; is this the right score column?"
        )
    if tail_fraction is not None:
        edge = _edge_of_fraction(tail_fraction, finite, len(loss), name, min_tail)
    else:
        assert threshold is not None
        edge = _edge_of_threshold(threshold, finite, sign, scale, name)

    # Trials with equally many seeds, whose law is the same, stand together: the kernel takes such
    # runs more than twice as fast.
    rows = np.flatnonzero(loss <= edge)
    rows = rows[np.argsort(replicates[rows], kind="stable")]
    _validate_tail(loss[rows], len(loss), edge, in_score_units, name, min_tail)
    grid = _single_score_grid(trials, table, rows) if resolution is None else resolution
    tail, cell = loss[rows], np.zeros(len(rows))
    if grid > 0:
        tail, cell = _cells(tail, grid / replicates[rows], sign, scale)
        # The edge of the last recorded cell: then the cells past the threshold add up to its
        # probability, whatever was asked for inside the cell.
        last = np.argmax(tail)
        edge = float(tail[last] + 0.5 * cell[last])
    groups, counts = np.unique(replicates, return_counts=True)
    inside = np.array([(replicates[rows] == group).sum() for group in groups])
    return Regime(
        loss=tail,
        cell=cell,
        replicates=replicates[rows],
        sum_of_squares=table["sum_of_squares"].to_numpy(dtype=float)[rows],
        group_replicates=groups,
        group_trials=counts,
        group_in_regime=inside,
        threshold=edge,
        tail_scale=float(edge - np.median(tail)),
        resolution=float(grid),
        rows=rows,
        log_slope=_per_trial(trials, scale, scale.log_slope)[rows] * replicates[rows],
        scale=scale,
    )


def _per_trial(trials: Trials, scale: Scale, function: Callable[..., np.ndarray]) -> np.ndarray:
    """Return the mean over the seeds of each trial of a function of the score."""
    score = trials.table["score"].to_numpy(dtype=float)
    taken = scale.takes(score)
    values = np.where(taken, function(np.where(taken, score, 0.5)), np.nan)
    return one_row_per_trial(trials.table.assign(score=values))["score"].to_numpy(dtype=float)


def _cells(
    loss: np.ndarray, grid: np.ndarray, sign: float, scale: Scale
) -> tuple[np.ndarray, np.ndarray]:
    """Return the middles and widths on the scale of the cells that losses were recorded in.

    Parameters
    ----------
    loss, grid : ndarray, shape (tail_trial,)
        Losses on the scale, and the width of their cells in score units.
    sign : float
        Of the losses.
    scale : Scale
        Where it is not the identity, the smallest cell may reach past its lowest score.
    """
    score = scale.inverse(sign * loss)
    ends = []
    for step in (-0.5 * grid, 0.5 * grid):
        end = score + step
        # A hundredth of the cell is kept between its end and one of the scale.
        inside = np.clip(end, scale.lower + 0.01 * grid, scale.upper - 0.01 * grid)
        ends.append(scale.forward(inside))
    low, high = ends
    return sign * 0.5 * (low + high), high - low


def describe_search(trials: Trials) -> str:
    """Return the name of the one search of `trials`, for messages."""
    ((task, model),) = trials.searches
    return f"search {task} / {model}"


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
    # Midway, so that the last score is not the edge itself; nothing lies beyond the worst score.
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
    tail: np.ndarray,
    n: int,
    edge: float,
    score: Callable[[float], float],
    name: str,
    min_tail: int,
) -> None:
    if len(tail) < min_tail:
        raise LeadlineError(
            f"{name}: only {len(tail)} of {n} trials are past the threshold {score(edge):g}; at "
            f"least {min_tail} are needed: choose a wider tail "
            f"(tail_fraction >= {min_tail / n:.2f}) or run more trials"
        )
    if np.median(tail) >= edge or tail.min() == tail.max():
        raise LeadlineError(
            f"{name}: at least half of the {len(tail)} scores past the threshold are equal to "
            f"it ({score(edge):g}): choose a wider tail or another score"
        )


def _single_score_grid(trials: Trials, table: pd.DataFrame, rows: np.ndarray) -> float:
    """Return the grid of the single scores, before replicates are averaged, of some trials."""
    inside = trials.table["trial"].isin(table["trial"].iloc[rows])
    return infer_resolution(trials.table.loc[inside, "score"].to_numpy(dtype=float))
