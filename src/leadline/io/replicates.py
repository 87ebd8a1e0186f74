"""Which evaluations are replicates of one trial: those of the same hyperparameters."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from leadline.errors import LeadlineError, format_value, pluralize

if TYPE_CHECKING:
    from leadline.io.records import Evaluation

# Of the different configurations, the share that one continuous parameter must tell apart for
# equal ones to be repeats rather than chance.
_TOLD_APART = 0.9
_BY_CHANCE = (
    "each counts as a trial, as few combinations repeat by chance; if they are seeds, name them "
    "with replicate"
)
_COPIED = "each counts as a trial, as replicates of equal scores would say that there is no noise"


def trial_numbers(
    evaluations: Sequence["Evaluation"],
    columns: Sequence[Sequence[object]],
    seeds: Sequence[str] | None,
    source: str,
) -> tuple[list[int | str], list[int | str], list[str]]:
    """Return the trial and the replicate of each evaluation, and notes on how they were found.

    Parameters
    ----------
    evaluations : sequence of Evaluation
        The first of a configuration gives the trial its name.
    columns : sequence of sequences
        The hyperparameters that vary, each with a value a row.
    seeds : sequence of str, optional
        What tells replicates apart, as the user said. Without it, evaluations of one
        configuration are replicates unless chance may have drawn it twice, since few
        combinations were possible, or their scores are equal to the last bit, since an
        evaluation that was copied says nothing about the noise.
    source : str
        What messages call the source.

    Raises
    ------
    LeadlineError
        If a configuration has the same seed twice.
    """
    names = [evaluation.trial for evaluation in evaluations]
    groups: dict[tuple[str, ...], list[int]] = {}
    for place in range(len(names)):
        row = tuple(repr(values[place]) for values in columns)
        # Trials that failed before they were given any parameters are not one configuration.
        key = row if set(row) - {"None", "nan"} else (str(place),)
        groups.setdefault(key, []).append(place)
    repeated = [places for places in groups.values() if len(places) > 1]
    repeats = sum(map(len, repeated)) - len(repeated)
    alone: list[int | str] = [1] * len(names)
    if seeds is not None:
        _validate_seeds(groups, names, seeds, source)
        trial = _first_names(groups, names)
        return trial, list(seeds), []
    if not repeated or not columns:
        return names, alone, []
    equal = f"{pluralize(repeats, 'evaluation')} with the hyperparameters of another trial"
    if not _continuous(columns, len(groups)):
        return names, alone, [f"{equal}: {_BY_CHANCE}"]
    if all(len({_score(evaluations[place]) for place in places}) == 1 for places in repeated):
        return names, alone, [f"{equal}, and its very score: {_COPIED}"]
    number = list(alone)
    for places in repeated:
        for count, place in enumerate(places, start=1):
            number[place] = count
    return _first_names(groups, names), number, [f"{equal}: replicates of it"]


def _first_names(
    groups: Mapping[tuple[str, ...], Sequence[int]], names: Sequence[int | str]
) -> list[int | str]:
    trial = list(names)
    for places in groups.values():
        for place in places:
            trial[place] = names[places[0]]
    return trial


def _validate_seeds(
    groups: Mapping[tuple[str, ...], Sequence[int]],
    names: Sequence[int | str],
    seeds: Sequence[str],
    source: str,
) -> None:
    for places in groups.values():
        seen: dict[str, int] = {}
        for place in places:
            if seeds[place] in seen:
                first = format_value(names[seen[seeds[place]]])
                raise LeadlineError(
                    f"{source}: trials {first} and {format_value(names[place])} have the same "
                    f"hyperparameters and the same seed {format_value(seeds[place])}; name what tells "
                    "them apart as replicate, or leave it out"
                )
            seen[seeds[place]] = place


def _score(evaluation: "Evaluation") -> str:
    return repr(evaluation.score)


def _continuous(columns: Sequence[Sequence[object]], different: int) -> bool:
    return any(
        len({value for value in values if isinstance(value, float) and not value.is_integer()})
        > _TOLD_APART * different
        for values in columns
    )
