"""A real server process over a ledger: ``nodehours serve`` on a free port, stopped as Ctrl-C does."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from tempfile import TemporaryFile
from urllib.parse import urlsplit

USAGE = "/api/openportal-allocation-user-usage/"
_NODEHOURS = Path(sys.executable).with_name("nodehours")
_SECONDS = 60


@contextmanager
def served(
    database_url: str, workers: int = 1, settings: Mapping[str, str] | None = None
) -> Iterator[str]:
    """The address of a server of the ledger, such as ``http://127.0.0.1:41234``; it must stop cleanly.

    *settings* are further ones, by the names of their variables.
    """
    port = _free_port()
    options = ["--port", str(port), "--workers", str(workers)]
    with TemporaryFile("w+") as output:
        process = subprocess.Popen(
            [_NODEHOURS, "serve", *options],
            env=os.environ | {"NODEHOURS_DATABASE_URL": database_url} | dict(settings or {}),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            _await_answer(process, port)
            yield f"http://127.0.0.1:{port}"
            process.send_signal(signal.SIGINT)
            assert process.wait(_SECONDS) == 0
        except BaseException:
            output.seek(0)
            sys.stderr.write(output.read())
            raise
        finally:
            process.kill()
            process.wait()


def asked_as_is(
    address: str, method: str, path: str, headers: Mapping[str, str] | None = None
) -> tuple[HTTPResponse, bytes]:
    """Send *path* as it is written, where other clients write it their own way; return the reply and its body."""
    connection = HTTPConnection(urlsplit(address).netloc, timeout=_SECONDS)
    try:
        connection.request(method, path, headers=headers or {})
        reply = connection.getresponse()
        return reply, reply.read()
    finally:
        connection.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_answer(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, "the server stopped"
        with (
            suppress(OSError),
            socket.create_connection(("127.0.0.1", port), timeout=_SECONDS) as s,
        ):
            s.sendall(f"HEAD {USAGE} HTTP/1.0\r\n\r\n".encode())
            if s.recv(1):
                return
        time.sleep(0.02)
    raise AssertionError("the server did not answer")
