"""A parser of the command line with errors of one line that say how to mend what was typed."""

import argparse
import re
import shlex
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from leadline.cli.wording import OPTIONS
from leadline.errors import closest

_EXAMPLES = {
    "--rope": "0.002, in score units",
    "--minimum-gain": "0.002, in score units",
    "--within": "1% or 0.002, in score units",
    "--threshold": "0.3, in score units",
    "--resolution": "0.001, in score units",
    "--bounds": "0 1, in score units",
    "--budget": "50",
    "--trials": "50",
    "--ci-prob": "0.9",
    "--probability": "0.05",
    "--tail-fraction": "0.2",
    "--score": "val_loss",
    "--params": "lr width",
}
"""Values of options whose placeholder is a letter, or for which it says too little."""

_MEANT = {"--metric": "--score"}
"""Options that resemble no other by their letters."""

_SUFFIXES = (".csv", ".db", ".gz", ".json", ".jsonl", ".log", ".nc", ".parquet", ".tsv")


class Parser(argparse.ArgumentParser):
    """A parser with errors of one line: the usage of all options would hide the mistake."""

    typed: Sequence[str] = ()
    """The typed words, which the parsers of commands read too."""

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse arguments as argparse does, after a look at their order."""
        typed = sys.argv[1:] if args is None else list(args)
        # The parsers of commands, which find most mistakes, are other objects.
        Parser.typed = typed
        if line := _command_first(typed, _commands_of(self)):
            self.error(f"the command comes first: {line}")
        arguments = super().parse_args(typed, namespace)
        self._validate_order(arguments)
        return arguments

    def error(self, message: str) -> NoReturn:
        """Exit with code 2 and one line: what is wrong, and what to type."""
        command = next(iter(self.typed), "")
        unknown = re.match(r"unrecognized arguments: (--[\w-]+)", message)
        if unknown and command == "compare" and unknown[1] in ("--model", "--task"):
            message += "; write the models after the file, as in leadline compare FIT.nc mlp forest"
        elif unknown:
            # The name of the argument in Python.
            meant = _MEANT.get(unknown[1]) or OPTIONS.get(
                unknown[1][2:].replace("-", "_"), unknown[1]
            )
            takers = [name for name, own in _commands_of(self).items() if unknown[1] in own]
            message += f"; it belongs to {', '.join(takers)}" * bool(takers)
            message += _similar(meant, _options_of(self, command), begin=bool(takers))
        if missing := re.match(r"argument (?:-\w/)?(--[\w-]+).*: expected .*argument", message):
            message += self._example(missing[1])
        if choice := re.search(r"invalid choice: '([^']*)' \(choose from (.*)\)$", message):
            message += f".{closest(choice[1], re.findall(r"'([^']*)'", choice[2]))}"
        action = _commands_of(self).get(command, {}).get("--format")
        if unknown and action and unknown[1][2:] in (action.choices or ()):
            message = f"no option {unknown[1]}; write --format {unknown[1][2:]}"
        if unknown and unknown[1] in ("--minimize", "--maximize"):
            message = f"no option {unknown[1]}; write --direction {unknown[1][2:]}"
        message = self._file_first(message) or message
        known = f" {command}" if command in _commands_of(self) else ""
        self.exit(2, f"{self.prog}: {message} (see {self.prog}{known} --help)\n")

    def _example(self, option: str) -> str:
        """Return what a value of an option looks like, in words after a message."""
        action = self._option_string_actions[option]
        if action.choices:
            return f"; it is {' or '.join(map(str, action.choices))}"
        named = action.metavar if isinstance(action.metavar, str) else option.lstrip("-").upper()
        value = _EXAMPLES.get(option, named)
        # `fit` reads a column of this name, and the others a number.
        value = "epoch" if option == "--budget" and self.prog.endswith(" fit") else value
        return f", such as {option} {value}"

    def _file_first(self, message: str) -> str:
        """Return what to type where an option or a list of names took the file, else empty text."""
        missing = re.search(r"arguments are required: (?:SOURCE|FIT\.nc|DIR)$", message)
        wrong = re.search(r"(?:invalid choice: |got |invalid \w+ value: )'([^']*)'", message)
        files = [word for word in self.typed[1:] if _is_file(word)]
        if not files or not (missing or (wrong and wrong[1] in files)):
            return ""
        command, *rest = self.typed
        file = wrong[1] if wrong else files[-1]
        options = [word for word in rest[: rest.index(file)] if word.startswith("-")]
        taker = self._option_string_actions.get(options[-1]) if options else None
        if missing and (taker is None or taker.nargs != "+"):
            return ""
        took = f"{options[-1]} took {file}; " if options else ""
        return took + _reordered(command, file, rest)

    def _validate_order(self, arguments: argparse.Namespace) -> None:
        """Refuse a file among the names that `compare` takes after it."""
        names = [str(getattr(arguments, "fit", "")), *(getattr(arguments, "items", None) or [])]
        if names[1:] and not _is_file(names[0]) and any(map(_is_file, names[1:])):
            file = next(filter(_is_file, names[1:]))
            command = self.typed[0]
            arguments.parser.error(f"{names[0]!r} is no file; {_reordered(command, file, names)}")


def _options_of(parser: argparse.ArgumentParser, command: str) -> Iterable[str]:
    """Return the options of a command, or of the parser and all its commands where it has none."""
    commands = _commands_of(parser)
    return commands.get(command) or {*parser._option_string_actions}.union(*commands.values())


def _similar(option: str, options: Iterable[str], *, begin: bool) -> str:
    """Return a question that names options like another, "" where there are none.

    They begin with it, or are its beginning; unless `begin`, others that resemble it count too.
    """
    known = [own for own in options if own.startswith("--")]
    longer = [own for own in known if own.startswith(option) or option.startswith(own)]
    found = closest(option, longer or ([] if begin else known))
    return f".{found}" if found else ""


def _commands_of(parser: argparse.ArgumentParser) -> dict[str, dict[str, argparse.Action]]:
    """Return the options of each command of a parser."""
    return {
        name: command._option_string_actions
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
        for name, command in action.choices.items()
    }


def _command_first(typed: Sequence[str], commands: Iterable[str]) -> str:
    """Return the line with its command moved to the front, empty where it is there already."""
    if not typed or typed[0] in {*commands, "-h", "--help", "--version"}:
        return ""
    found = [word for word in typed[1:] if word in set(commands)]
    rest = list(typed)
    if found:
        rest.remove(found[0])
        # A file before the command is its first argument as well.
        return shlex.join(["leadline", found[0], *rest])
    if not _is_file(typed[0]):
        return ""
    fit = typed[0].endswith(".nc")
    options = [] if fit or len(typed) > 1 else ["--score", "COLUMN", "--direction", "minimize"]
    line = [_MEANT.get(word, word) for word in typed]
    text = shlex.join(["leadline", "summary" if fit else "fit", *line, *options])
    # A table does not record it.
    is_open = "--score" in line and "--direction" not in line and not typed[0].endswith(".db")
    return text + " --direction minimize or maximize" * is_open


def _reordered(command: str, file: str, others: Sequence[str]) -> str:
    rest = list(others)
    rest.remove(file)
    return f"write the file first: {shlex.join(['leadline', command, file, *rest])}"


def _is_file(word: str) -> bool:
    """Return whether a word is meant as a file, a folder or an address."""
    if word.startswith("-"):
        return False
    return "://" in word or word.endswith(_SUFFIXES) or Path(word).exists()
