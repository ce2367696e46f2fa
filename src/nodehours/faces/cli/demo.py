"""``nodehours demo``: a ledger of synthetic usage, served, with links and tokens to try it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import click

from nodehours.faces.api.wire import DOCS_PATH, USAGE_PATH
from nodehours.faces.cli.serve import address, serve_store
from nodehours.faces.demo.arranged import OWNED, arrange
from nodehours.faces.demo.reports import MEMBER, MEMBER_PROJECT, STAFF, DemoReport, demo_reports
from nodehours.faces.web.address import SIGN_IN_LINK
from nodehours.intake.openportal import Run, ingest
from nodehours.ledger import people, sign_in
from nodehours.ledger.errors import TakenNameError
from nodehours.ledger.schema import upgrade_schema
from nodehours.ledger.store import Connection, connected, running_store
from nodehours.settings import Settings

OWNER = "demo-owner"
_HOST = "127.0.0.1"
_CALLS = """
1. HTTPie

   http GET {address}{path} Authorization:"Token {token}"

2. Python (pip install waldur-api-client)

   from waldur_api_client.client import AuthenticatedClient
   from waldur_api_client.api.openportal_allocation_user_usage import openportal_allocation_user_usage_list

   client = AuthenticatedClient(base_url="{address}", token="{token}")
   for item in openportal_allocation_user_usage_list.sync(client=client):
       print(item)

3. TypeScript

   import {{ openportalAllocationUserUsageList }} from 'waldur-js-client';
   import {{ client }} from 'waldur-js-client/client.gen';

   client.setConfig({{ baseUrl: "{address}" }});
   const response = await openportalAllocationUserUsageList({{
     auth: "Token {token}"
   }});
   console.log('Success:', response);
"""


@click.command(short_help="Serve a ledger of synthetic reports until Ctrl-C.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where the demo keeps its ledger and reports; by default a directory of its own, never your ledger.",
)
def demo(port: int, data_dir: Path | None) -> None:
    """Serve a ledger of synthetic OpenPortal reports on 127.0.0.1 until Ctrl-C.

    It prints links that sign you in to its pages, and tokens for its API. A second run reuses the ledger and the
    tokens, makes new links, and reads what has been reported since.
    """
    directory = data_dir or Settings.from_environment().data_dir / "demo"
    with running_store(None, directory) as url:
        # The demo's ledger is nobody's: one of an older version is brought up to date unasked.
        upgrade_schema(url)
        with connected(url) as connection:
            run = _ingest(connection, directory / "reports")
            arrange(connection, datetime.now(UTC).date())
            tokens = _tokens(connection, directory / "tokens.json")
            links = {name: sign_in.make_link(connection, name) for name in (STAFF, OWNER, MEMBER)}
        serve_store(
            url,
            _HOST,
            port,
            workers=1,
            said=_said(run, tokens, links, address(_HOST, port), directory),
        )


def _ingest(connection: Connection, directory: Path) -> Run:
    """Post the reports as a portal would send them: written to files, a resource at a time."""
    click.echo(f"Writing synthetic OpenPortal reports to {directory} and posting them …")
    whole = Run()
    by_resource: dict[str, list[str]] = {}
    for report in demo_reports(datetime.now(UTC).date()):
        by_resource.setdefault(report.resource, []).append(_written(directory, report))
    for resource, names in by_resource.items():
        whole.add_all(ingest(connection, names, resource))
    return whole


def _written(directory: Path, report: DemoReport) -> str:
    path = directory / report.name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(report.document)
    return str(path)


def _tokens(connection: Connection, path: Path) -> Mapping[str, str]:
    """Return the demo's tokens, the same at every run: the ledger keeps their hashes only, so a file keeps them."""
    _sign_up(connection, people.User(STAFF, "Demo Staff", "", True, False, True, []))
    _sign_up(connection, people.User(OWNER, "Demo Owner", "", False, False, True, []))
    people.grant_role(connection, OWNER, "owner", OWNED)
    if path.exists():
        found: dict[str, str] = json.loads(path.read_text())
        return found
    _sign_up(connection, people.User(MEMBER, "Demo Member", "", False, False, True, [MEMBER]))
    people.grant_role(connection, MEMBER, "member", MEMBER_PROJECT)
    made = {name: people.create_token(connection, name, None)[0] for name in (STAFF, MEMBER)}
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(made, file)
    return made


def _sign_up(connection: Connection, user: people.User) -> None:
    """A run that was stopped may have made the user already."""
    try:
        people.add_user(connection, user)
    except TakenNameError:
        return


def _said(
    run: Run, tokens: Mapping[str, str], links: Mapping[str, str], at: str, directory: Path
) -> str:
    projects = {posted.project for posted in run.projects}
    changed = sum(month.revision is not None for month in run.months)
    unchanged = len(run.months) - changed
    return "\n".join((
        f"{len(projects)} projects: {changed} statements posted, {unchanged} unchanged.",
        "",
        f"Serving {at}/ until Ctrl-C. Sign in by one of these links; each works once, within a day.",
        "",
        f"{STAFF}, who sees everything and decides:",
        f"   {at}{SIGN_IN_LINK}{links[STAFF]}/",
        f"{OWNER}, who owns the organisation {OWNED}:",
        f"   {at}{SIGN_IN_LINK}{links[OWNER]}/",
        f"{MEMBER}, who is a member of {MEMBER_PROJECT}:",
        f"   {at}{SIGN_IN_LINK}{links[MEMBER]}/",
        "",
        f"The API is at {at}{USAGE_PATH}, and its reference at {at}{DOCS_PATH}.",
        "",
        f"token of {STAFF}, who sees everything:",
        f"   {tokens[STAFF]}",
        f"token of {MEMBER}, who sees {MEMBER_PROJECT} only:",
        f"   {tokens[MEMBER]}",
        _CALLS.format(address=at, path=USAGE_PATH, token=tokens[STAFF]),
        f"The demo lives in {directory}; delete that directory to begin anew.",
    ))  # fmt: skip
