"""The trials of one search as a surface is fitted to them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from leadline.data.tails import describe_search
from leadline.data.trials import LOSS_SIGNS, RANDOM_START, Trials
from leadline.data.unit_cube import UnitCube, unit_cube
from leadline.errors import LeadlineError, pluralize

Floats = npt.NDArray[np.float64]

FEWEST_CONFIGURATIONS = 20
"""With fewer different configurations the priors decide the surface."""

MOST_CONFIGURATIONS = 300
"""The time of a fit grows with the cube of this number: two minutes on two cores."""


@dataclass(frozen=True)
class SurfaceTrials:
    """The evaluations of one search, grouped by configuration.

    `cube` has seen each configuration once, and `trials` are their names, each that of a trial
    which had it. `scores` (evaluation,) are in score units, and
    `configuration` (evaluation,) is the position of what was evaluated. `best` is the position of
    the trial that measured best, the mean over its seeds. `notes` are remarks for the user.
    """

    cube: UnitCube
    scores: Floats
    configuration: npt.NDArray[np.intp]
    sign: float
    best: int
    name: str
    trials: tuple[str, ...]
    notes: tuple[str, ...]

    @property
    def replicates(self) -> npt.NDArray[np.intp]:
        """The number of evaluations of each configuration."""
        return np.bincount(self.configuration, minlength=len(self.cube.seen))


def surface_trials(trials: Trials, generator: np.random.Generator) -> SurfaceTrials:
    """Return the completed trials of one search; failed and pruned ones are left out with a note.

    Trials with equal hyperparameters are one configuration. Of more than 300 configurations, the
    best 200 are kept, and 100 of the others drawn at random: the surface is about good scores,
    and needs to know where the bad ones are.

    Raises `LeadlineError` if there are too few configurations, or no hyperparameter varies.
    """
    name = describe_search(trials)
    per_trial = trials.per_trial()
    complete = per_trial[per_trial["status"] == "complete"]
    notes = []
    if len(complete) < len(per_trial):
        left = pluralize(len(per_trial) - len(complete), "trial")
        notes.append(f"{name}: {left} with a failed or pruned run left out of the surface")
    cube = unit_cube(complete, trials.distributions, name, trials.notes)
    # Text compares missing parameters as equal.
    keys = [repr(row) for row in cube.seen.tolist()]
    configuration, unique = pd.factorize(np.array(keys, dtype=object))
    if len(unique) < FEWEST_CONFIGURATIONS:
        remedy = "run more trials"
        if trials.sampler == RANDOM_START:
            remedy = "leave out random_start, as a surface takes trials however they were chosen"
        raise LeadlineError(
            f"{name}: {len(unique)} different configurations have a score, and a surface needs "
            f"{FEWEST_CONFIGURATIONS}: {remedy}"
        )
    position = dict(zip(complete["trial"].tolist(), configuration.tolist(), strict=True))
    evaluations = trials.table[trials.table["trial"].isin(position)]
    evaluations = evaluations[evaluations["status"] == "complete"]
    scores = evaluations["score"].to_numpy(dtype=float)
    owner = evaluations["trial"].map(position).to_numpy().astype(np.intp)
    sign = LOSS_SIGNS[trials.direction]
    best = int(configuration[int((sign * complete["score"].to_numpy()).argmin())])
    first = np.unique(configuration, return_index=True)[1]
    kept = np.arange(len(unique))
    if len(unique) > MOST_CONFIGURATIONS:
        means = np.bincount(owner, weights=sign * scores) / np.bincount(owner)
        kept = _subset(means, best, generator)
        notes.append(
            f"{name}: the surface is fitted to {MOST_CONFIGURATIONS} of {len(unique)} "
            "configurations, the best 200 and 100 others drawn at random"
        )
    number = np.full(len(unique), -1)
    number[kept] = np.arange(len(kept))
    used = number[owner] >= 0
    return SurfaceTrials(
        UnitCube(cube.axes, cube.seen[first[kept]]),
        scores[used],
        number[owner[used]],
        sign,
        int(number[best]),
        name,
        tuple(map(str, complete["trial"].to_numpy()[first[kept]])),
        tuple(notes),
    )


def _subset(losses: Floats, best: int, generator: np.random.Generator) -> npt.NDArray[np.intp]:
    order = np.argsort(losses, kind="stable")
    good = 2 * MOST_CONFIGURATIONS // 3
    others = generator.choice(order[good:], MOST_CONFIGURATIONS - good, replace=False)
    chosen = np.union1d(order[:good], others)
    # The trial that measured best may have equals that measured worse.
    return chosen if best in chosen else np.append(chosen[chosen != order[good - 1]], best)
