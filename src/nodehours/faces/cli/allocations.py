"""``nodehours allocation`` and ``resource``: what was granted, on how large a machine, and how jobs are reckoned."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import Generic, NamedTuple, TypeVar

import click

from nodehours.faces.cli.listing import JSON, Listing
from nodehours.faces.cli.moved import example
from nodehours.faces.cli.parsed import Parsed
from nodehours.faces.cli.projects import PROJECT
from nodehours.faces.cli.store import ledger
from nodehours.ledger import inventory, reckoning
from nodehours.ledger.errors import UnknownNameError
from nodehours.ledger.inventory import Grant, GrantChanges, ListedAllocation, Resource
from nodehours.ledger.reckoned_days import has_reckoned_days
from nodehours.ledger.store import Connection
from nodehours.terms.calendar import read_zone
from nodehours.terms.identifiers import ProjectIdentifier, read_resource
from nodehours.terms.month import read_day
from nodehours.terms.node_seconds import MAX_NODE_SECONDS, node_hours
from nodehours.terms.reckoned import RuleSince
from nodehours.terms.rule import Rule

_NONE = "none"
_MAX_NODES = 2**31 - 1
_NODE_HOURS = re.compile(r"([0-9]{1,20})(?:\.([0-9]{1,2}))?", re.ASCII)


Value = TypeVar("Value")


class _Said(NamedTuple, Generic[Value]):
    """What an option that was given says; None: it is not to be known any more."""

    value: Value | None


def _said(name: str, read: Callable[[str], Value]) -> Parsed:
    return Parsed(name, lambda text: _Said(None if text == _NONE else read(text)))


def _read_limit(text: str) -> int:
    """Read node-hours of at most two places, each of which is 36 node-seconds; return node-seconds."""
    found = _NODE_HOURS.fullmatch(text)
    if found is None:
        raise ValueError(f"{text!r} is no number of node-hours such as 1000 or 0.25")
    limit = int(found[1]) * 3600 + int((found[2] or "").ljust(2, "0")) * 36
    if limit > MAX_NODE_SECONDS:
        raise ValueError(f"{text} node-hours are more than the ledger can keep")
    return limit


def _read_nodes(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,10}", text, re.ASCII) or not 1 <= int(text) <= _MAX_NODES:
        raise ValueError(f"{text!r} is no number of nodes from 1 to {_MAX_NODES}")
    return int(text)


_RESOURCE = Parsed("name", read_resource)
_DAY = _said("date", read_day)
_LIMIT = _said("node-hours", _read_limit)
_NODES = _said("nodes", _read_nodes)
_RULE = _said("rule", lambda text: str(Rule.parse(text)))
_SINCE = Parsed("date", read_day)
_ZONE = Parsed("time zone", lambda text: read_zone(text).key)


def _cells(grant: Grant) -> tuple[str, str, str]:
    limit = "-" if grant.node_limit is None else node_hours(grant.node_limit)
    return str(grant.starts or "-"), str(grant.ends or "-"), limit


def _since(day: date) -> str | None:
    return None if day == date.min else str(day)


def _held(one: RuleSince) -> str:
    since = _since(one.since)
    return f"from {since} {one.rule}" if since else one.rule


_ALLOCATIONS: Listing[ListedAllocation] = Listing(
    ("project", "resource", "starts", "ends", "limit h"),
    lambda one: (one.project, one.resource, *_cells(one.grant)),
    lambda one: {
        "project": one.project,
        "resource": one.resource,
        "starts": one.grant.starts and str(one.grant.starts),
        "ends": one.grant.ends and str(one.grant.ends),
        "limit_node_seconds": one.grant.node_limit,
    },
    "There are no allocations yet: `nodehours ingest` brings them in.",
    right=("limit h",),
)
_RESOURCES: Listing[Resource] = Listing(
    ("resource", "nodes", "allocations", "time zone", "rule"),
    lambda one: (
        one.name,
        str(one.nodes or "-"),
        str(one.allocations),
        one.time_zone,
        ", ".join(map(_held, one.rules)) or "-",
    ),
    lambda one: {
        "resource": one.name,
        "nodes": one.nodes,
        "allocations": one.allocations,
        "time_zone": one.time_zone,
        "rules": [{"since": _since(each.since), "rule": each.rule} for each in one.rules],
    },
    "There are no resources yet: `nodehours ingest` brings them in.",
    right=("nodes", "allocations"),
)


@click.group()
def allocation() -> None:
    """Allocations: what projects were granted on resources."""


@allocation.command("list")
@JSON
def list_allocations(as_json: bool) -> None:
    """List all allocations, from when to when they are granted, and how much."""
    with ledger() as connection:
        found = inventory.list_allocations(connection)
    _ALLOCATIONS.show(found, as_json=as_json)


@allocation.command(
    "set",
    epilog=example(
        "nodehours allocation set climate.brics isca --starts 2026-04-01 --ends 2027-03-31 --limit 50000",
    ),
)
@click.argument("project", metavar="PROJECT", type=PROJECT)
@click.argument("resource", metavar="RESOURCE", type=_RESOURCE)
@click.option("--starts", metavar="DATE|none", type=_DAY, help="Its first day (UTC).")
@click.option("--ends", metavar="DATE|none", type=_DAY, help="Its last day (UTC).")
@click.option("--limit", metavar="NODE-HOURS|none", type=_LIMIT, help="How much was granted.")
def set_allocation(
    project: ProjectIdentifier,
    resource: str,
    starts: _Said[date] | None,
    ends: _Said[date] | None,
    limit: _Said[int] | None,
) -> None:
    """Say what PROJECT was granted on RESOURCE; what is not named stays as it is.

    Usage reported of days before its first one is not believed but kept in quarantine. What stands in the
    ledger already is not touched.
    """
    changes = _changes(starts, ends, limit)
    if not changes:
        raise click.UsageError("say what is to change: --starts, --ends or --limit")
    with ledger() as connection:
        grant = inventory.set_allocation(connection, project, resource, **changes)
    first, last, node_limit = _cells(grant)
    click.echo(
        f"{project} on {resource}: starts {first}, ends {last}, limit {node_limit} node-hours"
    )


def _changes(
    starts: _Said[date] | None, ends: _Said[date] | None, limit: _Said[int] | None
) -> GrantChanges:
    changes = GrantChanges()
    if starts:
        changes["starts"] = starts.value
    if ends:
        changes["ends"] = ends.value
    if limit:
        changes["node_limit"] = limit.value
    return changes


@click.group()
def resource() -> None:
    """Resources: the machines that usage is of."""


@resource.command("list")
@JSON
def list_resources(as_json: bool) -> None:
    """List all resources: their sizes, how many allocations are on each, and how jobs are reckoned."""
    with ledger() as connection:
        found = inventory.list_resources(connection)
    _RESOURCES.show(found, as_json=as_json)


@resource.command(
    "set",
    epilog=example(
        "nodehours resource set isca --nodes 168",
        "nodehours resource set isca --rule largest-share:cpus=128,gpus=4 --from 2026-04-01",
        "nodehours resource set isca --timezone Europe/London",
    ),
)
@click.argument("name", metavar="NAME", type=_RESOURCE)
@click.option("--nodes", metavar="N|none", type=_NODES, help="How many it has.")
@click.option(
    "--rule",
    metavar="RULE|none",
    type=_RULE,
    help="How its jobs become node-seconds; none: the rule from that day on was a mistake.",
)
@click.option(
    "--from",
    "since",
    metavar="YYYY-MM-DD",
    type=_SINCE,
    help="The first day of the rule; by default it holds from the beginning.",
)
@click.option("--timezone", "zone", metavar="ZONE", type=_ZONE, help="Whose days it has.")
def set_resource(
    name: str,
    nodes: _Said[int] | None,
    rule: _Said[str] | None,
    since: date | None,
    zone: str | None,
) -> None:
    """Say how large the resource NAME is, by which rule its jobs are reckoned, and in whose days.

    A day on which more was used than its nodes can give is not believed but kept in quarantine.

    RULE is allocated-nodes, largest-share:cpus=128,gpus=4,memory=512000 with what a whole node has (memory in MB), or
    tres:NAME, such as tres:gres/gpu*0.25. Each may end in ,last-attempts: then only the last attempt counts of a job
    that was put back into the queue. It is for sources that tell of jobs; what other sources report is taken as it is.
    Unless ZONE says otherwise, days are those of UTC. A resource that is not there yet is made when a rule or a
    time zone is said.

    What was posted stays as it is, and tells the rule it was reckoned by, until it is rebuilt: `nodehours ingest slurm`
    or `nodehours rebuild` then posts it by the new rule, as a restatement.
    """
    if since and not rule:
        raise click.UsageError("--from is the first day of a --rule: say which")
    said = _Setting(nodes, rule, since or date.min, zone)
    if not any((nodes, rule, zone)):
        raise click.UsageError("say what is to change: --nodes, --rule or --timezone")
    with ledger() as connection, connection.transaction():
        said.keep(connection, name)
        rules = reckoning.rules_of(connection, name).rules
        is_posted = has_reckoned_days(connection, name)
    for sentence in said.told(name, rules, is_posted=is_posted):
        click.echo(sentence)


class _Setting(NamedTuple):
    """What is said of a resource; None: nothing."""

    nodes: _Said[int] | None
    rule: _Said[str] | None
    since: date
    zone: str | None

    def keep(self, connection: Connection, name: str) -> None:
        """Keep it, first what makes the resource if there is none."""
        if self.rule and self.rule.value:
            reckoning.set_rule(connection, name, self.since, self.rule.value)
        elif self.rule and not reckoning.remove_rule(connection, name, self.since):
            since = _since(self.since) or "the beginning"
            raise UnknownNameError(
                f"{name} has no rule from {since} on: see `nodehours resource list`"
            )
        if self.zone:
            reckoning.set_time_zone(connection, name, self.zone)
        if self.nodes:
            inventory.set_resource(connection, name, self.nodes.value)

    def told(self, name: str, rules: Sequence[RuleSince], *, is_posted: bool) -> Iterator[str]:
        """Say what is so now; *is_posted*: days were posted by other rules, or might have been."""
        if self.nodes:
            yield f"{name} has {self.nodes.value or 'an unknown number of'} nodes"
        if self.rule:
            for one in rules:
                yield f"{name} is reckoned by {one.rule} from {_since(one.since) or 'the beginning'} on"
            if not rules:
                yield f"{name} has no rule"
        if self.zone:
            yield f"{name} has days of {self.zone}"
        if (self.rule or self.zone) and is_posted:
            since = "YYYY-MM" if self.since == date.min else str(self.since)[:7]
            rebuild = f"`nodehours rebuild --resource {name} --since {since}`"
            yield f"what was posted stays as it is until {rebuild} posts it anew"
