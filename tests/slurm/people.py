"""The users of the lab, whom the machine must know for Slurm to run their jobs, and their accounts.

OpenPortal calls the account of a project ``portal.project``, and its local users ``user.project``.
"""

from __future__ import annotations

import pwd
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress

from tests.slurm.programs import answer
from tests.slurm.site import Site

PORTAL = "brics"
CLIMATE = "brics.climate"
GENOMICS = "brics.genomics"
PHYSICS = "physics"

PARENTS = {PORTAL: "root", CLIMATE: PORTAL, GENOMICS: PORTAL, PHYSICS: "root"}
ACCOUNTS = {
    "ada.climate": [CLIMATE],
    "ben.climate": [CLIMATE],
    "ada.genomics": [GENOMICS],
    "cleo.genomics": [GENOMICS, PHYSICS],
    "dora": [PHYSICS],
}

_MARK = "made for tests of nodehours"
_NEW_USER = [
    "useradd",
    f"--comment={_MARK}",
    "--no-create-home",
    "--home-dir=/nonexistent",
    "--shell=/bin/sh",
    "--no-user-group",
    "--gid=nogroup",
]


@contextmanager
def known_to_the_machine() -> Iterator[None]:
    """Users whom the machine does not know are made, and removed at the end; so are those left by a killed run."""
    with ExitStack() as stack:
        for name in ACCOUNTS:
            stack.callback(_remove, name)
            if not _comment(name):
                _quietly([*_NEW_USER, name])
        yield


def let_in(site: Site) -> None:
    """Tell the accounting of all accounts and users."""
    for account, parent in PARENTS.items():
        words = [f"parent={parent}", f"Description={account}", "Organization=lab"]
        answer(site, ["sacctmgr", "-i", "add", "account", account, *words])
    for user, accounts in ACCOUNTS.items():
        words = [f"Account={','.join(accounts)}", f"DefaultAccount={accounts[0]}"]
        answer(site, ["sacctmgr", "-i", "add", "user", user, *words])


def _remove(name: str) -> None:
    if _comment(name) == _MARK:
        _quietly(["userdel", "--force", name])


def _comment(name: str) -> str:
    """What the machine has as comment on the user: nothing, if it does not know it."""
    with suppress(KeyError):
        return pwd.getpwnam(name).pw_gecos or "none"
    return ""


def _quietly(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)
