"""The usage rows of another Waldur, or nodehours, over its REST API.

All pages are walked by the ``next`` links, or with months given, those of each month. Links are followed on the
host that was asked and nowhere else, and so are redirects: the token is for nobody else. Waldur's pages have no
total order, so what came is compared with the count that every page states.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, urlencode, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, Request, build_opener

from nodehours.sources.document import UnreadableError
from nodehours.sources.figure_lines import Lines
from nodehours.sources.waldur_rows import array, take
from nodehours.terms.fault import shown
from nodehours.terms.figure import StatedUsage
from nodehours.terms.month import Month

PAGE_SIZE = 300
TIMEOUT_SECONDS = 60
_MAX_PAGE_BYTES = 16 * 2**20
_USAGE = "openportal-allocation-user-usage"
_NEXT = re.compile(r"<([^>]*)>\s*;[^<]*?\brel=\"?next\"?", re.IGNORECASE)
_REFUSED = {
    401: "the token is missing, unknown or expired",
    403: "the token may not read usage",
    404: "there are no usage rows at this address",
}


@dataclass(frozen=True, slots=True)
class _Page:
    """One page: its rows, how many rows there are in all by its word, and the query of the next page."""

    rows: list[bytes]
    count: int | None
    next_query: str | None


@dataclass(slots=True)
class _Walk:
    """What a walk has come to: pages read, rows as each part counted them, and which queries were asked."""

    pages: int = 0
    counted: int | None = 0
    asked: set[str] = field(default_factory=set)


def read_waldur(address: str, token: str | None, months: Iterable[Month] = ()) -> StatedUsage:
    """Read the usage rows of the service at *address* (of the service, its API or its list), of *months* or all.

    Raises ``UnreadableError`` with the address and a sentence when a page cannot be had.
    """
    endpoint = _endpoint(address)
    lines = Lines(urlunsplit(endpoint))
    walk = _Walk()
    different = take(lines, _rows(endpoint, token, sorted(months), walk))
    if walk.counted is not None and walk.counted != different:
        lines.refuse(
            f"{walk.pages} pages",
            f"the service counts {walk.counted} rows, and its pages gave {different} different ones",
        )
    return lines.stated_usage()


def is_address(name: str) -> bool:
    """Tell whether *name* is the address of a service, not a file."""
    return name.lower().startswith(("http://", "https://"))


def _endpoint(address: str) -> SplitResult:
    """Return the address of the list of usage rows."""
    try:
        parts = urlsplit(address)
        is_usable = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError as error:
        raise UnreadableError(f"not an address: {error}") from None
    if not is_usable or not address.isprintable():
        raise UnreadableError("not an address of the form https://host/")
    path = parts.path
    if _USAGE not in path:
        path = f"{path.rstrip('/').removesuffix('/api')}/api/{_USAGE}"
    return parts._replace(path=path.rstrip("/") + "/", query="", fragment="")


def _rows(
    endpoint: SplitResult, token: str | None, months: list[Month], walk: _Walk
) -> Iterator[tuple[str, bytes]]:
    opener = build_opener(_SameHost(endpoint))
    filters = [{"year": month.year, "month": month.month} for month in months] or [{}]
    for chosen in filters:
        query: str | None = urlencode({"page_size": PAGE_SIZE} | chosen)
        first: _Page | None = None
        while query is not None:
            page = _page(opener, endpoint, query, token, walk)
            for place, row in enumerate(page.rows):
                yield f"{query}: $[{place}]", row
            first, query = first or page, page.next_query
        _count(walk, first)


def _count(walk: _Walk, first: _Page | None) -> None:
    if first is None or first.count is None or walk.counted is None:
        walk.counted = None
    else:
        walk.counted += first.count


def _page(
    opener: OpenerDirector, endpoint: SplitResult, query: str, token: str | None, walk: _Walk
) -> _Page:
    url = urlunsplit(endpoint._replace(query=query))
    if query in walk.asked:
        raise UnreadableError(f"{url}: its next page is one that was read already")
    walk.asked.add(query)
    walk.pages += 1
    try:
        with opener.open(_request(url, token), timeout=TIMEOUT_SECONDS) as reply:
            return _read_page(endpoint, reply)
    except UnreadableError as error:
        raise UnreadableError(f"{url}: {error}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise UnreadableError(f"{url}: {_sentence(error)}") from None


def _request(url: str, token: str | None) -> Request:
    headers = {"Accept": "application/json", "User-Agent": "nodehours"}
    if token is not None:
        if not token.isascii() or not token.isprintable():
            raise UnreadableError("the token has characters that no token has")
        headers["Authorization"] = f"Token {token}"
    return Request(url, headers=headers)  # noqa: S310 - `is_address` lets http and https through only


def _read_page(endpoint: SplitResult, reply: http.client.HTTPResponse) -> _Page:
    content = reply.read(_MAX_PAGE_BYTES + 1)
    if len(content) > _MAX_PAGE_BYTES:
        raise UnreadableError(f"the page is larger than {_MAX_PAGE_BYTES >> 20} MiB")
    if reply.length:
        raise UnreadableError("the answer was cut off")
    counted = reply.headers.get("X-Result-Count", "")
    count = int(counted) if re.fullmatch("[0-9]{1,18}", counted) else None
    return _Page(array(content), count, _next_query(endpoint, reply.headers.get_all("Link") or []))


def _next_query(endpoint: SplitResult, links: list[str]) -> str | None:
    """Return the query of the next page. Only that is taken over: behind a proxy a link may say http for https."""
    found = _NEXT.search(", ".join(links))
    if found is None:
        return None
    parts = urlsplit(found[1])
    if parts.hostname not in {endpoint.hostname, None}:
        raise UnreadableError(
            f"its next page is said to be on another host, {shown(str(parts.hostname))}"
        )
    return parts.query


class _SameHost(HTTPRedirectHandler):
    """Follows a redirect only to where the token was meant for."""

    def __init__(self, endpoint: SplitResult) -> None:
        self._endpoint = endpoint

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        there = urlsplit(newurl)
        if (there.scheme, there.netloc) != (self._endpoint.scheme, self._endpoint.netloc):
            fp.close()
            raise UnreadableError(f"it redirects to {shown(f'{there.scheme}://{there.netloc}')}")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _sentence(error: Exception) -> str:
    if isinstance(error, HTTPError):
        error.close()
        reason = _REFUSED.get(error.code, http.client.responses.get(error.code, "an error"))
        return f"status {error.code}: {reason}"
    if isinstance(error, URLError):
        error = error.reason if isinstance(error.reason, Exception) else error
    if isinstance(error, TimeoutError):
        return f"no answer within {TIMEOUT_SECONDS} seconds"
    if isinstance(error, http.client.IncompleteRead):
        return "the answer was cut off"
    return (error.strerror if isinstance(error, OSError) else None) or str(error) or repr(error)
