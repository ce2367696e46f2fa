"""The web application, put together: the API and the dashboard over a pool of reading connections."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from litestar import Litestar, Request, Response
from litestar.datastructures import State
from litestar.di import Provide
from litestar.exceptions import HTTPException, ImproperlyConfiguredException
from litestar.types import ASGIApp

from nodehours.faces.api.counts import Counts
from nodehours.faces.api.cross_origin import CrossOrigin
from nodehours.faces.api.endpoints import HANDLERS as ENDPOINTS
from nodehours.faces.api.errors import HANDLERS as ERRORS
from nodehours.faces.api.last_used import noted_last_used
from nodehours.faces.api.routes import is_api
from nodehours.faces.web import errors as web_errors
from nodehours.faces.web.endpoints import HANDLERS as PAGES
from nodehours.faces.web.house import House
from nodehours.faces.web.identity import OpenId
from nodehours.ledger.errors import UnavailableError
from nodehours.ledger.schema import check_schema
from nodehours.queries.pool import Pool, reading_pool
from nodehours.settings import Settings

_CONNECTIONS = 8
_DOWNLOADS = 3
Handler = Callable[..., Response[None]]


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
    return CrossOrigin(create_app(settings.database_url, settings), settings.cross_origins)


def create_app(database_url: str, settings: Settings) -> Litestar:
    """Make the application for the database at the libpq URL *database_url*."""
    counts = Counts()

    @asynccontextmanager
    async def pool(app: Litestar) -> AsyncIterator[None]:
        check_schema(database_url)
        async with (
            reading_pool(database_url, _CONNECTIONS) as app.state.pool,
            reading_pool(database_url, _DOWNLOADS) as downloads,
            noted_last_used(database_url) as app.state.last_used,
        ):
            app.state.house = House(
                app.state.pool,
                downloads,
                database_url,
                settings.url,
                _provider(settings),
                settings.pseudonym_key,
            )
            yield

    return Litestar(
        route_handlers=[*ENDPOINTS, *PAGES],
        dependencies={
            "pool": Provide(_pool, sync_to_thread=False),
            "counts": Provide(lambda: counts, sync_to_thread=False),
            "house": Provide(_house, sync_to_thread=False),
        },
        exception_handlers={
            **ERRORS,
            UnavailableError: web_errors.unreachable,
            HTTPException: _by_face(web_errors.not_ours, ERRORS[HTTPException]),
            Exception: _by_face(web_errors.broken, ERRORS[Exception]),
        },
        lifespan=[pool],
        openapi_config=None,
        debug=False,
    )


def _provider(settings: Settings) -> OpenId | None:
    if settings.oidc is None:
        return None
    from nodehours.faces.web.oidc import Provider

    return Provider(settings.oidc)


def _pool(state: State) -> Pool:
    found: Pool = state.pool
    return found


def _house(state: State) -> House:
    found: House = state.house
    return found


def _by_face(web: Handler, api: Handler) -> Handler:
    """Have failures told to people where they look at pages, and to programs everywhere else."""

    def answer(request: Request[Any, Any, Any], error: Any) -> Response[None]:
        is_read = "text/html" in request.headers.get("accept", "")
        return (web if is_read and not is_api(request.scope["path"]) else api)(request, error)

    return answer
