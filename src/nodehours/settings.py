"""The settings: one table, read from the environment."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from platformdirs import user_data_path


class Setting(NamedTuple):
    """One setting: the variable that sets it, what holds without it, and what it is."""

    variable: str
    default: str
    meaning: str


DATABASE_URL = Setting(
    "NODEHOURS_DATABASE_URL",
    "none: the embedded PostgreSQL is used",
    "The libpq URL of your own PostgreSQL, 15 or newer.",
)
DATA_DIR = Setting(
    "NODEHOURS_DATA_DIR",
    "the user's data directory for nodehours, such as ~/.local/share/nodehours",
    "The directory in which the embedded PostgreSQL keeps its data.",
)
RECONCILE_TOKEN = Setting(
    "NODEHOURS_RECONCILE_TOKEN",
    "none: the service is asked without one",
    "The token with which `nodehours reconcile` signs in to another Waldur or nodehours.",
)
CROSS_ORIGINS = Setting(
    "NODEHOURS_CROSS_ORIGINS",
    "`*`: the pages of any origin, with a token of their own",
    "The origins whose pages may read the API from a browser, parted by blanks, such as https://portal.example.org;"
    " `none` for none.",
)

SETTINGS = (DATABASE_URL, DATA_DIR, RECONCILE_TOKEN, CROSS_ORIGINS)


@dataclass(frozen=True, slots=True)
class Settings:
    """What the settings say. ``database_url`` None: the embedded PostgreSQL in ``data_dir``."""

    database_url: str | None
    data_dir: Path
    reconcile_token: str | None = field(default=None, repr=False)
    cross_origins: tuple[str, ...] = ("*",)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> Settings:
        """Read the settings; a blank one counts as not set."""
        data_dir = environment.get(DATA_DIR.variable, "").strip()
        return cls(
            database_url=environment.get(DATABASE_URL.variable, "").strip() or None,
            data_dir=Path(data_dir).expanduser() if data_dir else user_data_path("nodehours"),
            cross_origins=_origins(environment.get(CROSS_ORIGINS.variable, "")),
            reconcile_token=environment.get(RECONCILE_TOKEN.variable, "").strip() or None,
        )


def _origins(text: str) -> tuple[str, ...]:
    """Read the origins; they may be parted by commas as well, and end in a slash, as they are often written."""
    origins = tuple(origin.rstrip("/") for origin in text.replace(",", " ").split())
    if not origins:
        return ("*",)
    return () if origins == ("none",) else origins
