"""``nodehours serve``: the dashboard and the API over HTTP."""

from __future__ import annotations

import os
import socket
import sys

import click

from nodehours.faces.api.wire import USAGE_PATH
from nodehours.ledger.store import ready_store
from nodehours.settings import DATABASE_URL, Settings


@click.command(short_help="Serve the dashboard and the API until Ctrl-C.")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8000, show_default=True, type=click.IntRange(1, 65535))
@click.option(
    "--workers", default=1, show_default=True, type=click.IntRange(1, 256), help="Processes."
)
def serve(host: str, port: int, workers: int) -> None:
    """Serve the dashboard at / and the API until Ctrl-C, with its reference for people at /api/docs/.

    `nodehours user link` makes a link that lets somebody in the first time.

    The database's schema must be the newest: `nodehours db upgrade` brings it there.
    """
    settings = Settings.from_environment()
    with ready_store(settings.database_url, settings.data_dir) as url:
        serve_store(url, host, port, workers)


def serve_store(url: str, host: str, port: int, workers: int, said: str = "") -> None:
    """Serve the ledger at the libpq URL *url* until a signal stops it, and print *said* once it listens."""
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    _check_free(host, port)
    # The workers are processes of their own: they learn the database's address from the environment.
    os.environ[DATABASE_URL.variable] = url
    server = Granian(
        "nodehours.app:create",
        address=host,
        port=port,
        workers=workers,
        interface=Interfaces.ASGI,
        websockets=False,
        factory=True,
        log_level=LogLevels.warning,
        workers_kill_timeout=10,
    )
    server.on_startup(
        lambda: click.echo(said or f"Serving {address(host, port)}{USAGE_PATH} until Ctrl-C.")
    )
    server.serve()


def address(host: str, port: int) -> str:
    """Return the address of a server on *host* and *port*, as a client writes it."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _check_free(host: str, port: int) -> None:
    """Say it in a sentence when the port is taken; the server itself would show a traceback."""
    try:
        family, kind, protocol, _, found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[
            0
        ]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(found)
    except OSError as error:
        click.echo(
            f"Error: cannot listen on {host} port {port}: {error.strerror}. Choose another --port.",
            err=True,
        )
        sys.exit(1)
