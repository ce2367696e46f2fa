"""Whoever else states the same usage: a file of any form that is known here, or the address of a service."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace
from enum import Enum

from nodehours.sources import sreport
from nodehours.sources.document import Document, opened
from nodehours.sources.sreport import Frame, read_sreport
from nodehours.sources.statement_table import read_table
from nodehours.sources.waldur import is_address, read_waldur
from nodehours.sources.waldur_rows import read_rows
from nodehours.terms.figure import StatedUsage, Unit
from nodehours.terms.month import Month

_HEAD_BYTES = 65_536
# Six fields, the last one a figure: no header ends so.
_SREPORT_WITHOUT_HEADER = re.compile(r"[^|]+\|[^|]+(\|[^|]*){2}\|[^|]+\|[0-9.()%]+\|?")


class Form(Enum):
    """How a file states usage."""

    WALDUR = "waldur"
    SREPORT = "sreport"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of the other side, and what has to be known to read it.

    ``months`` are the months asked for, none for all. ``form`` None is found out by looking. ``unit`` is for sreport
    output without a banner, ``tres`` for sreport, ``resource`` for tables that name resources, ``token`` for a service.
    """

    months: frozenset[Month] = frozenset()
    form: Form | None = None
    unit: Unit | None = None
    tres: str = sreport.NODE
    resource: str | None = None
    token: str | None = None


def read_witness(name: str, question: Question) -> StatedUsage:
    """Read the file *name* (``-`` for standard input) or the service at that address.

    Raises ``UnreadableError`` when there is nothing to be had of it; what is wrong with a line is a fault in the
    stated usage.
    """
    if is_address(name):
        return read_waldur(name, question.token, question.months)
    with opened(name) as found:
        document = replace(found, name=found.name.encode(errors="backslashreplace").decode())
        match question.form or form_of(document):
            case Form.WALDUR:
                return read_rows(document)
            case Form.SREPORT:
                return read_sreport(document, _frame(question), question.tres)
            case Form.CSV:
                return read_table(document, question.resource)


def form_of(document: Document) -> Form:
    """Tell the form by how the document begins."""
    head = document.content[:_HEAD_BYTES].removeprefix(codecs.BOM_UTF8).lstrip()
    first = head.partition(b"\n")[0].decode(errors="replace").strip()
    if first.startswith(("[", "{")):
        return Form.WALDUR
    is_sreport = first.startswith(("-----", sreport.TITLE, sreport.HEADER))
    if is_sreport or _SREPORT_WITHOUT_HEADER.fullmatch(first):
        return Form.SREPORT
    return Form.CSV


def _frame(question: Question) -> Frame:
    month = min(question.months) if len(question.months) == 1 else None
    return Frame(month=month, unit=question.unit)
