"""Provider keys become headers and show nowhere else."""

from __future__ import annotations

import pytest

from sluice.errors import GatewayError
from sluice.providers.auth import MissingCredential, credential_headers
from sluice.types.catalogue import Auth

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
