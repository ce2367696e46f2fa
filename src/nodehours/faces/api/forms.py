"""Forms: the filters of a list, read from the query as Waldur's django-filter reads them.

Every filter is optional and all of them hold at once. Blank is none; of a repeated one the last counts; white space
around a value is dropped. (White space alone is no number, as Django's form fields have it.) A value is

- *bad*, when it is not of the filter's kind: all bad ones are named in one reply;
- *vain*, when the filter's kind passes over what it does not understand;
- *impossible*, when nothing could ever have it (the 13th month, the address of another kind of thing): the reply is
  an empty list, and the value goes no further than here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from functools import partial
from typing import Final, TypeVar
from urllib.parse import urlparse
from uuid import UUID

from nodehours.faces.api.leniency import no_choice
from nodehours.faces.api.routes import is_route
from nodehours.faces.api.wire import NotFound, Parameters, Refusal, Sentence, last_value

T = TypeVar("T")


class BadFilters(Refusal):
    """Some parameters are not of their filter's kind: each one's name, with its sentences."""

    def __init__(self, errors: dict[str, list[str]]) -> None:
        super().__init__(Sentence.BAD_FILTERS, errors)
        self.errors = errors


class UnresolvableUrl(NotFound):
    """A filter names an address that the API does not have, which Waldur takes for a wrong request.

    Waldur shows its URL patterns in the body of this 404; we do not.
    """


class BadValue(Exception):
    """A value is not of its filter's kind; the text says so."""

    def __init__(self, sentence: Sentence | str) -> None:
        super().__init__(sentence.text if isinstance(sentence, Sentence) else sentence)


class VainValue(BadValue):
    """A value is not of its filter's kind, which takes no notice of it."""


class ImpossibleValue(Exception):
    """A value is of its filter's kind, and nothing can have it."""


class Form:
    """One reading of the parameters, which remembers all that is wrong with them."""

    def __init__(self, params: Parameters) -> None:
        self._params = params
        self._errors: dict[str, list[str]] = {}
        self._unresolvable: UnresolvableUrl | None = None
        self.vain: dict[str, str] = {}
        self.is_impossible = False

    def read(self, name: str, reader: Callable[[str], T]) -> T | None:
        """Return the parameter's value by *reader*, or None if it has none or a wrong one."""
        return self._read(name, last_value(self._params, name).strip(), reader)

    def read_number(self, name: str, possible: range) -> int | None:
        """Return the parameter's value as a number, whose white space is left to ``read_number``."""
        return self._read(name, last_value(self._params, name), partial(read_number, possible))

    def read_each(self, name: str, reader: Callable[[str], T]) -> list[T] | None:
        """Return the values of a parameter that may have several, repeated or with commas between them.

        None if it has none, or a bad one; those that are impossible are left out, unless all of them are.
        """
        texts = [text.strip() for value in self._params.get(name, []) for text in value.split(",")]
        found, is_any_impossible = [], False
        for text in filter(None, texts):
            try:
                found.append(reader(text))
            except ImpossibleValue:
                is_any_impossible = True
            except BadValue as bad:
                self._errors[name] = [str(bad)]
        self.is_impossible |= is_any_impossible and not found
        return found or None

    def _read(self, name: str, text: str, reader: Callable[[str], T]) -> T | None:
        if not text:
            return None
        try:
            return reader(text)
        except VainValue as vain:
            self.vain[name] = str(vain)
        except BadValue as bad:
            self._errors[name] = [str(bad)]
        except UnresolvableUrl as unresolvable:
            self._unresolvable = unresolvable
        except ImpossibleValue:
            self.is_impossible = True
        return None

    def judge(self, faults: Mapping[str, str]) -> None:
        """Raise the worst of what has been remembered, and of *faults*, if any.

        Bad values win over addresses that do not exist, and those over impossible values: django-filter reads the
        whole form first, and only then follows addresses.
        """
        errors = self._errors | {name: [sentence] for name, sentence in faults.items()}
        if errors:
            raise BadFilters(errors)
        if self._unresolvable:
            raise self._unresolvable


# ------------------------------------------------------------------------------- kinds of value


def read_number(possible: range, text: str) -> int:
    """Return the whole part of a number as django-filter's ``NumberFilter`` reads it.

    It takes what ``Decimal()`` takes, ``2.0``, ``2e0``, ``2_2`` and the digits of any script too,
    and cuts the fraction off: ``2.9`` is 2.
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        raise BadValue(Sentence.NO_NUMBER) from None
    if not number.is_finite():
        raise BadValue(Sentence.NO_NUMBER)
    if number > 1e50:  # the float, a little more than ten to the fiftieth
        raise BadValue(Sentence.NUMBER_TOO_LARGE)
    # int() of -1e999999 would write out a million digits: look at the size first.
    if not (-1 < number < possible.stop and int(number) in possible):
        raise ImpossibleValue
    return int(number)


def read_uuid(text: str) -> UUID:
    """Return the UUID of any text that ``uuid.UUID()`` takes, as Django's ``UUIDField`` does.

    Hyphens anywhere or nowhere, upper case, ``{…}`` and ``urn:uuid:…``.
    """
    try:
        return UUID(text)
    except ValueError:
        raise BadValue(Sentence.NO_UUID) from None


def read_link(collection: str, text: str) -> UUID:
    """Return which member of *collection* an address names, as Waldur's ``URLFilter`` reads it.

    Only the path counts: scheme, host and query may be anything. Text that is no address or that
    of something else is impossible, never bad; a path that leads nowhere is unresolvable.
    """
    if "\0" in text:
        raise BadValue(Sentence.NULL_CHARACTERS)
    path = _path(text)
    if not path.startswith("/"):
        raise ImpossibleValue
    if not is_route(path):
        raise UnresolvableUrl
    if not path.startswith(collection):
        raise ImpossibleValue
    try:
        return UUID(path.removeprefix(collection).removesuffix("/"))
    except ValueError:
        raise ImpossibleValue from None


def _path(url: str) -> str:
    try:
        return urlparse(url).path
    except ValueError:  # such as `http://[::1/`, which Waldur answers with 500
        raise ImpossibleValue from None


_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}


def read_boolean(text: str) -> bool:
    """Return the truth value of ``true``, ``false``, ``1`` or ``0`` in any case, as django-filter's ``BooleanFilter``.

    It takes no notice of anything else.
    """
    if (found := _BOOLEANS.get(text.lower())) is None:
        raise VainValue(Sentence.NO_BOOLEAN)
    return found


def read_text(text: str) -> str:
    """Return *text*, in which there may be anything but NUL, as Django's ``CharField`` does."""
    if "\0" in text:
        raise BadValue(Sentence.NULL_CHARACTERS)
    return text


def read_nothing(text: str) -> None:
    """Read a filter on something that the ledger does not know: nothing has it."""
    read_text(text)
    raise ImpossibleValue


def read_choice(choices: tuple[str, ...], possible: str, text: str) -> str:
    """Read one of *choices*, of which only the *possible* one is ever the case."""
    if text not in choices:
        raise BadValue(no_choice(text))
    if text != possible:
        raise ImpossibleValue
    return text


def read_never(text: str) -> None:
    """Read a truth value that is false of everything."""
    if read_boolean(text):
        raise ImpossibleValue
