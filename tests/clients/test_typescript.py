"""A TypeScript program over a client that a kept generator makes of the OpenAPI document we serve.

It is the generator that Waldur's own JavaScript client comes from. The program must compile in strict mode.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from copy import deepcopy
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.centre import Centre
from tests.clients import asked
from tests.clients.installed import HERE, node, node_modules
from tests.clients.once import once
from tests.serving import USAGE

SCHEMA = "/api/schema/"
SOURCES = ("program.ts", "tsconfig.json", "openapi-ts.config.mjs", "package.json")


def served_document(address: str) -> dict[str, Any]:
    """The OpenAPI document that the server at *address* gives to anybody."""
    reply = httpx.get(address + SCHEMA, headers={"Accept": "application/json"}, timeout=60)
    document: dict[str, Any] = reply.raise_for_status().json()
    return document


def run(directory: Path, *command: Path | str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [node(), *command],
        cwd=directory,
        input=stdin,
        env={"NO_COLOR": "1"},
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def generated(directory: Path, document: dict[str, Any]) -> None:
    """Lay the program into *directory*, with a client generated from *document* beside it."""
    for name in SOURCES:
        shutil.copy(HERE / name, directory)
    (directory / "openapi.json").write_text(json.dumps(document))
    (directory / "node_modules").symlink_to(node_modules())
    made = run(directory, "node_modules/@hey-api/openapi-ts/bin/run.js", "--no-log-file")
    assert made.returncode == 0, made.stdout + made.stderr


def compiled(directory: Path) -> str:
    """What the compiler finds wrong, line by line."""
    return run(directory, "node_modules/typescript/bin/tsc", "--pretty", "false").stdout


@pytest.fixture(scope="module")
def outcome(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The document, what the program got in one run, and what had to come."""

    def work() -> dict[str, Any]:
        centre: Centre = request.getfixturevalue("crowded_centre")
        directory: Path = request.getfixturevalue("tmp_path_factory").mktemp("typescript")
        document = served_document(centre.address)
        return {
            "document": document,
            "answers": answers(directory, document, asked.task(centre)),
            "expected": asked.expected(centre) | {"token": centre.tokens["staff"]},
        }

    return once("typescript", work)


def answers(directory: Path, document: dict[str, Any], task: dict[str, Any]) -> Any:
    generated(directory, document)
    assert compiled(directory) == ""
    done = run(directory, "compiled/program.js", stdin=json.dumps(task))
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def test_a_page_of_what_is_asked_for(outcome: dict[str, Any]) -> None:
    """With every parameter alone and in pairs, as in all these tests."""
    assert outcome["answers"]["pages"] == outcome["expected"]["pages"]


def test_the_count_of_what_is_asked_for(outcome: dict[str, Any]) -> None:
    assert outcome["answers"]["counts"] == outcome["expected"]["counts"]


def test_all_pages_and_the_count_agree(outcome: dict[str, Any]) -> None:
    """By ``next`` links and by numbers from 1, for every filter and for every reader."""
    assert outcome["answers"]["walks"] == outcome["expected"]["walks"]


def test_a_row_can_be_retrieved_if_it_may_be_seen(outcome: dict[str, Any]) -> None:
    assert outcome["answers"]["retrieved"] == outcome["expected"]["retrieved"]


def test_a_token_that_is_none_is_refused(outcome: dict[str, Any]) -> None:
    """An error object comes with it, whether the client throws it, which it does by default, or returns it."""
    assert outcome["answers"]["refused"] == outcome["expected"]["refused"]
    assert outcome["answers"]["thrown"] == {"detail": asked.NO_TOKEN}


def test_a_token_is_taken_however_the_client_sends_it(outcome: dict[str, Any]) -> None:
    """What the documentation page calls ``auth`` may go out behind ``Bearer``: the generator decides."""
    token, signed = outcome["expected"]["token"], outcome["answers"]["signed"]
    first_page = outcome["expected"]["pages"][""]["rows"]

    sent = {way: reply["sent"] for way, reply in signed.items()}
    assert sent.pop("auth").removeprefix("Bearer ") == f"Token {token}"
    assert sent == {
        "token": f"Token {token}",
        "bearer": f"Bearer {token}",
        "bearer_token": f"Bearer Token {token}",
    }
    assert [reply["rows"] for reply in signed.values()] == [first_page] * 4


def test_a_document_of_wrong_types_does_not_compile(
    outcome: dict[str, Any], tmp_path: Path
) -> None:
    wrong = deepcopy(outcome["document"])
    row = wrong["components"]["schemas"]["AllocationUserUsage"]["properties"]
    row |= {"node_usage": {"type": "number"}, "month": {"type": "string"}}
    row |= {"user": {"type": "string"}}
    for method, path, name, kind in (
        ("get", USAGE, "allocation_uuid", "integer"),
        ("head", USAGE, "page_size", "boolean"),
        ("get", USAGE + "{id}/", "id", "string"),
    ):
        parameters(wrong, path, method)[name]["schema"] = {"type": kind}

    assert complaints(tmp_path, wrong) >= {
        *("node_usage", "month", "user"),
        *("allocation_uuid", "page_size", "id"),
    }


def test_a_document_that_leaves_things_out_does_not_compile(
    outcome: dict[str, Any], tmp_path: Path
) -> None:
    short = deepcopy(outcome["document"])
    row = short["components"]["schemas"]["AllocationUserUsage"]
    del row["properties"]["full_name"]
    row["required"].remove("full_name")
    for method, name in (("get", "year"), ("head", "user_uuid")):
        left = parameters(short, USAGE, method)
        del left[name]
        short["paths"][USAGE][method]["parameters"] = [*left.values()]
    short["paths"][USAGE + "{id}/"]["get"]["operationId"] += "_of_usage"

    assert complaints(tmp_path, short) >= {
        *("full_name", "year", "user_uuid"),
        "openportalAllocationUserUsageRetrieve",
    }


def parameters(document: dict[str, Any], path: str, method: str) -> dict[str, dict[str, Any]]:
    """An operation's parameters by name, after those that stand elsewhere are written out in it."""
    operation = document["paths"][path][method]
    shared = document["components"].get("parameters", {})
    operation["parameters"] = [
        deepcopy(shared[one["$ref"].rpartition("/")[2]]) if "$ref" in one else one
        for one in operation["parameters"]
    ]
    return {one["name"]: one for one in operation["parameters"]}


def complaints(directory: Path, document: dict[str, Any]) -> set[str]:
    """What the compiler points at or names in the program, when its client comes from *document*."""
    generated(directory, document)
    found = compiled(directory)
    lines = (directory / "program.ts").read_text().splitlines()
    places = re.findall(r"^program\.ts\((\d+),(\d+)\): error", found, re.MULTILINE)
    pointed = {
        re.split(r"\W", lines[int(line) - 1][int(column) - 1 :])[0] for line, column in places
    }
    return pointed | set(re.findall(r"property '(\w+)'", found))


def test_the_program_lets_no_type_slip() -> None:
    program = (HERE / "program.ts").read_text()
    comments_and_imports = r"/\*.*?\*/|//[^\n]*|^import .*?;$"
    code = re.sub(comments_and_imports, "", program, flags=re.DOTALL | re.MULTILINE)

    assert re.findall(r"\b(?:any|as)\b|@ts-", code) == []
