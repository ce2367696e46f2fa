"""The shape of a usage row, its addresses, and the number it is asked for by."""

from uuid import UUID

import msgspec
import pytest

from nodehours.faces.api.wire import NotFound, WireUsage, allocation_url, read_row_id, user_url

UUID_A = UUID("A1B2C3D4-0000-4000-8000-00000000000F")


def test_a_row_is_compact_json_with_its_keys_in_waldurs_order() -> None:
    row = WireUsage(
        node_usage="780.08",
        month=2,
        year=2024,
        allocation="https://hpc.example/api/openportal-allocations/a1/",
        user="https://hpc.example/api/users/b2/",
        username="zoë",
        full_name="Zoë Ångström",
    )

    assert msgspec.json.encode(row).decode() == (
        '{"node_usage":"780.08","month":2,"year":2024,'
        '"allocation":"https://hpc.example/api/openportal-allocations/a1/",'
        '"user":"https://hpc.example/api/users/b2/","username":"zoë","full_name":"Zoë Ångström"}'
    )


def test_the_row_of_nobody_has_all_its_keys() -> None:
    row = WireUsage("0.10", 2, 2024, "https://hpc.example/a/", None, "unknown", "")

    assert msgspec.json.decode(msgspec.json.encode(row)) == {
        "node_usage": "0.10",
        "month": 2,
        "year": 2024,
        "allocation": "https://hpc.example/a/",
        "user": None,
        "username": "unknown",
        "full_name": "",
    }


def test_addresses_name_a_uuid_by_32_lower_case_digits() -> None:
    base = "https://hpc.example"

    assert allocation_url(base, UUID_A) == (
        "https://hpc.example/api/openportal-allocations/a1b2c3d400004000800000000000000f/"
    )
    assert user_url(base, UUID_A) == (
        "https://hpc.example/api/users/a1b2c3d400004000800000000000000f/"
    )
    assert user_url(base, None) is None


@pytest.mark.parametrize(
    ("segment", "row_id"),
    [
        ("1", 1),
        ("0001", 1),
        ("+1", 1),
        (" 1", 1),
        ("1_0", 10),
        ("١٢", 12),
        ("3000000000", 3_000_000_000),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_a_row_is_asked_for_by_any_number_python_reads(segment: str, row_id: int) -> None:
    assert read_row_id(segment) == row_id


@pytest.mark.parametrize("segment", ["0", "-1", "9223372036854775808", "9" * 400])
def test_a_number_that_no_row_can_have_is_no_row(segment: str) -> None:
    assert read_row_id(segment) is None


@pytest.mark.parametrize(
    "segment", ["abc", "1.0", "1e0", "", " ", "\0", "1/", "1__0", "²", UUID_A.hex, "9" * 5000]
)
def test_what_is_no_number_is_not_found(segment: str) -> None:
    with pytest.raises(NotFound) as refused:
        read_row_id(segment)

    assert refused.value.status == 404
    assert refused.value.body == {"detail": "Not found."}
