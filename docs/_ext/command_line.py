"""The reference of the command line, written from its parser."""

import argparse

from leadline.cli.parser import build_parser


def command_line_page() -> str:
    """Return the page in MyST Markdown: each command with a table of its options."""
    parser = build_parser()
    parts = ["# Command line", _sentence(parser.description), _sentence(parser.epilog)]
    (commands,) = (a for a in parser._actions if isinstance(a, argparse._SubParsersAction))
    for name, command in commands.choices.items():
        parts += [f"## leadline {name}", _sentence(command.description)]
        for group in command._action_groups:
            actions = [a for a in group._group_actions if a.dest != "help"]
            rows = [_row(command, action) for action in actions]
            if rows:
                title = [group.title, group.description]
                parts.append(f"**{': '.join(filter(None, title))}**")
                parts.append("\n".join(["| option | meaning |", "| --- | --- |", *rows]))
        if command.epilog:
            parts.append(f"```text\n{command.epilog.strip()}\n```")
    return "\n\n".join(filter(None, parts)) + "\n"


def _sentence(text: str | None) -> str:
    return text[0].upper() + text[1:].rstrip(".") + "." if text else ""


def _row(parser: argparse.ArgumentParser, action: argparse.Action) -> str:
    formatter = parser._get_formatter()
    invocation = formatter._format_action_invocation(action)
    meaning = formatter._expand_help(action) if action.help else ""
    return f"| `{invocation}` | {' '.join(meaning.split())} |".replace("'*'", "`'*'`")
