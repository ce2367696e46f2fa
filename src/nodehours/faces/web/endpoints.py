"""Every address of the dashboard, and what answers there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from litestar import get, post
from litestar.enums import HttpMethod
from litestar.handlers import HTTPRouteHandler, route
from litestar.response.base import ASGIResponse

from nodehours.faces.web import address as at
from nodehours.faces.web import sign_in
from nodehours.faces.web.account import account, change
from nodehours.faces.web.answers import kept
from nodehours.faces.web.decide import decide_record, decide_restatement
from nodehours.faces.web.explained import explained_page
from nodehours.faces.web.export import export_file, export_page
from nodehours.faces.web.gate import acted, missing, shown
from nodehours.faces.web.house import AnyRequest, House
from nodehours.faces.web.look import static_file, vega_compressed, vega_file
from nodehours.faces.web.months import month_page, months_page
from nodehours.faces.web.overview import overview
from nodehours.faces.web.page import Later, Page
from nodehours.faces.web.people import change_people, people_page
from nodehours.faces.web.posted import MAX_BYTES, Form
from nodehours.faces.web.project import allocation_page, project_page
from nodehours.faces.web.projects import projects
from nodehours.faces.web.staff import (
    pending_page,
    quarantine_page,
    record_page,
    restatement_page,
    run_page,
    runs_page,
)
from nodehours.faces.web.user import user_page
from nodehours.faces.web.visit import Visit

PageOf = Callable[..., Awaitable[Page | Later]]
Answered = Callable[..., Awaitable[ASGIResponse]]
_READ: Final = [HttpMethod.GET, HttpMethod.HEAD]


def _page(path: str, page: PageOf) -> HTTPRouteHandler:
    """Have *page* shown at *path*; what stands in braces there is given to it by name."""

    @route(path, http_method=_READ)
    async def answer(request: AnyRequest, house: House) -> ASGIResponse:
        return _bare(request, await shown(request, house, partial(_given, page, request)))

    return answer


async def _given(page: PageOf, request: AnyRequest, visit: Visit) -> Page | Later:
    return await page(visit, **request.path_params)


def _open(path: str, answer_to: Answered) -> HTTPRouteHandler:
    """Have *path* answered to anybody."""

    @route(path, http_method=_READ)
    async def answer(request: AnyRequest, house: House) -> ASGIResponse:
        return _bare(request, await answer_to(request, house, **request.path_params))

    return answer


def _sent(path: str, answer_to: Answered) -> HTTPRouteHandler:
    """Have a form that anybody may send to *path* answered."""

    @post(path, request_max_body_size=MAX_BYTES)
    async def answer(request: AnyRequest, house: House) -> ASGIResponse:
        return await answer_to(request, house, **request.path_params)

    return answer


def _act(path: str, act: Callable[..., Awaitable[ASGIResponse]]) -> HTTPRouteHandler:
    """Have a form that somebody signed in sends to *path* answered."""

    @post(path, request_max_body_size=MAX_BYTES)
    async def answer(request: AnyRequest, house: House) -> ASGIResponse:
        async def done(visit: Visit, form: Form) -> ASGIResponse:
            return await act(visit, house, request, form, **request.path_params)

        return await acted(request, house, done)

    return answer


def _bare(request: AnyRequest, answer: ASGIResponse) -> ASGIResponse:
    """Leave the body out for HEAD."""
    answer.is_head_response = request.method == "HEAD"
    return answer


@get(f"{at.STATIC}{{digest:str}}/{{name:str}}")
async def static(request: AnyRequest, name: str) -> ASGIResponse:
    """Answer a file of ours, or the charts' program; the digest is for the browser to tell versions apart."""
    if name == "vega.js":
        body, media_type = await asyncio.to_thread(vega_file)
        if "gzip" in request.headers.get("accept-encoding", ""):
            return kept(await asyncio.to_thread(vega_compressed), media_type, "gzip")
        return kept(body, media_type)
    try:
        return kept(*static_file(name))
    except KeyError:
        return missing()


@get("/favicon.ico")
async def icon() -> ASGIResponse:
    """Answer the icon to those who ask for it by its old name."""
    return kept(*static_file("icon.svg"))


def _house_page(path: str, page: PageOf) -> HTTPRouteHandler:
    """Have a *page* shown that looks at what only whoever may write is told."""

    @route(path, http_method=_READ)
    async def answer(request: AnyRequest, house: House) -> ASGIResponse:
        return _bare(request, await shown(request, house, partial(_housed, page, house)))

    return answer


async def _housed(page: PageOf, house: House, visit: Visit) -> Page | Later:
    return await page(visit, house)


HANDLERS: Final = [
    _page(at.OVERVIEW, overview),
    _page(at.PROJECTS, projects),
    _page(at.PROJECTS + "{project:str}/", project_page),
    _page(at.ALLOCATIONS + "{uuid:str}/", allocation_page),
    _page(at.USERS + "{uuid:str}/", user_page),
    _page(at.MONTHS, months_page),
    _page(at.MONTHS + "{month:str}/", month_page),
    _page(at.MONTHS + "{month:str}/{project:str}/", explained_page),
    _page(at.RUNS, runs_page),
    _page(at.RUNS + "{run:str}/", run_page),
    _page(at.QUARANTINE, quarantine_page),
    _page(at.QUARANTINE + "{record:str}/", record_page),
    _act(at.QUARANTINE + "{record:str}/", decide_record),
    _page(at.PENDING, pending_page),
    _page(at.PENDING + "{pending:str}/", restatement_page),
    _act(at.PENDING + "{pending:str}/", decide_restatement),
    _page(at.EXPORT, export_page),
    _house_page(at.EXPORT_FILE, export_file),
    _house_page(at.PEOPLE, people_page),
    _act(at.PEOPLE, change_people),
    _house_page(at.ACCOUNT, account),
    _act(at.ACCOUNT, change),
    _open(at.SIGN_IN, sign_in.sign_in_page),
    _sent(at.SIGN_IN, sign_in.signed_in_by_password),
    _open(at.SIGN_IN_LINK + "{secret:str}/", sign_in.link_page),
    _sent(at.SIGN_IN_LINK + "{secret:str}/", sign_in.signed_in_by_link),
    _open(at.SIGN_IN_OIDC, sign_in.to_provider),
    _open(at.SIGN_IN_BACK, sign_in.back_from_provider),
    _sent(at.SIGN_OUT, sign_in.signed_out),
    static,
    icon,
]
"""Every page's address ends in a slash, as Waldur's do; forms are sent to the page that they are on."""
