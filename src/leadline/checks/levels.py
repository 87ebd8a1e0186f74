"""The level of a check: a failure is a warning, or a note.

A *warning* says that an interval is likely wrong: on real searches its failure goes with lower
coverage or worse interval scores, or it has a reason that no benchmark of random searches shows. A
*note* is worth knowing, and intervals hold nearly as often with it. `benchmarks/README.md` has
the firing rate and the loss of coverage of each check, measured by `benchmarks/real_searches.py`.
"""

WARNING, NOTE = "warning", "note"

_NOTES = frozenset(
    {
        "tail points",
        "thresholds agree",
        "prior of the optimum",
        "prior of the effective dimension",
        "edges of the space",
        "optimum at an edge",
        "noise of seeds",
        "best trial",
    }
)


def level_of(check: str) -> str:
    """Return the level of a check by its public name."""
    return NOTE if check in _NOTES else WARNING
