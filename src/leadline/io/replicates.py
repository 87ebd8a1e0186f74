"""Which evaluations repeat a configuration, and are replicates of one trial."""

from collections.abc import Sequence

from leadline.errors import LeadlineError, format_value, pluralize

# Equal configurations are repeats rather than chance if one continuous parameter alone
# distinguishes at least this share of the different configurations.
_DISTINGUISHED = 0.9


def find_replicates(
    names: Sequence[int | str],
    cells: Sequence[Sequence[object]],
    scores: Sequence[object],
    seeds: Sequence[str] | None,
    source: str,
) -> tuple[Sequence[int | str], Sequence[int | str], list[str]]:
    """Return the trial and the replicate of each evaluation, and notes.

    `names` are those of the evaluations, `cells` the values of each hyperparameter. The first
    evaluation of a configuration names the trial. With `seeds`, evaluations of one configuration
    are replicates. Without, they are separate trials in two cases: if so few combinations are
    possible that chance may repeat one, and if their scores are identical, because a copied
    evaluation has no information on the noise.
    """
    groups = _group_by_configuration(cells, len(names))
    repeated = [group for group in groups if len(group) > 1]
    trial, number = list(names), [1] * len(names)
    for group in repeated:
        for count, index in enumerate(group, start=1):
            trial[index], number[index] = names[group[0]], count
    if seeds is not None:
        first: dict[tuple[int | str, str], int] = {}
        for index, key in enumerate(zip(trial, seeds, strict=True)):
            if (other := first.setdefault(key, index)) != index:
                raise LeadlineError(
                    f"{source}: trials {format_value(names[other])} and "
                    f"{format_value(names[index])} have the same hyperparameters and the same "
                    f"seed {format_value(seeds[index])}; name what distinguishes them as "
                    "replicate, or leave it out"
                )
        return trial, seeds, []
    if not repeated:
        return trial, number, []
    count = sum(map(len, repeated)) - len(repeated)
    note = f"{pluralize(count, 'evaluation')} with the hyperparameters of another trial"
    if not _are_distinguished(cells, len(groups)):
        note += (
            ": each counts as a trial, as few combinations repeat by chance; if they are seeds, "
            "name them with replicate"
        )
    elif all(len({repr(scores[index]) for index in group}) == 1 for group in repeated):
        note += (
            ", and the same score: each counts as a trial, as replicates of equal scores would "
            "imply that there is no noise"
        )
    else:
        return trial, number, [f"{note}: replicates of it"]
    return names, [1] * len(names), [note]


def find_retries(cells: Sequence[Sequence[object]], failed: Sequence[bool]) -> list[int]:
    """Return the failed evaluations whose configuration was tried again later.

    The list is empty if a configuration has two evaluations that did not fail, because these are
    replicates, or if chance may have drawn a configuration twice.
    """
    groups = _group_by_configuration(cells, len(failed))
    repeated = [group for group in groups if len(group) > 1]
    replicated = any(sum(not failed[index] for index in group) > 1 for group in repeated)
    if replicated or not repeated or not _are_distinguished(cells, len(groups)):
        return []
    # The last one that did not fail counts, or the last one.
    kept = {max(group, key=lambda index: (not failed[index], index)) for group in repeated}
    return [index for group in repeated for index in group if index not in kept]


def _group_by_configuration(cells: Sequence[Sequence[object]], count: int) -> list[list[int]]:
    """Return the evaluations of each configuration, in the order of the first."""
    groups: dict[object, list[int]] = {}
    for index in range(count):
        row = tuple(repr(values[index]) for values in cells)
        # Trials that failed before they had any parameters do not share a configuration.
        key: object = row if set(row) - {"None", "nan"} else index
        groups.setdefault(key, []).append(index)
    return list(groups.values())


def _are_distinguished(cells: Sequence[Sequence[object]], n_configurations: int) -> bool:
    """Return whether one continuous parameter alone distinguishes most configurations."""
    fractions = [
        {own for own in values if isinstance(own, float) and not own.is_integer()}
        for values in cells
    ]
    return any(len(own) > _DISTINGUISHED * n_configurations for own in fractions)
