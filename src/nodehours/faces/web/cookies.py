"""The cookies of the dashboard: random secrets, for this host only, that no script can read.

One is of the session. The other is there before anybody signed in, so that the form for it can be told from one that
another site made up. They go along when somebody follows a link to a page, from a mail for instance, but not with
anything that another site sends.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from nodehours.terms.token import new_token

SESSION: Final = "nodehours-session"
FORM: Final = "nodehours-form"
ROUND: Final = "nodehours-round"
"""What an OpenID provider's answer is compared with, while somebody is there."""
ROUND_SECONDS: Final = 600
_CSRF: Final = "nodehours csrf "


class Cookies:
    """The cookies of one request; ``is_secure``: the reader came by HTTPS, so that they never go otherwise."""

    def __init__(self, header: str, *, is_secure: bool) -> None:
        self._is_secure = is_secure
        self._read = _read(header)

    def __getitem__(self, name: str) -> str:
        """Return the value of the cookie *name*; nothing if it was not sent."""
        return self._read.get(self._named(name), "")

    def set(self, name: str, value: str, seconds: int) -> str:
        """Return the header by which the browser keeps *value* for so many *seconds*."""
        secure = "; Secure" if self._is_secure else ""
        name = self._named(name)
        return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"

    def unset(self, name: str) -> str:
        """Return the header by which the browser forgets it."""
        return self.set(name, "", 0)

    def _named(self, name: str) -> str:
        """By this prefix a browser takes it from this very host only, by HTTPS only."""
        return f"__Host-{name}" if self._is_secure else name


def csrf_token(secret: str) -> str:
    """Return what forms carry along to show that they are ours, of the cookie that has the *secret*."""
    return hashlib.sha256((_CSRF + secret).encode()).hexdigest()


def is_csrf_token(token: str, secret: str) -> bool:
    """Tell whether *token* is of that *secret*."""
    return bool(secret) and hmac.compare_digest(token.encode(), csrf_token(secret).encode())


def new_secret() -> str:
    """Return a secret for a cookie."""
    return new_token()


def _read(header: str) -> dict[str, str]:
    """Read what is ours; what others have set for this host may be written in any way."""
    pairs = (part.partition("=") for part in header.split(";"))
    return {name.strip(): value.strip() for name, _, value in pairs}
