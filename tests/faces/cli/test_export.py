"""``nodehours export``: files that are there whole, in the form that was asked for, with their readmes."""

from __future__ import annotations

import csv
import io
import os
import re
import subprocess
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from nodehours.ledger.moves import rename_project
from nodehours.ledger.store import Connection
from tests.exported import Row, read_csv, rows_of
from tests.faces.cli.conftest import NODEHOURS, Run
from tests.faces.cli.exporting import BOB, EVERYTHING, users, work_in_march
from tests.ledger.moving import OCEAN, STAFF, WEATHER, report

KEY = "a key that is long enough"


def options_said(value: object) -> str:
    """Name a case by its options."""
    return " ".join(map(str, value)) if isinstance(value, list) else ""


@pytest.fixture(autouse=True)
def march(connection: Connection) -> Connection:
    """What was worked in March, and before."""
    work_in_march(connection)
    return connection


@pytest.fixture
def export(nodehours: Run) -> Callable[..., list[Row]]:
    """Export with some options to standard output, as CSV, and read it."""

    def run(*options: str) -> list[Row]:
        done = nodehours("export", *options)
        assert done.returncode == 0, done.stderr
        return read_csv(done.stdout.encode())

    return run


def test_without_a_file_it_is_csv_on_standard_output(nodehours: Run) -> None:
    done = nodehours("export")

    assert users(read_csv(done.stdout.encode())) == EVERYTHING
    assert done.stderr == "exported 6 rows as of revision 3\n"
    assert nodehours("export", "-", "--format", "csv").stdout == done.stdout


@pytest.mark.parametrize("form", ["csv", "ndjson", "parquet", "xlsx"])
def test_the_form_is_guessed_from_the_name(nodehours: Run, tmp_path: Path, form: str) -> None:
    done = nodehours("export", f"usage.{form}")

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"exported 6 rows as of revision 3 to usage.{form}\n"
    assert users(rows_of(form, (tmp_path / f"usage.{form}").read_bytes())) == EVERYTHING
    beside = tmp_path / f"usage.{form}.README.txt"
    assert beside.exists() == (form != "xlsx")
    assert list(tmp_path.glob("*.unfinished-*")) == []


def test_the_form_can_be_said_and_the_readme_put_elsewhere(nodehours: Run, tmp_path: Path) -> None:
    nodehours(
        "export", "usage", "--format", "ndjson", "--readme", "about.txt", "--resource", "isca"
    )

    assert len(rows_of("ndjson", (tmp_path / "usage").read_bytes())) == 4
    assert sorted(path.name for path in tmp_path.iterdir()) == ["about.txt", "usage"]
    about = (tmp_path / "about.txt").read_text()
    assert re.search(r"^filters +resource isca$", about, re.MULTILINE)
    assert re.search(r"^2025-05  provisional +no +1 +2 +5400 +1\.50$", about, re.MULTILINE)


def test_a_zip_has_the_listing_and_its_readme(nodehours: Run, tmp_path: Path) -> None:
    nodehours("export", "usage.csv.zip")

    with zipfile.ZipFile(tmp_path / "usage.csv.zip") as found:
        assert found.namelist() == ["README.txt", "usage.csv"]
        assert users(read_csv(found.read("usage.csv"))) == EVERYTHING
    assert [path.name for path in tmp_path.iterdir()] == ["usage.csv.zip"]


def test_endings_may_be_written_large(nodehours: Run, tmp_path: Path) -> None:
    nodehours("export", "USAGE.CSV.ZIP")

    with zipfile.ZipFile(tmp_path / "USAGE.CSV.ZIP") as found:
        assert found.namelist() == ["README.txt", "USAGE.CSV"]
        assert users(read_csv(found.read("USAGE.CSV"))) == EVERYTHING


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--project", "climate.brics"], EVERYTHING[:4]),
        (["--project", "ocean.brics"], EVERYTHING[4:]),
        (["--organisation", "brics"], EVERYTHING),
        (["--resource", "tigris"], EVERYTHING[4:]),
        (["--user", "alice.brics"], [EVERYTHING[0], EVERYTHING[2]]),
        (["--user", BOB], [EVERYTHING[4]]),
        (["--year", "2025"], EVERYTHING[:2]),
        (["--month", "3"], EVERYTHING[2:]),
        (["--month", "2026-03", "--project", "climate.brics"], EVERYTHING[2:4]),
        (["--year", "2025", "--month", "3"], []),
        (["--as-of", "1"], EVERYTHING[2:4]),
        (["--as-of", "0"], []),
    ],
    ids=options_said,
)
def test_what_is_asked_for_is_what_there_is(
    export: Callable[..., list[Row]], options: list[str], expected: list[tuple[str, str]]
) -> None:
    assert users(export(*options)) == expected


def test_a_project_answers_to_every_name_it_ever_had(
    export: Callable[..., list[Row]], march: Connection
) -> None:
    rename_project(march, OCEAN, WEATHER, STAFF)

    assert {row["project_identifier"] for row in export("--project", "ocean.brics")} == {
        str(WEATHER)
    }
    rows = export("--project", "weather.brics", "--as-of", "3")
    assert {row["project_identifier"] for row in rows} == {str(OCEAN)}


def test_a_later_time_gives_the_same_again(
    march: Connection, export: Callable[..., list[Row]]
) -> None:
    before = export()
    report(march, {"2026-03-02": {"al": 1}}, alice="al")

    assert export("--as-of", "3") == before
    assert export() != before


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["usage.ods"],
            "no form has files that end like 'usage.ods': say --format, or end it in one of",
        ),
        (["usage.zip"], "no form has files that end like 'usage': say --format"),
        ([".", "--format", "csv"], ". is a directory: name a file in it"),
        (["usage.csv", "--readme", "usage.csv"], "the readme needs a file of its own"),
        (["usage.csv", "--readme", "."], "the readme needs a file of its own"),
        (["usage.csv", "--readme", "-"], "the readme needs a file of its own"),
        (["--month", "13"], "'13' is not a month of the form YYYY-MM"),
        (["--year", "26"], "'26' is outside the years 1970 to 2200"),
        (["--year", "never"], "'never' is not a year"),
        (["--year", "2025", "--month", "2026-03"], "2026-03 is not in the year 2025"),
        (["--as-of", "9"], "there is no revision 9 yet: the ledger is at revision 3"),
        (["--project", "a.b", "--organisation", "b"], "a project has one organisation"),
    ],
    ids=options_said,
)
def test_what_cannot_be_meant_is_a_wrong_usage(
    nodehours: Run, tmp_path: Path, options: list[str], sentence: str
) -> None:
    done = nodehours("export", *options)

    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            ["--project", "climte.brics"],
            "there is no project or organisation 'climte.brics': is it climate.brics or ocean.brics?",
        ),
        (["--project", "brics"], "'brics' is to be asked for with --organisation"),
        (["--organisation", "ocean.brics"], "'ocean.brics' is to be asked for with --project"),
        (
            ["--user", "zoe"],
            "there is no user 'zoe': `nodehours report --users` lists user identifiers",
        ),
        (["nowhere/usage.csv"], "cannot write nowhere/usage.csv: No such file or directory"),
        (
            ["usage.csv", "--readme", "nowhere/x"],
            "cannot write nowhere/x: No such file or directory",
        ),
    ],
    ids=options_said,
)
def test_what_is_not_there_is_a_sentence(
    nodehours: Run, tmp_path: Path, options: list[str], sentence: str
) -> None:
    done = nodehours("export", *options)

    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"Error: {sentence}\n"
    assert list(tmp_path.iterdir()) == []


def pseudonyms_of(rows: list[Row]) -> list[str]:
    return [row["username"] for row in rows]


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    """A key of pseudonyms, set for whatever is run."""
    monkeypatch.setenv("NODEHOURS_PSEUDONYM_KEY", KEY)
    return KEY


@pytest.mark.usefixtures("key")
def test_with_a_key_of_ours_a_user_has_one_pseudonym_in_all_exports(
    request: pytest.FixtureRequest,
) -> None:
    export: Callable[..., list[Row]] = request.getfixturevalue("export")

    first, again = export("--pseudonymous"), export("--pseudonymous", "--user", "alice.brics")
    assert set(pseudonyms_of(again)) < set(pseudonyms_of(first))
    assert len(set(pseudonyms_of(again))) == 1
    assert len(set(pseudonyms_of(first))) == 3


def test_without_a_key_each_export_has_its_own(export: Callable[..., list[Row]]) -> None:
    first, second = export("--pseudonymous"), export("--pseudonymous")

    assert not (set(pseudonyms_of(first)) & set(pseudonyms_of(second))) - {"unknown"}
    assert [row["node_seconds"] for row in first] == [row["node_seconds"] for row in second]


def test_neither_the_listing_nor_its_readme_tells_whose_pseudonyms_they_are(
    nodehours: Run, tmp_path: Path
) -> None:
    nodehours("export", "usage.csv", "--pseudonymous", "--user", "alice.brics")

    listing, about = (
        (tmp_path / name).read_text() for name in ("usage.csv", "usage.csv.README.txt")
    )
    (name,) = {row["username"] for row in csv.DictReader(io.StringIO(listing))}
    assert re.fullmatch("[0-9a-f]{32}", name)
    assert re.search(f"^filters +user {name}$", about, re.MULTILINE)
    assert "alice" not in listing + about


def test_a_key_that_could_be_guessed_is_refused(database_url: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [NODEHOURS, "export", "--pseudonymous"],
        env=os.environ
        | {"NODEHOURS_DATABASE_URL": database_url, "NODEHOURS_PSEUDONYM_KEY": "short"},
        cwd=tmp_path,
        capture_output=True,
        check=False,
    )

    assert done.returncode == 2
    assert (
        b"NODEHOURS_PSEUDONYM_KEY: a key of 5 characters could be guessed: it needs 16"
        in done.stderr
    )
