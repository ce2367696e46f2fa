"""A model of Waldur's usage list, made of the libraries beneath Waldur, to compare nodehours with.

What Waldur has from Django, Django REST framework and django-filter is those libraries themselves:
query strings, forms, lookups, routes, pages, links, negotiation, the Authorization header, and the
order of it all. What is Waldur's own is written here from what was observed of it. There are no
rows: a reply says what the database would be asked for, and whoever asks says how many that finds.
"""
# mypy: allow-subclassing-any

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from io import BytesIO
from typing import Any, Final, NamedTuple, TypeAlias
from urllib.parse import urlparse

from tests.faces.api import waldur_settings  # isort: split

from django.core.exceptions import EmptyResultSet, ValidationError
from django.core.handlers.wsgi import WSGIRequest
from django.db import models
from django.http import Http404
from django.urls import include, path, resolve
from django_filters.rest_framework import (
    CharFilter,
    DjangoFilterBackend,
    FilterSet,
    NumberFilter,
    UUIDFilter,
)
from rest_framework.authentication import TokenAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.pagination import PageNumberPagination
from rest_framework.permissions import SAFE_METHODS, BasePermission, IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.routers import SimpleRouter
from rest_framework.utils.urls import remove_query_param, replace_query_param
from rest_framework.views import APIView
from rest_framework.viewsets import ReadOnlyModelViewSet, ViewSetMixin

__all__ = ["DIFFERENCES", "Answer", "Asked", "ask", "waldur_settings"]

BASE: Final = "https://hpc.example"
USAGE_PATH: Final = "/api/openportal-allocation-user-usage/"

Asked: TypeAlias = Mapping[str, object]
"""The value that each column must have."""

# -------------------------------------------------------------------------------- differences

DIFFERENCES: Final[Mapping[str, str]] = {
    # built into the model, by the functions below
    "Authorization: Bearer K, Bearer Token K": "means Token K: Waldur's TypeScript client sends it",
    "a filter with an address that leads nowhere": "404 without Django's URL patterns in its body",
    "a filter with an address that is none": "matches nothing; Waldur answers 500",
    "a number below -1e50": "matches nothing at once; Django writes out all its digits",
    # not played
    "format suffixes": "there are none, neither of requests nor of addresses in filters",
    "more than 1000 parameters": "are read; Django answers 400 with a page of HTML",
    "a raw # in the query": "is data; the links of DRF end their query there. No client sends it",
    "raw bytes beyond ASCII": "are read once; the links of DRF take each byte for a letter",
    "Accept: */*=1;q=1": "is no media type; Django reads it up to the sign, and takes it",
    "Accept: */*;q*=nocharset''1": "is taken; Django fails at parameters like this, and answers 500",
}
"""Where nodehours means to differ from Waldur, and how."""


def token_of_bearer(header: bytes) -> bytes:
    return re.sub(rb"(?i)\A\s*bearer(?!\S)(\s+token(?!\S))?", b"Token", header)


def route(address_path: str) -> Any:
    try:
        return resolve(address_path, ROUTES)
    except Http404:
        raise Http404 from None


def path_of(url: str) -> str | None:
    try:
        return urlparse(url).path
    except ValueError:
        return None


class SmallNumber(models.PositiveSmallIntegerField):
    def get_prep_value(self, value: Any) -> Any:
        return super().get_prep_value(max(value, Decimal("-1e50")))


# --------------------------------------------------------------------------------------- rows


class Rows(models.QuerySet):
    """Rows that are asked for, and never fetched: ``count_of`` says how many there would be."""

    count_of: Callable[[Asked], int]

    def _clone(self) -> Any:
        clone = super()._clone()
        clone.count_of = self.count_of
        return clone

    def asked(self) -> Asked | None:
        """Return what the database would be asked for, None if there can be no such row.

        A row has one allocation and one user, a month of the calendar, and an id above zero.
        """
        try:
            self.query.sql_with_params()
        except EmptyResultSet:
            return None
        wanted = {(leaf.lhs.target.name, leaf.rhs) for leaf in self.query.where.leaves()}
        found = dict(wanted)
        is_possible = found.get("month", 1) in range(1, 13) and found.get("id", 1) > 0
        return found if is_possible and len(found) == len(wanted) else None

    def count(self) -> int:
        asked = self.asked()
        return 0 if asked is None else self.count_of(asked)

    def get(self, *args: Any, **kwargs: Any) -> Asked:
        rows = self.filter(*args, **kwargs)
        if not rows.count():
            raise self.model.DoesNotExist
        asked: Asked = rows.asked()
        return asked

    def __getitem__(self, places: slice) -> range:
        return range(self.count())[places]


class AllocationUserUsage(models.Model):
    """The columns that are filtered by."""

    id = models.BigAutoField(primary_key=True)
    allocation = models.UUIDField()
    user = models.UUIDField(null=True)
    month = SmallNumber()
    year = SmallNumber()

    class Meta:
        app_label = "waldur"
        ordering = ("year", "month")

    def __str__(self) -> str:
        return f"{self.year}-{self.month}"


# ------------------------------------------------------------------------------------- filters


class URLFilter(CharFilter):
    """A filter by the address of a thing: its path is resolved, and the rest is not looked at."""

    def __init__(self, view: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.url_name = f"{view}-detail"

    def filter(self, qs: Any, value: str) -> Any:
        if not value:
            return qs
        uuid = self.named(value)
        return qs.none() if uuid is None else super().filter(qs, uuid)

    def named(self, url: str) -> Any:
        address_path = path_of(url)
        if address_path is None or not address_path.startswith("/"):
            return None
        match = route(address_path)
        if match.url_name != self.url_name:
            return None
        try:
            return models.UUIDField().to_python(match.kwargs["uuid"])
        except ValidationError:
            return None


class UsageFilters(FilterSet):
    allocation = URLFilter("openportal-allocations")
    allocation_uuid = UUIDFilter(field_name="allocation")
    user = URLFilter("users")
    user_uuid = UUIDFilter(field_name="user")
    month = NumberFilter()
    year = NumberFilter()


# --------------------------------------------------------------------------------------- pages


class LinkHeaderPagination(PageNumberPagination):
    page_size = 10
    max_page_size = 300
    page_size_query_param = "page_size"

    def get_paginated_response(self, data: Any) -> Any:
        links = {
            "first": self.address(1),
            "prev": self.get_previous_link(),
            "next": self.get_next_link(),
            "last": self.address(self.page.paginator.num_pages),
        }
        link = ", ".join(f'<{url}>; rel="{name}"' for name, url in links.items() if url)
        count = str(self.page.paginator.count)
        return Response(data, headers={"X-Result-Count": count, "Link": link})

    def address(self, number: int) -> Any:
        url = self.request.build_absolute_uri()
        if number == 1:
            return remove_query_param(url, "page")
        return replace_query_param(url, "page", number)


# ------------------------------------------------------------------------------------- readers


class Reader(NamedTuple):
    """Somebody signed in: any key signs in, and those of staff begin with ``staff``."""

    key: str
    is_authenticated: bool = True

    @property
    def is_staff(self) -> bool:
        return self.key.startswith("staff")


class KeyAuthentication(TokenAuthentication):
    """Waldur says "token" where DRF says "token header", in the two sentences on words missing or left over."""

    def authenticate(self, request: Any) -> Any:
        header = request.META.get("HTTP_AUTHORIZATION", "").encode("latin-1")
        request.META["HTTP_AUTHORIZATION"] = token_of_bearer(header)
        try:
            return super().authenticate(request)
        except AuthenticationFailed as failed:
            worded = re.sub(
                "token header(?=.*(No credentials|spaces))", "token", str(failed.detail)
            )
            raise AuthenticationFailed(worded) from None

    def authenticate_credentials(self, key: str) -> Any:
        return Reader(key), key


class OnlyStaffWrites(BasePermission):
    def has_permission(self, request: Any, view: Any) -> bool:  # noqa: ARG002  # DRF gives both
        return request.method in SAFE_METHODS or bool(request.user.is_staff)


# --------------------------------------------------------------------------------------- views


class AllocationUserUsageViewSet(ReadOnlyModelViewSet):
    # OPTIONS tells the name of this class, and would tell its docstring.
    queryset = Rows(AllocationUserUsage)
    authentication_classes = (KeyAuthentication,)
    permission_classes = (IsAuthenticated, OnlyStaffWrites)
    renderer_classes = (JSONRenderer,)
    filter_backends = (DjangoFilterBackend,)
    filterset_class = UsageFilters
    pagination_class = LinkHeaderPagination

    def get_queryset(self) -> Any:
        rows = Rows(AllocationUserUsage)
        rows.count_of = self.request.META["count_of"]
        return rows

    def list(self, request: Any) -> Any:  # noqa: ARG002  # DRF gives it
        rows = self.filter_queryset(self.get_queryset())
        page = self.paginate_queryset(rows)
        return self.get_paginated_response({"asked": rows.asked(), "rows": page})

    def retrieve(self, request: Any, pk: str) -> Any:  # noqa: ARG002  # DRF gives both
        return Response({"asked": self.get_object()})


class Things(ViewSetMixin, APIView):
    """A list of things with UUIDs, of which only the addresses matter."""

    lookup_field = "uuid"

    def list(self, request: Any) -> None: ...
    def retrieve(self, request: Any, uuid: str) -> None: ...


COLLECTIONS: Final = (
    "customers",
    "openportal-allocation-user-usage",
    "openportal-allocations",
    "openportal-associations",
    "projects",
    "users",
)
"""What has a list and members at ``/api/…/``. Waldur has more, and nodehours has some that Waldur has not."""


def _routes() -> tuple[Any, ...]:
    router = SimpleRouter()
    for name in COLLECTIONS:
        router.register(name, Things, basename=name)
    alone = [path(page, APIView.as_view()) for page in ("", "api/", "api/version/")]
    return (*alone, path("api/", include(router.urls)))


ROUTES: Final = _routes()


# -------------------------------------------------------------------------------------- asking


class Answer(NamedTuple):
    """A reply: a success says what was asked for, and a refusal is its JSON.

    ``headers`` are those that Waldur's views give.
    """

    status: int
    body: Any
    headers: Mapping[str, str]
    reader: Reader | None


_HEADERS: Final = ("Allow", "WWW-Authenticate", "X-Result-Count", "Link")
_LIST: Final = AllocationUserUsageViewSet.as_view({"get": "list"}, suffix="List")
_INSTANCE: Final = AllocationUserUsageViewSet.as_view({"get": "retrieve"}, suffix="Instance")


def ask(
    query: bytes = b"",
    *,
    segment: str = "",
    method: str = "GET",
    authorization: bytes | None = b"Token staff",
    accept: str | None = None,
    count_of: Callable[[Asked], int] = lambda _: 1,
) -> Answer:
    """Ask the model for the list, or for the row that *segment* names."""
    environ = {
        "REQUEST_METHOD": method,
        "PATH_INFO": USAGE_PATH,
        "QUERY_STRING": query.decode("latin-1"),
        "HTTP_HOST": "hpc.example",
        "wsgi.url_scheme": "https",
        "wsgi.input": BytesIO(),
        "count_of": count_of,
    }
    if authorization is not None:
        environ["HTTP_AUTHORIZATION"] = authorization.decode("latin-1")
    if accept is not None:
        environ["HTTP_ACCEPT"] = accept
    request = WSGIRequest(environ)
    reply = _INSTANCE(request, pk=segment) if segment else _LIST(request)
    headers = {name: reply[name] for name in _HEADERS if name in reply}
    if reply.status_code != 200:
        return Answer(reply.status_code, reply.render().content, headers, None)
    return Answer(200, reply.data, headers, reply.renderer_context["request"].user)
