"""Provider keys become headers and show nowhere else."""

from __future__ import annotations

import pytest

from sluice.dispatch import Prepared
from sluice.errors import GatewayError
from sluice.ports import UpstreamCall
from sluice.providers.auth import (
    MissingCredential,
    Outgoing,
    chosen,
    credential_headers,
    keyed,
    merged,
    missing,
    scrubbed,
)
from sluice.providers.http1 import request_head, split_url
from sluice.types.catalogue import Auth
from sluice.types.routes import Timeouts

KEY = "sk-a-very-secret-key"
BEARER = Auth("bearer")


def test_a_bearer_key_goes_into_the_authorization_header() -> None:
    assert credential_headers(BEARER, {"api_key": KEY}, "openai") == {"authorization": f"Bearer {KEY}"}


def test_a_header_key_goes_into_the_header_that_the_vendor_names() -> None:
    assert credential_headers(Auth("header", "X-Api-Key"), {"api_key": KEY}, "anthropic") == {"x-api-key": KEY}
    assert credential_headers(Auth("header", "authorization", "Api-Key "), {"api_key": KEY}, "baseten") == {
        "authorization": f"Api-Key {KEY}"
    }


def test_a_provider_without_keys_needs_none() -> None:
    assert credential_headers(Auth("none"), None, "local") == {}


def test_white_space_around_a_pasted_key_is_cut() -> None:
    assert credential_headers(BEARER, {"api_key": f"  {KEY}\n"}, "openai") == {"authorization": f"Bearer {KEY}"}


def test_the_key_is_in_no_representation() -> None:
    headers = credential_headers(BEARER, {"api_key": KEY}, "openai")
    assert KEY not in repr(headers)
    assert KEY not in f"{headers}"
    assert "authorization" in repr(headers)


@pytest.mark.parametrize("credential", [None, {}, {"api_key": ""}, {"api_key": "  "}, {"other": KEY}])
def test_a_missing_key_names_the_provider_and_the_remedy(credential: dict[str, str] | None) -> None:
    with pytest.raises(MissingCredential) as caught:
        credential_headers(BEARER, credential, "openai")
    error = caught.value
    assert isinstance(error, GatewayError)
    assert (error.kind, error.provider, error.http_status) == ("authentication", "openai", 503)
    assert not error.may_retry
    assert "openai has no key" in error.message
    assert '{"openai": {"api_key": "..."}}' in error.message
    assert "OPENAI_API_KEY" in error.message


@pytest.mark.parametrize("key", ["sk-a b", "sk-a\nx-injected: 1", "sk-\u00e9", "sk-\x00"])
def test_a_key_that_would_break_the_header_is_refused_unseen(key: str) -> None:
    with pytest.raises(MissingCredential) as caught:
        credential_headers(BEARER, {"api_key": key}, "openai")
    assert key not in str(caught.value)
    assert "cannot be sent" in caught.value.message


QUERY = Auth("query", "key")


def test_a_query_key_goes_into_the_address_and_shows_in_none_of_its_texts() -> None:
    call = Outgoing("POST", "https://h.example/v1/x", {"accept": "*/*"}, b"")
    url, headers = keyed(call, QUERY, {"api_key": "k+e/y=&value"}, "acme")
    assert url == "https://h.example/v1/x?key=k%2Be%2Fy%3D%26value"
    assert headers == {"accept": "*/*"}
    upstream = UpstreamCall("POST", url, headers, b"", Timeouts())
    prepared = Prepared(url, headers, b"")
    for shown in (repr(url), str(url), f"{url}", f"{url:>60}", f"{url!s}", repr(upstream), repr(prepared), repr([url])):
        assert "value" not in shown
        assert "https://h.example/v1/x?..." in shown


def test_a_query_key_stands_behind_the_parameters_that_are_there_and_is_sent_whole() -> None:
    call = Outgoing("POST", "https://h.example/v1/x?alt=sse", {}, b"")
    url, headers = keyed(call, QUERY, {"api_key": "the-key-1"}, "acme")
    assert split_url(url)[3] == "/v1/x?alt=sse&key=the-key-1"
    sent = request_head(
        UpstreamCall("POST", url, headers, b"", Timeouts()), "h.example", 443, "https", split_url(url)[3]
    )
    assert sent.startswith(b"POST /v1/x?alt=sse&key=the-key-1 HTTP/1.1\r\n")


def test_what_a_provider_quotes_is_cleaned_of_the_keys_that_the_call_carried() -> None:
    call = Outgoing("POST", "https://h.example/v1/x", {}, b"")
    _, headers = keyed(call, QUERY, {"api_key": "k+e/y=value"}, "acme")
    quoted = b"No page /v1/x?key=k%2Be%2Fy%3Dvalue (k+e/y=value)"
    assert scrubbed(quoted, headers) == b"No page /v1/x?key=[masked] ([masked])"
    assert (
        scrubbed(b"Bad key: " + KEY.encode(), credential_headers(BEARER, {"api_key": KEY}, "a")) == b"Bad key: [masked]"
    )


def test_a_short_word_is_too_ordinary_to_be_cleaned_away() -> None:
    assert scrubbed(b"none of these", credential_headers(BEARER, {"api_key": "none"}, "a")) == b"none of these"
    assert scrubbed(b"text", {"authorization": "Bearer text"}) == b"text"


WAYS = Auth("bearer", alternatives=(Auth("entra", settings={}), Auth("sigv4", settings={"service": "s"}), Auth("none")))
CLIENT = {"tenant_id": "t", "client_id": "c", "client_secret": "s"}


@pytest.mark.parametrize(
    ("held", "role", "scheme"),
    [
        ({"api_key": "k"}, True, "bearer"),
        ({"api_key": "k", **CLIENT}, False, "bearer"),
        ({"api_key": " ", **CLIENT}, False, "entra"),
        (CLIENT, True, "entra"),
        ({**CLIENT, "client_secret": ""}, True, "sigv4"),
        ({"aws_access_key_id": "a", "aws_secret_access_key": "b"}, False, "sigv4"),
        ({"aws_access_key_id": "a"}, False, "none"),
        ({}, False, "none"),
    ],
)
def test_the_first_way_in_that_is_open_is_taken(held: dict[str, str], role: bool, scheme: str) -> None:
    way = chosen(WAYS, held, ("s",) if role else ())
    assert way is not None
    assert way.scheme == scheme


@pytest.mark.parametrize(
    ("auth", "held", "is_open"),
    [
        (Auth("pair", parts={"a": "token_id", "b": "token_secret"}), {"token_id": "i", "token_secret": "s"}, True),
        (Auth("pair", parts={"a": "token_id", "b": "token_secret"}), {"token_id": "i"}, False),
        (Auth("google"), {"service_account": "{}"}, True),
        (Auth("google"), {"client_email": "e", "private_key": "k"}, True),
        (Auth("google"), {"client_email": "e"}, False),
        (Auth("google_federation"), {"audience": "//iam"}, False),
        (Auth("oauth", needs=("client_id",)), {"client_id": "c"}, True),
        (Auth("none"), {}, True),
    ],
)
def test_a_way_in_is_open_when_all_that_it_needs_is_held(auth: Auth, held: dict[str, str], is_open: bool) -> None:
    assert (chosen(auth, held) is not None) == is_open


def test_what_opens_a_way_in_is_listed_when_nothing_does() -> None:
    message = missing(Auth("header", "api-key", alternatives=(Auth("entra"),)), "azure_openai").message
    assert '{"azure_openai": {"api_key": "..."} or {"tenant_id": "...", "client_id": "...", ' in message


def test_headers_of_the_way_in_join_what_the_caller_sent_and_never_twice() -> None:
    auth = Auth("bearer", headers={"type": "PAT"}, appended={"beta": "oauth"})
    vouching = credential_headers(auth, {"api_key": KEY}, "a")
    assert merged({}, auth, vouching) == {"beta": "oauth", "type": "PAT", **vouching}
    assert merged({"type": "OAUTH"}, auth, vouching)["type"] == "OAUTH", "the configuration knows better"
    assert merged({"beta": "x, y"}, auth, vouching) == {"beta": "x, y,oauth", "type": "PAT", **vouching}
    assert merged({"beta": "x, oauth"}, auth, vouching)["beta"] == "x, oauth"


def test_a_key_of_the_configuration_s_headers_yields_to_the_secret_s() -> None:
    call = Outgoing("POST", "https://h.example", {"authorization": "Bearer from-configuration"}, b"")
    assert keyed(call, BEARER, {"api_key": KEY}, "a")[1]["authorization"] == f"Bearer {KEY}"
