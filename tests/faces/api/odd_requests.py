"""Requests as hypothesis invents them: what clients send, what they should not, and what is between.

A query is ASCII bytes, as it stands on the wire: text is percent-encoded in one of the ways that
clients have, or is broken on purpose. Known traps are mixed with what is made up.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product, zip_longest
from urllib.parse import quote, quote_plus

from hypothesis import strategies as st

HEX = "a181239cfd1d54fa95a7bb71e1e61a77"
DASHED = "ce4415a6-2b04-5570-8f49-707d89e62937"
SPACES = ("", "", "", " ", "  ", "\t", "\n", "\x1c", "\x85", "\xa0", "\u2003", "\u3000")

texts = st.text(max_size=12) | st.text("0123456789abcdefxXnN-_+.,;:eE/{}%&=?'\"# \0", max_size=40)


def spaced(text: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Text with white space around it, of any script."""
    spaces = st.sampled_from(SPACES)
    return st.builds("{}{}{}".format, spaces, text, spaces)


# ------------------------------------------------------------------------------------- numbers

ZEROS = (ord("0"), ord("0"), 0x660, 0x966, 0xFF10, 0x1D7CE)
"""The zeros of some scripts: ASCII, Arabic, Devanagari, full-width, mathematical bold."""
NUMBERS = """
    0 00 -0 +0 1 2 02 12 13 -1 --1 +-1 2.0 2. .2 . - + 2.9 -0.9 -0.0 0.999 12.99 13.0 2e0 2E+0
    20e-1 1e1 1e 1e1.0 e1 2_2 _2 2_ 2__0 1e_1 0x2 0b1 0o7 1,2 1;2 2024 2024.5 2.024e3 32767
    32767.99 32768 -32768 65536 2147483648 9223372036854775807 9223372036854775808
    -9223372036854775809 99999999999999999999999 1e49 1e50 1.0e50 1e51 -1e50 -1e51 -1e400 1e60 1e400
    1e999999999 -1e999999999 1e-999999999 1e9999999999999999999 1e-9999999999999999999
    100000000000000007629769841091887003294964970946560
    100000000000000007629769841091887003294964970946561
    NaN nan sNaN -sNaN1 NaN123 Infinity -inf +Inf true True None null \u00b2 \u00bd \u216b \u4e8c
    2\u00b2 2\0 \0 2\u200b \uff12_3 \uff0b2 \u22122 2\u066b5
""".split()
LONG = ["9" * 4300, "9" * 4301, "0" * 5000 + "2", "2." + "0" * 5000, "1" + "0" * 50]


@st.composite
def made_numbers(draw: st.DrawFn) -> str:
    """A number with a sign, a fraction, an exponent, underscores, and digits of any script."""
    number = draw(st.integers(0, 40) | st.integers(0, 40_000) | st.integers(0))
    sign = draw(st.sampled_from(["", "", "", "+", "-"]))
    fraction = draw(st.sampled_from(["", "", ".", ".0", ".5", ".99999", "._5"]))
    exponent = draw(st.sampled_from(["", "", "", "e0", "E+1", "e-1", "e3", "e1_0", "e-400"]))
    digits = [chr(draw(st.sampled_from(ZEROS)) + int(digit)) for digit in str(number)]
    joint = draw(st.sampled_from(["", "", "", "_"]))
    return f"{sign}{joint.join(digits)}{fraction}{exponent}"


small = st.integers(0, 14).map(str)
numbers = spaced(small | made_numbers() | st.sampled_from(NUMBERS) | st.sampled_from(LONG))
lasts = spaced(st.sampled_from(["last", "LAST", "Last"]))
pages = st.integers(-1, 40).map(str) | lasts | numbers

# --------------------------------------------------------------------------------------- uuids

UUIDS = [
    *f"""
    {{{DASHED}}} urn:uuid:{DASHED} uuid:{HEX} urn:{HEX} URN:UUID:{DASHED} urn:urn:uuid:{HEX} ---{HEX}
    uurn:rn:{HEX} {{{{{HEX} }}{HEX}{{ 0x{HEX[2:]} -0x{HEX[2:]} 0X_{HEX[3:]} +{HEX[1:]} _{HEX[1:]}
    {HEX[:-1]}_ {HEX[:-1]}\0 \0{HEX} {HEX[:-1]} {HEX}0 {HEX},{HEX} /api/users/{HEX}/ [{HEX}] "{HEX}"
    abc 5 null None
    """.split(),
    *("-".join(HEX), "1_" * 15 + "11", "\uff11" * 32, "\u0662" * 32, "g" * 32, "0" * 32, "f" * 32),
    *(f"{{ {HEX[:-1]}}}", f"{{{HEX}\n}}", f"{HEX[:16]} {HEX[17:]}", f"{HEX[:16]} {HEX[16:]}"),
]
plain_uuids = st.sampled_from([HEX, DASHED, HEX.upper(), DASHED.upper()]) | st.uuids().map(str)
uuids = plain_uuids | spaced(plain_uuids | st.sampled_from(UUIDS))

# ----------------------------------------------------------------------------------- addresses

COLLECTIONS = [
    *["openportal-allocations", "users"] * 6,
    *"openportal-associations customers projects openportal-allocation-user-usage".split(),
    *"nope openportal-allocation USERS user%73 openportal-allocations;x".split(),
    "users\n",
]
HOSTS = [
    *[""] * 8,
    *"""
    https://hpc.example https://elsewhere.example.net:99999 //hpc.example HTTP://x ftp://a@b mailto:
    javascript: http://[::1] http://[::1 http://] http:/// http://[v1.x] http://[::1]a // /// / http:
    http:/ \x01 http://\u2100 http://a\u2048b
    """.split(),
]
TAILS = [*[""] * 12, *"?month=2 #top ? # / // ;x ; x/ .json /pull/ \0".split(), "\n"]
PATHS = f"""
    / /api/ /api api/ /api/version/ /api/version /api// //api/ /nope/ /api/version/x/ /api/users
    /api/users// /api/users/me/ /api/users/./ /api/../ /api/users/{HEX} /API/users/{HEX}/
    /api/users/{HEX}/x/ api/users/{HEX}/ /api/users/%61{HEX[1:]}/ /api/users/{HEX}%2F
    /x/api/users/{HEX}/ /api/openportal-allocations/{HEX} /api/openportal-allocations/{HEX};x/
""".split()


@st.composite
def made_addresses(draw: st.DrawFn) -> str:
    """The address of a member of something, more or less."""
    members = draw(uuids.map("{}/".format) | st.sampled_from(["", "xyz/", "me/", "1/", "a.b/"]))
    path = f"/api/{draw(st.sampled_from(COLLECTIONS))}/{members}"
    return f"{draw(st.sampled_from(HOSTS))}{path}{draw(st.sampled_from(TAILS))}"


placed = st.builds("{}{}".format, st.sampled_from(HOSTS), st.sampled_from(PATHS))
addresses = spaced(made_addresses() | made_addresses() | placed | uuids)

# ------------------------------------------------------------------------------------- queries

KINDS = {
    "allocation": addresses,
    "allocation_uuid": uuids,
    "user": addresses,
    "user_uuid": uuids,
    "month": numbers,
    "year": numbers,
    "page": pages,
    "page_size": pages,
}
UNKNOWN = (*"foo Month month[] month__gte é page\0 zz _".split(), "", " ", "a b", "page ")
JUNK = b" & = % %zz %u0041 %FF=%fe a;b=1;month=2 +=+ ? a=b=c %00 user month=2 page=7".split(b" ")


def _every_byte(text: str) -> str:
    return "".join(f"%{byte:02x}" for byte in text.encode())


def _only_what_must(text: str) -> str:
    return quote(text, safe=" !\"$'()*,/:;<=>?@[\\]^`{|}~")


LINKS = (f"/api/openportal-allocations/{HEX}/", f"//x/api/openportal-allocations/{DASHED}/")


def known_traps() -> Iterator[bytes]:
    """Every trap there is a name for, alone in a query, and what an address and a UUID may say together."""
    addresses = {host + path for host in HOSTS for path in PATHS}
    addresses |= {link + tail for link in LINKS for tail in TAILS}
    traps = {
        ("month", "year", "page", "page_size"): [*NUMBERS, *LONG, *SPACES, "last", " last", "Last"],
        ("allocation_uuid", "user_uuid"): [*UUIDS, *SPACES, *LINKS],
        ("allocation", "user"): [*addresses, *SPACES, HEX, DASHED],
    }
    for names, values in traps.items():
        yield from (f"{name}={quote(value)}".encode() for name in names for value in values)
    for link, uuid in product([*LINKS, "/api/", "/nope/", "x", "\0", ""], [HEX, DASHED, "x", ""]):
        yield f"allocation={quote(link)}&allocation_uuid={uuid}".encode()


encodings = st.sampled_from([quote_plus, quote, quote_plus, _every_byte, _only_what_must])


def sent(text: st.SearchStrategy[str]) -> st.SearchStrategy[bytes]:
    """Text as clients encode it."""
    return st.builds(lambda encode, value: encode(value).encode(), encodings, text)


def field(name: str) -> st.SearchStrategy[bytes]:
    """A parameter with a value that its kind has, or another, or none."""
    value = st.one_of([KINDS[name]] * 5 + [texts, st.sampled_from(SPACES)])
    return st.builds(b"%b=%b".__mod__, st.tuples(sent(st.just(name)), sent(value)))


def joined(fields: st.SearchStrategy[bytes], most: int) -> st.SearchStrategy[bytes]:
    """A query of some fields, any of them repeated. No client sends a raw ``#``: see DIFFERENCES."""
    return st.lists(fields, max_size=most).map(b"&".join).map(_without_fragment)


def _without_fragment(query: bytes) -> bytes:
    return query.replace(b"#", b"%23")


filters = st.sampled_from([*KINDS][:6]).flatmap(field)
sizes = st.sampled_from(["page", "page_size"]).flatmap(field)
unknown = st.builds(
    b"%b=%b".__mod__, st.tuples(sent(st.sampled_from(UNKNOWN) | texts), sent(texts))
)
ascii_texts = st.text(st.characters(max_codepoint=0x7E), max_size=8)
broken = st.sampled_from(JUNK) | ascii_texts.map(str.encode)
queries = joined(st.one_of(filters, sizes, unknown, broken), most=6)
filter_queries = joined(filters, most=2)
other_queries = joined(unknown | broken, most=5)

totals = st.sampled_from([0, 1, 9, 10, 11, 299, 300, 301, 3000, 10**6]) | st.integers(0, 10**12)

# ------------------------------------------------------------------------------------- headers

MEDIA_TYPES = [
    *["application/json", "*/*"] * 3,
    *"""
    application/* */json * / */ /json /* text/html Application/JSON application/json/x text/json
    */*json **/* application/vnd.api+json application/xml json application application/json" */*=1
    """.split(),
    *("", "application /json", "\xa0*/*"),
]
PARAMETERS = [
    *'q=0 q=0.5 indent=4 charset=utf-8 version=1 q=1=2 x json */* " = ; é=ü'.split(),
    *(
        "",
        " ",
        " q = 1 ",
        'x="a;b"',
        'x="a,b"',
        'x="',
        "x='\"'",
        "x*=utf-8''%2A",
        "x*0=a",
        "q*=x''1",
    ),
]
latin_texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), max_size=20)
media_ranges = st.builds(
    lambda kind, parameters: ";".join([kind, *parameters]),
    spaced(st.sampled_from(MEDIA_TYPES)),
    st.lists(st.sampled_from(PARAMETERS), max_size=3),
)
accepts = st.none() | st.builds(
    str.join, st.sampled_from([",", ", ", ",,"]), st.lists(media_ranges | latin_texts, max_size=4)
)
FORMATS = (*[""] * 20, "json", "JSON", "api", "xml", " json", "json ", "json\0")
formats = st.sampled_from([*map(st.just, FORMATS), texts]).flatmap(lambda strategy: strategy)


def every_media_range() -> Iterator[str]:
    """Every kind with every parameter."""
    return map(";".join, product({*MEDIA_TYPES}, PARAMETERS))


SCHEMES = b"Token Token Bearer TOKEN token bearer Basic Tokens Token: OAuth w_a ".split(b" ")
GAPS = (b"", b" ", b" ", b"  ", b"\t", b" \t ", b"\x0b", b"\x0c", b"\xa0", b"\x85", b"\x1c", b"\0")
KEYS = b"staff K a,b \xc3\xbc \xff \xc3 \xed\xa0\x80 Token Bearer \0 ,".split(b" ")


def _interleaved(gaps: list[bytes], words: list[bytes]) -> bytes:
    return b"".join(gap + word for gap, word in zip_longest(gaps, words, fillvalue=b""))


_gap = st.sampled_from(GAPS)
signed_in = st.builds(
    lambda scheme, gap, key, end: scheme + gap + key + end,
    *(st.sampled_from(SCHEMES), _gap, st.sampled_from(KEYS), _gap),
)
spoken = st.builds(
    _interleaved,
    st.lists(_gap, min_size=1, max_size=5),
    st.lists(st.sampled_from(SCHEMES[:6] + KEYS) | st.binary(max_size=6), max_size=4),
)
tokens = st.binary(max_size=8).map(b"Token ".__add__)
authorizations = st.one_of(st.none(), signed_in, signed_in, spoken, tokens)


def every_credential() -> Iterator[bytes]:
    """Every scheme with every key, and every gap between and after them."""
    return map(b"".join, product({*SCHEMES}, {*GAPS}, KEYS, (b"", b" ", b" x")))


segments = (numbers | uuids | texts).filter(bool)
