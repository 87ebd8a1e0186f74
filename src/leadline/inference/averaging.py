"""Where the regime starts, decided by the data: candidates are fitted, tested, weighed, averaged.

From the deepest candidate outwards, each is fitted until the first whose tail does not look like
the law (`leadline.stats.goodness_of_fit`); that one and all wider ones are dropped. A predictive
score alone is weak in a tail, and would leave wrong thresholds a twentieth of the weight each. The
others are weighed by how well they predict the trials past the deepest one
(`predictive_score`), and the posterior is a mixture of theirs: Northrop, Attalides and
Jonathan (2017, doi:10.1111/rssc.12159), with the test of fit in addition.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import xarray as xr

from leadline.inference.candidates import Candidate
from leadline.inference.predictive_score import predictive_score
from leadline.inference.tail_fit import FittedTail, TailFitter
from leadline.stats.diagnostics import Diagnostics, diagnose
from leadline.stats.goodness_of_fit import tail_p_value

MIN_P_VALUE = 0.3
"""A wider tail that fits worse than this is dropped.

The p-values are conservative: where the law holds, 12 % of them are below 0.3 and 1 % below 0.1
(192 simulated searches). A candidate too few costs little, one too many is confidently wrong.
"""


@dataclasses.dataclass(frozen=True)
class FittedCandidate:
    """A candidate, its posterior, and what speaks for it.

    Attributes
    ----------
    candidate : Candidate
        What was fitted.
    tail : FittedTail
        Its posterior.
    p_value : float
        Of its fit to the tail.
    diagnostics : Diagnostics
        Of its draws.
    kept : bool
        Whether its tail looks like the law; the deepest is always kept.
    elpd : float
        Its predictive score, nan when there was nothing to compare.
    refitted : int
        How many trials were left out of it by fitting again.
    weight : float
        Its share of the averaged posterior.
    """

    candidate: Candidate
    tail: FittedTail
    p_value: float
    diagnostics: Diagnostics
    kept: bool
    elpd: float = np.nan
    refitted: int = 0
    weight: float = 0.0


@dataclasses.dataclass(frozen=True)
class AveragedSearch:
    """The posterior of one search, averaged over thresholds and scales.

    Attributes
    ----------
    candidates : list of FittedCandidate
        All that were fitted, by scale and from the deepest to the widest.
    component : ndarray of int, shape (chain, draw)
        Which of them each draw comes from.
    place : ndarray of int, shape (chain, draw)
        Which draw of the same chain of that candidate it is.
    """

    candidates: list[FittedCandidate]
    component: npt.NDArray[np.intp]
    place: npt.NDArray[np.intp]

    def pick(self, parts: Sequence[npt.NDArray[np.float64]]) -> npt.NDArray[np.float64]:
        """Return the mixture of arrays of shape (chain, draw, ...), one for each candidate."""
        first = np.asarray(parts[int(self.component[0, 0])])
        # Candidates may have more draws than the mixture.
        result = np.empty((*self.component.shape, *first.shape[2:]), dtype=first.dtype)
        for number in np.unique(self.component):
            chain, draw = np.nonzero(self.component == number)
            result[chain, draw] = np.asarray(parts[number])[chain, self.place[chain, draw]]
        return result

    def pick_dataset(self, parts: Sequence[xr.Dataset]) -> xr.Dataset:
        """Return the mixture of datasets whose variables start with (chain, draw)."""
        first = parts[int(self.component[0, 0])]
        picked = {
            name: (variable.dims, self.pick([part[name].to_numpy() for part in parts]))
            for name, variable in first.data_vars.items()
        }
        coords = {name: value for name, value in first.coords.items() if "draw" not in value.dims}
        return xr.Dataset(picked, coords | {"draw": np.arange(self.component.shape[1])})

    @property
    def in_mixture(self) -> list[FittedCandidate]:
        """The candidates that at least one draw comes from."""
        return [self.candidates[number] for number in np.unique(self.component)]


def fit_search(
    candidates: Sequence[Sequence[Candidate]], fitter: TailFitter, seed: np.random.SeedSequence
) -> AveragedSearch:
    """Return the posterior of one search.

    Parameters
    ----------
    candidates : sequence of sequences of Candidate
        For each scale, from the deepest to the widest.
    fitter : TailFitter
        Fits them.
    seed : SeedSequence
        Same seed, same numbers.
    """
    walk_seed, score_seed, choice_seed = seed.spawn(3)
    deepest = [of_scale[0] for of_scale in candidates]
    fitted = [
        one
        for of_scale, scale_seed in zip(candidates, walk_seed.spawn(len(candidates)), strict=True)
        for one in _walk(of_scale, fitter, scale_seed)
    ]
    fitted = _weigh(fitted, deepest, fitter, score_seed)
    component, place = _choose_draws(fitted, np.random.default_rng(choice_seed))
    return AveragedSearch(fitted, component, place)


def _walk(
    candidates: Sequence[Candidate], fitter: TailFitter, seed: np.random.SeedSequence
) -> list[FittedCandidate]:
    """Return the fits of candidates on one scale, up to the first that does not look like the law.

    That one is returned too: a picture of all thresholds shows why it was left out.
    """
    fitted: list[FittedCandidate] = []
    for candidate, own_seed in zip(candidates, seed.spawn(len(candidates)), strict=True):
        sampling_seed, test_seed = own_seed.spawn(2)
        tail = fitter.fit(candidate.search, sampling_seed)
        regime = tail.search.regime
        p_value = tail_p_value(
            regime.loss,
            regime.cell,
            regime.replicates,
            np.full_like(tail.law[0], regime.threshold),
            tail.law,
            int(test_seed.generate_state(1)[0]),
        )
        kept = not fitted or p_value >= MIN_P_VALUE
        diagnostics = diagnose(tail.posterior, tail.statistics)
        fitted.append(FittedCandidate(candidate, tail, p_value, diagnostics, kept))
        if not kept:
            break
    return fitted


def _weigh(
    fitted: Sequence[FittedCandidate],
    deepest: Sequence[Candidate],
    fitter: TailFitter,
    seed: np.random.SeedSequence,
) -> list[FittedCandidate]:
    """Return the candidates with their predictive scores and weights."""
    if sum(one.kept for one in fitted) == 1:
        return [dataclasses.replace(one, weight=float(one.kept)) for one in fitted]
    rows = deepest[0].search.regime.rows
    for other in deepest[1:]:
        rows = np.intersect1d(rows, other.search.regime.rows)
    # One edge for all scales.
    edge = float(deepest[0].search.score(deepest[0].search.regime.threshold))
    scored = []
    for one, own_seed in zip(fitted, seed.spawn(len(fitted)), strict=True):
        if not one.kept:
            scored.append(one)
            continue
        search = one.candidate.search
        place = search.sign * float(search.regime.scale.forward(np.float64(edge)))
        score = predictive_score(
            one.tail, fitter, rows, place, one.diagnostics.relative_ess, own_seed
        )
        scored.append(dataclasses.replace(one, elpd=score.elpd, refitted=score.refitted))
    log_weight = np.array(
        [one.candidate.log_prior + one.elpd if one.kept else -np.inf for one in scored]
    )
    weight = np.exp(log_weight - log_weight.max())
    weight /= weight.sum()
    return [
        dataclasses.replace(one, weight=float(share))
        for one, share in zip(scored, weight, strict=True)
    ]


def _choose_draws(
    fitted: Sequence[FittedCandidate], rng: np.random.Generator
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return which candidate, and which of its draws, each draw of the mixture is.

    Numbers of draws are proportional to the weights (systematic resampling), the order is random,
    and within a chain a candidate's draws are those of its own chain, in order and evenly spaced.
    """
    sizes = fitted[0].tail.posterior.sizes
    chains, draws = sizes["chain"], sizes["draw"]
    total = chains * draws
    ends = np.cumsum([one.weight for one in fitted])
    labels = np.searchsorted(ends / ends[-1], (np.arange(total) + rng.random()) / total)
    component = rng.permutation(labels).reshape(chains, draws)
    place = np.empty_like(component)
    for chain in range(chains):
        for number in np.unique(component[chain]):
            of_part = component[chain] == number
            count = int(of_part.sum())
            start = rng.random() if count < draws else 0.0
            place[chain, of_part] = ((np.arange(count) + start) * (draws / count)).astype(int)
    return component, place
