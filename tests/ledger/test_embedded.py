"""PostgreSQL from the wheel: made when first needed, shared, stopped with the last that needs it."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from nodehours.ledger.embedded import embedded_postgresql
from nodehours.ledger.errors import UnavailableError
from tests.ledger.commands import ended, run, start
from tests.ledger.servers import data_directory, postmaster, processes


@pytest.fixture
def data_dir() -> Iterator[Path]:
    with data_directory() as directory:
        yield directory


def usernames(data_dir: Path) -> list[str]:
    done = run("user", "list", NODEHOURS_DATA_DIR=str(data_dir))
    assert done.returncode == 0
    return [line.split()[0] for line in done.stdout.splitlines()[1:]]


def add(data_dir: Path, username: str) -> None:
    assert run("user", "add", username, NODEHOURS_DATA_DIR=str(data_dir)).returncode == 0


def test_the_first_command_makes_it_and_the_last_one_stops_it(data_dir: Path) -> None:
    add(data_dir, "alice")

    assert processes(data_dir) == []
    assert usernames(data_dir) == ["alice"]
    assert processes(data_dir) == []


def test_commands_at_once_share_one_server_that_stays_until_the_last_has_left(
    data_dir: Path,
) -> None:
    with embedded_postgresql(data_dir):
        server = postmaster(data_dir)
        with embedded_postgresql(data_dir):
            add(data_dir, "alice")
        add(data_dir, "bob")
        assert postmaster(data_dir) == server

    assert processes(data_dir) == []


def test_first_commands_at_once_in_one_directory_make_one_ledger(data_dir: Path) -> None:
    names = ["alice", "bob", "carol", "dave"]

    commands = [start("user", "add", name, NODEHOURS_DATA_DIR=str(data_dir)) for name in names]

    assert [ended(command).returncode for command in commands] == [0, 0, 0, 0]
    assert usernames(data_dir) == names
    assert processes(data_dir) == []


def test_it_listens_on_a_socket_of_its_owners_and_on_no_address(data_dir: Path) -> None:
    with embedded_postgresql(data_dir) as url, psycopg.connect(url) as connection:
        socket = Path(connection.info.host) / ".s.PGSQL.5432"

        assert stat.S_IMODE(socket.stat().st_mode) == 0o700
        assert stat.S_IMODE(socket.parent.stat().st_mode) == 0o700
        assert connection.execute("show listen_addresses").fetchone() == ("",)
        for process in processes(data_dir):
            assert process.net_connections(kind="inet") == []


def test_it_runs_as_ourselves_and_for_root_as_somebody_with_no_group_of_roots(
    data_dir: Path,
) -> None:
    with embedded_postgresql(data_dir) as url, psycopg.connect(url):
        found = {(process.uids(), process.gids()) for process in processes(data_dir)}
        ((uids, gids),) = found
        if os.geteuid():
            assert set(uids) == {os.geteuid()}
        else:
            assert 0 not in (*uids, *gids)
            groups = [
                line.split()[1:]
                for process in processes(data_dir)
                for line in Path(f"/proc/{process.pid}/status").read_text().splitlines()
                if line.startswith("Groups:")
            ]
            assert {group for of_process in groups for group in of_process} <= {str(gids.real)}


@pytest.mark.parametrize(
    "name",
    [
        "x" * 120,
        "my data",
        "it's",
        'so "called"',
        "$HOME",
        "`id`",
        "a,b",
        "größe",
        "日本語",
        "back\\slash",
        "100%",
    ],
)
def test_the_data_directory_may_have_any_name(name: str) -> None:
    with data_directory(name) as data_dir:
        with embedded_postgresql(data_dir) as url, psycopg.connect(url) as connection:
            found = connection.execute("show data_directory").fetchone()
            assert found == (str((data_dir / "postgresql").resolve()),)

        assert processes(data_dir) == []


def test_a_data_directory_below_a_file_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with (
        pytest.raises(
            UnavailableError, match=r"^cannot use the data directory .*/file/data: Not a directory"
        ),
        embedded_postgresql(tmp_path / "file" / "data"),
    ):
        pass


def test_a_data_directory_that_cannot_be_written_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """Nothing but the kernel's own file systems keeps root from writing."""
    directory = tmp_path
    if os.geteuid():
        directory.chmod(0o500)
    else:
        directory = Path("/proc")

    with (
        pytest.raises(UnavailableError, match=r"^cannot use the data directory .*/data: "),
        embedded_postgresql(directory / "data"),
    ):
        pass


def test_a_cluster_of_another_version_of_postgresql_is_refused_with_a_sentence(
    data_dir: Path,
) -> None:
    cluster = data_dir / "postgresql"
    cluster.mkdir(parents=True)
    (cluster / "PG_VERSION").write_text("9\n")

    with (
        pytest.raises(UnavailableError, match=r"^cannot use the embedded PostgreSQL: Version mis"),
        embedded_postgresql(data_dir),
    ):
        pass

    assert [file.name for file in cluster.iterdir()] == ["PG_VERSION"]


@pytest.fixture
def socket_dir() -> Iterator[tuple[Path, Path]]:
    """A data directory whose name will not do for a socket, and where its socket lies instead."""
    with data_directory("x" * 120) as data_dir:
        with embedded_postgresql(data_dir) as url, psycopg.connect(url) as connection:
            socket_dir = Path(connection.info.host)
        assert not socket_dir.exists()
        yield data_dir, socket_dir


def test_a_socket_directory_that_others_may_enter_is_refused(
    socket_dir: tuple[Path, Path],
) -> None:
    """Where it is can be known to everybody: it is used only when it is ours, and shut."""
    data_dir, directory = socket_dir
    directory.mkdir()
    directory.chmod(0o755)

    with (
        pytest.raises(UnavailableError, match=f"^{directory} is not a directory of mode 0700"),
        embedded_postgresql(data_dir),
    ):
        pass

    directory.rmdir()


def test_a_link_in_place_of_the_socket_directory_is_refused_and_what_it_leads_to_left_alone(
    socket_dir: tuple[Path, Path], tmp_path: Path
) -> None:
    data_dir, directory = socket_dir
    target = tmp_path / "target"
    target.mkdir(mode=0o700)
    directory.symlink_to(target)

    with (
        pytest.raises(UnavailableError, match=f"^{directory} is not a directory of mode 0700"),
        embedded_postgresql(data_dir),
    ):
        pass

    directory.unlink()
    assert (target.stat().st_uid, target.stat().st_mode) == (os.geteuid(), stat.S_IFDIR | 0o700)


def test_a_command_with_another_directory_for_temporary_files_finds_the_server(
    tmp_path: Path,
) -> None:
    with data_directory("x" * 120) as data_dir, embedded_postgresql(data_dir):
        done = run("user", "list", NODEHOURS_DATA_DIR=str(data_dir), TMPDIR=str(tmp_path))

        assert done.returncode == 0


def test_settings_meant_for_another_postgresql_do_not_lead_astray(data_dir: Path) -> None:
    """libpq reads them from the environment, and so does the server."""
    other = {"PGPORT": "6543", "PGHOST": "/nowhere", "PGUSER": "eve", "PGDATABASE": "eves"}

    for username, settings in {"alice": other, "bob": {}, "carol": other}.items():
        done = run("user", "add", username, NODEHOURS_DATA_DIR=str(data_dir), **settings)
        assert (done.returncode, done.stderr) == (0, "")

    with embedded_postgresql(data_dir):
        done = run("user", "list", NODEHOURS_DATA_DIR=str(data_dir), **other)
    assert [line.split()[0] for line in done.stdout.splitlines()[1:]] == ["alice", "bob", "carol"]
