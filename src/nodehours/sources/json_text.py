"""JSON text looked at without being decoded: where members stand, which keys are repeated, where a value is wrong.

JSON decoders keep the last of two members with the same key and say nothing; in a usage report that would
lose usage, so repeated keys are found here and named.
"""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, get_args, get_origin

import msgspec

_STRING = rb'"(?:[^"\\]++|\\.)*+"'
# The long alternative swallows whole runs of `"user": {"seconds": 1},` in one match: they are nearly all of
# a usage report, and a token at a time they would take ten times as long.
_TOKEN = re.compile(
    rb'(?:"[^"\\]*+"\s*+:\s*+\{\s*+"seconds"\s*+:\s*+[0-9]++\s*+\}\s*+,?+\s*+)++'
    rb"|" + _STRING + rb'|["{}\[\]]',
    re.DOTALL,
)
_KEY = re.compile(rb"[\s,]*+(" + _STRING + rb")\s*+:\s*+", re.DOTALL)
_SCALAR = re.compile(_STRING + rb'|[^\s,{}\[\]"]++', re.DOTALL)
_END = re.compile(rb"[\s,]*+\}")
_BLANK = re.compile(rb"\s*+")


class MalformedError(Exception):
    """Text that is not JSON; its text says what is wrong, with the byte."""


class Member(NamedTuple):
    """A member of a JSON object: its key, and where its value starts and ends in the text."""

    key: str
    start: int
    end: int


def members(text: mmap.mmap | bytes, start: int = 0) -> Iterator[Member]:
    """Find the members of the JSON object that begins at or after byte *start*, without decoding their values.

    Only as much is checked as is needed to tell where a value ends; decoding it checks the rest. Raises
    ``MalformedError`` when there is no object or it does not end.
    """
    at = _blank_end(text, start)
    if text[at : at + 1] != b"{":
        message = f"expected a JSON object at byte {at}"
        raise MalformedError(message)
    at += 1
    while not (end := _END.match(text, at)):
        key = _KEY.match(text, at)
        if key is None:
            message = f"the JSON object is malformed or cut off at byte {at}"
            raise MalformedError(message)
        value_end = _value_end(text, key.end())
        yield Member(_decoded_key(key[1], at), key.end(), value_end)
        at = value_end
    if start == 0 and _blank_end(text, end.end()) != len(text):
        message = f"there is more text after the JSON object, from byte {end.end()}"
        raise MalformedError(message)


def _blank_end(text: mmap.mmap | bytes, start: int) -> int:
    blank = _BLANK.match(text, start)
    return blank.end() if blank else start


def _decoded_key(raw: bytes, at: int) -> str:
    try:
        return msgspec.json.decode(raw, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        message = f"a key is malformed after byte {at}: {error}"
        raise MalformedError(message) from error


def _value_end(text: mmap.mmap | bytes, start: int) -> int:
    if text[start : start + 1] not in (b"{", b"["):
        scalar = _SCALAR.match(text, start)
        if scalar is None:
            message = f"expected a value at byte {start}"
            raise MalformedError(message)
        return scalar.end()
    depth = 0
    for token in _TOKEN.finditer(text, start):
        match text[token.start()]:
            case 0x7B | 0x5B:  # { [
                depth += 1
            case 0x7D | 0x5D:  # } ]
                depth -= 1
                if depth == 0:
                    return token.end()
            case _ if token.end() - token.start() == 1:
                message = f"a string does not end, from byte {token.start()}"
                raise MalformedError(message)
    message = f"the text is cut off inside the value that begins at byte {start}"
    raise MalformedError(message)


def repeated_key(text: bytes, decoded: Any) -> str | None:
    """Return the path of a member whose key stands twice in its object, or None.

    *decoded* is what ``msgspec.json.decode(text)`` gave. Re-encoding it yields fewer members than the text
    has when a key was repeated; only then is the text read again, slowly, to name the place.
    """
    kept = msgspec.json.encode(decoded).count(b'":')
    if msgspec.json.format(text, indent=-1).count(b'":') == kept:
        return None
    found: list[str] = []

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in pairs:
            if key in seen:
                found.append(key)
            seen[key] = value
        return seen

    json.loads(text, object_pairs_hook=once)
    return found[0] if found else None


def locate(value: Any, kind: Any, place: str = "$") -> tuple[str, str] | None:
    """Find the first part of *value* that is not of the msgspec type *kind*: its place and what is wrong.

    msgspec's own errors leave the keys out of the path; a person mending a report needs them.
    """
    try:
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        for key, inner, inner_kind in _parts(value, kind):
            if found := locate(inner, inner_kind, f"{place}{_step(key)}"):
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


def _step(key: str) -> str:
    return f".{key}" if key.isidentifier() else f"[{json.dumps(key, ensure_ascii=False)}]"
