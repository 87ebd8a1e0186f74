"""The threshold of one search: candidates are fitted, tested and weighed.

Candidates are fitted from the deepest outwards, and each fit is tested
(`leadline.stats.goodness_of_fit`). The widest one that passes is kept, with all deeper ones: a tail
within one that fits has failed by chance. The wider ones are dropped, because predictive scores
alone have little power in a tail, and would leave wrong thresholds a twentieth of the weight each.
The others are weighed by how well they predict the trials beyond the deepest threshold
(`leadline.inference.predictive_score`), and the posterior is the mixture of theirs by weight: the
method of Northrop, Attalides and Jonathan (2017, doi:10.1111/rssc.12159), after a test of fit.
"""

import functools
from collections.abc import Sequence
from itertools import groupby

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import softmax

from leadline.data.scale import SCALES
from leadline.data.tails import scores_of
from leadline.inference.posterior import PosteriorSampler, law_of, tail_of
from leadline.inference.predictive_score import predictive_score
from leadline.stats.goodness_of_fit import tail_p_value

MIN_P_VALUE = 0.3
"""The widest tail that is used has at least this p-value; all deeper ones are used too.

The p-values are conservative: where the law holds, 12 % of them are below 0.3 and 1 % below 0.1
(192 simulated searches). A misfit deep down is chance where a wider tail that contains it fits.
"""

HOPELESS_P_VALUE = 0.01
"""No tail is fitted that is wider than one with a smaller p-value."""


def fit_candidates(
    candidates: Sequence[xr.Dataset], sampler: PosteriorSampler, seed: np.random.SeedSequence
) -> tuple[list[xr.DataTree], pd.DataFrame]:
    """Return the fits of the candidates of one search, as far as fitted, and the evidence for each.

    `candidates` are as `leadline.inference.candidates.candidates_of` returns them. The evidence has
    one row per fit: `candidate`, its position among the candidates; `p_value` of its tail; `kept`,
    False if the test of fit rejects it; `elpd`, its predictive score; `refitted`, the number of
    trials that were left out by fitting again; and `weight` in the mixture.
    """
    walk_seed, score_seed = seed.spawn(2)
    sampler.progress.split(len(candidates))
    by_scale = [
        list(own) for _, own in groupby(enumerate(candidates), lambda one: one[1]["scale"].item())
    ]
    found = [
        fit
        for own, child_seed in zip(by_scale, walk_seed.spawn(len(by_scale)), strict=True)
        for fit in fit_outwards(own, sampler, child_seed)
    ]
    fits = [fit for fit, _ in found]
    evidence = pd.DataFrame([row for _, row in found])
    deepest = [own[0][1] for own in by_scale]
    return fits, compute_weights(fits, evidence, deepest, sampler, score_seed)


def fit_outwards(
    candidates: Sequence[tuple[int, xr.Dataset]],
    sampler: PosteriorSampler,
    seed: np.random.SeedSequence,
) -> list[tuple[xr.DataTree, dict[str, object]]]:
    """Return the fits of candidates on one scale, and the evidence that a test of fit gives.

    They end with the first that is hopeless. Those that are dropped are returned too, so that a
    plot of all thresholds can show why.
    """
    found: list[tuple[xr.DataTree, int, float]] = []
    for (number, tail), child_seed in zip(candidates, seed.spawn(len(candidates)), strict=True):
        sampler.progress.part(number)
        sampling_seed, test_seed = child_seed.spawn(2)
        fit = sampler.sample(tail, sampling_seed)
        p_value = p_value_of(fit, int(test_seed.generate_state(1)[0]))
        found.append((fit, number, p_value))
        if p_value < HOPELESS_P_VALUE:
            break
    # The deepest candidate is always kept.
    passed = (place for place, (*_, p_value) in enumerate(found) if p_value >= MIN_P_VALUE)
    widest = max(passed, default=0)
    return [
        (fit, {"candidate": number, "p_value": p_value, "kept": place <= widest})
        for place, (fit, number, p_value) in enumerate(found)
    ]


def p_value_of(fit: xr.DataTree, seed: int, search: int = 0) -> float:
    """Return the p-value of the tail of one search under its fit, nan without trials."""
    tail, law = tail_of(fit, search), law_of(fit, search)
    if tail.sizes["tail_trial"] == 0:
        return np.nan
    threshold = np.full_like(law[0], fit["tails"]["threshold"].to_numpy()[search])
    loss, width, replicates = (
        tail[name].to_numpy() for name in ("loss", "bin_width", "replicates")
    )
    return tail_p_value(loss, width, replicates, threshold, law, seed)


def compute_weights(
    fits: Sequence[xr.DataTree],
    evidence: pd.DataFrame,
    deepest: Sequence[xr.Dataset],
    sampler: PosteriorSampler,
    seed: np.random.SeedSequence,
) -> pd.DataFrame:
    """Return the evidence for the fits of one search, with predictive scores and weights.

    `evidence` has one row per fit, with `kept`. `deepest` is the deepest candidate on each scale:
    all fits are scored on the same trials, those beyond all of these thresholds. `sampler` fits
    again without a trial where importance sampling fails.
    """
    evidence = evidence.assign(elpd=np.nan, refitted=0, weight=evidence["kept"].astype(float))
    if evidence["kept"].sum() == 1:
        return evidence
    rows = functools.reduce(np.intersect1d, (tail["row"].to_numpy() for tail in deepest))
    # One edge in score units for all scales.
    edge = scores_of(deepest[0], deepest[0]["threshold"])[0]
    log_weight = np.full(len(fits), -np.inf)
    for number, (fit, child_seed) in enumerate(zip(fits, seed.spawn(len(fits)), strict=True)):
        if not evidence["kept"][number]:
            continue
        tails = fit["tails"].dataset
        scale = SCALES[str(tails["scale"][0].item())]
        loss = tails.attrs["loss_sign"] * float(scale.forward(np.float64(edge)))
        elpd, refitted = predictive_score(fit, sampler, rows, loss, child_seed)
        evidence.loc[number, ["elpd", "refitted"]] = elpd, refitted
        log_weight[number] = float(tails["log_prior_weight"][0]) + elpd
    return evidence.assign(weight=softmax(log_weight))
