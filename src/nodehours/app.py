"""The web application, put together: the API's routes over a pool of reading connections."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from litestar import Litestar
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import ImproperlyConfiguredException
from litestar.types import ASGIApp

from nodehours.faces.api.counts import Counts
from nodehours.faces.api.cross_origin import CrossOrigin
from nodehours.faces.api.endpoints import HANDLERS as ENDPOINTS
from nodehours.faces.api.errors import HANDLERS
from nodehours.ledger.schema import check_schema
from nodehours.queries.pool import Pool, reading_pool
from nodehours.settings import Settings

_CONNECTIONS = 8


def create() -> ASGIApp:
    """Make the application for the database named by ``NODEHOURS_DATABASE_URL``.

    An ASGI server's worker calls this; ``nodehours serve`` names the embedded database to its workers in the
    same way. The schema is checked before the first request.
    """
    settings = Settings.from_environment()
    if not settings.database_url:
        raise ImproperlyConfiguredException(
            "NODEHOURS_DATABASE_URL is not set; use `nodehours serve`"
        )
    return CrossOrigin(create_app(settings.database_url), settings.cross_origins)


def create_app(database_url: str) -> Litestar:
    """Make the application for the database at the libpq URL *database_url*."""
    counts = Counts()

    @asynccontextmanager
    async def pool(app: Litestar) -> AsyncIterator[None]:
        check_schema(database_url)
        async with reading_pool(database_url, _CONNECTIONS) as app.state.pool:
            yield

    return Litestar(
        route_handlers=ENDPOINTS,
        dependencies={
            "pool": Provide(_pool, sync_to_thread=False),
            "counts": Provide(lambda: counts, sync_to_thread=False),
        },
        exception_handlers=HANDLERS,
        lifespan=[pool],
        openapi_config=None,
        debug=False,
    )


def _pool(state: State) -> Pool:
    found: Pool = state.pool
    return found
