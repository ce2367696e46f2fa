"""The settings as they are read from the environment."""

from __future__ import annotations

from datetime import UTC, time
from email.headerregistry import Address
from zoneinfo import ZoneInfo

import pytest

from nodehours.settings import (
    SETTINGS,
    MailSettings,
    OidcSettings,
    SettingError,
    Settings,
    SmtpSettings,
)

PROVIDER = {
    "NODEHOURS_OIDC_ISSUER": "https://sso.example.org/realms/hpc",
    "NODEHOURS_OIDC_CLIENT_ID": "usage",
}


def read(**values: str) -> Settings:
    return Settings.from_environment({f"NODEHOURS_{name}": text for name, text in values.items()})


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("", None),
        (" ", None),
        ("https://usage.example.org", "https://usage.example.org"),
        (" https://usage.example.org/ ", "https://usage.example.org"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://[::1]:8000/", "http://[::1]:8000"),
    ],
)
def test_the_dashboards_address_has_no_slash_at_its_end(text: str, url: str | None) -> None:
    assert read(URL=text).url == url


@pytest.mark.parametrize(
    "text",
    [
        "usage.example.org", "ftp://usage.example.org", "https://", "https://a:b", "https://a:99999", "https://a:0",
        "https://user@a", "https://user:word@a", "https://a?b", "https://a#b", "https://[a", "https://a/b",
    ],
)  # fmt: skip
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match=r"^NODEHOURS_URL: "):
        read(URL=text)


def test_without_a_provider_nobody_signs_in_by_one() -> None:
    assert read().oidc is None
    assert read(OIDC_NAME="Our realm", OIDC_SCOPE="openid").oidc is None


def test_a_provider_is_an_issuer_and_what_it_calls_us() -> None:
    assert Settings.from_environment(PROVIDER).oidc == OidcSettings(
        "https://sso.example.org/realms/hpc",
        "usage",
        None,
        "preferred_username",
        "single sign-on",
        "openid profile email",
    )


def test_everything_about_a_provider_can_be_set() -> None:
    more = {
        "NODEHOURS_OIDC_CLIENT_SECRET": "swordfish",
        "NODEHOURS_OIDC_USERNAME_CLAIM": "email",
        "NODEHOURS_OIDC_NAME": "Our realm",
        "NODEHOURS_OIDC_SCOPE": "email openid",
    }

    settings = Settings.from_environment(PROVIDER | more)

    issuer, client_id = PROVIDER.values()
    assert settings.oidc == OidcSettings(
        issuer, client_id, "swordfish", "email", "Our realm", "email openid"
    )
    assert "swordfish" not in repr(settings)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (
            {"OIDC_ISSUER": "https://a.org"},
            (
                "NODEHOURS_OIDC_CLIENT_ID is not set: NODEHOURS_OIDC_ISSUER and NODEHOURS_OIDC_CLIENT_ID belong"
                " together"
            ),
        ),
        (
            {"OIDC_CLIENT_SECRET": "swordfish"},
            (
                "NODEHOURS_OIDC_ISSUER is not set: NODEHOURS_OIDC_ISSUER and NODEHOURS_OIDC_CLIENT_ID belong"
                " together"
            ),
        ),
        (
            {"OIDC_ISSUER": "http://a.org", "OIDC_CLIENT_ID": "a"},
            "NODEHOURS_OIDC_ISSUER: http://a.org must be https",
        ),
        (
            {"OIDC_ISSUER": "http://127.0.0.1.a.org", "OIDC_CLIENT_ID": "a"},
            "NODEHOURS_OIDC_ISSUER: http://127.0.0.1.a.org must be https",
        ),
        (
            {"OIDC_ISSUER": "a.org", "OIDC_CLIENT_ID": "a"},
            "NODEHOURS_OIDC_ISSUER: 'a.org' is no address such as https://example.org",
        ),
        (
            {"OIDC_ISSUER": "https://a.org", "OIDC_CLIENT_ID": "a", "OIDC_SCOPE": "profile"},
            "NODEHOURS_OIDC_SCOPE: openid must be among the scopes",
        ),
    ],
)
def test_a_provider_that_cannot_be_one_is_refused(settings: dict[str, str], sentence: str) -> None:
    with pytest.raises(SettingError) as refused:
        read(**settings)

    assert str(refused.value) == sentence


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.1.2.3:8080", "[::1]:8080"])
def test_a_provider_on_this_machine_may_be_without_https(host: str) -> None:
    settings = read(OIDC_ISSUER=f"http://{host}", OIDC_CLIENT_ID="a")

    assert settings.oidc is not None
    assert settings.oidc.issuer == f"http://{host}"


MAIL = {
    "SMTP_URL": "smtps://mail.example.org",
    "MAIL_FROM": "usage@example.org",
    "URL": "https://usage.example.org",
}


def test_without_a_mail_server_there_is_none_and_office_hours_are_in_utc() -> None:
    assert read().mail == MailSettings(None, UTC, time(9), time(17))


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtps://mail.example.org", ("mail.example.org", 465, True, False, None, None)),
        ("smtps://mail.example.org:4650/", ("mail.example.org", 4650, True, False, None, None)),
        ("smtp://[::1]", ("::1", 25, False, False, None, None)),
        ("smtp://a.org?starttls", ("a.org", 587, False, True, None, None)),
        ("smtp://u%40b:p%2F%3A@a.org:25?starttls", ("a.org", 25, False, True, "u@b", "p/:")),
        ("smtp://u:p@127.0.0.1:1025", ("127.0.0.1", 1025, False, False, "u", "p")),
        ("smtps://u@a.org", ("a.org", 465, True, False, "u", "")),
    ],
)
def test_a_mail_server_is_read(url: str, server: tuple[object, ...]) -> None:
    smtp = read(**MAIL | {"SMTP_URL": url}).mail.smtp

    assert smtp == SmtpSettings(*server, Address("", "usage", "example.org"))  # type: ignore[call-arg,arg-type]


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.org", "smtp://", "http://a.org", "smtp://a.org?tls", "smtps://a.org?starttls", "smtp://a.org/b",
        "smtp://a.org#b", "smtp://a.org:0", "smtp://a.org:99999", "smtp://swordfish:swordfish@", "smtp://[a",
        "smtp://u:swordfish@a.org", "smtp://u:swordfish@a.org/?x",
    ],
)  # fmt: skip
def test_what_is_no_mail_server_is_refused_without_a_word_of_its_password(url: str) -> None:
    with pytest.raises(SettingError, match=r"^NODEHOURS_SMTP_URL") as refused:
        read(**MAIL | {"SMTP_URL": url})

    assert "swordfish" not in str(refused.value)


@pytest.mark.parametrize("missing", ["MAIL_FROM", "URL"])
def test_a_mail_server_needs_a_sender_and_an_address_for_links(missing: str) -> None:
    with pytest.raises(
        SettingError, match=rf"^NODEHOURS_{missing} is not set: NODEHOURS_SMTP_URL,"
    ):
        read(**MAIL | {missing: " "})


@pytest.mark.parametrize(
    ("text", "sender"),
    [
        ("usage@example.org", Address("", "usage", "example.org")),
        ("Usage of the centre <u@a.org>", Address("Usage of the centre", "u", "a.org")),
        ('"Ångström, HPC" <u@a.org>', Address("Ångström, HPC", "u", "a.org")),
    ],
)
def test_who_mails_are_from_is_read(text: str, sender: Address) -> None:
    smtp = read(**MAIL | {"MAIL_FROM": text}).mail.smtp

    assert smtp is not None
    assert smtp.sender == sender


@pytest.mark.parametrize(
    "text",
    [
        "usage",
        "a@b.org, c@d.org",
        "a@b.org\nBcc: c@d.org",
        "<a@b.org",
        "a@",
        "ü@b.org",
        "a@bücher.org",
        "Us: a@b.org;",
    ],
)
def test_who_is_nobody_sends_no_mail(text: str) -> None:
    with pytest.raises(SettingError, match=r"^NODEHOURS_MAIL_FROM: .* is no address such as "):
        read(**MAIL | {"MAIL_FROM": text})


def test_office_hours_and_their_time_zone_are_read() -> None:
    mail = read(MAIL_TIME_ZONE="Europe/London", MAIL_HOURS=" 08:30-23:59 ").mail

    assert mail == MailSettings(None, ZoneInfo("Europe/London"), time(8, 30), time(23, 59))


@pytest.mark.parametrize(
    "zone", ["Europe/Lundun", "../../etc/passwd", "/etc/localtime", "Europe", "\0"]
)
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(
        SettingError, match=r"^NODEHOURS_MAIL_TIME_ZONE: .* is no time zone that is"
    ):
        read(MAIL_TIME_ZONE=zone)


@pytest.mark.parametrize(
    "hours",
    [
        "9-17",
        "09:00",
        "09:00-24:00",
        "09:00-09:00",
        "17:00-09:00",
        "09:60-10:00",
        "\u0660\u0669:00-17:00",
    ],
)
def test_what_are_no_office_hours_is_refused(hours: str) -> None:
    with pytest.raises(SettingError, match=r"^NODEHOURS_MAIL_HOURS: "):
        read(MAIL_HOURS=hours)


def test_every_setting_has_a_name_of_its_own_and_a_sentence() -> None:
    names = [setting.variable for setting in SETTINGS]

    assert len(set(names)) == len(names)
    assert all(name.startswith("NODEHOURS_") for name in names)
    assert all(setting.meaning.endswith(".") for setting in SETTINGS)
