"""Whoever may write configuration cannot aim the gateway at the cloud's inside, at itself, or at half a request."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.errors import BadRequest, GatewayError
from sluice.telemetry.options import options_from
from tests.unit.control.test_identity_schema import OKTA, control

INSIDE = (
    "https://169.254.169.254/latest/meta-data",
    "http://169.254.169.254/latest/api/token",
    "https://[fd00:ec2::254]/latest",
    "https://169.254.170.2/v2/credentials",
    "http://127.0.0.1:9001/2018-06-01/runtime/invocation/next",
    "http://localhost:9001/2018-06-01/runtime/invocation/next",
    "https://[::1]/v1",
    "https://[::ffff:10.0.0.1]/v1",
    "https://0x7f000001/v1",
    "https://2130706433/v1",
    "https://0177.0.0.1/v1",
    "https://127.1/v1",
    "https://10.0.0.1/v1",
    "https://172.16.0.1/v1",
    "https://192.168.1.1/v1",
    "https://100.64.0.1/v1",
    "https://0.0.0.0/v1",
    "https://api.openai.com@169.254.169.254/v1",
    "https://api.openai.com\\@169.254.169.254/v1",
    "https://api.openai.com#@169.254.169.254/v1",
    "https://intranet/v1",
    "file:///proc/self/environ",
    "gopher://example.com/",
    "ftp://example.com/",
    "http://api.openai.com/v1",
    "//169.254.169.254/",
    "",
)


def refusal(document: dict[str, Any]) -> str:
    with pytest.raises((BadRequest, GatewayError, ValueError)) as caught:
        control().publish(document)
    return str(caught.value)


@pytest.mark.parametrize("url", [each for each in INSIDE if each])
def test_a_providers_base_url_never_leads_inside(url: str) -> None:
    assert "base_url" in refusal({"providers": {"openai": {"base_url": url}}})
    assert "openai" in refusal({"providers": {"openai": {"base_url": url, "allow_loopback": True}}})


@pytest.mark.parametrize("url", [each for each in INSIDE if each])
def test_keys_of_tokens_are_never_fetched_inside(url: str) -> None:
    assert refusal({"identity": {"issuers": [{**OKTA, "jwks_url": url}]}})
    assert refusal({"identity": {"issuers": [{**OKTA, "jwks_url": url, "allow_loopback": True}]}})
    assert refusal({"identity": {"issuers": [{**OKTA, "issuer": url}]}})


@pytest.mark.parametrize("url", [each for each in INSIDE if each.partition("://")[0] not in ("https", "")])
def test_an_exporter_is_told_over_https_alone(url: str) -> None:
    if not url.startswith("http://127.0.0.1:"):  # for the local stack, where the transport lets it; see below
        with pytest.raises(ValueError, match="https"):
            options_from(f'[{{"name": "x", "kind": "otlp", "url": "{url}"}}]')


@pytest.mark.parametrize(
    "header",
    ["Authorization", "x-api-key", "X-Goog-Api-Key", "Host", "Content-Length", "Transfer-Encoding", "Connection", "TE"],
)
def test_configured_headers_neither_hold_keys_nor_frame_a_request(header: str) -> None:
    assert header in refusal({"providers": {"openai": {"headers": {header: "x"}}}})


def test_a_good_configuration_is_published() -> None:
    document = {
        "providers": {"openai": {"base_url": "https://gateway.example.com/v1", "headers": {"x-team": "a"}}},
        "identity": {"issuers": [OKTA]},
    }
    assert control().publish(document)
