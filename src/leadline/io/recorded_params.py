"""Which parameters that a tracker recorded are hyperparameters, if nobody names them.

Trackers record the seed, the output folder and the host beside the learning rate. Each of them
that counts as a hyperparameter raises the bound of the effective dimension, and makes repeated
evaluations look like different configurations.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from leadline.errors import LeadlineError, format_value, join_values
from leadline.io.params import flatten_params, parse_number
from leadline.io.refusals import unknown_name
from leadline.io.table_replicates import FOLD_WORDS, SEED_WORDS

_ABOUT_THE_RUN = frozenset(
    [
        *("name", "run_name", "exp_name", "experiment", "experiment_name", "group", "project"),
        *("entity", "id", "uuid", "job_id", "jobid", "slurm_job_id", "trial_id", "pid", "port"),
        *("timestamp", "date", "datetime", "created_at", "start_time", "end_time"),
        *("host", "hostname", "node", "nodename", "node_name", "user", "username"),
        *("device", "cuda_visible_devices", "gpu_id", "gpu_ids", "rank", "local_rank"),
        *("commit", "git_commit", "git_hash", "git_sha", "notes", "description"),
        *("path", "dir", "logdir", "outdir", "out", "output", "checkpoint", "resume"),
    ]
)
_ENDINGS = ("_seed", "_dir", "_path", "_file", "_folder", "_url", "_timestamp", "_name_or_path")

_FEWEST = 8
"""Texts that differ in this many runs, one per run, are names of runs."""


def select_params(
    recorded: Sequence[Mapping[str, Any]],
    wanted: Sequence[str] | None,
    source: str,
    replicate: str | None = None,
) -> tuple[list[Mapping[str, Any]], list[str]]:
    """Return the hyperparameters of each evaluation, and notes.

    They are the `wanted` ones. By default they are all but those that are about the run by their
    name, such as a seed or a folder, and texts that differ in every run. `replicate` has been named
    as no hyperparameter. `LeadlineError` is raised if a wanted one is not recorded, or if runs seem
    to be folds.
    """
    flat = [flatten_params(own) for own in recorded]
    known = dict.fromkeys(name for own in flat for name in own)
    if wanted is not None:
        for name in wanted:
            if name not in known:
                raise unknown_name(source, "parameter", name, known, " for params")
        return [{name: own[name] for name in wanted if name in own} for own in flat], []
    values = {name: [own[name] for own in flat if name in own] for name in known}
    varying = [name for name, own in values.items() if len(set(map(repr, own))) > 1]
    folds = [name for name in varying if _word(name) in FOLD_WORDS and name != replicate]
    if folds:
        raise LeadlineError(
            f"{source}: parameter {format_value(folds[0])}: folds are no replicates, as all trials "
            "share the effect of a fold: log the mean over the folds and read these runs; if each "
            "run is another configuration, name the hyperparameters, as in params=['lr']"
        )
    left_out = [name for name in varying if _is_about_the_run(name, values[name])]
    kept: list[Mapping[str, Any]] = [
        {name: own[name] for name in own if name not in left_out} for own in flat
    ]
    named = [name for name in left_out if name != replicate]
    if not named:
        return kept, []
    return kept, [
        f"left out as about the run, by name or because each run has another: "
        f"{join_values(named, 8)}; if one is a hyperparameter, name all of them with params"
    ]


def _is_about_the_run(name: str, values: Sequence[object]) -> bool:
    word = _word(name)
    if word in SEED_WORDS | _ABOUT_THE_RUN or word.endswith(_ENDINGS):
        return True
    return (
        len(values) >= _FEWEST
        and len(set(map(str, values))) == len(values)
        and all(_is_label(value) for value in values)
    )


def _is_label(value: object) -> bool:
    """Return whether a value is a text other than a number or a list."""
    return (
        isinstance(value, str)
        and parse_number(value) is None
        and not value.startswith(tuple("([{"))
    )


def _word(name: str) -> str:
    """Return the last part of the path of a parameter, as words are compared."""
    return name.replace(".", "/").rpartition("/")[2].casefold().replace("-", "_").replace(" ", "_")
