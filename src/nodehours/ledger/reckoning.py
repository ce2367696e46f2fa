"""How a resource's jobs are reckoned: by which rule from when, in whose days, and how far its sources were read.

Rules and time zones are the operator's word. They change without a revision: what was posted stays as it is, and
carries its rule, until it is posted anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime

from nodehours.ledger.clock import locked_revision
from nodehours.ledger.directory import ensure_resource
from nodehours.ledger.store import Connection
from nodehours.terms.reckoned import RuleSince

_FIND_ZONE = "select time_zone from resources where name = %s"
_LIST_RULES = """
select since, rule from resource_rules join resources on resources.id = resource_id where name = %s order by since
"""
_SET_RULE = """
insert into resource_rules (resource_id, since, rule) select id, %s, %s from resources where name = %s
on conflict (resource_id, since) do update set rule = excluded.rule
"""
_REMOVE_RULE = """
delete from resource_rules using resources where resources.id = resource_id and name = %s and since = %s
"""
_SET_ZONE = "update resources set time_zone = %s where name = %s"
_FIND_BOOKMARK = """
select until from bookmarks join resources on resources.id = resource_id
where name = %s and source = %s and stream = %s
"""
_MOVE_BOOKMARK = """
insert into bookmarks (resource_id, source, stream, until) select id, %s, %s, %s from resources where name = %s
on conflict (resource_id, source, stream) do update set until = excluded.until
"""


@dataclass(frozen=True, slots=True)
class ResourceRules:
    """By which rules, each from a day on, jobs become node-seconds, and into whose days their seconds are cut.

    A resource of which nothing was said has no rules, and days of UTC.
    """

    time_zone: str = "UTC"
    rules: tuple[RuleSince, ...] = ()


def rules_of(connection: Connection, resource: str) -> ResourceRules:
    """Return the rules of *resource* in the order of their days, and its time zone."""
    found = connection.execute(_FIND_ZONE, [resource]).fetchone()
    if found is None:
        return ResourceRules()
    rules = connection.execute(_LIST_RULES, [resource])
    return ResourceRules(found[0], tuple(RuleSince(*row) for row in rules))


def set_rule(connection: Connection, resource: str, since: date, rule: str) -> None:
    """Have *rule* (never '') hold on *resource* from the day *since* on, in place of the one set for that day."""
    with connection.transaction():
        _ensure(connection, resource)
        connection.execute(_SET_RULE, [since, rule, resource])


def remove_rule(connection: Connection, resource: str, since: date) -> bool:
    """Forget the rule of *resource* that holds from the day *since* on; tell whether there was one."""
    return connection.execute(_REMOVE_RULE, [resource, since]).rowcount > 0


def set_time_zone(connection: Connection, resource: str, zone: str) -> None:
    """Have the days of *resource* be those of the time zone *zone*."""
    with connection.transaction():
        _ensure(connection, resource)
        connection.execute(_SET_ZONE, [zone, resource])


def bookmark_of(connection: Connection, resource: str, source: str, stream: str) -> datetime | None:
    """Return until when (UTC) the *stream* of *source* was read into *resource*; None when it never was."""
    found = connection.execute(_FIND_BOOKMARK, [resource, source, stream]).fetchone()
    return None if found is None else found[0].astimezone(UTC)


def move_bookmark(
    connection: Connection, resource: str, source: str, stream: str, until: datetime
) -> None:
    """Note that the *stream* of *source* was read until then. Inside the transaction that posts what was read."""
    with connection.transaction():
        _ensure(connection, resource)
        connection.execute(_MOVE_BOOKMARK, [source, stream, until, resource])


def _ensure(connection: Connection, resource: str) -> None:
    locked_revision(connection)
    ensure_resource(connection, resource)
