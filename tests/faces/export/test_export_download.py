"""A listing over a network: every kind of file, whole or given up, while others post and the database fails."""

from __future__ import annotations

import asyncio
import gc
import io
import zipfile
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import pyarrow.parquet as pq
import pytest

from nodehours.faces.export.download import Asked, Download, opened
from nodehours.faces.export.kinds import KINDS
from nodehours.faces.export.parquet import README_KEY
from nodehours.ledger.clock import current_revision
from nodehours.ledger.store import Connection, connected
from nodehours.queries.access import operator_scope
from nodehours.queries.moment import find_moment
from nodehours.queries.pool import Pool, StoreUnavailableError, read, reading_pool
from nodehours.terms.pseudonym import Pseudonyms
from nodehours.terms.row import UsageFilter
from nodehours.terms.scope import Scope
from tests.exported import ALL, crowd, read_csv, rows_of
from tests.faces.export.hostile import call
from tests.ledger.moving import MARCH, OCEAN, report, whole_month

pytestmark = pytest.mark.anyio
EVERYTHING = operator_scope()
KEY = Pseudonyms.of("a key that is long enough")
CROWD = 1201
"""The rows of a crowd, and that of nobody."""
every_kind = pytest.mark.parametrize("kind", KINDS)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    """A pool of one connection: whoever does not give it back stops everybody else."""
    async with reading_pool(database_url, 1) as pool:
        yield pool


@pytest.fixture
def march(connection: Connection) -> Connection:
    """Alice and somebody unknown worked in March, Bob in another project on another resource."""
    report(connection, whole_month(MARCH, al=3600, old=60), alice="al")
    report(connection, {"2026-03-01": {"bo": 36}}, OCEAN, "tigris", bob="bo")
    return connection


@pytest.fixture(name="crowd")
def many(connection: Connection) -> Connection:
    """So many people that they do not come in one batch."""
    crowd(connection)
    return connection


async def asked(pool: Pool, kind: str, **options: Any) -> Asked:
    at = await read(pool, lambda reading: find_moment(reading, EVERYTHING, None))
    return Asked(options.pop("filter", ALL), at, KINDS[kind], options.pop("told", {}), **options)


async def whole(
    pool: Pool, wanted: Asked, scope: Scope = EVERYTHING, timeout_seconds: int = 60
) -> tuple[bytes, Download]:
    async with opened(pool, scope, wanted, timeout_seconds=timeout_seconds) as download:
        pieces = [piece async for piece in download.pieces()]
    assert all(pieces)
    return b"".join(pieces), download


def listing(kind: str, data: bytes) -> tuple[str, bytes]:
    """Take the file out of its ZIP file, if it is in one."""
    form, _, zipped = kind.partition(".")
    if not zipped:
        return form, data
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        assert found.testzip() is None
        assert found.namelist() == ["README.txt", f"usage.{form}"]
        return form, found.read(f"usage.{form}")


def test_there_is_each_form_and_each_in_a_zip() -> None:
    forms = ["csv", "ndjson", "parquet", "xlsx"]

    assert [*KINDS] == [*forms, *(f"{form}.zip" for form in forms)]
    assert {kind.media_type for name, kind in KINDS.items() if name.endswith(".zip")} == {
        "application/zip"
    }
    assert KINDS["csv"].media_type == "text/csv; charset=utf-8; header=present"


@pytest.mark.usefixtures("march")
@every_kind
async def test_every_kind_of_file_has_the_rows(pool: Pool, kind: str) -> None:
    wanted = await asked(pool, kind)

    data, download = await whole(pool, wanted)
    plain, _ = await whole(pool, await asked(pool, "ndjson"))

    assert wanted.name == f"usage.{kind}"
    assert download.listing.rows == 4
    assert rows_of(*listing(kind, data)) == rows_of("ndjson", plain)
    assert len(rows_of("ndjson", plain)) == 4


@pytest.mark.usefixtures("march")
async def test_a_zip_has_the_readme_beside_the_file(pool: Pool) -> None:
    wanted = await asked(pool, "csv.zip", told={"year": "2026"}, stem="march")

    data, download = await whole(pool, wanted)

    with zipfile.ZipFile(io.BytesIO(data)) as found:
        assert found.namelist() == ["README.txt", "march.csv"]
        assert found.read("README.txt").decode() == download.readme.text()
    assert ("filters", "year 2026") in download.readme.facts


@pytest.mark.usefixtures("march")
@every_kind
async def test_a_stranger_gets_a_file_without_rows(pool: Pool, kind: str) -> None:
    data, download = await whole(pool, await asked(pool, kind), Scope(10**6, everything=False))

    assert rows_of(*listing(kind, data)) == []
    assert (download.listing.rows, download.listing.node_seconds) == (0, 0)
    assert [*download.readme.sections["Months"]][1:] == []


@pytest.mark.usefixtures("crowd")
@every_kind
async def test_a_file_that_is_given_up_leaves_nothing_behind(pool: Pool, kind: str) -> None:
    """The connection is free at once, and what was half written is dropped without a word."""
    wanted = await asked(pool, kind)
    for count in range(1, 4):
        async with (
            opened(pool, EVERYTHING, wanted, timeout_seconds=60) as download,
            aclosing(download.pieces()) as pieces,
        ):
            for _ in range(count):
                await anext(pieces, None)
        del download, pieces
    gc.collect()

    data, _ = await whole(pool, wanted)
    assert len(rows_of(*listing(kind, data))) == CROWD


@pytest.mark.usefixtures("crowd")
@every_kind
async def test_a_reader_who_is_cut_off_gives_the_connection_back(pool: Pool, kind: str) -> None:
    """Wherever it happens: while the database is waited for, or a thread, or the reader."""
    wanted = await asked(pool, kind)

    async def read_slowly(begun: asyncio.Event) -> None:
        async with (
            opened(pool, EVERYTHING, wanted, timeout_seconds=60) as download,
            aclosing(download.pieces()) as pieces,
        ):
            async for _ in pieces:
                begun.set()
                await asyncio.sleep(0.01)

    for steps in range(8):
        begun = asyncio.Event()
        reader = asyncio.create_task(read_slowly(begun))
        await begun.wait()
        for _ in range(steps):
            await asyncio.sleep(0.002)
        reader.cancel()
        await asyncio.wait([reader])

    data, _ = await whole(pool, wanted)
    assert len(rows_of(*listing(kind, data))) == CROWD


@every_kind
async def test_what_is_posted_while_the_file_is_read_is_not_in_it(
    connection: Connection, pool: Pool, kind: str
) -> None:
    crowd(connection)
    wanted = await asked(pool, kind)
    before, _ = await whole(pool, wanted)

    async with opened(pool, EVERYTHING, wanted, timeout_seconds=60) as download:
        pieces = []
        async for piece in download.pieces():
            pieces.append(piece)
            number = len(pieces)
            report(connection, {f"2026-03-{number + 1:02}": {"l1199": 60, "lnew": 1}}, new="lnew")
    assert current_revision(connection) > 1

    after = b"".join(pieces)
    assert rows_of(*listing(kind, after)) == rows_of(*listing(kind, before))


@every_kind
async def test_no_file_tells_who_a_pseudonym_is(march: Connection, pool: Pool, kind: str) -> None:
    call(march, ["Alice Zebedee", "Bob Zebedee"])
    march.execute("update users set username = 'zebedee.' || id")
    users = march.execute("select uuid, username, full_name from users").fetchall()
    ((alice,),) = march.execute("select user_id from usage_rows where username like 'alice.%'")
    ((uuid,),) = march.execute("select uuid from users where id = %s", [alice])
    wanted = await asked(
        pool,
        kind,
        filter=ALL._replace(rows=UsageFilter(user=uuid)),
        told={"user": KEY.name(uuid)},
        pseudonyms=KEY,
    )

    data, download = await whole(pool, wanted)

    (row,) = rows_of(*listing(kind, data))
    assert (row["user_uuid"], row["username"], row["full_name"]) == (KEY.name(uuid),) * 3
    told = everything_in(kind, data) + download.readme.text()
    known = [name for user in users for name in (str(user[0]), user[0].hex, *user[1:])]
    for name in [*known, "alice", "bob", "zebedee", KEY.key.decode()]:
        assert name.casefold() not in told.casefold()


def everything_in(kind: str, data: bytes) -> str:
    """All text of a file, unpacked: its parts, their names, and what is in columns and metadata."""
    if kind == "parquet":
        file = pq.ParquetFile(io.BytesIO(data))
        return str(file.read().to_pylist()) + str(file.metadata.metadata) + str(file.metadata)
    if kind in {"csv", "ndjson"}:
        return data.decode()
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        parts = [(name, found.read(name)) for name in found.namelist()]
    inner = {f"usage.{form}": form for form in ("parquet", "xlsx")}
    return "".join(
        name + (everything_in(inner[name], part) if name in inner else part.decode())
        for name, part in parts
    )


@pytest.mark.usefixtures("march")
async def test_parquet_has_its_readme_in_its_own_description(pool: Pool) -> None:
    data, download = await whole(pool, await asked(pool, "parquet"))

    metadata = pq.read_metadata(io.BytesIO(data)).metadata
    assert metadata[README_KEY.encode()].decode() == download.readme.text()


@pytest.mark.parametrize("scope", [EVERYTHING, Scope(1, everything=False, allocations=(1,))])
async def test_a_database_that_takes_too_long_is_told_of(
    march: Connection, pool: Pool, scope: Scope
) -> None:
    """With everything to be told it is the rows that cannot be read, with less the sums of what is seen."""
    wanted = await asked(pool, "csv")

    with march.transaction():
        march.execute("lock table usage_rows in access exclusive mode")
        with pytest.raises(StoreUnavailableError, match="statement timeout"):
            await whole(pool, wanted, scope, timeout_seconds=1)

    assert len(read_csv((await whole(pool, wanted))[0])) == 4


@pytest.mark.usefixtures("crowd")
async def test_a_database_that_fails_on_the_way_is_told_of(database_url: str, pool: Pool) -> None:
    wanted = await asked(pool, "csv")

    async def fail() -> None:
        async with opened(pool, EVERYTHING, wanted, timeout_seconds=60) as download:
            async for _ in download.pieces():
                kill_readers(database_url)

    with pytest.raises(StoreUnavailableError):
        await fail()

    assert len(read_csv((await whole(pool, wanted))[0])) == CROWD


def kill_readers(database_url: str) -> None:
    with connected(database_url) as killer:
        killer.execute(
            "select pg_terminate_backend(pid, 60000) from pg_stat_activity"
            " where datname = current_database() and backend_type = 'client backend' and state <> 'idle'"
            " and pid <> pg_backend_pid()"
        )
