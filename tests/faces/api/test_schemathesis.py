"""Thousands of requests made of our own documents, right ones and wrong ones: no failure, nothing undocumented."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.centre import Centre

_RUN = Path(sys.executable).with_name("schemathesis")
_CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "ignored_auth",
)


def played(centre: Centre, directory: Path, path: str, name: str, examples: int) -> int:
    """Play the document at *path* as the reader *name*, and return how many requests that were."""
    done = subprocess.run(
        [
            _RUN, "run", centre.address + path, "--header", f"Authorization: Token {centre.tokens[name]}",
            "--checks", ",".join(_CHECKS), "--max-examples", str(examples), "--phases", "coverage,fuzzing",
            "--seed", "1", "--generation-database", "none", "--no-color",
        ],
        cwd=directory,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.search(r"(\d+) generated", done.stdout)
    assert found, done.stdout
    return int(found[1])


@pytest.mark.slow
def test_whatever_the_full_document_allows_or_forbids_is_answered_as_it_says(
    centre: Centre, tmp_path: Path
) -> None:
    assert played(centre, tmp_path, "/api/schema/full/", "staff", 30) > 2000


@pytest.mark.slow
def test_the_plain_document_is_true_as_well_and_for_who_sees_little(
    centre: Centre, tmp_path: Path
) -> None:
    assert played(centre, tmp_path, "/api/schema/", "alice", 10) > 1000
