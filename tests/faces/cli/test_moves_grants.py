"""What allocations grant, how large resources are, and lists of nothing."""

from __future__ import annotations

import json

import pytest

from tests.faces.cli.conftest import Run, dump, report

CLIMATE = report("climate.brics", {"2026-03-01": {"al": 7200}}, alice="al")


def said(nodehours: Run, *arguments: str) -> list[str]:
    done = nodehours(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def test_a_grant_is_set_piece_by_piece_and_taken_back(nodehours: Run) -> None:
    nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=dump(CLIMATE))
    change = ("allocation", "set", "climate.brics", "isca")

    assert said(nodehours, *change, "--starts", "2026-04-01", "--limit", "50000.25") == [
        "climate.brics on isca: starts 2026-04-01, ends -, limit 50000.25 node-hours"
    ]
    assert said(nodehours, *change, "--ends", "2027-03-31", "--limit", "0.5") == [
        "climate.brics on isca: starts 2026-04-01, ends 2027-03-31, limit 0.50 node-hours"
    ]
    assert said(nodehours, *change, "--starts", "none") == [
        "climate.brics on isca: starts -, ends 2027-03-31, limit 0.50 node-hours"
    ]
    assert said(nodehours, "allocation", "list") == [
        "project        resource  starts  ends        limit h",
        "climate.brics  isca      -       2027-03-31     0.50",
    ]


def test_a_resource_has_as_many_nodes_as_was_said(nodehours: Run) -> None:
    nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=dump(CLIMATE))

    assert said(nodehours, "resource", "set", "isca", "--nodes", "168") == ["isca has 168 nodes"]
    assert said(nodehours, "resource", "list") == [
        "resource  nodes  allocations  time zone  rule",
        "isca        168            1  UTC        -",
    ]
    assert said(nodehours, "resource", "set", "isca", "--nodes", "none") == [
        "isca has an unknown number of nodes"
    ]


def test_a_resource_is_reckoned_by_the_rules_that_were_said_each_from_its_day_on(
    nodehours: Run,
) -> None:
    """It need not be there yet: rules come before the first job."""
    change = ("resource", "set", "isca")

    assert said(nodehours, *change, "--rule", "tres:gres/gpu*0.25", "--nodes", "4") == [
        "isca has 4 nodes",
        "isca is reckoned by tres:gres/gpu*1/4 from the beginning on",
    ]
    assert said(nodehours, *change, "--rule", "allocated-nodes", "--from", "2026-04-01") == [
        "isca is reckoned by tres:gres/gpu*1/4 from the beginning on",
        "isca is reckoned by allocated-nodes from 2026-04-01 on",
    ]
    assert said(nodehours, *change, "--timezone", "Europe/London") == [
        "isca has days of Europe/London"
    ]
    assert said(nodehours, "resource", "list") == [
        "resource  nodes  allocations  time zone      rule",
        "isca          4            0  Europe/London  tres:gres/gpu*1/4, from 2026-04-01 allocated-nodes",
    ]
    assert json.loads("\n".join(said(nodehours, "resource", "list", "--json"))) == [
        {
            "resource": "isca",
            "nodes": 4,
            "allocations": 0,
            "time_zone": "Europe/London",
            "rules": [
                {"since": None, "rule": "tres:gres/gpu*1/4"},
                {"since": "2026-04-01", "rule": "allocated-nodes"},
            ],
        }
    ]


def test_machines_get_every_list_as_json(nodehours: Run) -> None:
    nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=dump(CLIMATE))
    nodehours(
        "allocation", "set", "climate.brics", "isca", "--starts", "2026-03-01", "--limit", "1"
    )
    what = ("project", "organisation", "allocation", "resource", "association")

    found = [json.loads("\n".join(said(nodehours, each, "list", "--json"))) for each in what]

    project = {"project": "climate.brics", "resource": "isca"}
    assert found == [
        [{"project": "climate.brics", "organisation": "brics", "resources": ["isca"], "former_names": []}],
        [{"organisation": "brics", "name": "brics", "projects": 1}],
        [project | {"starts": "2026-03-01", "ends": None, "limit_node_seconds": 3600}],
        [{"resource": "isca", "nodes": None, "allocations": 1, "time_zone": "UTC", "rules": []}],
        [project | {"local_user": "al", "known": "reported", "user_identifiers": ["alice.climate.brics"]}],
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("what", "next_step"),
    [
        ("project", "`nodehours ingest` brings them in"),
        ("allocation", "`nodehours ingest` brings them in"),
        ("resource", "`nodehours ingest` brings them in"),
        ("association", "`nodehours ingest` brings them in"),
        ("organisation", "`nodehours organisation add` makes others"),
    ],
)
def test_a_list_of_nothing_says_what_to_do_next(nodehours: Run, what: str, next_step: str) -> None:
    done = nodehours(what, "list")

    assert (done.returncode, done.stdout) == (0, "")
    assert next_step in done.stderr
