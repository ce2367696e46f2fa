from __future__ import annotations

from collections.abc import Iterator

import pytest

from nodehours.ledger.store import Connection, connected
from tests.databases import database


@pytest.fixture(scope="module")
def scratch_url(server_url: str, template: str) -> Iterator[str]:
    """The URL of a ledger for many examples, each of which empties it first."""
    with database(server_url, template) as url:
        yield url


@pytest.fixture(scope="module")
def scratch(scratch_url: str) -> Iterator[Connection]:
    """A connection to it."""
    with connected(scratch_url) as connection:
        yield connection
