from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.faces.cli.conftest import NODEHOURS

USAGE = "/api/openportal-allocation-user-usage/"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def started(*arguments: str, until: str, **settings: str) -> Iterator[list[str]]:
    """Run a command until it has printed the line that ends in *until*, then yield what it printed.

    Afterwards Ctrl-C is pressed: the command must end well and leave nothing of it running.
    """
    process = subprocess.Popen(
        [NODEHOURS, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | settings | {"PYTHONUNBUFFERED": "1"},
        start_new_session=True,
    )
    assert process.stdout is not None
    said = []
    for line in process.stdout:
        said.append(line.rstrip("\n"))
        if line.rstrip("\n").endswith(until):
            break
    try:
        yield said
    finally:
        os.killpg(process.pid, signal.SIGINT)
        rest = process.stdout.read()
        process.stdout.close()
        assert process.wait(timeout=60) == 0, rest
        with pytest.raises(ProcessLookupError):
            os.killpg(process.pid, 0)


def answer(port: int, token: str, **parameters: str) -> httpx.Response:
    transport = httpx.HTTPTransport(retries=10)
    with httpx.Client(transport=transport, trust_env=False, timeout=30) as client:
        return client.get(
            f"http://127.0.0.1:{port}{USAGE}",
            params=parameters,
            headers={"Authorization": f"Token {token}"},
        )


def test_several_workers_serve_one_ledger_and_ctrl_c_stops_them(tmp_path: Path) -> None:
    port = free_port()
    data_dir = str(tmp_path / "data")
    settings = os.environ | {"NODEHOURS_DATA_DIR": data_dir}
    subprocess.run([NODEHOURS, "user", "add", "boss", "--staff"], env=settings, check=True)

    arguments = ("serve", "--port", str(port), "--workers", "2")
    with started(*arguments, until="until Ctrl-C.", NODEHOURS_DATA_DIR=data_dir) as said:
        made = subprocess.run(
            [NODEHOURS, "token", "create", "boss"],
            env=settings, check=True, capture_output=True, text=True,
        )  # fmt: skip
        replies = [answer(port, made.stdout.strip()) for _ in range(10)]

    assert said == [f"Serving http://127.0.0.1:{port}{USAGE} until Ctrl-C."]
    assert [(reply.status_code, reply.json()) for reply in replies] == [(200, [])] * 10
    assert not (tmp_path / "data" / "postgresql" / "postmaster.pid").exists()


def test_a_port_that_is_taken_is_said_in_a_sentence(database_url: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = subprocess.run(
            [NODEHOURS, "serve", "--port", str(port)],
            env=os.environ | {"NODEHOURS_DATABASE_URL": database_url},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    assert done.returncode == 1
    assert done.stderr == (
        f"Error: cannot listen on 127.0.0.1 port {port}: Address already in use."
        " Choose another --port.\n"
    )


def test_the_demo_prints_calls_that_work_and_a_second_run_reuses_it(tmp_path: Path) -> None:
    """The calls are run as they are pasted: HTTPie in a shell, Python in an interpreter."""
    port = free_port()
    arguments = ("demo", "--port", str(port), "--data-dir", str(tmp_path / "demo"))

    with started(*arguments, until="to begin anew.") as said:
        tokens = json.loads((tmp_path / "demo" / "tokens.json").read_text())
        staff, member = tokens["demo-staff"], tokens["gurusi.demo"]
        assert answer(port, staff).status_code == 200
        httpie = pasted(said, "1. HTTPie", "2. Python")
        by_httpie = subprocess.run(
            [str(Path(sys.executable).with_name("http")), "--ignore-stdin", *shlex.split(httpie)[1:]],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        program = pasted(said, "2. Python (pip install waldur-api-client)", "3. TypeScript")
        by_python = subprocess.run(
            [sys.executable, "-c", program], check=True, capture_output=True, text=True
        )
        all_rows = int(answer(port, staff).headers["X-Result-Count"])
        members_rows = answer(port, member, page_size="300")

    with started(*arguments, until="to begin anew.") as said_again:
        rows_again = int(answer(port, staff).headers["X-Result-Count"])

    assert len(json.loads(by_httpie.stdout)) == 10
    assert len(by_python.stdout.splitlines()) == 10
    assert 0 < int(members_rows.headers["X-Result-Count"]) < all_rows
    assert {row["username"].partition(".")[2] for row in members_rows.json()} == {
        "climate.demo",
        "",
    }
    assert said_again[-30:] == said[-30:]
    assert rows_again == all_rows
    assert not (tmp_path / "demo" / "postgresql" / "postmaster.pid").exists()


def pasted(said: list[str], begin: str, end: str) -> str:
    block = said[
        said.index(begin) + 1 : next(n for n, line in enumerate(said) if line.startswith(end))
    ]
    return "\n".join(line.removeprefix("   ") for line in block).strip()
