"""Whatever can stand in a table comes back from a dump as it was; whatever is changed in a dump is noticed."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from nodehours.ledger.dump import dump
from nodehours.ledger.load import load
from nodehours.ledger.manifest import NAME, DumpError
from nodehours.ledger.store import Connection
from tests.ledger.dumps import another, files, fill, rows

# Tables as no migration has them yet: all types, no key, keys in a circle and to the table itself.
_TABLES = """
create table "Übersicht" (
    "select" bigint generated always as identity primary key,
    small smallint, whole integer, yes boolean, words text, raw bytea, one uuid, at timestamptz, day date,
    doc jsonb, many text[], doubled bigint generated always as (whole::bigint * 2) stored,
    parent bigint references "Übersicht"
);
create table heap (words text, number bigint);
create table hen (id int primary key, egg int not null);
create table egg (id int primary key, hen int not null references hen deferrable initially deferred);
alter table hen add foreign key (egg) references egg;
"""
_WATCHFUL = """
create function refuse() returns trigger language plpgsql as $$ begin raise exception 'a trigger woke'; end $$;
create trigger egg_watched before insert on egg for each row execute function refuse();
"""
_PUT = """
insert into "Übersicht" (small, whole, yes, words, raw, one, at, day, doc, many)
values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_CLEAR = 'truncate "Übersicht", heap, hen, egg restart identity'


def numbers(bits: int) -> st.SearchStrategy[int]:
    return st.integers(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
documents = st.recursive(
    st.none() | st.booleans() | numbers(64) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=5,
)
times = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=st.just(UTC))  # noqa: DTZ001  # bounds are naive
lines = st.tuples(
    *(
        st.none() | values
        for values in (
            numbers(16),
            numbers(31),
            st.booleans(),
            words,
            st.binary(max_size=20),
            st.uuids(),
            times,
            st.dates(),
            documents.map(Jsonb),
            st.lists(st.none() | words, max_size=3),
        )
    )
)


@pytest.fixture(scope="module")
def both(server_url: str, template: str) -> Iterator[tuple[Connection, Connection]]:
    """Two ledgers with more tables; in the second a trigger lets nothing in."""
    with another(server_url, template) as first, another(server_url, template) as second:
        first.execute(_TABLES)
        second.execute(_TABLES)
        second.execute(_WATCHFUL)
        yield first, second


def there_and_back(both: tuple[Connection, Connection]) -> None:
    """Dump the first ledger, load it into the second, dump that, and see that nothing differs."""
    first, second = both
    second.execute(_CLEAR)
    with tempfile.TemporaryDirectory() as home:
        dump(first, Path(home) / "first")
        load(second, Path(home) / "first")
        dump(second, Path(home) / "second")
        assert files(Path(home) / "first") == files(Path(home) / "second")
    assert rows(second) == rows(first)


@given(st.lists(lines, max_size=4))
@settings(max_examples=25)
def test_whatever_stands_in_a_table_comes_back_as_it_was(
    both: tuple[Connection, Connection], put: list[tuple[Any, ...]]
) -> None:
    both[0].execute(_CLEAR)
    with both[0].cursor() as cursor:
        cursor.executemany(_PUT, put)

    there_and_back(both)


def test_rows_that_refer_to_each_other_and_to_themselves_are_loaded(
    both: tuple[Connection, Connection],
) -> None:
    """The first row of the table refers to the last."""
    both[0].execute(_CLEAR)
    both[0].execute(
        "begin; insert into egg values (1, 2), (2, 1); insert into hen values (1, 1), (2, 2); commit;"
        ' insert into "Übersicht" (words) values (null), (null), (null);'
        ' update "Übersicht" set parent = 4 - "select"'
    )

    there_and_back(both)

    with pytest.raises(Exception, match="a trigger woke"):
        both[1].execute("insert into egg values (3, 1)")


def test_a_large_table_is_divided_by_its_rows_and_a_wide_one_by_its_bytes(
    both: tuple[Connection, Connection], tmp_path: Path
) -> None:
    both[0].execute(_CLEAR)
    both[0].execute("insert into heap select null, n from generate_series(200000, 1, -1) as n")
    both[0].execute(
        'insert into "Übersicht" (words) select string_agg(md5(row::text || n), null)'
        " from generate_series(1, 50) as row, generate_series(1, 32768) as n group by row"
    )

    dump(both[0], tmp_path / "dump")
    groups = {
        name: [
            (group.num_rows, group.total_byte_size)
            for group in map(file.row_group, range(file.num_row_groups))
        ]
        for name in ("heap", "Übersicht")
        for file in (pq.read_metadata(tmp_path / "dump" / f"{name}.parquet"),)
    }

    assert [count for count, _ in groups["heap"]][:-1] == [groups["heap"][0][0]]
    assert sum(count for count, _ in groups["heap"]) == 200000
    assert len(groups["Übersicht"]) == 2
    assert max(size for _, size in groups["Übersicht"]) < 40 * 2**20
    there_and_back(both)


@pytest.fixture(scope="module")
def dumped(
    server_url: str, template: str, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, bytes]:
    """The files of a dump."""
    home = tmp_path_factory.mktemp("dumped")
    with another(server_url, template) as connection:
        fill(connection, home)
        dump(connection, home / "dump")
    return {path.name: path.read_bytes() for path in (home / "dump").iterdir()}


@given(st.data())
@settings(max_examples=60)
def test_any_bit_that_changed_is_noticed(
    dumped: dict[str, bytes], scratch: Connection, data: st.DataObject
) -> None:
    """But those of the manifest's time, which is no part of what was dumped."""
    name = data.draw(st.sampled_from([NAME, *sorted(dumped)]))
    content = bytearray(dumped[name])
    time = content.find(b'"created": "') + 12 if name == NAME else -64
    place = data.draw(st.integers(0, len(content) - 1).filter(lambda n: not 0 <= n - time < 32))
    content[place] ^= 1 << data.draw(st.integers(0, 7))

    with tempfile.TemporaryDirectory() as home:
        for other, whole in (dumped | {name: bytes(content)}).items():
            (Path(home) / other).write_bytes(whole)
        with pytest.raises(DumpError, match=name):
            load(scratch, Path(home))

    assert scratch.execute("select revision from ledger").fetchall() == [(0,)]
    assert scratch.execute("select from users").fetchall() == []


def test_the_time_of_a_dump_is_when_it_was_made(
    dumped: dict[str, bytes],
) -> None:
    made = datetime.fromisoformat(json.loads(dumped[NAME])["created"])

    assert timedelta(0) <= datetime.now(UTC) - made < timedelta(hours=1)
