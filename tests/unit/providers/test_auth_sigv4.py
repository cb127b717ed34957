"""Calls into AWS are signed as they go over the wire; each signature is made again by botocore."""

from __future__ import annotations

import pytest

from sluice.errors import InternalError, ProviderError
from sluice.providers.credentials import Credentials
from sluice.providers.registry import Registry
from sluice.signing import Credentials as AwsKeys
from sluice.signing import region_of
from sluice.types.catalogue import Auth
from tests.unit.providers.tokens.authority import REGION, ROLE, Gateway, Keys, Vault, resigned

BEDROCK = Auth("sigv4", settings={"service": "bedrock"})
MODEL = "https://bedrock-runtime.us-west-2.amazonaws.com/model/anthropic.claude-v1%3A0/converse"
STATIC = {"aws_access_key_id": "AKIASTATICEXAMPLE", "aws_secret_access_key": "static-secret"}
HEADERS = {"content-type": "application/json", "accept-encoding": "identity", "user-agent": "sluice"}


def again(url: str, sent: dict[str, str], body: bytes, keys: Keys, region: str, service: str = "bedrock") -> str:
    return resigned("POST", url, sent, body, keys=keys, scope=(service, region))


@pytest.mark.parametrize("url", [MODEL, MODEL.replace("%3A", ":"), f"{MODEL}-stream?x=1&a=b"])
def test_the_role_signs_path_query_headers_and_body(url: str) -> None:
    gateway = Gateway(BEDROCK, with_role=True)
    assert gateway.credentials.has("acme")
    sent = gateway.sent(url, HEADERS, b'{"messages":[]}')
    assert sent["authorization"] == again(url, sent, b'{"messages":[]}', ROLE, "us-west-2")
    assert sent["x-amz-security-token"] == ROLE[2]
    assert {name: sent[name] for name in HEADERS} == HEADERS
    assert "SignedHeaders=accept-encoding;content-type;host;x-amz-date;x-amz-security-token," in sent["authorization"]


@pytest.mark.parametrize(
    "changed", [{"body": b"{ }"}, {"url": MODEL + "-stream"}, {"content-type": "text/plain"}], ids=str
)
def test_whatever_is_changed_on_the_way_breaks_the_signature(changed: dict[str, object]) -> None:
    sent = Gateway(BEDROCK, with_role=True).sent(MODEL, HEADERS, b"{}")
    body, url = changed.pop("body", b"{}"), changed.pop("url", MODEL)
    assert isinstance(body, bytes)
    assert sent["authorization"] != again(str(url), {**sent, **changed}, body, ROLE, "us-west-2")  # type: ignore[dict-item]


def test_keys_in_the_secret_come_before_the_role() -> None:
    gateway = Gateway(BEDROCK, STATIC, with_role=True)
    sent = gateway.sent(MODEL, HEADERS)
    keys = (STATIC["aws_access_key_id"], STATIC["aws_secret_access_key"], "")
    assert sent["authorization"] == again(MODEL, sent, b"{}", keys, "us-west-2")
    assert "x-amz-security-token" not in sent
    gateway.vault.bundle = {"acme": {**STATIC, "aws_secret_access_key": "rotated-secret"}}
    sent = gateway.sent(MODEL, HEADERS)
    assert sent["authorization"] == again(MODEL, sent, b"{}", (keys[0], "rotated-secret", ""), "us-west-2")


def test_the_signature_follows_the_clock() -> None:
    gateway = Gateway(BEDROCK, with_role=True)
    first = gateway.sent(MODEL)
    gateway.clock.now += 86_400
    later = gateway.sent(MODEL)
    assert (first["x-amz-date"], later["x-amz-date"]) == ("20261123T120000Z", "20261124T120000Z")
    assert later["authorization"] == again(MODEL, later, b"{}", ROLE, "us-west-2")


@pytest.mark.parametrize(
    ("url", "region"),
    [
        ("https://bedrock-runtime.us-gov-west-1.amazonaws.com/model/x", "us-gov-west-1"),
        ("https://bedrock-mantle.eu-central-1.api.aws:443/v1", "eu-central-1"),
        ("https://vpce-1.bedrock-runtime.ap-southeast-2.vpce.amazonaws.com/x", "ap-southeast-2"),
        ("https://bedrock.cn-north-1.amazonaws.com.cn/x", "cn-north-1"),
        ("https://sagemaker.amazonaws.com/", ""),
        ("https://gateway.example.com/us-east-1", ""),
        ("https://us-east-1.example.com", ""),
        ("https://a.my-api.example-1.com", ""),
    ],
)
def test_the_region_is_read_from_the_host_of_an_aws_address(url: str, region: str) -> None:
    assert region_of(url) == region


@pytest.mark.parametrize(("asked", "signed"), [("us-east-2", "us-east-2"), ("", REGION)])
def test_an_address_without_a_region_is_signed_for_the_deployment_s_or_the_gateway_s(asked: str, signed: str) -> None:
    from sluice.providers.auth import Outgoing

    gateway = Gateway(BEDROCK, with_role=True)
    url = "https://bedrock.internal.example.com/model/m/converse"
    _, sent = gateway.credentials.authorize(Outgoing("POST", url, {}, b""), gateway.provider, asked)
    assert sent["authorization"] == again(url, dict(sent), b"", ROLE, signed)


def test_mantle_takes_its_key_first_and_is_signed_for_under_its_own_name_otherwise() -> None:
    mantle = Registry().provider("bedrock_mantle")
    assert mantle is not None
    assert Gateway(mantle.auth, {"api_key": "bedrock-key-1"}, with_role=True).bearer() == "bedrock-key-1"
    url = "https://bedrock-mantle.us-east-1.api.aws/v1/chat/completions"
    sent = Gateway(mantle.auth, with_role=True).sent(url, HEADERS)
    assert sent["authorization"] == again(url, sent, b"{}", ROLE, "us-east-1", "bedrock-mantle")


@pytest.mark.parametrize("gateway", [Gateway(BEDROCK), Gateway(BEDROCK, with_role=True, granted=("sagemaker", "sts"))])
def test_without_a_role_or_without_its_permission_there_is_no_way_in(gateway: Gateway) -> None:
    assert not gateway.credentials.has("acme")
    with pytest.raises(ProviderError, match="has no key"):
        gateway.sent(MODEL)


def test_a_role_that_cannot_be_read_is_an_error_of_the_provider_so_that_the_next_one_is_tried() -> None:
    class Broken:
        def current(self) -> AwsKeys:
            raise InternalError("The credentials endpoint answered 500.")

    gateway = Gateway(BEDROCK)
    gateway.credentials = Credentials(
        Vault(),
        gateway.transport,
        catalogue={"acme": gateway.provider}.get,
        role=Broken(),
        granted=("bedrock",),
        now=gateway.clock,
    )
    with pytest.raises(ProviderError, match=r"cannot be had: The credentials endpoint answered 500\.") as caught:
        gateway.sent(MODEL)
    assert (caught.value.kind, caught.value.error_code) == ("authentication", "provider_credentials_unavailable")
