"""The settings: one table, read from the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, time, tzinfo
from email.errors import MessageError
from email.headerregistry import Address
from email.policy import SMTP
from ipaddress import ip_address
from pathlib import Path
from typing import NamedTuple
from urllib.parse import SplitResult, unquote, urlsplit
from zoneinfo import ZoneInfo

from platformdirs import user_data_path


class Setting(NamedTuple):
    """One setting: the variable that sets it, what holds without it, and what it is."""

    variable: str
    default: str
    meaning: str


DATABASE_URL = Setting(
    "NODEHOURS_DATABASE_URL",
    "none: the embedded PostgreSQL is used",
    "The libpq URL of your own PostgreSQL, 15 or newer.",
)
DATA_DIR = Setting(
    "NODEHOURS_DATA_DIR",
    "the user's data directory for nodehours, such as ~/.local/share/nodehours",
    "The directory in which the embedded PostgreSQL keeps its data.",
)
ARCHIVE = Setting(
    "NODEHOURS_ARCHIVE",
    "slurm in NODEHOURS_DATA_DIR",
    "The directory in which `nodehours ingest slurm` keeps jobs, as Parquet by resource, cluster and month.",
)
ACCOUNTS = Setting(
    "NODEHOURS_ACCOUNTS",
    "none: by convention, portal.project is project.portal",
    "The mapping file that says which projects Slurm's accounts are, and which people its users.",
)
RECONCILE_TOKEN = Setting(
    "NODEHOURS_RECONCILE_TOKEN",
    "none: the service is asked without one",
    "The token with which `nodehours reconcile` signs in to another Waldur or nodehours.",
)
CROSS_ORIGINS = Setting(
    "NODEHOURS_CROSS_ORIGINS",
    "`*`: the pages of any origin, with a token of their own",
    "The origins whose pages may read the API from a browser, parted by blanks, such as https://portal.example.org;"
    " `none` for none.",
)
PSEUDONYM_KEY = Setting(
    "NODEHOURS_PSEUDONYM_KEY",
    "none: each export has a key of its own",
    "The key of the pseudonyms of `nodehours export --pseudonymous`, 16 characters or more: exports with the same key"
    " have the same pseudonyms.",
)
URL = Setting(
    "NODEHOURS_URL",
    "none: links name the address that is listened on",
    "The public address of the dashboard, such as https://usage.example.org: what links in mails begin with. When it is"
    " https, browsers send the dashboard's cookies by https only.",
)
OIDC_ISSUER = Setting(
    "NODEHOURS_OIDC_ISSUER",
    "none: nobody signs in by OpenID Connect",
    "The issuer of an OpenID provider by which people sign in, such as https://sso.example.org/realms/hpc.",
)
OIDC_CLIENT_ID = Setting(
    "NODEHOURS_OIDC_CLIENT_ID",
    "none",
    "What the provider calls this dashboard; the address to come back to is /sign-in/oidc/back/ below its own.",
)
OIDC_CLIENT_SECRET = Setting(
    "NODEHOURS_OIDC_CLIENT_SECRET",
    "none: the dashboard is a public client",
    "The secret that the provider gave this dashboard.",
)
OIDC_USERNAME_CLAIM = Setting(
    "NODEHOURS_OIDC_USERNAME_CLAIM",
    "`preferred_username`",
    "The claim that is the username in nodehours, looked at when somebody comes for the first time: nobody but the"
    " provider may choose it.",
)
OIDC_NAME = Setting(
    "NODEHOURS_OIDC_NAME",
    "`single sign-on`",
    "What people call the provider: the button to it says so.",
)
OIDC_SCOPE = Setting(
    "NODEHOURS_OIDC_SCOPE",
    "`openid profile email`",
    "The scopes that the provider is asked for, parted by blanks.",
)
SMTP_URL = Setting(
    "NODEHOURS_SMTP_URL",
    "none: nobody is mailed",
    "The mail server, such as smtps://user:password@mail.example.org, or smtp://mail.example.org:587?starttls; of user"
    " and password, what an address cannot have is written as in %40.",
)
MAIL_FROM = Setting(
    "NODEHOURS_MAIL_FROM",
    "none",
    "Whom mails are from, such as `Usage <usage@example.org>`.",
)
MAIL_TIME_ZONE = Setting(
    "NODEHOURS_MAIL_TIME_ZONE",
    "`UTC`",
    "The time zone of the office hours in which mails are sent, such as Europe/London.",
)
MAIL_HOURS = Setting(
    "NODEHOURS_MAIL_HOURS",
    "`09:00-17:00`",
    "The office hours, Monday to Friday, in which mails are sent.",
)

SETTINGS = (
    DATABASE_URL,
    DATA_DIR,
    ARCHIVE,
    ACCOUNTS,
    RECONCILE_TOKEN,
    CROSS_ORIGINS,
    PSEUDONYM_KEY,
    URL,
    OIDC_ISSUER,
    OIDC_CLIENT_ID,
    OIDC_CLIENT_SECRET,
    OIDC_USERNAME_CLAIM,
    OIDC_NAME,
    OIDC_SCOPE,
    SMTP_URL,
    MAIL_FROM,
    MAIL_TIME_ZONE,
    MAIL_HOURS,
)


_PROVIDER = {
    "issuer": OIDC_ISSUER,
    "client_id": OIDC_CLIENT_ID,
    "client_secret": OIDC_CLIENT_SECRET,
    "username_claim": OIDC_USERNAME_CLAIM,
    "name": OIDC_NAME,
    "scope": OIDC_SCOPE,
}


class SettingError(ValueError):
    """A setting that says nothing; its text is the sentence that names it."""


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """The OpenID provider by which people sign in; without ``client_secret`` we are a public client there."""

    issuer: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    username_claim: str = "preferred_username"
    name: str = "single sign-on"
    scope: str = "openid profile email"


@dataclass(frozen=True, slots=True)
class SmtpSettings:
    """The mail server, and whom mails are from. One ``is_tls`` from its first byte, or after it was asked to start."""

    host: str
    port: int
    is_tls: bool
    starts_tls: bool
    username: str | None
    password: str | None = field(repr=False)
    sender: Address


@dataclass(frozen=True, slots=True)
class MailSettings:
    """In which hours mails are sent, half-open, in which time zone; and by whom, unless they are not."""

    smtp: SmtpSettings | None = None
    time_zone: tzinfo = UTC
    opens: time = time(9)
    closes: time = time(17)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the settings say. ``database_url`` None: the embedded PostgreSQL in ``data_dir``.

    ``url`` is the dashboard's public address without a slash at its end.
    """

    database_url: str | None
    data_dir: Path
    archive: Path | None = None
    accounts: Path | None = None
    reconcile_token: str | None = field(default=None, repr=False)
    cross_origins: tuple[str, ...] = ("*",)
    pseudonym_key: str | None = field(default=None, repr=False)
    url: str | None = None
    oidc: OidcSettings | None = None
    mail: MailSettings = MailSettings()

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; a blank one counts as not set. Raises ``SettingError``."""
        data_dir = environment.get(DATA_DIR.variable, "").strip()
        return cls(
            database_url=environment.get(DATABASE_URL.variable, "").strip() or None,
            data_dir=Path(data_dir).expanduser() if data_dir else user_data_path("nodehours"),
            archive=_path(environment.get(ARCHIVE.variable, "")),
            accounts=_path(environment.get(ACCOUNTS.variable, "")),
            cross_origins=_origins(environment.get(CROSS_ORIGINS.variable, "")),
            pseudonym_key=environment.get(PSEUDONYM_KEY.variable, "").strip() or None,
            reconcile_token=environment.get(RECONCILE_TOKEN.variable, "").strip() or None,
            url=_public_address(environment.get(URL.variable, "").strip()),
            oidc=_provider(environment),
            mail=_mail(environment),
        )


def _path(text: str) -> Path | None:
    return Path(text.strip()).expanduser() if text.strip() else None


def _origins(text: str) -> tuple[str, ...]:
    """Read the origins; they may be parted by commas as well, and end in a slash, as they are often written."""
    origins = tuple(origin.rstrip("/") for origin in text.replace(",", " ").split())
    if not origins:
        return ("*",)
    return () if origins == ("none",) else origins


def _public_address(text: str) -> str | None:
    if not text:
        return None
    parts = _address_parts(URL, text)
    if parts.path.strip("/"):
        raise SettingError(f"{URL.variable}: the dashboard is not below a path: {text}")
    return text.rstrip("/")


def _provider(environment: Mapping[str, str]) -> OidcSettings | None:
    given = {
        name: value
        for name, setting in _PROVIDER.items()
        if (value := environment.get(setting.variable, "").strip())
    }
    if not given.keys() & {"issuer", "client_id", "client_secret"}:
        return None
    for name in ("issuer", "client_id"):
        if name not in given:
            raise SettingError(
                f"{_PROVIDER[name].variable} is not set: {OIDC_ISSUER.variable} and {OIDC_CLIENT_ID.variable} belong"
                " together"
            )
    provider = OidcSettings(**given)
    parts = _address_parts(OIDC_ISSUER, provider.issuer)
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise SettingError(f"{OIDC_ISSUER.variable}: {provider.issuer} must be https")
    if "openid" not in provider.scope.split():
        raise SettingError(f"{OIDC_SCOPE.variable}: openid must be among the scopes")
    return provider


def _address_parts(setting: Setting, text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        is_address = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or "@" in parts.netloc or parts.query or parts.fragment:
        raise SettingError(
            f"{setting.variable}: {text!r} is no address such as https://example.org"
        )
    return parts


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


_HOURS = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])-([01][0-9]|2[0-3]):([0-5][0-9])", re.ASCII)


def _mail(environment: Mapping[str, str]) -> MailSettings:
    zone = environment.get(MAIL_TIME_ZONE.variable, "").strip() or "UTC"
    hours = environment.get(MAIL_HOURS.variable, "").strip() or "09:00-17:00"
    return MailSettings(_smtp(environment), _time_zone(zone), *_hours(hours))


def _time_zone(name: str) -> tzinfo:
    if name == "UTC":  # which needs no time zones installed
        return UTC
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        raise SettingError(
            f"{MAIL_TIME_ZONE.variable}: {name!r} is no time zone that is known here, such as Europe/London"
        ) from None


def _hours(text: str) -> tuple[time, time]:
    found = _HOURS.fullmatch(text)
    if found is None:
        raise SettingError(f"{MAIL_HOURS.variable}: {text!r} are no hours such as 09:00-17:00")
    opens, minute, closes, last = map(int, found.groups())
    if (opens, minute) >= (closes, last):
        raise SettingError(f"{MAIL_HOURS.variable}: {text} ends before it begins")
    return time(opens, minute), time(closes, last)


def _smtp(environment: Mapping[str, str]) -> SmtpSettings | None:
    text = environment.get(SMTP_URL.variable, "").strip()
    if not text:
        return None
    for setting in (MAIL_FROM, URL):
        if not environment.get(setting.variable, "").strip():
            raise SettingError(
                f"{setting.variable} is not set: {SMTP_URL.variable}, {MAIL_FROM.variable} and {URL.variable} belong"
                " together"
            )
    parts = _smtp_parts(text)
    is_tls, starts_tls = parts.scheme == "smtps", parts.query == "starttls"
    host, username = parts.hostname or "", parts.username
    if username and not (is_tls or starts_tls or _is_loopback(host)):
        raise SettingError(f"{SMTP_URL.variable}: the password would go over the network as it is")
    return SmtpSettings(
        host,
        parts.port or (465 if is_tls else 587 if starts_tls else 25),
        is_tls,
        starts_tls,
        unquote(username) if username else None,
        unquote(parts.password or "") if username else None,
        _sender(environment[MAIL_FROM.variable].strip()),
    )


def _smtp_parts(text: str) -> SplitResult:
    """Read the address of a mail server; what is said of it never has the password in it."""
    try:
        parts = urlsplit(text)
        queries = {"smtp": {"", "starttls"}, "smtps": {""}}.get(parts.scheme, set[str]())
        is_server = bool(parts.hostname) and parts.port != 0 and parts.query in queries
    except ValueError:
        is_server = False
    if not is_server or parts.path.strip("/") or parts.fragment:
        raise SettingError(
            f"{SMTP_URL.variable} is no mail server such as smtps://user:password@mail.example.org"
        )
    return parts


def _sender(text: str) -> Address:
    found = _only_address(text)
    if found is None or not found.domain or not found.addr_spec.isascii():
        raise SettingError(
            f"{MAIL_FROM.variable}: {text!r} is no address such as Usage <usage@example.org>"
        )
    return found


def _only_address(text: str) -> Address | None:
    """Return the one address that *text* is; None when it is not one, or a group that has one."""
    try:
        header = SMTP.header_factory("from", text)
        ((name, (found,)),) = [(group.display_name, group.addresses) for group in header.groups]
    except (MessageError, ValueError, IndexError):
        return None
    return found if name is None and text.isprintable() and not header.defects else None
