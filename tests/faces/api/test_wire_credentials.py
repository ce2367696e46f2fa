"""Who is signed in, by the Authorization header alone."""

import pytest

from nodehours.faces.api.wire import BadCredentials, Refusal, Sentence, read_credentials

KEY = b"0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    "header",
    [
        pytest.param(b"Token " + KEY, id="the documented way"),
        pytest.param(b"token " + KEY, id="lower case scheme"),
        pytest.param(b"TOKEN " + KEY, id="upper case scheme"),
        pytest.param(b"Token \t  " + KEY, id="a run of white space between"),
        pytest.param(b"  Token " + KEY + b"  ", id="white space around"),
        pytest.param(b"Bearer " + KEY, id="Bearer"),
        pytest.param(b"bearer\t" + KEY, id="lower case Bearer"),
        pytest.param(b"Bearer Token " + KEY, id="what the TypeScript client sends"),
        pytest.param(b"BEARER token  " + KEY, id="the same in any case"),
    ],
)
def test_a_token_is_taken_from(header: bytes) -> None:
    assert read_credentials(header) == KEY.decode()


def test_the_case_of_the_key_is_kept() -> None:
    assert read_credentials(b"Token AbCd") == "AbCd"


def test_a_key_that_is_utf_8_is_a_key_if_an_unknown_one() -> None:
    assert read_credentials("Token schlüssel".encode()) == "schlüssel"


@pytest.mark.parametrize(
    "header",
    [None, b"", b"   ", b"Basic c3RhZmY6eA==", KEY, b"Tokens " + KEY, b"w_" + KEY, b"\xff\xfe"],
)
def test_it_is_no_attempt_to_sign_in(header: bytes | None) -> None:
    assert read_credentials(header) is None


@pytest.mark.parametrize(
    ("header", "detail"),
    [
        (b"Token", "Invalid token. No credentials provided."),
        (b"Token ", "Invalid token. No credentials provided."),
        (b"Bearer", "Invalid token. No credentials provided."),
        (b"Bearer Token", "Invalid token. No credentials provided."),
        (b"Token a b", "Invalid token. Token string should not contain spaces."),
        (b"Token Token a", "Invalid token. Token string should not contain spaces."),
        (b"Token Bearer a", "Invalid token. Token string should not contain spaces."),
        (b"Bearer Token a b", "Invalid token. Token string should not contain spaces."),
        (b"Token a \xff", "Invalid token. Token string should not contain spaces."),
        (
            b"Token \xff",
            "Invalid token header. Token string should not contain invalid characters.",
        ),
        (
            b"Bearer \xff",
            "Invalid token header. Token string should not contain invalid characters.",
        ),
    ],
)
def test_bad_credentials_say_what_is_wrong(header: bytes, detail: str) -> None:
    with pytest.raises(BadCredentials) as refused:
        read_credentials(header)

    assert refused.value.status == 401
    assert refused.value.body == {"detail": detail}


def test_every_401_carries_the_challenge_and_no_other_refusal_does() -> None:
    for sentence in Sentence:
        challenge = {"WWW-Authenticate": "Token"} if sentence.status == 401 else {}
        assert Refusal(sentence).headers == challenge
