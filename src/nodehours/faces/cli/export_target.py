"""Where an export goes, in which form, and where its readme goes: told from the names on the command line."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import IO, NamedTuple

import click

from nodehours.faces.cli.whole_file import whole_file
from nodehours.faces.export.forms import FORMS
from nodehours.faces.export.kinds import ZIP, Kind
from nodehours.faces.export.readme import Readme

STDOUT = Path("-")


class Target(NamedTuple):
    """A file (``-``: standard output), what it is to be, and the readme's file, if any."""

    path: Path
    kind: Kind
    readme: Path | None

    @contextmanager
    def opened(self, readme: Readme) -> Iterator[IO[bytes]]:
        """Yield what is written to. The file gets its name last: where it is, its readme is, too."""
        with (
            nullcontext(sys.stdout.buffer)
            if self.path == STDOUT
            else whole_file(self.path) as file,
            whole_file(self.readme) if self.readme else nullcontext() as beside,
        ):
            if beside:
                beside.write(readme.text().encode())
            yield file
            file.flush()


def target(path: Path, form: str | None, readme: Path | None) -> Target:
    """Return where the export goes. Raises click's errors when that cannot be told, or would be of no use."""
    is_zipped = path.suffix.lower() == ZIP
    kind = Kind(FORMS[form or _guessed(path.with_suffix("") if is_zipped else path)], is_zipped)
    if path == STDOUT and kind.form.is_binary and sys.stdout.isatty():
        raise click.UsageError("this form is no text for a terminal: name a FILE, or use a pipe")
    if path.is_dir():
        raise click.BadParameter(f"{path} is a directory: name a file in it", param_hint="'[FILE]'")
    if readme is not None and (readme in {path, STDOUT} or readme.is_dir()):
        raise click.BadParameter("the readme needs a file of its own", param_hint="'--readme'")
    if readme is None and not kind.has_readme and path != STDOUT and _is_file(path):
        readme = path.with_name(f"{path.name}.README.txt")
    return Target(path, kind, readme)


def _guessed(path: Path) -> str:
    if path == STDOUT:
        return "csv"
    for name, form in FORMS.items():
        if path.suffix.lower() == form.suffix:
            return name
    known = ", ".join(form.suffix for form in FORMS.values())
    raise click.UsageError(
        f"no form has files that end like {path.name!r}: say --format, or end it in one of {known}"
    )


def _is_file(path: Path) -> bool:
    """Whether it is an ordinary file, or will be one."""
    return path.is_file() or not path.exists()
