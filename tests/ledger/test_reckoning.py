"""What the operator says of how a resource's jobs are reckoned, and how far its sources were read."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import psycopg
import pytest

from nodehours.ledger.clock import current_revision
from nodehours.ledger.dump import dump
from nodehours.ledger.inventory import Resource, list_resources, set_resource
from nodehours.ledger.load import load
from nodehours.ledger.reckoning import (
    ResourceRules,
    bookmark_of,
    move_bookmark,
    rules_of,
    set_rule,
    set_time_zone,
)
from nodehours.ledger.store import Connection
from nodehours.terms.reckoned import RuleSince
from tests.ledger.dumps import another
from tests.ledger.moving import report

BEGINNING, MARCH = date.min, date(2026, 3, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_of_a_resource_that_nobody_knows_there_is_no_rule_and_days_are_of_utc(
    connection: Connection,
) -> None:
    assert rules_of(connection, "isca") == ResourceRules("UTC", ())


def test_rules_come_in_the_order_of_their_days_and_one_that_is_set_for_the_same_day_takes_its_place(
    connection: Connection,
) -> None:
    set_rule(connection, "isca", MARCH, "tres:cpu")
    set_rule(connection, "isca", BEGINNING, "allocated-nodes")
    set_rule(connection, "isca", MARCH, "tres:billing*1/4")
    set_rule(connection, "tamar", MARCH, "tres:node")
    set_time_zone(connection, "isca", "Europe/London")

    rules = (RuleSince(BEGINNING, "allocated-nodes"), RuleSince(MARCH, "tres:billing*1/4"))
    assert rules_of(connection, "isca") == ResourceRules("Europe/London", rules)
    assert rules_of(connection, "tamar").time_zone == "UTC"
    assert list_resources(connection) == [
        Resource("isca", None, 0, "Europe/London", rules),
        Resource("tamar", None, 0, "UTC", (RuleSince(MARCH, "tres:node"),)),
    ]


def test_what_is_said_of_a_resource_that_has_usage_is_no_revision_and_leaves_the_rest_of_it(
    connection: Connection,
) -> None:
    report(connection, {"2026-03-01": {"al": 60}})
    set_resource(connection, "isca", 168)
    before = current_revision(connection)

    set_rule(connection, "isca", MARCH, "allocated-nodes")
    set_time_zone(connection, "isca", "Asia/Kolkata")

    assert current_revision(connection) == before
    (isca,) = list_resources(connection)
    assert (isca.nodes, isca.allocations, isca.time_zone) == (168, 1, "Asia/Kolkata")
    assert connection.execute("select rule from usage_days").fetchall() == [("",)]


def test_no_rule_is_no_rule_of_a_resource(connection: Connection) -> None:
    with pytest.raises(psycopg.IntegrityError):
        set_rule(connection, "isca", MARCH, "")

    assert list_resources(connection) == []


def test_each_stream_of_a_source_has_a_bookmark_of_its_own(connection: Connection) -> None:
    assert bookmark_of(connection, "isca", "slurm", "isca") is None

    move_bookmark(connection, "isca", "slurm", "isca", NOON)
    move_bookmark(connection, "isca", "slurm", "gpus", NOON + timedelta(1))
    moved = NOON.astimezone(timezone(timedelta(hours=2))) + timedelta(seconds=1)
    move_bookmark(connection, "isca", "slurm", "isca", moved)

    told = bookmark_of(connection, "isca", "slurm", "isca")
    assert told == NOON + timedelta(seconds=1)
    assert told.tzinfo is UTC
    assert bookmark_of(connection, "isca", "slurm", "gpus") == NOON + timedelta(1)
    assert bookmark_of(connection, "tamar", "slurm", "isca") is None


def test_a_bookmark_moves_with_what_was_posted_or_not_at_all(connection: Connection) -> None:
    with connection.transaction(force_rollback=True):
        report(connection, {"2026-03-01": {"al": 60}})
        move_bookmark(connection, "isca", "slurm", "isca", NOON)
        assert bookmark_of(connection, "isca", "slurm", "isca") == NOON

    assert bookmark_of(connection, "isca", "slurm", "isca") is None
    assert current_revision(connection) == 0


def test_rules_time_zones_and_bookmarks_come_back_from_a_dump(
    connection: Connection, server_url: str, template: str, tmp_path: Path
) -> None:
    set_rule(connection, "isca", BEGINNING, "allocated-nodes")
    set_time_zone(connection, "isca", "Europe/London")
    move_bookmark(connection, "isca", "slurm", "isca", NOON)
    dump(connection, tmp_path / "dump")

    with another(server_url, template) as copy:
        load(copy, tmp_path / "dump")

        assert rules_of(copy, "isca") == rules_of(connection, "isca")
        assert bookmark_of(copy, "isca", "slurm", "isca") == NOON
