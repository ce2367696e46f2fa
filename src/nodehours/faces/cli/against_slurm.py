"""The options of ``nodehours reconcile --against sreport``, and what becomes of them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from nodehours.faces.cli.options import refuse_given, with_options
from nodehours.faces.cli.parsed import Parsed
from nodehours.sources.document import UnreadableError
from nodehours.terms.calendar import read_zone
from nodehours.terms.month import Month

if TYPE_CHECKING:
    from nodehours.faces.cli.beside_slurm import Beside, Question

SREPORT = "sreport"
LIVE = "live"
_SHOWN_FAULTS = 20
_OURS = ("archive", "mapping", "reservations", "clusters", "zone", "patience")
_OTHERS = (
    "form", "project_names", "unit", "tolerance_hours", "tolerance_percent", "totals_only",
)  # fmt: skip

beside_options = with_options(
    click.option(
        "--archive", metavar="DIR", type=click.Path(path_type=Path),
        help="With --against sreport: where `nodehours ingest slurm` keeps jobs; otherwise NODEHOURS_ARCHIVE.",
    ),
    click.option(
        "--accounts", "mapping", metavar="FILE",
        help="With --against sreport: which projects accounts are, as for `nodehours ingest slurm`; otherwise"
        " NODEHOURS_ACCOUNTS.",
    ),
    click.option(
        "--reservations", multiple=True, metavar="FILE",
        help="With --against sreport: what `sacctmgr -P show reservation format=Cluster,Name,Assoc,Start,End,TRES,"
        "UnusedWall` and `sacctmgr -P show assoc format=ID,Cluster,Account,User` told. Repeatable. With live, they"
        " are asked.",
    ),
    click.option(
        "--cluster", "clusters", multiple=True, metavar="NAME",
        help="With --against sreport live: which cluster to ask for; otherwise those of the archive. Repeatable.",
    ),
    click.option(
        "--timezone", "zone", type=Parsed("time zone", read_zone), metavar="ZONE",
        help="With --against sreport: the time zone that sreport ran in, or is to run in; otherwise the resource's.",
    ),
    click.option(
        "--patience", type=click.IntRange(1), default=600, show_default=True, metavar="SECONDS",
        help="With --against sreport live: how long it may take.",
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class SlurmOptions:
    """What the command line says."""

    months: tuple[Month, ...]
    projects: tuple[str, ...]
    resource: str | None
    tres: str
    archive: Path | None
    mapping: str | None
    reservations: tuple[str, ...]
    clusters: tuple[str, ...]
    zone: Any
    patience: int


def is_slurm(context: click.Context, against: str, files: Sequence[str]) -> bool:
    """Tell whether what follows is of sreport, and not a file of that name; refuse what cannot be meant."""
    is_meant = against == SREPORT and bool(files or not Path(SREPORT).exists())
    refused = _OTHERS if is_meant else _OURS
    goes = "does not go" if is_meant else "goes only"
    refuse_given(context, refused, f"{goes} with --against {SREPORT} FILE")
    if files and not is_meant:
        raise click.UsageError(f"--against takes one FILE, or is {SREPORT}: what is {files[0]}?")
    if is_meant and not files:
        raise click.UsageError("say which files, or live")
    return is_meant


def reconcile_slurm(
    files: Sequence[str], options: SlurmOptions, *, details: bool, output: str
) -> NoReturn:
    """Compare, print, and exit with the verdict."""
    if not options.resource:
        raise click.UsageError(f"--against {SREPORT} needs --resource")
    from nodehours.faces.cli import told_causes
    from nodehours.faces.cli.beside_slurm import beside_slurm

    try:
        found = beside_slurm(_question(files, options.resource, options))
    except UnreadableError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(3)
    _say(found)
    faces = {"csv": told_causes.as_csv, "json": told_causes.as_json}
    click.echo(faces.get(output, told_causes.as_table)(found, details=details))
    sys.exit(0 if found.is_ok else 1)


def _question(files: Sequence[str], resource: str, options: SlurmOptions) -> Question:
    from nodehours.faces.cli.beside_slurm import Question
    from nodehours.faces.cli.wanted import usage_wanted
    from nodehours.sources.slurm.engines import Asked

    archive = str(options.archive) if options.archive else None
    wanted = usage_wanted(resource, options.mapping, None, archive, Asked())
    return Question(
        files, wanted, frozenset(options.months), frozenset(options.projects), options.tres.lower(),
        options.clusters, options.zone, options.reservations, options.patience,
    )  # fmt: skip


def _say(found: Beside) -> None:
    """Say on standard error what could not be read, and what a reader should know."""
    for fault in found.faults[:_SHOWN_FAULTS]:
        click.echo(f"not read: {fault}", err=True)
    if len(found.faults) > _SHOWN_FAULTS:
        click.echo(f"not read: {len(found.faults) - _SHOWN_FAULTS} more", err=True)
    for note in found.notes:
        click.echo(f"note: {note}", err=True)
