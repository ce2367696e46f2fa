from __future__ import annotations

from collections.abc import Iterator

import pytest

from nodehours.ledger.store import Connection, connected
from tests.databases import database


@pytest.fixture(scope="module")
def scratch(server_url: str, template: str) -> Iterator[Connection]:
    """A ledger for many examples, each of which empties it first."""
    with database(server_url, template) as url, connected(url) as connection:
        yield connection
