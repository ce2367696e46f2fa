"""A raw query string becomes the parameters Django would see."""

import pytest

from nodehours.faces.api.wire import last_value, read_query


@pytest.mark.parametrize(
    ("raw", "params"),
    [
        pytest.param(b"", {}, id="no query has no parameters"),
        pytest.param(b"year=2024&month=2", {"year": ["2024"], "month": ["2"]}, id="one of each"),
        pytest.param(b"foo=a+b&bar=a%20b", {"foo": ["a b"], "bar": ["a b"]}, id="both are spaces"),
        pytest.param(b"page=%2B2", {"page": ["+2"]}, id="an escaped plus is a plus"),
        pytest.param(b"foo=%C3%A9", {"foo": ["é"]}, id="escapes are UTF-8"),
        pytest.param(b"month=&foo", {"month": [""], "foo": [""]}, id="blanks are kept"),
        pytest.param(b"size=2;page=2", {"size": ["2;page=2"]}, id="a semicolon separates nothing"),
        pytest.param(b"m=1&m=2&m=1", {"m": ["1", "2", "1"]}, id="repeated values keep their order"),
        pytest.param(b"&&a=1&", {"a": ["1"]}, id="nothing between separators is nothing"),
        pytest.param(b"a=b=c&=d", {"a": ["b=c"], "": ["d"]}, id="the first equals sign counts"),
        pytest.param(b"foo=%FF%41", {"foo": ["\ufffdA"]}, id="escapes that are no UTF-8"),
        pytest.param(b"foo=%zz%", {"foo": ["%zz%"]}, id="what is no escape stays"),
        pytest.param("foo=é".encode(), {"foo": ["é"]}, id="raw UTF-8"),
        pytest.param(b"foo=\xe9", {"foo": ["é"]}, id="raw bytes that are no UTF-8 are Latin-1"),
        pytest.param(b"a=%00%0D%0A", {"a": ["\0\r\n"]}, id="control characters are characters"),
    ],
)
def test_a_query_is_read_as_django_reads_it(raw: bytes, params: dict[str, list[str]]) -> None:
    assert read_query(raw) == params


def test_the_last_of_repeated_values_counts_and_none_is_blank() -> None:
    params = read_query(b"month=1&month=2&year=2024&year=")

    assert last_value(params, "month") == "2"
    assert last_value(params, "year") == ""
    assert last_value(params, "page") == ""
