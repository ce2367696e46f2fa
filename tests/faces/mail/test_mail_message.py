"""What is in a mail: figures, a picture, nothing from elsewhere; and no name that steers it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from html.parser import HTMLParser
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodehours.faces.mail.letter import letter, subject
from nodehours.faces.mail.message import UnfitAddressError, composed, read_address
from nodehours.faces.mail.plan import GrantUse, Planned, ProjectUse
from nodehours.queries.mailing import MailedGrant, Recipient
from nodehours.terms.mailing import Crossing, Due
from nodehours.terms.pace import Grant, pace_of
from tests.faces.export.hostile import NAMES
from tests.faces.mail.mailing import BASE, Office, today
from tests.faces.mail.mailserver import MailBox

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
UUIDS = [UUID(int=number) for number in range(9)]
SENDER = Address("Usage", "usage", "example.org")
HEADERS = {
    "From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "List-Unsubscribe", "MIME-Version",
    "Content-Type",
}  # fmt: skip
PNG = b"\x89PNG"


def use(number: int = 1, resource: str = "isca", daily: int = 36_000, days: int = 60) -> GrantUse:
    """So many node-seconds on each of the first days of a year with 1,000 node-hours."""
    grant = Grant(date(2026, 1, 1), date(2026, 12, 31), 3_600_000)
    by_day = {grant.starts + timedelta(day): daily for day in range(days)}
    pace = pace_of(grant, by_day, NOW.date())
    return GrantUse(MailedGrant(number, UUIDS[number], resource, grant, pace.used), by_day, pace)


def mail(*grants: GrantUse, due: Due | None = None, email: str = "alice@example.org") -> Planned:
    project = ProjectUse(1, "climate.brics", grants or [use()])
    alice = Recipient(1, "alice", email, "manager", "climate.brics", [])
    return Planned(project, alice, due or Due(is_report=True, crossings=()))


def received(of: Planned, pictures: Sequence[bytes | None] = ()) -> EmailMessage:
    """What somebody who got the mail reads in it."""
    drawn = pictures or [None] * len(of.project.grants)
    written = composed(of, SENDER, BASE, UUIDS[7], NOW, drawn)
    message = message_from_bytes(written, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def body(message: EmailMessage, form: str) -> str:
    found = message.get_body((form,))
    assert isinstance(found, EmailMessage)
    return str(found.get_content()).replace("\r\n", "\n")


def test_the_headers_say_that_a_machine_sent_it_and_how_to_get_no_more() -> None:
    message = received(mail())

    assert dict(message.items()) | {"Content-Type": ""} == {
        "From": "Usage <usage@example.org>",
        "To": "alice@example.org",
        "Subject": "climate.brics on isca: ahead, 60 % used",
        "Date": "Mon, 02 Mar 2026 09:30:00 +0000",
        "Message-ID": f"<{UUIDS[7].hex}@example.org>",
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": "<https://usage.example.org/account/>",
        "MIME-Version": "1.0",
        "Content-Type": "",
    }


def test_the_text_has_the_pace_in_a_word_the_figures_and_a_link() -> None:
    text = body(received(mail(due=Due(False, (Crossing(1, 50),)))), "plain")

    assert text.startswith(
        "climate.brics\n"
        "\n"
        "On isca: ahead (if it goes on so, the limit is reached before the end).\n"
        "50 % of the limit is reached.\n"
        "\n"
        "  Used         600.00 of 1,000.00 node-hours (60.0 %)\n"
        "  Granted      1 Jan 2026 to 31 Dec 2026\n"
        "  Known until  1 Mar 2026\n"
        "  Even use     164.38 node-hours by then\n"
        "  Projected    3,650.00 node-hours in the end, between 3,650.00 and 3,650.00\n"
        "  Runs out     about 10 Apr 2026, if it goes on so\n"
        "\n"
        "  https://usage.example.org/allocations/00000000000000000000000000000001/\n"
    )
    assert "You get this as manager of climate.brics" in text
    assert text.endswith("https://usage.example.org/account/\n")


def test_a_grant_that_is_used_up_says_since_when() -> None:
    text = body(received(mail(use(daily=72_000))), "plain")

    assert "On isca: exhausted (the limit is used up)." in text
    assert "  Used up on   19 Feb 2026\n" in text
    assert "Runs out" not in text


def test_of_a_grant_that_has_only_begun_nothing_is_foretold() -> None:
    text = body(received(mail(use(days=0))), "plain")

    assert "settling (it is too early to tell where this goes)" in text
    assert not {"Projected", "Known until", "Even use"} & set(
        re.findall(r"  (\w+(?: \w+)?)  ", text)
    )


def test_the_subject_begins_with_what_reached_a_threshold_and_names_three() -> None:
    grants = [use(number, name) for number, name in enumerate(["a", "b", "c", "d", "e"], 1)]

    told = mail(*grants, due=Due(False, (Crossing(4, 50),)))

    assert subject(told) == (
        "climate.brics: d 50 % reached, ahead, 60 % used; a ahead, 60 % used; b ahead, 60 % used; and 2 more"
    )


@pytest.mark.parametrize(("used", "share"), [(3_599_999, "99 % used"), (3_600_000, "100 % used")])
def test_no_subject_says_that_all_is_used_before_it_is(used: int, share: str) -> None:
    assert subject(mail(use(daily=used, days=1))).endswith(share)


class Loaded(HTMLParser):
    """What a page would load, and where its links lead."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.sources: list[str] = []
        self.links: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.add(tag)
        self.sources += [source for source in (found.get("src"), found.get("background")) if source]
        self.links += [link for link in (found.get("href"),) if link]


def test_pictures_are_in_the_mail_and_nothing_is_fetched() -> None:
    message = received(mail(use(1), use(2, "tigris"), use(3, "tamar")), [PNG, None, PNG * 2])

    pictures = {
        part["Content-ID"]: part.get_content()
        for part in message.walk()
        if part.get_content_type() == "image/png"
    }
    html = body(message, "html")
    page = Loaded(html)
    assert [pictures[f"<{one.removeprefix('cid:')}>"] for one in page.sources] == [PNG, PNG * 2]
    assert len(pictures) == 2
    assert all(link.startswith(f"{BASE}/") for link in page.links)
    assert not {"script", "link", "iframe", "style"} & page.tags
    assert "url(" not in html
    assert "@import" not in html


def test_a_picture_that_came_is_a_picture(office: Office, box: MailBox) -> None:
    office.send()

    came = box.came[0].message
    drawn = [part for part in came.walk() if part.get_content_type() == "image/png"]
    assert len(drawn) == 2
    assert all(part.get_content().startswith(b"\x89PNG\r\n\x1a\n") for part in drawn)
    assert f"{today():%a, %d %b %Y}" in came["Date"]
    assert len(bytes(came)) < 500_000


# ----------------------------------------------------------------------------- hostile names

names = st.sampled_from(NAMES) | st.text(
    st.sampled_from([*"<>&\"'\r\n,;:@=?_ ", "\u202e", "\u2028", "\x00", "\ud800"])
    | st.characters(),
    max_size=80,
)


@given(st.lists(names, min_size=1, max_size=4))
def test_no_name_adds_a_header_a_tag_or_a_line_to_a_mail(resources: list[str]) -> None:
    told = mail(*(use(number, name) for number, name in enumerate(resources, 1)))

    message = received(told)

    assert set(message.keys()) == HEADERS
    assert len(message.keys()) == len(HEADERS)
    assert message["To"].addresses == (Address("", "alice", "example.org"),)
    assert not message.defects
    assert len(message["Subject"].splitlines()) == 1
    plain = mail(*(use(number, "isca") for number, _ in enumerate(resources, 1)))
    assert (
        Loaded(body(message, "html")).tags
        == Loaded(letter(plain, BASE, [None] * len(resources)).html).tags
    )
    assert all(link.startswith(f"{BASE}/") for link in Loaded(body(message, "html")).links)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("alice@example.org", "alice@example.org"),
        (" alice@example.org ", "alice@example.org"),
        ("a.b+c@sub.example.org", "a.b+c@sub.example.org"),
        ('"a b"@example.org', '"a b"@example.org'),
        ("alice@bücher.example", "alice@xn--bcher-kva.example"),
    ],
)
def test_an_address_is_read(text: str, address: str) -> None:
    assert read_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "", "alice", "@example.org", "alice@", "a@b.org, c@d.org", "a@b.org\r\nBcc: c@d.org", "a@b.org\nx", "a@b\0.org",
        "Alice <alice@example.org>", "alice@@example.org", "ålice@example.org", "a b@example.org", "a@b.org>",
        "a@b..org", '"a\r\nb"@example.org', "alice@exa mple.org", "\ud800@example.org", "a@" + "x" * 300 + ".org",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(UnfitAddressError, match=r" is no address that mail can go to$"):
        read_address(text)


@given(names)
def test_what_is_read_as_an_address_is_one_address_in_a_header(text: str) -> None:
    try:
        address = read_address(text)
    except UnfitAddressError:
        return

    message = received(mail(email=text))
    assert [one.addr_spec for one in message["To"].addresses] == [address]
    assert set(message.keys()) == HEADERS
