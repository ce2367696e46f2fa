"""Which form a file has is told by how it begins; what is asked of it decides the rest."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from nodehours.sources.document import Document, UnreadableError
from nodehours.sources.witness import Form, Question, form_of, read_witness
from nodehours.terms.figure import Naming, Unit
from nodehours.terms.month import Month

SREPORT = Path(__file__).parents[1] / "data" / "sreport"
SEPTEMBER = Month(2026, 9)


@pytest.mark.parametrize(
    ("content", "form"),
    [
        (b"[]", Form.WALDUR),
        (b'\xef\xbb\xbf \n[{"node_usage": "1"}]', Form.WALDUR),
        (b"{}", Form.WALDUR),
        (b"project,month,hours\n", Form.CSV),
        (b"project|month|user|node_hours|cost|note\n", Form.CSV),
        (b"a|b|c|d|e|f", Form.CSV),
        (b"", Form.CSV),
        (b"-----\nCluster/Account/User", Form.SREPORT),
        (b"\nCluster|Account|Login|Proper Name|Used|Energy\n", Form.SREPORT),
        (b"lab|brics.climate|alice|Alice A|886|0\n", Form.SREPORT),
        (b"lab|root|||node|5624615\r\n", Form.SREPORT),
        (b"lab|root|||1(16.21%)|0(0.00%)|\n", Form.SREPORT),
    ],
)
def test_the_form_is_told_by_how_the_file_begins(content: bytes, form: Form) -> None:
    assert form_of(Document("file", content, bytes(32))) is form


def test_samples_of_sreport_are_known_as_such() -> None:
    names = [path.name for path in SREPORT.iterdir()]

    assert len(names) == 9
    for name in names:
        assert form_of(Document(name, (SREPORT / name).read_bytes(), bytes(32))) is Form.SREPORT


def test_a_form_that_is_asked_for_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "usage.csv"
    path.write_text("project,month,hours\n")

    with pytest.raises(UnreadableError, match="not JSON"):
        read_witness(str(path), Question(form=Form.WALDUR))


def test_sreport_without_a_banner_is_of_the_one_month_that_is_asked_for() -> None:
    path = str(SREPORT / "cpu.hours.noheader.txt")
    march = Month(2026, 3)

    told = read_witness(path, Question(frozenset({SEPTEMBER}), unit=Unit.HOURS, tres="cpu"))

    assert {one.month for one in told.figures} == {SEPTEMBER}
    with pytest.raises(UnreadableError, match="no banner"):
        read_witness(path, Question(frozenset({SEPTEMBER, march}), unit=Unit.HOURS, tres="cpu"))


def test_files_are_read_packed_and_plain_and_known_by_their_names(tmp_path: Path) -> None:
    row = {"node_usage": "1", "month": 3, "year": 2026, "allocation": "a" * 32, "username": "a.b.c"}
    path = tmp_path / "rows.json.gz"
    path.write_bytes(gzip.compress(json.dumps([row]).encode()))

    told = read_witness(str(path), Question())

    assert told.name == str(path)
    assert told.naming is Naming.USER_IDENTIFIERS


def test_the_name_of_a_file_that_is_no_text_is_escaped(tmp_path: Path) -> None:
    path = f"{tmp_path}/usage\udcff.csv"
    Path(path).write_text("project,month,hours\nx\n")

    told = read_witness(path, Question())

    assert str(told.faults[0]).startswith(f"{tmp_path}/usage\\udcff.csv: line 2: ")
