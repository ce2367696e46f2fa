"""Documents: files, gzip files and standard input, copied once and held still; and what cannot be read."""

import gzip
import hashlib
import io
import os
import random
import subprocess
import sys
import zlib
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import zstandard

from nodehours.sources import document
from nodehours.sources.document import UnreadableError, opened
from nodehours.sources.openportal import Report

REPORT = b'{"project": "climate.brics", "reports": {"2026-09-01": {"is_complete": true}}}\n'
PACKED = gzip.compress(REPORT, mtime=0)
DAMAGED = "the gzip data is damaged or cut off"

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

# Says what became of standard input: its name, size and SHA-256, or why it cannot be read.
READ = """
import os
import sys
from nodehours.sources.document import UnreadableError, opened

for name in sys.argv[1:]:
    try:
        with opened(name) as document:
            print(document.name, len(document.content), document.sha256.hex())
    except UnreadableError as error:
        print("unreadable:", error)
"""


def written(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return str(path)


def read(name: str) -> bytes:
    with opened(name) as found:
        assert found.name == name
        assert found.sha256 == hashlib.sha256(found.content).digest()
        return bytes(found.content)


def refusal(name: str) -> str:
    with pytest.raises(UnreadableError) as refused, opened(name):
        pass
    return str(refused.value)


def piped(content: bytes, *names: str) -> list[str]:
    """Read *names* in a process of its own that has *content* as its standard input."""
    process = subprocess.run(
        [sys.executable, "-c", READ, *names], input=content, capture_output=True, check=True
    )
    assert process.stderr == b""
    return process.stdout.decode().splitlines()


def line(content: bytes) -> str:
    return f"<stdin> {len(content)} {hashlib.sha256(content).hexdigest()}"


def test_a_file_is_read_as_it_is_and_known_by_its_sha_256(tmp_path: Path) -> None:
    assert read(written(tmp_path / "report.json", REPORT)) == REPORT


@pytest.mark.parametrize("name", ["report.json.gz", "report.json", "report"])
def test_gzip_is_known_by_its_first_bytes_whatever_the_file_is_called(
    tmp_path: Path, name: str
) -> None:
    assert read(written(tmp_path / name, PACKED)) == REPORT


def test_a_plain_file_called_gz_is_read_as_it_is(tmp_path: Path) -> None:
    assert read(written(tmp_path / "report.json.gz", REPORT)) == REPORT


def test_a_gzip_file_may_have_several_members(tmp_path: Path) -> None:
    halves = gzip.compress(REPORT[:30]) + gzip.compress(REPORT[30:])

    assert read(written(tmp_path / "report.gz", halves)) == REPORT


def test_a_file_that_is_rewritten_while_it_is_read_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "report.json"

    with opened(written(path, REPORT)) as found:
        path.write_bytes(b"{}")
        path.unlink()
        assert bytes(found.content) == REPORT
        assert len(list(Report(found))) == 1


@pytest.mark.parametrize("content", [REPORT, PACKED], ids=["plain", "gzip"])
def test_standard_input_is_read_plain_and_packed(content: bytes) -> None:
    assert piped(content, "-") == [line(REPORT)]


def test_standard_input_that_was_read_already_is_empty() -> None:
    assert piped(REPORT, "-", "-") == [line(REPORT), "unreadable: the document is empty"]


class Dripping(io.RawIOBase):
    """A pipe through which each byte comes alone."""

    def __init__(self, content: bytes) -> None:
        self._rest = iter(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer") -> int:
        chunk = bytes(islice(self._rest, 1))
        memoryview(buffer)[: len(chunk)] = chunk
        return len(chunk)


@pytest.mark.parametrize("content", [REPORT, PACKED], ids=["plain", "gzip"])
def test_gzip_is_known_even_if_its_first_byte_comes_alone(
    monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    pipe = io.BufferedReader(Dripping(content))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(pipe))

    with opened("-") as found:
        assert (found.name, bytes(found.content)) == ("<stdin>", REPORT)


def test_a_closed_standard_input_is_said_to_be_closed() -> None:
    closed = f"import os; os.close(0); os.execv({sys.executable!r}, [{sys.executable!r}, '-c', {READ!r}, '-'])"

    process = subprocess.run([sys.executable, "-c", closed], capture_output=True, check=True)

    assert process.stdout == b"unreadable: standard input is closed\n"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "the document is empty"),
        (gzip.compress(b""), "the document is empty"),
        (PACKED + b"junk", f"{DAMAGED}: Not a gzipped file (b'ju')"),
        (PACKED[:2], f"{DAMAGED}: Compressed file ended before the end-of-stream marker was reached"),
    ],
    ids=["empty", "empty gzip", "gzip and more", "two bytes of gzip"],
)  # fmt: skip
def test_what_cannot_be_unpacked_is_refused_with_a_sentence(
    tmp_path: Path, content: bytes, sentence: str
) -> None:
    assert refusal(written(tmp_path / "report", content)) == sentence


ZSTANDARD = zstandard.ZstdCompressor().compress(REPORT)
ZSTANDARD_DAMAGED = "the Zstandard data is damaged or cut off"
SKIPPED = b"\x50\x2a\x4d\x18\x04\x00\x00\x00junk"


@pytest.mark.parametrize(
    "packed",
    [
        ZSTANDARD,
        zstandard.ZstdCompressor().compress(REPORT[:30]) + zstandard.ZstdCompressor().compress(REPORT[30:]),
        ZSTANDARD + zstandard.ZstdCompressor().compress(b""),
        SKIPPED + ZSTANDARD + SKIPPED,
        zstandard.ZstdCompressor(write_content_size=False, write_checksum=True).compress(REPORT),
    ],
    ids=["one frame", "two frames", "an empty one", "some that are skipped", "of no known size"],
)  # fmt: skip
def test_zstandard_is_unpacked_whatever_frames_it_has(tmp_path: Path, packed: bytes) -> None:
    assert read(written(tmp_path / "report", packed)) == REPORT
    assert piped(packed, "-") == [line(REPORT)]


def test_zstandard_that_is_cut_off_at_any_byte_is_refused(tmp_path: Path) -> None:
    """The library's own stream ends there as if nothing were missing."""
    for length in range(4, len(ZSTANDARD)):
        name = written(tmp_path / "report.zst", ZSTANDARD + ZSTANDARD[:length])
        assert refusal(name).startswith(ZSTANDARD_DAMAGED)
        assert refusal(written(tmp_path / "report.zst", ZSTANDARD[:length])).startswith(
            ZSTANDARD_DAMAGED
        )


def test_zstandard_with_any_byte_damaged_or_more_after_it_is_refused(tmp_path: Path) -> None:
    packed = zstandard.ZstdCompressor(write_checksum=True).compress(REPORT)

    assert refusal(written(tmp_path / "a", packed + b"junk")).startswith(ZSTANDARD_DAMAGED)
    for at in range(6, len(packed)):
        damaged = packed[:at] + bytes([packed[at] ^ 0x55]) + packed[at + 1 :]
        assert refusal(written(tmp_path / "a", damaged)).startswith(ZSTANDARD_DAMAGED)


def test_zstandard_of_many_pieces_is_unpacked_whole(tmp_path: Path) -> None:
    content = random.Random(7).randbytes(3 * 2**20) + b"0" * (5 * 2**20)
    packed = zstandard.ZstdCompressor().compress(content)

    assert read(written(tmp_path / "report.zst", packed)) == content


def test_gzip_that_is_cut_off_at_any_byte_is_refused(tmp_path: Path) -> None:
    for length in range(2, len(PACKED)):
        assert refusal(written(tmp_path / "report.gz", PACKED[:length])).startswith(DAMAGED)


def test_gzip_with_any_byte_damaged_is_refused_or_has_the_same_content(tmp_path: Path) -> None:
    """What is in the header besides, such as the time, says nothing of the content."""
    for at in range(2, len(PACKED)):
        damaged = PACKED[:at] + bytes([PACKED[at] ^ 0x55]) + PACKED[at + 1 :]
        name = written(tmp_path / "report.gz", damaged)
        try:
            assert read(name) == REPORT
        except UnreadableError as error:
            assert str(error).startswith(DAMAGED)  # noqa: PT017  # either is right
        assert at < 10 or refusal(name)


def test_a_checksum_that_does_not_fit_is_found(tmp_path: Path) -> None:
    checksum = zlib.crc32(REPORT).to_bytes(4, "little")
    wrong = PACKED.replace(checksum, bytes(4))

    assert "CRC check failed" in refusal(written(tmp_path / "report.gz", wrong))


def test_a_file_that_is_not_there_a_directory_and_a_broken_link_are_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")

    assert refusal(str(tmp_path / "nowhere")) == "No such file or directory"
    assert refusal(str(tmp_path / "link")) == "No such file or directory"
    assert refusal(str(tmp_path)) == "Is a directory"
    assert refusal("x" * 5000) == "File name too long"


def test_a_file_that_may_not_be_read_is_refused(tmp_path: Path) -> None:
    name = written(tmp_path / "report.json", REPORT)
    Path(name).chmod(0)
    # Root may read everything, so a process that is root becomes nobody first.
    as_nobody = READ.replace("for name", "os.geteuid() or os.seteuid(65534)\n\nfor name")

    process = subprocess.run(
        [sys.executable, "-c", as_nobody, name], capture_output=True, check=True
    )

    assert process.stdout == b"unreadable: Permission denied\n"


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.ZstdCompressor().compress])
def test_a_document_larger_than_the_largest_is_refused(
    tmp_path: Path, pack: Callable[[bytes], bytes]
) -> None:
    packed, most = pack(b"0" * (2**20)), 5 * 2**20

    assert document.MAX_DOCUMENT_BYTES == 4 * 2**30
    with opened(written(tmp_path / "largest", packed * 5), most) as found:
        assert len(found.content) == most
    with (
        pytest.raises(UnreadableError, match="it is larger than "),
        opened(written(tmp_path / "bomb", packed * 6), most),
    ):
        pass


def test_no_room_for_the_copy_is_said_as_what_it_is(tmp_path: Path) -> None:
    """On a full disk writing fails; so it does where no file may be larger than 3 KiB."""
    name = written(tmp_path / "report.json", b"{" + b" " * 5000)
    limit = "import resource as r; r.setrlimit(r.RLIMIT_FSIZE, (3072, 3072))\n"

    process = subprocess.run(
        [sys.executable, "-c", limit + READ, name],
        capture_output=True,
        check=True,
        env={**os.environ, "TMPDIR": str(tmp_path)},
    )

    sentence = f"unreadable: no copy can be kept in {tmp_path}: File too large\n"
    assert process.stdout.decode() == sentence


def test_without_a_directory_for_temporary_files_nothing_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The directory was there when the program started, and is gone."""
    (tmp_path / "report.json").write_bytes(REPORT)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "gone"))

    with (
        pytest.raises(UnreadableError, match="no temporary file can be made: No such file"),
        opened(str(tmp_path / "report.json")),
    ):
        pass
