"""Identifiers, read as the openportal package reads them, which is the oracle here; and the other names."""

import importlib
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nodehours.terms.identifiers import (
    BLANKS,
    Identity,
    PortalIdentifier,
    ProjectIdentifier,
    UserIdentifier,
    read_component,
    read_full_name,
    read_local_user,
    read_resource,
    read_username,
)

# Imported by name because the wheel's type stub is not valid Python, which stops mypy.
openportal: Any = importlib.import_module("openportal")

Parse = type[PortalIdentifier] | type[ProjectIdentifier] | type[UserIdentifier]
KINDS: list[tuple[Parse, Any]] = [
    (PortalIdentifier, openportal.PortalIdentifier),
    (ProjectIdentifier, openportal.ProjectIdentifier),
    (UserIdentifier, openportal.UserIdentifier),
]
of_each_kind = pytest.mark.parametrize(("ours", "theirs"), KINDS)

good_parts = st.from_regex(r"[A-Za-z0-9_][A-Za-z0-9_-]{0,63}", fullmatch=True)
blanks = st.text(BLANKS, max_size=2)
odd_parts = st.text(max_size=5) | st.from_regex(r"[A-Za-z0-9_.-]{60,70}", fullmatch=True)
parts = st.tuples(blanks, good_parts | odd_parts, blanks).map("".join)
texts = st.text() | st.lists(parts, max_size=4).map(".".join)


def read_by_the_package(parse: Any, text: str) -> str | None:
    try:
        return str(parse(text))
    except OSError:
        return None


def read_here(parse: Parse, text: str) -> str | None:
    try:
        return str(parse.parse(text))
    except ValueError:
        return None


@of_each_kind
@given(text=texts)
@example(text="climate.brics")
@example(text=" alice . climate.brics\n")
@example(text="\x1cclimate.brics")
@example(text="\u3000climate.brics\x85")
@example(text="\ufeffclimate.brics")
@example(text="a" * 64 + ".brics")
@example(text="a" * 65 + ".brics")
@example(text="prój.brics")
@example(text="climate.brics\0")
@example(text="climate..brics")
@example(text="-climate.brics")
@example(text="_climate-.brics")
@example(text="")
def test_the_same_text_is_accepted_refused_and_normalised_as_by_the_package(
    ours: Parse, theirs: Any, text: str
) -> None:
    assert read_here(ours, text) == read_by_the_package(theirs, text)


@given(good_parts, good_parts, good_parts)
def test_an_identifier_is_written_as_it_was_read(user: str, project: str, portal: str) -> None:
    identifier = UserIdentifier.parse(f"{user}.{project}.{portal}")

    assert identifier == UserIdentifier(user, project, portal)
    assert str(identifier) == f"{user}.{project}.{portal}"
    assert str(identifier.project_identifier) == f"{project}.{portal}"
    assert str(identifier.identity) == f"{user}.{portal}"


def test_case_is_kept_and_significant() -> None:
    assert str(ProjectIdentifier.parse("Climate.BRICS")) == "Climate.BRICS"
    assert ProjectIdentifier.parse("Climate.brics") != ProjectIdentifier.parse("climate.brics")


@pytest.mark.parametrize(
    "make",
    [
        lambda: PortalIdentifier(""),
        lambda: ProjectIdentifier("climate.brics", "brics"),
        lambda: Identity("alice ", "brics"),
        lambda: UserIdentifier("alice", "climate", "brics\n"),
        lambda: UserIdentifier("alice", "climate", "b" * 65),
    ],
)
def test_an_identifier_that_is_not_valid_cannot_exist(make: Any) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        make()


@pytest.mark.parametrize(
    ("kind", "text", "sentence"),
    [
        (ProjectIdentifier, "climate", "'climate' is not of the form project.portal"),
        (ProjectIdentifier, "", "'' is not of the form project.portal"),
        (PortalIdentifier, "br.ics", "'br.ics' is not of the form portal"),
        (Identity, "alice", "'alice' is not of the form user.portal"),
        (UserIdentifier, "al ice.p.b", "'al ice.p.b' is not of the form user.project.portal"),
        (UserIdentifier, "\x1b[2J.p.b", r"'\x1b[2J.p.b' is not of the form user.project.portal"),
        (ProjectIdentifier, "x" * 10**6, f"'{'x' * 64}…' is not of the form project.portal"),
    ],
)
def test_what_is_no_identifier_is_refused_with_a_short_sentence(
    kind: Parse, text: str, sentence: str
) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011  # the whole sentence is compared below
        kind.parse(text)

    rule = " (a part is 1 to 64 letters, digits, '_' and '-', and does not begin with '-')"
    assert str(refused.value) == sentence + rule


@pytest.mark.parametrize("read", [read_local_user, read_component, read_resource])
@pytest.mark.parametrize("name", ["alice.climate", "müller", "日本", "a b", "unknown", "x" * 255])
def test_a_name_on_the_machine_is_printable_text(read: Any, name: str) -> None:
    assert read(name) == name


@pytest.mark.parametrize("read", [read_local_user, read_component, read_resource])
@pytest.mark.parametrize(
    "name", ["", "x" * 256, "a\0", "a\n", "\x1b[2J", "\x9b", "\u202e", "\ud800"]
)
def test_what_no_account_can_be_called_and_no_database_can_store_is_refused(
    read: Any, name: str
) -> None:
    with pytest.raises(ValueError, match=r"1 to 255 printable characters") as refused:
        read(name)

    assert str(refused.value).isprintable()


@pytest.mark.parametrize("name", ["alice", "alice@hpc.example", "müller", "x" * 128])
def test_a_username_is_printable_text_without_blanks(name: str) -> None:
    assert read_username(name) == name


@pytest.mark.parametrize("name", ["", " ", "al ice", "alice\n", "a\u00a0b", "x" * 129, "a\0"])
def test_what_is_no_username_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a username"):
        read_username(name)


@pytest.mark.parametrize("name", ["", "Alice Example", "山田 花子", "नि\u200dशा", "x" * 255])
def test_a_full_name_is_text_of_any_script(name: str) -> None:
    assert read_full_name(name) == name


@pytest.mark.parametrize("name", ["Alice\x1b[2J", "a\0", "a\nb", "\ud800", "x" * 256])
def test_what_would_move_a_terminal_is_no_full_name(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a person's name"):
        read_full_name(name)
