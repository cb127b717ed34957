"""Token endpoints answer in many ways; only a whole bearer token is taken, and every failure says what to do."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sluice.errors import ProviderError, ProviderTimeout, ProviderUnreachable
from sluice.providers.tokens import Order, mint
from sluice.providers.tokens.exchange import LONGEST, SHORTEST, UNSTATED, form, host_of
from sluice.types.catalogue import Auth
from tests.fakes import Scripted, ScriptedTransport
from tests.unit.providers.tokens.authority import NOON, Hands, provider

HELD = {"client_id": "c", "client_secret": "secret-word-1", "token_url": "https://login.example.com/token"}
AUTH = Auth("oauth")


def order(*answers: Scripted | Exception) -> Order:
    return Order(provider(AUTH, loopback=False), AUTH, HELD, ScriptedTransport(*answers), Hands())


def told(status: int, document: object) -> Scripted:
    return Scripted(status, document if isinstance(document, bytes) else json.dumps(document).encode())


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        (3600, 3600),
        ("3599", 3599),
        (59.5, 59.5),
        (0, SHORTEST),
        (-7, SHORTEST),
        (10**9, LONGEST),
        (None, UNSTATED),
        ("soon", UNSTATED),
        ("nan", UNSTATED),
        ([], UNSTATED),
    ],
)
def test_the_stated_life_is_believed_within_reason(stated: object, seconds: float) -> None:
    token = mint(order(told(200, {"access_token": "t", "expires_in": stated})))
    assert (token.text, token.minted_at, token.expires_at) == ("t", NOON, NOON + seconds)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"access_token": ""},
        {"access_token": 7},
        {"access_token": "two words"},
        {"access_token": "line\nbreak"},
        {"access_token": "caf\u00e9"},
        {"access_token": "t", "token_type": "mac"},
    ],
)
def test_what_cannot_be_sent_as_a_bearer_token_is_not_taken(document: object) -> None:
    with pytest.raises(ProviderError, match="holds no bearer token") as caught:
        mint(order(told(200, document)))
    assert caught.value.kind == "connection"


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "authentication"),
        (401, "authentication"),
        (403, "authentication"),
        (404, "authentication"),
        (302, "connection"),
        (429, "connection"),
        (500, "connection"),
        (503, "connection"),
    ],
)
def test_the_status_tells_whose_fault_it_is(status: int, kind: str) -> None:
    with pytest.raises(ProviderError, match=rf"login\.example\.com .* {status}|{status}") as caught:
        mint(order(told(status, {"error": "invalid_client"})))
    assert caught.value.kind == kind
    assert caught.value.provider == "acme"
    assert not (kind == "authentication" and caught.value.may_retry)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"null", b'{"access_token":', b"\xff"])
def test_an_answer_that_is_no_object_is_no_token(body: bytes) -> None:
    with pytest.raises(ProviderError, match="is no token endpoint") as caught:
        mint(order(told(200, body)))
    assert caught.value.kind == "connection"
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"error": "invalid_client"}, " (invalid_client)"),
        ({"error": "secret-word-1 is wrong"}, ""),
        ({"error": "x" * 65}, ""),
        ({"error": {"type": "authentication_error", "message": "secret-word-1"}}, " (authentication_error)"),
        ({"error": "invalid_request", "error_description": "AADSTS900023: x"}, " (invalid_request, AADSTS900023)"),
        ({"error_description": "secret-word-1"}, ""),
        ({"error": ["secret-word-1"]}, ""),
    ],
)
def test_only_the_error_s_own_word_is_repeated(document: object, reason: str) -> None:
    with pytest.raises(ProviderError) as caught:
        mint(order(told(400, document)))
    assert f"refused the credential with 400{reason}. Check" in caught.value.message
    assert "secret-word-1" not in caught.value.message


@pytest.mark.parametrize(
    "failure", [ProviderUnreachable("The name does not resolve."), ProviderTimeout("Too slow.", phase="connect")]
)
def test_an_endpoint_out_of_reach_is_named(failure: ProviderError) -> None:
    with pytest.raises(ProviderError, match=r"^No token for provider acme: login\.example\.com: ") as caught:
        mint(order(failure))
    assert (caught.value.kind, caught.value.may_retry, caught.value.provider) == ("connection", True, "acme")


def test_the_call_goes_to_the_endpoint_with_time_limits_of_its_own() -> None:
    asked = order(told(200, {"access_token": "t"}))
    mint(asked)
    transport = asked.transport
    assert isinstance(transport, ScriptedTransport)
    (call,) = transport.calls
    assert (call.method, call.url, call.allow_loopback) == ("POST", HELD["token_url"], False)
    assert call.timeouts.total <= 15


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/token",
        "https://localhost/token",
        "https://[::1]/token",
        "https://metadata/token",
        "https://user@login.example.com/token",
        "https://login.example.com/token?x=y",
        "http://login.example.com/token",
    ],
)
def test_an_address_that_providers_may_not_have_is_not_called(url: str) -> None:
    asked = order(told(200, {"access_token": "t"})).with_held({**HELD, "token_url": url})
    with pytest.raises(ProviderError) as caught:
        mint(asked)
    assert caught.value.error_code == "provider_address_refused"
    assert isinstance(asked.transport, ScriptedTransport)
    assert not asked.transport.calls


def test_a_scheme_that_does_not_exist_is_named() -> None:
    with pytest.raises(ProviderError, match="no way in called 'os'"):
        mint(Order(provider(Auth("os")), Auth("os"), {}, ScriptedTransport(), Hands()))


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=4))
def test_a_form_is_read_back_as_it_was(members: dict[str, str]) -> None:
    from urllib.parse import parse_qsl

    try:
        encoded = form(members)
    except UnicodeEncodeError:  # a lone surrogate has no bytes
        return
    assert dict(parse_qsl(encoded.decode(), keep_blank_values=True)) == members


def test_a_host_is_shown_without_user_and_path() -> None:
    assert host_of("https://user:secret@Login.Example.com:444/path?x") == "login.example.com:444"
