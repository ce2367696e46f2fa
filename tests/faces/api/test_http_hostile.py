"""Bytes that no client of ours would send, over a bare socket: refused or answered, and never a failure of ours."""

from __future__ import annotations

import re
import socket
from contextlib import suppress
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tests.centre import Centre
from tests.serving import USAGE

fuzz = settings(max_examples=200)
PATH = USAGE.encode()
_HEADER = re.compile(rb"[a-z-]+: [^\r\n]*")
_URL_BYTES = re.compile(rb"[A-Za-z0-9_.~:/?&=+%\[\]-]+")


class Reply(NamedTuple):
    status: int
    headers: dict[bytes, bytes]
    body: bytes


def received(centre: Centre, sent: bytes) -> bytes:
    """Send bytes and return all that comes until the server closes, as it must be asked to."""
    url = urlsplit(centre.address)
    chunks = []
    with socket.create_connection((url.hostname, url.port), timeout=60) as client:
        with suppress(ConnectionError):  # a server that has read enough may answer and close
            client.sendall(sent)
        with suppress(ConnectionError):
            while chunk := client.recv(2**16):
                chunks.append(chunk)
    return b"".join(chunks)


def answered(centre: Centre, request: bytes) -> Reply:
    """Return the reply to *request*, which must be one that HTTP knows."""
    head, _, body = received(centre, request).partition(b"\r\n\r\n")
    status, *lines = head.split(b"\r\n")
    assert re.match(rb"HTTP/1\.[01] \d{3} ", status)
    assert all(map(_HEADER.fullmatch, lines))
    return Reply(int(status[9:12]), dict(line.split(b": ", 1) for line in lines), body)


def asked(
    centre: Centre, target: bytes, *headers: tuple[bytes, bytes], name: str = "staff"
) -> Reply:
    """GET *target* with *headers* in place of the usual ones."""
    token = b"Token " + centre.tokens[name].encode()
    usual = {b"Host": b"hpc.example", b"Connection": b"close", b"Authorization": token}
    lines = [b"%s: %s" % header for header in (usual | dict(headers)).items()]
    return answered(centre, b"\r\n".join([b"GET %s HTTP/1.1" % target, *lines, b"", b""]))


def check(reply: Reply) -> None:
    """No failure of ours; what the API itself answers is JSON, and its links cannot be broken out of."""
    assert reply.status < 500
    if b"allow" in reply.headers:
        assert reply.headers[b"content-type"] == b"application/json"
        msgspec.json.decode(reply.body)
    for link in filter(None, reply.headers.get(b"link", b"").split(b", ")):
        address, relation = link.split(b"; ")
        assert _URL_BYTES.fullmatch(address[1:-1])
        assert relation in {b'rel="first"', b'rel="prev"', b'rel="next"', b'rel="last"'}


def without(*unwanted: bytes) -> st.SearchStrategy[bytes]:
    """Any bytes but those that would end the line or the part of the request."""
    return st.binary(max_size=60).map(
        lambda raw: bytes(byte for byte in raw if bytes([byte]) not in unwanted)
    )


escaped = st.binary(max_size=30).map(lambda raw: b"".join(b"%%%02x" % byte for byte in raw))
anything = without(b"\r", b"\n", b" ") | escaped
names = st.sampled_from(
    b"allocation allocation_uuid user user_uuid month year page page_size format field as_of modified_after o".split()
)
queries = st.lists(st.tuples(names, anything), max_size=4).map(
    lambda pairs: b"&".join(name + b"=" + value for name, value in pairs)
)


@fuzz
@given(anything)
@example(b"%0d%0aX-Evil: 1")
@example(b"..%2f..%2f")
@example(b"%C0%AF")
def test_any_path(centre: Centre, path: bytes) -> None:
    check(asked(centre, PATH + path))
    check(asked(centre, PATH + path + b"/"))
    check(asked(centre, b"/" + path))


@fuzz
@given(queries | anything)
@example(b"month=%00")
@example(b"user_uuid=%ED%A0%80")
@example(b"page_size=1&a=%0d%0aX-Evil:%201")
def test_any_query(centre: Centre, query: bytes) -> None:
    for path in (PATH, PATH + b"1/", PATH[:-1]):
        check(asked(centre, path + b"?" + query))


HEADERS = [
    *(b"Authorization", b"Host", b"Accept", b"X-Forwarded-Proto", b"Cookie", b"Prefer"),
    *(b"If-None-Match", b"If-Modified-Since", b"Origin", b"Range"),
]


@fuzz
@given(st.sampled_from(HEADERS), without(b"\r", b"\n"))
@example(b"Prefer", b'handling="')
@example(b"Prefer", b"handling=strict;" * 4_000)
@example(b"If-None-Match", b'"' * 60_000)
@example(b"If-None-Match", b'W/"\xff\x00", *')
@example(b"If-Modified-Since", b"Tue, 31 Mar 99999999999999 11:59:58 GMT")
@example(b"If-Modified-Since", b"9" * 5_000)
@example(b"Origin", b"\xff")
@example(b"Host", b"evil.example>; rel=next, <http://evil.example")
@example(b"Host", b"a,b")
@example(b"Host", b"")
@example(b"Authorization", b"Token \xff\xfe")
@example(b"Authorization", b"Token \x00")
@example(b"X-Forwarded-Proto", b"https,\xff")
@example(b"Accept", b"\xff/*;,,")
def test_any_header(centre: Centre, header: bytes, value: bytes) -> None:
    check(asked(centre, PATH + b"?page_size=2", (header, value)))


@fuzz
@given(st.sampled_from([b"Token ", b"Bearer ", b"Bearer Token ", b""]), without(b"\r", b"\n"))
def test_no_word_is_a_token_by_chance(centre: Centre, scheme: bytes, word: bytes) -> None:
    reply = asked(centre, PATH, (b"Authorization", scheme + word))

    check(reply)
    assert reply.status in {400, 401}


@fuzz
@given(st.binary(max_size=200))
@example(b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n")
@example(b"OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
@example(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
def test_no_request_at_all(centre: Centre, garbage: bytes) -> None:
    """With a request after it, so that the server has a reason to close."""
    request = b"GET / HTTP/1.1\r\nHost: hpc.example\r\nConnection: close\r\n\r\n"

    assert not re.search(rb"HTTP/1\.[01] 5", received(centre, garbage + request))


def test_the_server_still_answers_after_all_this(centre: Centre) -> None:
    with centre.client("staff") as client:
        assert client.get("").json() == centre.wire(centre.rows[:10])


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        (b"http://elsewhere.example" + PATH, (), 200),
        (PATH + b"?page_size=2#fragment", (), 200),
        (PATH, ((b"Authorization", b"Token " + b"a" * 60_000),), 401),
        (PATH, ((b"Accept", b"text/html," * 6_000),), 406),
        (PATH + b"9" * 5_000 + b"/", (), 404),
        (PATH + b"?page_size=" + b"9" * 5_000, (), 200),
        (PATH + b"?month=1e999999999", (), 400),
        (PATH + b"?as_of=" + b"9" * 60_000, (), 400),
        (PATH + b"?modified_after=" + b"9" * 60_000, (), 400),
        (PATH + b"?modified_after=" + b"9" * 18, (), 200),
        (PATH + b"?modified_after=9999-12-31", (), 200),
        (PATH + b"?modified_after=9999-12-31T23:59:59-23:59", (), 400),
        (PATH + b"?o=" + b"year," * 12_000, (), 200),
        (PATH + b"?" + b"field=history&" * 4_000, (), 200),
        (PATH + b"?" + b"o=-id&" * 10_000, (), 200),
        (PATH + b"?month=-1e999999999", (), 200),
        (PATH + b"?month=" + b"9" * 60_000, (), 400),
        (PATH + b"?long=" + b"x" * 60_000, (), 200),
        (PATH + b"?long=" + b"%ff" * 20_000, (), 200),
        (PATH + b"?" + b"&".join(b"p%d=" % number for number in range(6_000)), (), 200),
        (PATH + b"?" + b"month=2&" * 7_000, (), 200),
        (PATH + b"?" + b"&" * 60_000, (), 200),
        (PATH + b"?long=" + b"x" * 70_000, (), 414),
        (PATH, tuple((b"X-%d" % number, b"") for number in range(500)), 431),
    ],
    ids=lambda value: value[:60].decode() if isinstance(value, bytes) else None,
)
def test_much_of_anything(
    centre: Centre, target: bytes, headers: tuple[tuple[bytes, bytes], ...], status: int
) -> None:
    reply = asked(centre, target, *headers)

    assert reply.status == status
    check(reply)


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 4\r\n\r\n{bad",
        b"Content-Length: 400\r\n\r\n{bad",
        b"Transfer-Encoding: chunked\r\n\r\n4\r\n{bad\r\n0\r\n\r\n",
        b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{bad\r\n0\r\n\r\n",
        b"Expect: 100-continue\r\nContent-Length: 4\r\n\r\n{bad",
        b"Content-Length: -1\r\n\r\n",
    ],
)
@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"POST"])
def test_any_body(centre: Centre, method: bytes, body: bytes) -> None:
    """It is never read."""
    head = b"%s %s HTTP/1.1\r\nHost: hpc.example\r\nConnection: close\r\n" % (method, PATH)

    reply = answered(centre, head + body)

    assert reply.status in {400, 401}


def test_a_request_of_http_1_0_has_no_host_and_no_addresses(centre: Centre) -> None:
    token = centre.tokens["staff"].encode()

    reply = answered(centre, b"GET %s HTTP/1.0\r\nAuthorization: Token %s\r\n\r\n" % (PATH, token))

    assert (reply.status, reply.body) == (400, b'{"detail":"Invalid Host header."}')
