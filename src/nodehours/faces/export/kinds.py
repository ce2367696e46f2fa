"""What an exported listing can be asked for as: a form, and each form in a ZIP file with its readme."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import PurePath
from typing import Final, NamedTuple

from nodehours.faces.export.forms import FORMS, Form, Writer
from nodehours.faces.export.readme import Readme

ZIP: Final = ".zip"


class Kind(NamedTuple):
    """A form, and whether its file is in a ZIP file."""

    form: Form
    is_zipped: bool = False

    @property
    def suffix(self) -> str:
        """How its files end."""
        return self.form.suffix + (ZIP if self.is_zipped else "")

    @property
    def media_type(self) -> str:
        """What it is called on the web."""
        return "application/zip" if self.is_zipped else self.form.media_type

    @property
    def has_readme(self) -> bool:
        """Whether its readme comes with it in one file that anybody can open."""
        return self.is_zipped or self.form.has_readme

    def writer(self, readme: Readme, name: str, made: datetime) -> Writer:
        """Return what writes a file of that *name*."""
        writer = self.form.writer(readme)
        if not self.is_zipped:
            return writer
        from nodehours.faces.export.zipped import Zipped

        return Zipped(writer, PurePath(name).stem, readme, made)


KINDS: Final[Mapping[str, Kind]] = {
    kind.suffix.removeprefix("."): kind
    for is_zipped in (False, True)
    for kind in (Kind(form, is_zipped) for form in FORMS.values())
}
"""By how their files end: ``csv``, ``csv.zip``, …"""
