"""Arguments of Python as options of the command line, also in the messages of the library."""

import re
import shlex
from pathlib import Path

COLUMNS = {
    "task": "what was solved, such as a data set",
    "model": "what was tuned",
    "trial": "the configuration that a row evaluates",
    "replicate": "the identifier of repeated evaluations, such as the seed; also a parameter or "
    "attribute",
    "status": "complete, failed, pruned, ...",
    "cost": "the cost of an evaluation",
    "space": "the search space",
    "best_of": "the number of trials that a score is the best of: rows above 1 are published "
    "results, not trials",
    "budget": "the units of training after which a row was scored, such as its epoch",
    "size": "the size of the model, such as its parameters: fits a scaling law",
    "data": "the amount of training data, such as tokens, for the law",
}
"""Columns of a table of trials: Python's name and what the column holds."""

SOURCE_ARGUMENTS = (
    *("score", "direction", "params", *COLUMNS, "of", "study_name", "experiment", "project"),
    *("sweep", "parent", "early_stopped", "first_rung", "random_start"),
)
"""Arguments of the readers of sources."""

FIT_ARGUMENTS = (
    *("assume_random", "guided_evidence", "scale", "effective_dim", "resolution", "bounds"),
    *("draws", "tune", "chains"),
)
"""Arguments of `leadline.fit` that the command line hands on unchanged."""

POOLING = ("auto", "single", "hierarchical", "crossed", "scaling")
"""Choices of `leadline.fit` for its argument `model`."""

SURFACE = "--surface"
"""The option for ``model="surface"``."""

_ARGUMENTS = (
    *(*SOURCE_ARGUMENTS, *FIT_ARGUMENTS, "tail_fraction", "threshold", "ci_prob", "ci_kind"),
    *("by", "budget", "rope", "minimum_gain", "probability", "within"),
)
OPTIONS = {
    **{name: f"--{name.replace('_', '-')}" for name in _ARGUMENTS},
    # In Python, `model` is the kind of model; on the command line, the column of the model.
    "model": "--pooling",
    "random_seed": "--seed",
}
"""Arguments of the Python functions, and the options that set them."""

_PHRASES = {
    "name the columns, as in size='params', data='tokens'": "name the columns, as in --size COLUMN "
    "--data COLUMN",
    "as in read_table(..., size='params', data='tokens'), with model='scaling'": "as in `leadline "
    "fit TABLE --size COLUMN --data COLUMN`",
    # On the command line the reader follows from the model.
    "read them with assume_random=True and fit with model='surface'": "fit with --surface",
    "read it with read_optuna, or name the columns": "leave out the options of tables, to read it "
    "as a study, or name the columns",
    "; other tables are for read_table": "",
    "read the search itself with read_sklearn(search), or its artifact cv_results.csv, or": "read "
    "its artifact cv_results.csv, or",
    ", or give both yourself in the tails of leadline.models.best_of_k": "",
    "leadline.plot_threshold": "`leadline plot FIT.nc threshold`",
    # The command line has no option for priors.
    ", or see whether leadline.Priors suits this search and how far the answer moves with other "
    "priors": "; the prior then matters less",
    ": see whether leadline.Priors suits this search, and fit again with other priors to see how "
    "far the answer moves": ": run more trials; the prior then matters less",
    ", or raise max_effective_dim in leadline.Priors": "",
    "look at the stability plot": "look at `leadline plot FIT.nc threshold`",
}
"""Advice of Python alone, also that of earlier versions, and what stands for it."""

_NOT_QUOTED = r"(?<![\w.'\"`])"
_ASSIGNED = re.compile(
    rf"{_NOT_QUOTED}({'|'.join(OPTIONS)})=(?:(True)\b|'([\w.-]+)'|\[([^\[\]]*)\])?"
)
_ANY, _SNAKE_CASE = "|".join(OPTIONS), "|".join(name for name in OPTIONS if "_" in name)
# Other names without an underscore are English words.
_NAMED = re.compile(
    rf"(?<=`)({_ANY})(?=`)|{_NOT_QUOTED}({_ANY})(?= must be )|"
    rf"{_NOT_QUOTED}({_SNAKE_CASE})\b(?!['\"])"
)

# Options to fit again with, which a command needs in one piece.
_AGAIN = re.compile(r"\bfit again with (--[\w-]+ [\w-]+(?:(?:, | and )--[\w-]+ [\w-]+)*)")

# Two options to type, which Python separates by a comma.
_TWO_COLUMNS = re.compile(r"(--task \S+), (?=--model )")

# A name that a column was given for.
_FOR = re.compile(rf"(no column .{{1,80}}? for )({_ANY})\b")

# A kind of model in place of the column of the model.
_KIND = re.compile(rf"(no column '({'|'.join(('surface', *POOLING))})' for --model)\.")

# A row of a file whose first line is not counted, as editors do.
_ROW = re.compile(r"(\.[ct]sv(?:\.\w+)?: .*?\brow \d+\b)", re.DOTALL)


def new_folder(folder: Path, ending: str) -> str:
    """Return a folder that does not exist, beside another and named after it."""
    name = f"{folder}{ending}"
    while Path(name).exists():
        name += "-2"
    return name


def in_command_line_words(message: str, fit: Path | None = None) -> str:
    """Return a message with arguments of Python written as options of the command line.

    `fit` is the file of the fit that the message is about: commands to type name it, and a new
    folder for the next fit.

    >>> in_command_line_words("scale must be 'log'; or use model='single', assume_random=True")
    "--scale must be 'log'; or use --pooling single, --assume-random"
    """

    def option(match: re.Match[str]) -> str:
        name, flag, word, listed = match.groups(default="")
        if listed:
            names = [own.strip() for own in listed.split(",")]
            plain = [own[1:-1] if re.fullmatch(r"'[\w.-]+'", own) else own for own in names]
            word = " ".join(plain)
        if name == "model" and word == "surface":
            return SURFACE
        is_column = name == "model" and word not in POOLING
        option = "--model" if is_column else OPTIONS[name]
        return option if flag else f"{option} {word}"

    for phrase, words in _PHRASES.items():
        message = message.replace(phrase, words)
    message = _NAMED.sub(lambda match: OPTIONS[match[0]], _ASSIGNED.sub(option, message))
    message = _TWO_COLUMNS.sub(r"\1 ", message)
    message = _FOR.sub(lambda match: f"{match[1]}--{match[2].replace('_', '-')}", message)
    message = _KIND.sub(
        lambda match: (
            f"{match[1]}, which names a column; did you mean "
            f"{SURFACE if match[2] == 'surface' else f'--pooling {match[2]}'}?"
        ),
        message,
    )
    message = _ROW.sub(r"\1 (the header is not counted)", message, count=1)
    new = "--force" if fit is None else f"-o {shlex.quote(new_folder(fit.absolute().parent, '-2'))}"
    message = _AGAIN.sub(
        lambda match: (
            f"add `{re.sub(', | and ', ' ', match[1])} {new}` to the command that made this fit"
        ),
        message,
    )
    return message if fit is None else message.replace("FIT.nc", shlex.quote(str(fit)))
