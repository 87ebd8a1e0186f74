"""The question of each check without statistical terms, and the number that answers it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Meaning:
    """The question of a check, the name of its figure, and why its limit may vary."""

    question: str
    figure: str
    limits: str = ""


_PRIOR_LIMITS = (
    "0.32 where the scores inform it, with a sensitivity of 0.05 or more to them; else 0.05"
)

MEANINGS = {
    "divergences": Meaning("did the sampler miss parts of the posterior?", "failed steps"),
    "R-hat": Meaning("do the sampler's chains agree?", "1 if they agree"),
    "ESS, bulk": Meaning("are there enough draws for means?", "independent draws"),
    "ESS, tail": Meaning("are there enough draws for intervals?", "independent draws"),
    "E-BFMI": Meaning("does the sampler move freely?", "1 if it does, 0 if it is stuck"),
    "tail points": Meaning("are there enough trials to fit?", "trials used"),
    "regime fit": Meaning("do the trials used follow the quadratic law?", "p-value"),
    "regime fit, best scores": Meaning("do the best of them follow it?", "p-value"),
    "regime fit, leave-one-out": Meaning("does the fit without a trial predict it?", "p-value"),
    "thresholds agree": Meaning(
        "is the optimum the same with fewer or more trials used?", "difference in interval widths"
    ),
    "effective dimension above 1": Meaning(
        "do the scores fit one hyperparameter or more?", "probability of 1"
    ),
    "effective dimension below its bound": Meaning(
        "do the scores fit the number of hyperparameters searched?", "probability of the bound"
    ),
    "prior of the optimum": Meaning(
        "does the prior decide the optimum of this search?",
        "sensitivity to the prior",
        _PRIOR_LIMITS,
    ),
    "prior of the effective dimension": Meaning(
        "does the prior decide the dimension of this search?",
        "sensitivity to the prior",
        _PRIOR_LIMITS,
    ),
    "best seen": Meaning(
        "is the best score too good for the optimum?", "probability of over 3 noise sds"
    ),
    "constant noise": Meaning("is the noise of the best trials that of the others?", "p-value"),
    "edges of the space": Meaning("do the best trials lie at the edge of a range?", "p-value"),
    "ties": Meaning("are scores recorded with enough digits?", "share of repeated scores"),
    "resolution": Meaning(
        "are the steps of the scores finer than the noise?", "steps in noise sds"
    ),
    "order of trials": Meaning("are early and late trials alike?", "p-value"),
    "reported bests": Meaning("do reported bests agree with the trials?", "p-value"),
    "scaling law": Meaning("do the optima follow the scaling law?", "p-value"),
    "surface fit, leave-one-out": Meaning(
        "does the surface without a good trial predict it?",
        "share inside the 80 % interval of this prediction",
    ),
    "noise of seeds": Meaning(
        "do seeds of a good trial differ as the noise of the surface has it?",
        "p-value; of repeated trials in the better half, or of all where it has none",
    ),
    "best trial": Meaning(
        "does the surface without the best trial expect so good a one?",
        "p-value of the best of so many",
    ),
    "optimum at an edge": Meaning(
        "is the optimum at the end of a range that matters?",
        "probability that it is in the outer twentieth and a random value costs more than noise",
    ),
}
"""The meanings by the public names of `LAW_CHECKS` and `SURFACE_CHECKS` of
`leadline.checks.catalogue`."""

UNKNOWN = Meaning("", "figure")
"""The meaning of a check that another version recorded."""
