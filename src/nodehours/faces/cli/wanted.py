"""What usage is made of, as the command line and the settings say it: which resource, archive, accounts and engine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import click

from nodehours.faces.cli.engine import engine_options
from nodehours.faces.cli.options import with_options
from nodehours.faces.cli.parsed import Parsed
from nodehours.settings import Settings
from nodehours.sources.document import STDIN, UnreadableError, opened
from nodehours.terms.identifiers import read_resource

if TYPE_CHECKING:
    from nodehours.intake.slurm import Wanted
    from nodehours.sources.slurm.accounts import Accounts
    from nodehours.sources.slurm.engines import Asked
    from nodehours.sources.slurm.kept import MappedBy

wanted_options = with_options(
    click.option(
        "--resource", required=True, metavar="NAME", type=Parsed("name", read_resource),
        help="The resource (machine) the usage is of; the first log makes it.",
    ),
    click.option(
        "--accounts", "mapping", metavar="FILE",
        help="Lines of account,user,project,person that say which project an account is and which person a user;"
        " otherwise NODEHOURS_ACCOUNTS, or the file of the last run. An empty name is none.",
    ),
    click.option(
        "--associations", metavar="FILE",
        help="The output of `sacctmgr -P show assoc`: only users it lists are people, all others are unattributed."
        " Otherwise the file of the last run; an empty name is none.",
    ),
    click.option(
        "--archive", metavar="DIR",
        help="Where jobs are kept; otherwise NODEHOURS_ARCHIVE. With Spark, `rebuild` reads a copy elsewhere, such as"
        " hdfs://host/slurm.",
    ),
    engine_options,
)  # fmt: skip


def usage_wanted(
    resource: str,
    mapping: str | None,
    associations: str | None,
    archive: str | None,
    engine: Asked,
) -> Wanted:
    """Return what the options say of usage; what they leave out, the settings do, or what was said the last time."""
    from nodehours.intake.slurm import Wanted
    from nodehours.sources.slurm.archive import mapped_by
    from nodehours.sources.slurm.kept import MappedBy

    settings, name = Settings.from_environment(), quote(resource, safe="")
    home = Path(archive) if archive else settings.archive or settings.data_dir / "slurm"
    kept: Path | str = (
        f"{archive.rstrip('/')}/{name}" if archive and "://" in archive else home / name
    )
    if isinstance(kept, str) and engine.master is None:
        raise click.UsageError(f"{archive} is not on this machine: --engine spark reads it")
    before = mapped_by(kept) if isinstance(kept, Path) else MappedBy()
    by_setting = str(settings.accounts) if settings.accounts else None
    files = MappedBy(
        _file(mapping, by_setting, before.accounts),
        _file(associations, None, before.associations),
    )
    _tell(files, mapping or by_setting, associations)
    return Wanted(resource, kept, _accounts(files), engine=engine, mapped_by=_lasting(files))


def _file(said: str | None, by_setting: str | None, before: str) -> str:
    return next(name for name in (said, by_setting, before) if name is not None)


def _lasting(files: MappedBy) -> MappedBy:
    """Return the files by names that hold wherever the next run is started; standard input is none."""
    from nodehours.sources.slurm.kept import MappedBy

    return MappedBy(
        *(
            "" if name in {"", STDIN} else str(Path(name).absolute())
            for name in (files.accounts, files.associations)
        )
    )


def _tell(files: MappedBy, accounts: str | None, associations: str | None) -> None:
    """Say what was not said now."""
    for option, name, said in (
        ("--accounts", files.accounts, accounts),
        ("--associations", files.associations, associations),
    ):
        if name and said is None:
            click.echo(f"{option} {name}, as the last time", err=True)


def _accounts(files: MappedBy) -> Accounts:
    from nodehours.sources.slurm.accounts import (
        Accounts,
        accounts_of,
        read_associations,
        read_mapping,
    )

    faults: list[Any] = []
    known, members = Accounts(), None
    reading = ""
    try:
        if reading := files.accounts:
            with opened(reading) as document:
                known = read_mapping(document, faults)
        if reading := files.associations:
            with opened(reading) as document:
                members = read_associations(document)
    except UnreadableError as error:
        raise click.UsageError(f"{reading}: {error}") from None
    if faults:
        raise click.UsageError("\n".join(map(str, faults)))
    return accounts_of(known, members)
