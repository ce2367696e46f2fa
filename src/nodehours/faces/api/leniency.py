"""What a request says in vain: as with Waldur it is ignored, but it is told; who asks for it is refused instead.

A client that sends ``Prefer: handling=strict`` (RFC 7240) wants to hear of its mistakes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final, NamedTuple
from urllib.parse import quote

from nodehours.faces.api.wire import Parameters, Sentence, last_value

# A preference, its value if any, and its own parameters: respond-async, wait=10; foo, handling="strict"
_PREFERENCE = re.compile(
    r'\s*(?P<name>[!#$%&\'*+\-.^_`|~\w]+)\s*(?:=\s*(?:"(?P<quoted>[^"]*)"|(?P<word>[^\s,;"]*)))?[^,]*',
    re.ASCII,
)
_MAX_NAMES: Final = 20
_MAX_LENGTH: Final = 64
STRICT_APPLIED: Final = {"Preference-Applied": "handling=strict"}


def prefers_strict(prefer: Iterable[str]) -> bool:
    """Tell whether the Prefer headers ask for ``handling=strict``; of a preference given twice the first counts."""
    for header in prefer:
        for found in _PREFERENCE.finditer(header):
            if found["name"].lower() == "handling":
                value = found["word"] if found["quoted"] is None else found["quoted"]
                return (value or "").lower() == "strict"
    return False


class Vain(NamedTuple):
    """What is in vain: *unknown* parameters, and sentences on known ones whose value is not taken as it is."""

    unknown: list[str]
    faults: Mapping[str, str]

    @property
    def refusals(self) -> dict[str, str]:
        """The sentences with which a strict request is refused, by parameter."""
        return {**self.faults, **dict.fromkeys(self.unknown, Sentence.UNKNOWN_PARAMETER.text)}

    @property
    def headers(self) -> dict[str, str]:
        """The header that tells what was ignored; what became of ``page_size`` has a header of its own."""
        names = [*self.unknown, *(name for name in self.faults if name != "page_size")]
        shown = [quote(name[:_MAX_LENGTH], safe="") for name in names[:_MAX_NAMES]]
        if len(names) > _MAX_NAMES:
            shown.append("...")
        return {"X-Ignored-Parameters": ", ".join(shown)} if shown else {}


def read_vain(params: Parameters, known: Collection[str], faults: Mapping[str, str]) -> Vain:
    """Tell which of *params* are in vain: those that are not *known*, and those of which *faults* has a sentence."""
    return Vain([name for name in params if name not in known], faults)


def page_size_fault(params: Parameters, limit: int) -> dict[str, str]:
    """Say what is wrong with ``page_size``, in the words of Django's fields; a blank one is none."""
    text = last_value(params, "page_size").strip()
    if not text:
        return {}
    try:
        size = int(text)
    except ValueError:
        return {"page_size": Sentence.NO_INTEGER.text}
    if size < 1:
        return {"page_size": Sentence.TOO_SMALL.text.format(limit=1)}
    if size > limit:
        return {"page_size": Sentence.TOO_LARGE.text.format(limit=limit)}
    return {}


def no_choice(text: str) -> str:
    """Say that *text* is none of the values there are."""
    return Sentence.NO_CHOICE.text.format(value=text[:_MAX_LENGTH])
