"""Write the pages of docs/reference that the program itself knows best: ``python docs/generate.py``.

A test compares them with what is committed, so they cannot lie.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from nodehours.faces.cli.main import cli
from nodehours.settings import SETTINGS

REFERENCE = Path(__file__).parent / "reference"
_COLUMNS = 100


def settings_page() -> str:
    """The table of settings."""
    rows = [f"| `{one.variable}` | {one.meaning} | {one.default} |" for one in SETTINGS]
    table = ["| variable | meaning | when not set |", "|---|---|---|", *rows]
    return "\n".join(["# Settings", "", "Read from the environment.", "", *table, ""])


def command_line_page() -> str:
    """Every command with its help text."""
    parts = ["# Command line"]
    for path, command in _commands("nodehours", cli):
        context = click.Context(
            command, info_name=path, terminal_width=_COLUMNS, max_content_width=_COLUMNS
        )
        parts += [f"## {path}", f"```text\n{command.get_help(context)}\n```"]
    return "\n\n".join(parts) + "\n"


def _commands(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in sorted(command.list_commands(context)):
            if found := command.get_command(context, name):
                yield from _commands(f"{path} {name}", found)


PAGES = {"settings.md": settings_page, "command-line.md": command_line_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), encoding="utf-8")
