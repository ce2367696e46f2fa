"""``nodehours verify``: every sum and hash of the ledger reckoned again."""

from __future__ import annotations

import sys
from typing import Any

import click
import msgspec

from nodehours.faces.cli.progress import progress
from nodehours.faces.cli.store import ledger
from nodehours.ledger.verify import MAX_DIFFERENCES, Verified
from nodehours.ledger.verify import verify as verify_ledger
from nodehours.sources.openportal import record_sha256
from nodehours.terms.difference import Difference

_COUNTED = {
    "statements": "statements",
    "rows": "usage rows",
    "days": "days",
    "daily_figures": "daily figures",
}

# Click's \b keeps the lines below it as they are.
_HELP = """\
Reckon every sum and every hash of the ledger again, in all of its history.

Checked is every version that a figure ever had: the days against the usage of their local users, the
statements against their days and rows, the counts, the revisions, what was closed when, what waits for a
decision and what is in quarantine. The first difference is named with its place. Commands and servers go
on meanwhile.

Not checked are words and settings, of which nothing else in the ledger tells: names, reasons, times, rights.

\b
Exit status:
  0  all holds
  1  something differs
  2  the command was not understood
  3  the ledger cannot be used
"""


@click.command(help=_HELP, short_help="Reckon every sum and every hash of the ledger again.")
@click.option(
    "--all",
    "every",
    is_flag=True,
    help=f"Name every difference, up to {MAX_DIFFERENCES}: one changed figure shows in several sums.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as one JSON object.")
def verify(every: bool, as_json: bool) -> None:
    """Verify the ledger, print the outcome, and exit with the verdict."""
    limit = MAX_DIFFERENCES if every else 1
    with ledger() as connection, progress() as watch:
        verified = verify_ledger(connection, watch, limit=limit, record_sha256=record_sha256)
    click.echo(_json(verified) if as_json else _text(verified))
    sys.exit(1 if verified.differences else 0)


def _text(verified: Verified) -> str:
    found = verified.differences
    if found:
        return "\n".join([*map(str, found), _failed(verified)])
    if not verified.revision:
        return "the ledger is empty: `nodehours ingest` takes usage in"
    return f"verified {_counts(verified)}: all holds at revision {verified.revision}"


def _failed(verified: Verified) -> str:
    count = len(verified.differences)
    if verified.is_all:
        what = "1 difference" if count == 1 else f"{count} differences"
        return f"{what} at revision {verified.revision}, and no more"
    if count == 1:
        return f"the first difference at revision {verified.revision}; --all names the others"
    return f"the first {count} differences at revision {verified.revision}; there are more"


def _counts(verified: Verified) -> str:
    return ", ".join(
        f"{getattr(verified, name)} {word} ({getattr(verified, f'former_{name}')} former)"
        for name, word in _COUNTED.items()
    )


def _json(verified: Verified) -> str:
    counts = {key: getattr(verified, key) for name in _COUNTED for key in (name, f"former_{name}")}
    told = {
        "revision": verified.revision,
        "holds": not verified.differences,
        "checked": counts,
        "differences": [_difference(one) for one in verified.differences],
        "is_all": verified.is_all,
    }
    return msgspec.json.format(msgspec.json.encode(told)).decode()


def _difference(one: Difference) -> dict[str, Any]:
    place = one.place._asdict()
    place["month"] = None if one.place.month is None else str(one.place.month)
    return {
        "sentence": str(one),
        "place": place,
        "what": one.what,
        "expected": one.expected,
        "found": one.found,
    }
