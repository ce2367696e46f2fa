from __future__ import annotations

import json
import os
import pty
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from nodehours.ledger.store import Connection
from tests.databases import database
from tests.faces.cli.conftest import NODEHOURS, Run, dump, report

MARCH = report("climate.brics", {"2026-03-01": {"al": 7200, "unknown": 900}}, alice="al")
SUMMARY = (
    r"(dumped|loaded) (\d+) tables, (\d+) rows, (\d+) bytes;"
    r" ledger ([0-9a-f-]{36}) at revision 1; sha256 ([0-9a-f]{64})\n"
)


@pytest.fixture
def posted(nodehours: Run) -> Run:
    """``nodehours`` on a ledger with March in it."""
    done = nodehours("ingest", "openportal", "-", "--resource", "isca", stdin=dump(MARCH))
    assert done.returncode == 0
    return nodehours


@pytest.fixture
def other_url(server_url: str, template: str) -> Iterator[str]:
    """The URL of an empty ledger beside the test's own."""
    with database(server_url, template) as url:
        yield url


def on(url: str, *arguments: str | bytes) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [NODEHOURS, *arguments],
        capture_output=True,
        text=True,
        env=os.environ | {"NODEHOURS_DATABASE_URL": url},
        check=False,
    )


def test_both_commands_say_what_the_dump_has(posted: Run, other_url: str, tmp_path: Path) -> None:
    dumped = posted("dump", "march")
    loaded = on(other_url, "load", str(tmp_path / "march"))

    said = re.fullmatch(SUMMARY, dumped.stdout)
    assert said is not None
    assert loaded.stdout == dumped.stdout.replace("dumped", "loaded")
    assert (dumped.returncode, dumped.stderr) == (loaded.returncode, loaded.stderr) == (0, "")
    manifest = json.loads((tmp_path / "march" / "manifest.json").read_text())
    sizes = [path.stat().st_size for path in (tmp_path / "march").glob("*.parquet")]
    assert int(said[2]) == len(sizes) == len(manifest["tables"])
    assert int(said[3]) == sum(entry["rows"] for entry in manifest["tables"])
    assert int(said[4]) == sum(sizes)
    assert (said[5], said[6]) == (manifest["ledger"], manifest["sha256"])


def test_a_loaded_ledger_answers_as_the_first_did(
    posted: Run, other_url: str, tmp_path: Path
) -> None:
    posted("user", "add", "boss", "--full-name", "Zoë 用户", "--staff")
    posted("dump", "march")

    on(other_url, "load", str(tmp_path / "march"))

    for question in (("user", "list"), ("verify",), ("runs", "list")):
        answer = on(other_url, *question)
        assert answer.returncode == 0
        assert answer.stdout == posted(*question).stdout
    again = on(other_url, "load", str(tmp_path / "march"))
    assert (again.returncode, again.stdout) == (3, "")
    assert again.stderr == (
        "Error: the ledger is at revision 1: a dump is loaded into an empty one\n"
    )


def test_a_ledger_that_does_not_hold_is_loaded_when_that_is_asked_for(
    posted: Run, connection: Connection, other_url: str, tmp_path: Path
) -> None:
    connection.execute("alter table daily_usage disable trigger user")
    connection.execute("update daily_usage set node_seconds = node_seconds + 1")
    posted("dump", "broken")

    refused = on(other_url, "load", str(tmp_path / "broken"))
    loaded = on(other_url, "load", str(tmp_path / "broken"), "--unverified")

    assert (refused.returncode, loaded.returncode) == (3, 0)
    assert refused.stderr.startswith(
        f"Error: what {tmp_path}/broken has does not hold: climate.brics on isca, 2026-03-01"
    )
    assert on(other_url, "verify").stdout == posted("verify").stdout


@pytest.mark.parametrize(
    "name", ["Sicherung Ü 用户", "two\nlines\x1b[31m", "-", "'; drop", ".", "new/../plain"]
)
def test_a_directory_may_have_any_name(
    posted: Run, other_url: str, tmp_path: Path, name: str
) -> None:
    (tmp_path / "new").mkdir()
    if name == ".":
        (tmp_path / "new").rmdir()

    done = posted("dump", "--", name)

    assert (done.returncode, done.stderr) == (0, "")
    assert on(other_url, "load", str(tmp_path / name)).returncode == 0


def test_a_directory_whose_name_is_no_text_is_named_all_the_same(
    database_url: str, tmp_path: Path
) -> None:
    name = os.fsencode(tmp_path) + b"/caf\xe9"

    assert on(database_url, "dump", name).returncode == 0
    again = on(database_url, "dump", name)

    assert again.returncode == 3
    assert again.stderr.endswith("caf\\udce9 is not empty: a dump needs a directory of its own\n")


def test_a_link_to_an_empty_directory_is_followed(posted: Run, tmp_path: Path) -> None:
    (tmp_path / "disk").mkdir()
    (tmp_path / "disk" / "empty").mkdir()
    (tmp_path / "link").symlink_to("disk/empty")

    assert posted("dump", "link").returncode == 0

    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "disk" / "empty" / "manifest.json").exists()


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("taken", "{home}/taken is not empty: a dump needs a directory of its own"),
        ("file", "cannot write the dump file: Not a directory"),
        ("file/dump", "cannot write the dump file/dump: Not a directory"),
        ("no/where", "cannot write the dump no/where: No such file or directory"),
        ("loop", "cannot write the dump loop: Not a directory"),
        ("x" * 256, f"cannot write the dump {'x' * 256}: File name too long"),
        ("/proc", "/proc is where a file system begins: name a new directory in it"),
    ],
)
def test_a_directory_that_will_not_do_is_said_before_anything_is_written(
    posted: Run, tmp_path: Path, name: str, sentence: str
) -> None:
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "dear.txt").write_text("")
    (tmp_path / "file").write_text("")
    (tmp_path / "loop").symlink_to("loop")
    before = sorted(tmp_path.rglob("*"))

    done = posted("dump", name)

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"Error: {sentence.format(home=tmp_path)}\n"
    assert sorted(tmp_path.rglob("*")) == before


def test_a_full_disk_is_said_and_nothing_is_left(
    posted: Run, database_url: str, tmp_path: Path
) -> None:
    """The disk is one on which no file may have more than 2 KiB."""
    assert posted("user", "list").returncode == 0

    done = subprocess.run(
        ["bash", "-c", f"ulimit -f 2; exec {NODEHOURS} dump here"],
        capture_output=True,
        text=True,
        env=os.environ | {"NODEHOURS_DATABASE_URL": database_url},
        cwd=tmp_path,
        check=False,
    )

    assert done.returncode == 3
    assert done.stderr == "Error: cannot write the dump here: File too large\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["dump", "load"])
def test_on_a_terminal_a_bar_shows_how_far_it_is(
    posted: Run, database_url: str, other_url: str, tmp_path: Path, command: str
) -> None:
    if command == "load":
        assert posted("dump", "dump").returncode == 0
    url = {"dump": database_url, "load": other_url}[command]

    screen, terminal = pty.openpty()
    with os.fdopen(terminal, "wb"), os.fdopen(screen, "rb", buffering=0) as shown:
        done = subprocess.run(
            [NODEHOURS, command, "dump"],
            stdout=subprocess.PIPE,
            stderr=terminal,
            env=os.environ | {"NODEHOURS_DATABASE_URL": url, "TERM": "xterm"},
            cwd=tmp_path,
            check=False,
        )
        bar = shown.read(65536).decode()

    assert done.returncode == 0
    assert re.fullmatch(SUMMARY, done.stdout.decode())
    assert {"dump": "users", "load": "quarantine"}[command] in bar, (
        "what comes last is always drawn"
    )
