"""What commands that move parts of the world share: why, a dry run, and saying what came of it."""

from __future__ import annotations

from collections.abc import Callable

import click

from nodehours.faces.cli.parsed import Parsed
from nodehours.faces.cli.store import ledger, operator
from nodehours.ledger.clock import Origin, current_revision
from nodehours.ledger.moves import Moved
from nodehours.ledger.store import Connection

_MAX_REASON = 500

Move = Callable[[Connection, Origin], Moved]


def read_reason(text: str) -> str:
    """Return *text* if it can stand beside a figure as its reason: at most 500 printable characters."""
    if len(text) > _MAX_REASON or not text.isprintable():
        raise ValueError(f"a reason is one line of at most {_MAX_REASON} printable characters")
    return text.strip()


REASON = click.option(
    "--reason",
    default="",
    metavar="TEXT",
    type=Parsed("text", read_reason),
    help="Why, as the history of what changes is to say it.",
)
DRY_RUN = click.option("--dry-run", is_flag=True, help="Do all the same and take it back.")


def example(*lines: str) -> str:
    """Show *lines* below a command's help, as they are."""
    return "\n".join(
        ["\b", "Example:" if len(lines) == 1 else "Examples:", *(f"  {line}" for line in lines)]
    )


def carry_out(move: Move, what: str, unchanged: str, reason: str, *, dry_run: bool = False) -> None:
    """Do *move* and say *what* came of it; *unchanged* is what is said when all was so already."""
    with ledger() as connection:
        with connection.transaction(force_rollback=dry_run):
            moved = move(connection, Origin(None, reason, operator()))
        revision = current_revision(connection)
    click.echo(_sentence(moved, what, unchanged))
    if dry_run:
        click.echo(f"dry run: nothing was written, the ledger is at revision {revision}")
    elif moved.revision is None:
        click.echo(f"nothing changed, the ledger stays at revision {revision}")
    else:
        click.echo(f"the ledger is now at revision {moved.revision}")


def _sentence(moved: Moved, what: str, unchanged: str) -> str:
    if moved.revision is None:
        return unchanged
    told, waiting = len(moved.told), len(moved.waiting)
    if not told and not waiting:
        return f"{what}; no statement changes by it"
    sentence = f"{what}: {told} statement{'' if told == 1 else 's'} told anew"
    if not waiting:
        return sentence
    months = ", ".join(sorted({str(month.month) for month in moved.waiting}))
    return (
        f"{sentence}, {waiting} wait{'s' if waiting == 1 else ''} since closed ({months}):"
        " see `nodehours pending list`"
    )
