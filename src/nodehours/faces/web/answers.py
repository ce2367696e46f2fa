"""Answers of the dashboard, each with the policy that keeps a browser from loading or running anything else."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from litestar.response.base import ASGIResponse

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
    " form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_SAFE: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_PRIVATE: Final = {"Cache-Control": "no-store"}
"""What one reader sees is nobody else's, and not theirs either once they have signed out."""


def page_answer(html: str, status: int = 200, cookies: Iterable[str] = ()) -> ASGIResponse:
    """Answer a page."""
    return _answer(html.encode(errors="replace"), "text/html", status, cookies)


def drawn(body: bytes, media_type: str) -> ASGIResponse:
    """Answer a drawing, or what a browser draws one from."""
    return _answer(body, media_type, 200)


def taken(body: bytes, media_type: str, file_name: str) -> ASGIResponse:
    """Answer a file to keep."""
    named = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    return _answer(body, media_type, 200, more=named)


def plain_type(media_type: str) -> str:
    """Return *media_type* without its character set, which the framework adds to text itself."""
    return media_type.replace("; charset=utf-8", "")


def streamed_headers(file_name: str) -> list[tuple[bytes, bytes]]:
    """Return the headers of a file that is passed on as it is read."""
    named = {"Content-Disposition": f'attachment; filename="{file_name}"'}
    return _encoded((_SAFE | _PRIVATE | named).items())


def redirected(address: str, cookies: Iterable[str] = ()) -> ASGIResponse:
    """Send the browser on to another page, to be read."""
    return _answer(b"", "text/html", 303, cookies, {"Location": address})


def kept(body: bytes, media_type: str, encoding: str = "") -> ASGIResponse:
    """Answer what is the same for everybody, under an address that changes when it does."""
    headers = {**_SAFE, "Cache-Control": "public, max-age=31536000, immutable"}
    if encoding:
        headers |= {"Content-Encoding": encoding, "Vary": "Accept-Encoding"}
    return ASGIResponse(body=body, media_type=plain_type(media_type), headers=headers)


def _answer(
    body: bytes,
    media_type: str,
    status: int,
    cookies: Iterable[str] = (),
    more: dict[str, str] | None = None,
) -> ASGIResponse:
    headers = [
        *(_SAFE | _PRIVATE | (more or {})).items(),
        *(("Set-Cookie", one) for one in cookies),
    ]
    encoded = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    return ASGIResponse(
        body=body, media_type=plain_type(media_type), status_code=status, encoded_headers=encoded
    )


def _encoded(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
