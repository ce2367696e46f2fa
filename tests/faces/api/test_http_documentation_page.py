"""The examples of the documentation page, as they stand there, with address and token filled in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from waldur_api_client.models.allocation_user_usage import AllocationUserUsage

from tests.centre import Centre
from tests.serving import USAGE

LIST_IN_PYTHON = """
from waldur_api_client.client import AuthenticatedClient
from waldur_api_client.api.openportal_allocation_user_usage import openportal_allocation_user_usage_list # (1)

client = AuthenticatedClient(
    base_url="https://api.example.com", token="YOUR_API_TOKEN"
)
response = openportal_allocation_user_usage_list.sync(client=client)

for item in response:
    print(item)
"""

RETRIEVE_IN_PYTHON = """
from waldur_api_client.client import AuthenticatedClient
from waldur_api_client.api.openportal_allocation_user_usage import openportal_allocation_user_usage_retrieve # (1)

client = AuthenticatedClient(
    base_url="https://api.example.com", token="YOUR_API_TOKEN"
)
response = openportal_allocation_user_usage_retrieve.sync(
    id=123,
    client=client
)

print(response)
"""

LIST_WITH_HTTPIE = """
http \\
  GET \\
  https://api.example.com/api/openportal-allocation-user-usage/ \\
  Authorization:"Token YOUR_API_TOKEN"
"""

RETRIEVE_WITH_HTTPIE = """
http \\
  GET \\
  https://api.example.com/api/openportal-allocation-user-usage/123/ \\
  Authorization:"Token YOUR_API_TOKEN"
"""


def filled_in(example: str, centre: Centre, name: str) -> str:
    address_and_token = example.replace("https://api.example.com", centre.address)
    return address_and_token.replace("YOUR_API_TOKEN", centre.tokens[name])


def output(*command: str, **environment: str) -> str:
    run = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": str(Path(sys.executable).parent), **environment},
    )
    assert run.stderr == ""
    return run.stdout


def row_123(centre: Centre) -> dict[str, object]:
    (row,) = [row for row in centre.rows if row.id == 123]
    return row.wire(centre.address)


@pytest.mark.parametrize("name", ["staff", "owner", "alice", "nobody"])
def test_the_python_example_of_the_list_prints_the_first_page(
    crowded_centre: Centre, name: str
) -> None:
    printed = output(sys.executable, "-c", filled_in(LIST_IN_PYTHON, crowded_centre, name))

    first_page = crowded_centre.wire(crowded_centre.seen_by(name)[:10])
    assert printed.splitlines() == [str(AllocationUserUsage.from_dict(row)) for row in first_page]


def test_the_python_example_of_retrieve_prints_the_row(crowded_centre: Centre) -> None:
    printed = output(sys.executable, "-c", filled_in(RETRIEVE_IN_PYTHON, crowded_centre, "owner"))

    assert printed.strip() == str(AllocationUserUsage.from_dict(row_123(crowded_centre)))


def test_the_httpie_examples_show_the_first_page_and_the_row(
    crowded_centre: Centre, tmp_path: Path
) -> None:
    page, row = (
        json.loads(output("/bin/sh", "-c", command, HTTPIE_CONFIG_DIR=str(tmp_path)))
        for command in (
            filled_in(LIST_WITH_HTTPIE, crowded_centre, "staff"),
            filled_in(RETRIEVE_WITH_HTTPIE, crowded_centre, "staff"),
        )
    )

    assert page == crowded_centre.wire(crowded_centre.rows[:10])
    assert row == row_123(crowded_centre)


def test_what_the_typescript_examples_send_is_taken(crowded_centre: Centre) -> None:
    """Its client puts ``Bearer`` before what it is given, and says its empty body is JSON."""
    headers = {
        "Authorization": f"Bearer Token {crowded_centre.tokens['staff']}",
        "Content-Type": "application/json",
    }

    page = httpx.get(crowded_centre.address + USAGE, headers=headers)
    row = httpx.get(f"{crowded_centre.address}{USAGE}123/", headers=headers)

    assert page.json() == crowded_centre.wire(crowded_centre.rows[:10])
    assert row.json() == row_123(crowded_centre)
