"""JSON text read strictly: where members stand, which keys are repeated, and where it is wrong.

JSON decoders keep the last of two members with the same key and say nothing; in a usage report that would
lose usage, so a repeated key is a fault here. The place of a fault is a path, as in ``$.reports["2026-09-01"]``;
where the text is not JSON at all, a byte.
"""

from __future__ import annotations

import codecs
import json
import mmap
import re
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator
from contextlib import suppress
from typing import Any, NamedTuple, TypeAlias, TypeVar, get_args, get_origin

import msgspec

from nodehours.terms.fault import shown

Key = TypeVar("Key", bound=Hashable)
Text: TypeAlias = mmap.mmap | bytes

_BLANKS = rb"[ \t\n\r]*+"
# Groups are not repeated possessively: Python before 3.11.5 then loses its place after a part that did not match.
# They are bounded instead, since each repetition is remembered while it may be taken back.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+){0,100000}"'
_BLANK = re.compile(_BLANKS)
_KEY = re.compile(rb"(" + _STRING + rb")" + _BLANKS + rb":" + _BLANKS, re.DOTALL)
_SCALAR = re.compile(_STRING + rb'|[^ \t\n\r,:{}\[\]"]++', re.DOTALL)
_COMMA_OR_END = re.compile(_BLANKS + rb"([,}])" + _BLANKS)
# The long alternative swallows whole runs of `"user": {"seconds": 1},` in one match: they are nearly all of
# a usage report, and a token at a time they would take ten times as long.
_TOKEN = re.compile(
    rb'(?:"[^"\\]*+"\s*+:\s*+\{\s*+"seconds"\s*+:\s*+[0-9]++\s*+\}\s*+,?+\s*+){1,1000}'
    rb"|" + _STRING + rb'|["{}\[\]]',
    re.DOTALL,
)
_CONSTANT = re.compile(_STRING + rb"|(NaN|-?Infinity)", re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_HALF_A_CHARACTER = re.compile("[\ud800-\udfff]")
# So many digits tell that a whole number is out of range; to read a million of them would take minutes.
_ENOUGH_DIGITS = 24
_MAX_STEP = 255


class FaultyError(Exception):
    """A fault found in a document: a sentence, and the place."""

    def __init__(self, sentence: str, place: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.place = place


class Member(NamedTuple):
    """A member of a JSON object: its key, and where its value starts and ends in the text."""

    key: str
    start: int
    end: int


def step(key: str) -> str:
    """Write the step from an object to its member *key*, as it stands in a place; a very long key is cut."""
    if len(key) > _MAX_STEP:
        key = key[:_MAX_STEP] + "…"
    if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", key):
        return f".{key}"
    return f"[{json.dumps(key, ensure_ascii=not key.isprintable())}]"


def repeated(keys: Iterable[Key]) -> list[Key]:
    """Return the *keys* that stand there more than once."""
    return [key for key, count in Counter(keys).items() if count > 1]


def members(text: Text, start: int = 0, end: int | None = None) -> Iterator[Member]:
    """Find the members of the JSON object that *text* is from byte *start* to *end*, its values left undecoded.

    Of the values only as much is checked as tells where they end; decoding them checks the rest. Raises
    ``FaultyError`` when this is not one whole JSON object.
    """
    end = len(text) if end is None else end
    at = _blank_end(text, start, end)
    if text[at : at + 1] != b"{":
        raise FaultyError(_not_an_object(text, at, end), f"byte {at}")
    at = _blank_end(text, at + 1, end)
    more = text[at : at + 1] != b"}"
    at += not more
    while more:
        key = _matched(_KEY, "a key and a colon", text, at, end)
        value_end = _value_end(text, key.end(), end)
        yield Member(str(decoded(key[1], at, f"byte {at}")), key.end(), value_end)
        mark = _matched(_COMMA_OR_END, "',' or '}'", text, value_end, end)
        more, at = mark[1] == b",", mark.end()
    if (at := _blank_end(text, at, end)) != end:
        raise FaultyError("not JSON: there is more text after the object", f"byte {at}")


def _not_an_object(text: Text, at: int, end: int) -> str:
    if at == end:
        return "not JSON: there is nothing but blanks"
    if text[at : at + len(codecs.BOM_UTF8)] == codecs.BOM_UTF8:
        return "not JSON: it begins with a byte-order mark"
    return "not a JSON object"


def _blank_end(text: Text, start: int, end: int) -> int:
    blank = _BLANK.match(text, start, end)
    return blank.end() if blank else start


def _matched(
    pattern: re.Pattern[bytes], what: str, text: Text, at: int, end: int
) -> re.Match[bytes]:
    found = pattern.match(text, at, end)
    if found is None:
        at = _blank_end(text, at, end)
        sentence = "it is cut off" if at == end else f"expected {what}"
        raise FaultyError(f"not JSON: {sentence}", f"byte {at}")
    return found


def _value_end(text: Text, start: int, end: int) -> int:
    if text[start : start + 1] not in (b"{", b"["):
        return _matched(_SCALAR, "a value", text, start, end).end()
    depth = 0
    for token in _TOKEN.finditer(text, start, end):
        match text[token.start()]:
            case 0x7B | 0x5B:  # { [
                depth += 1
            case 0x7D | 0x5D:  # } ]
                depth -= 1
                if depth == 0:
                    return token.end()
            case _ if token.end() - token.start() == 1:
                raise FaultyError("not JSON: a string does not end", f"byte {token.start()}")
    raise FaultyError("not JSON: it is cut off inside the value that begins here", f"byte {start}")


class _Noted:
    """What a JSON decoder passes over in silence, noted while it decodes."""

    def __init__(self) -> None:
        self.repeating: list[tuple[dict[str, Any], str]] = []
        self.constants: list[str] = []

    def read_object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            self.repeating.append((found, repeated(key for key, _ in pairs)[0]))
        return found


def decoded(text: bytes, at: int = 0, place: str = "$") -> Any:
    """Decode *text*, which begins at byte *at* of its document and is at *place* in it.

    Raises ``FaultyError`` when *text* is not JSON, is nested too deeply, has an object in which a key stands
    twice, or half a character. A whole number of more than 24 digits comes out shorter: it is no figure either way.
    """
    # Text nested to the very limit may be decoded here and be too deep for the count a call further in.
    with suppress(msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        plain = msgspec.json.decode(text)
        if _has_no_repeated_key(text, plain):
            return plain
    return _read_strictly(text, at, place)


def _has_no_repeated_key(text: bytes, plain: Any) -> bool:
    """Tell whether what *text* was decoded to has as many keys as *text*; of text with escapes, tell nothing.

    Without escapes a quote and a colon stand together behind a key, or where a string begins with a colon. What
    was dropped had one at least, and nothing that was kept has more of them than before.
    """
    if b"\\" in text:
        return False
    keys = msgspec.json.format(text, indent=-1).count(b'":')
    return msgspec.json.encode(plain).count(b'":') == keys


def _read_strictly(text: bytes, at: int, place: str) -> Any:
    """Decode as ``decoded`` does, several times slower, naming the place of what a decoder does not tell."""
    noted = _Noted()
    plain = _loaded(text, at, place, noted)
    if noted.constants:
        byte = at + next(found.start(1) for found in _CONSTANT.finditer(text) if found[1])
        raise FaultyError(f"not JSON: {noted.constants[0]} is no number", f"byte {byte}")
    if noted.repeating:
        # The last one noted is never among the dropped: whatever dropped it would have been noted later.
        inside, key = noted.repeating[-1]
        where = next(here for here, part in _walked(plain, place) if part is inside)
        raise FaultyError(f"the key {shown(key)} stands twice in one object", where + step(key))
    if _SURROGATE.search(text):
        _check_characters(plain, place)
    return plain


def _check_characters(plain: Any, place: str) -> None:
    for here, part in _walked(plain, place):
        if isinstance(part, str) and _HALF_A_CHARACTER.search(part):
            raise FaultyError(f"{shown(part)} holds half of a character", here)


def _loaded(text: bytes, at: int, place: str, noted: _Noted) -> Any:
    string = _string(text, at)
    try:
        return json.loads(
            string,
            object_pairs_hook=noted.read_object,
            parse_int=lambda digits: int(digits[:_ENOUGH_DIGITS]),
            parse_constant=noted.constants.append,
        )
    except json.JSONDecodeError as error:
        byte = at + len(string[: error.pos].encode())
        raise FaultyError(f"not JSON: {_sentence(error)}", f"byte {byte}") from error
    except RecursionError:
        raise FaultyError("nested too deeply", place) from None


def _string(text: bytes, at: int) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        raise FaultyError(f"not UTF-8: {error.reason}", f"byte {at + error.start}") from error


def _sentence(error: json.JSONDecodeError) -> str:
    said = error.msg.removesuffix(" at").removesuffix(" starting").rstrip(": ")
    return said[:1].lower() + said[1:]


def _walked(value: Any, place: str) -> Iterator[tuple[str, Any]]:
    """Go through all parts of *value*, keys included, each with its place."""
    waiting = [(place, value)]
    while waiting:
        here, part = waiting.pop()
        yield here, part
        if isinstance(part, dict):
            for key, inner in part.items():
                waiting += [(here + step(key), key), (here + step(key), inner)]
        elif isinstance(part, list):
            waiting += [(f"{here}[{n}]", inner) for n, inner in enumerate(part)]


def locate(value: Any, kind: Any, place: str = "$") -> tuple[str, str] | None:
    """Find the first part of *value* that is not of the msgspec type *kind*: its place and what is wrong.

    msgspec's own errors leave the keys out of the path; a person mending a report needs them.
    """
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        for key, inner, inner_kind in _parts(value, kind):
            if found := locate(inner, inner_kind, f"{place}{step(key)}"):
                return found
        return place, str(error).partition(" - at ")[0]
    return None


def _parts(value: Any, kind: Any) -> Iterator[tuple[str, Any, Any]]:
    if not isinstance(value, dict):
        return
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        for field in msgspec.structs.fields(kind):
            if field.encode_name in value:
                yield field.encode_name, value[field.encode_name], field.type
    elif get_origin(kind) is dict:
        for key, inner in value.items():
            yield key, inner, get_args(kind)[1]
