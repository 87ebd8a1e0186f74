"""Messages of the library in the words of the command line."""

import re

from leadline.cli.options import COLUMNS, TRACKER_OPTIONS

_ARGUMENTS = (
    *(*COLUMNS, *TRACKER_OPTIONS, "score", "direction", "params", "assume_random"),
    *("tail_fraction", "threshold", "scale", "effective_dim", "resolution"),
    *("draws", "tune", "chains", "ci_prob", "ci_kind", "by", "budget", "rope"),
    *("minimum_gain", "probability", "within"),
)
OPTIONS = {
    **{name: f"--{name.replace('_', '-')}" for name in _ARGUMENTS},
    # In Python, `model` is the kind of model; on the command line, the column of the model.
    "model": "--pooling",
    "random_seed": "--seed",
}
"""Arguments of the Python functions, and the options that set them."""

_NOT_QUOTED = r"(?<![\w.'\"`])"
_ASSIGNED = re.compile(rf"{_NOT_QUOTED}({'|'.join(OPTIONS)})=(?:(True)\b|'([\w.-]+)')?")
_ANY, _SNAKE_CASE = "|".join(OPTIONS), "|".join(name for name in OPTIONS if "_" in name)
# Other names without an underscore are English words.
_NAMED = re.compile(
    rf"(?<=`)({_ANY})(?=`)|{_NOT_QUOTED}({_ANY})(?= must be )|"
    rf"{_NOT_QUOTED}({_SNAKE_CASE})\b(?!['\"])"
)


def in_command_line_words(message: str) -> str:
    """Return a message with arguments of Python written as options of the command line.

    Examples
    --------
    >>> in_command_line_words("tail_fraction must be in (0, 1]; use tail_fraction=0.2")
    '--tail-fraction must be in (0, 1]; use --tail-fraction 0.2'
    >>> in_command_line_words("use model='single', or assume_random=True")
    'use --pooling single, or --assume-random'
    >>> in_command_line_words("give the spacing as `resolution`")
    'give the spacing as `--resolution`'
    """

    def option(match: re.Match[str]) -> str:
        name, flag, word = match.groups(default="")
        return OPTIONS[name] if flag else f"{OPTIONS[name]} {word}"

    return _NAMED.sub(lambda match: OPTIONS[match[0]], _ASSIGNED.sub(option, message))
