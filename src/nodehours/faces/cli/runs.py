"""``nodehours runs``: what was read when, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

import click

from nodehours.faces.cli.asking import answered
from nodehours.faces.cli.parsed import Number
from nodehours.faces.cli.shown import exact, legible, minute
from nodehours.faces.cli.table import table
from nodehours.ledger.errors import UnknownNameError
from nodehours.queries.runs import RunDocument, RunLine, RunPosting, RunTold, find_run, list_runs
from nodehours.terms.node_seconds import node_hours

_MAX_ID = 2**63 - 1
_HEAD = (
    "id", "started UTC", "ended UTC", "source", "resource", "verdict", "months posted", "quarantined",
    "refused", "by whom", "reason",
)  # fmt: skip
_COUNTS_ORDER = (
    "projects", "months_posted", "months_unchanged", "days_posted", "days_unchanged", "days_kept",
    "days_waiting", "quarantined", "dropped", "refused",
)  # fmt: skip
_COUNTS = ("months_posted", "quarantined", "refused")
_DOCUMENT_HEAD = ("document", "bytes", "sha256")
_POSTING_HEAD = (
    "revision", "recorded UTC", "project", "resource", "month", "before h", "after h", "reason", "by whom",
)  # fmt: skip


@click.group()
def runs() -> None:
    """Runs: each reading of a source, and what came of it.

    A run without an end is running for as long as its process lives; then it was interrupted. What it had posted
    stands, and the same command again brings the rest.
    """


@runs.command("list")
@click.option(
    "--limit",
    default=20,
    show_default=True,
    metavar="N",
    type=Number(1, 100_000),
    help="At most so many.",
)
@click.option(
    "--before",
    metavar="ID",
    type=Number(1, _MAX_ID),
    help="Only runs older than this one: the next page.",
)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
def list_all(limit: int, before: int | None, as_json: bool) -> None:
    """List the runs, newest first."""
    found = answered(
        lambda connection, scope: list_runs(connection, scope, limit=limit, before=before)
    )
    if as_json:
        click.echo(json.dumps([_run(one) for one in found], indent=2))
        return
    if not found:
        sentence = f"There is no run before {before}." if before else "No source was read yet:"
        more = "" if before else " `nodehours ingest --help` says how."
        click.echo(sentence + more, err=True)
        return
    click.echo(table(_HEAD, (_line(one) for one in found), right=("id", *_HEAD[6:9])))
    if len(found) == limit and found[-1].id > 1:
        click.echo(f"older ones: `nodehours runs list --before {found[-1].id}`", err=True)


@runs.command("show")
@click.argument("run_id", metavar="ID", type=Number(1, _MAX_ID))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def show(run_id: int, as_json: bool) -> None:
    """Show one run: its documents, its messages, and the statements it changed.

    What staff released or accepted of its documents later is among the statements, by its own time.
    """
    told = answered(lambda connection, scope: find_run(connection, scope, run_id))
    if told is None:
        raise UnknownNameError(f"there is no run {run_id}: see `nodehours runs list`")
    click.echo(json.dumps(_told(told), indent=2) if as_json else "\n".join(_page(told)))


def _line(one: RunLine) -> list[str]:
    return [
        str(one.id), minute(one.started), minute(one.ended) if one.ended else "-",
        legible(one.source), legible(one.resource or "-"), one.state.value,
        *(str(one.counts.get(name, "-")) for name in _COUNTS),
        legible(one.by_whom) or "-", legible(one.reason) or "-",
    ]  # fmt: skip


def _page(told: RunTold) -> Iterator[str]:
    run = told.run
    yield f"run {run.id}: {legible(run.source)} on {legible(run.resource or 'any resource')}, {run.state.value}"
    yield f"started  {_second(run.started)}"
    yield f"ended    {_second(run.ended) if run.ended else '-'}"
    yield f"by whom  {legible(run.by_whom) or '-'}"
    yield f"reason   {legible(run.reason) or '-'}"
    counts = (f"{legible(name).replace('_', ' ')} {n}" for name, n in _in_order(run.counts))
    yield f"counts   {', '.join(counts) or '-'}"
    if told.documents:
        yield "\n" + table(_DOCUMENT_HEAD, _document_lines(told.documents), right=("bytes",))
    if told.messages:
        yield "\n" + "\n".join(map(legible, told.messages))
    if told.postings:
        lines = _posting_lines(told.postings)
        yield "\n" + table(_POSTING_HEAD, lines, right=("revision", "before h", "after h"))
    else:
        yield "\nno statement changed"


def _in_order(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    """Projects, months and days as an ingest tells them, then what is not one of them."""
    known = {name: place for place, name in enumerate(_COUNTS_ORDER)}
    return sorted(counts.items(), key=lambda count: (known.get(count[0], len(known)), count[0]))


def _second(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M:%S} UTC"


def _document_lines(documents: Iterable[RunDocument]) -> Iterator[list[str]]:
    for one in documents:
        size = "-" if one.size_bytes is None else str(one.size_bytes)
        yield [legible(one.name), size, one.sha256.hex()]


def _posting_lines(postings: Iterable[RunPosting]) -> Iterator[list[str]]:
    for one in postings:
        yield [
            str(one.revision), minute(one.recorded), one.project, one.resource, str(one.month),
            "-" if one.former is None else node_hours(one.former), node_hours(one.node_seconds),
            legible(one.reason) or "-", legible(one.by_whom) or "-",
        ]  # fmt: skip


def _run(one: RunLine) -> dict[str, Any]:
    return {
        "id": one.id,
        "source": one.source,
        "resource": one.resource,
        "started": exact(one.started),
        "ended": exact(one.ended) if one.ended else None,
        "verdict": one.state.value,
        "counts": dict(one.counts),
        "reason": one.reason,
        "by_whom": one.by_whom,
    }


def _told(told: RunTold) -> dict[str, Any]:
    return _run(told.run) | {
        "documents": [
            {"name": one.name, "sha256": one.sha256.hex(), "size_bytes": one.size_bytes}
            for one in told.documents
        ],
        "messages": told.messages,
        "postings": [_posting(one) for one in told.postings],
    }


def _posting(one: RunPosting) -> dict[str, Any]:
    return {
        "revision": one.revision,
        "recorded": exact(one.recorded),
        "kind": one.kind,
        "project": one.project,
        "resource": one.resource,
        "month": str(one.month),
        "before_node_seconds": one.former,
        "after_node_seconds": one.node_seconds,
        "reason": one.reason,
        "by_whom": one.by_whom,
    }
