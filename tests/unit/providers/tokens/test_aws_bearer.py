"""SageMaker's bearer token is an address that the role presigned; it is unpacked and its signature made again."""

from __future__ import annotations

from base64 import b64decode
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore import auth, awsrequest
from botocore.credentials import Credentials as BotocoreCredentials

from sluice.errors import ProviderError
from sluice.providers.registry import Registry
from sluice.types.catalogue import Auth
from tests.unit.providers.tokens.authority import REGION, ROLE, Gateway

HOST = "https://runtime.sagemaker.us-west-2.amazonaws.com/endpoints"


def declared() -> Auth:
    provider = Registry().provider("sagemaker")
    assert provider is not None
    return provider.auth


def unpacked(token: str) -> tuple[str, dict[str, list[str]]]:
    """Return the presigned address and its query; the packing is AWS's own."""
    assert token.startswith("sagemaker-api-key-")
    address = "https://" + b64decode(token.removeprefix("sagemaker-api-key-")).decode()
    assert address.endswith("&Version=1")
    return address.removesuffix("&Version=1"), parse_qs(urlsplit(address).query)


def signature_of(address: str, region: str) -> str:
    unsigned = address.partition("&X-Amz-Signature=")[0]
    request = awsrequest.AWSRequest("POST", unsigned)
    signer = auth.SigV4QueryAuth(BotocoreCredentials(*ROLE), "sagemaker", region)
    request.context["timestamp"] = parse_qs(urlsplit(address).query)["X-Amz-Date"][0]
    return str(signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request))


@pytest.mark.parametrize(
    ("base_url", "region"), [(HOST, "us-west-2"), ("https://sagemaker.internal.example.com", REGION)]
)
def test_the_token_is_signed_for_the_region_that_the_address_names_else_the_gateway_s(
    base_url: str, region: str
) -> None:
    gateway = Gateway(declared(), base_url=base_url, with_role=True)
    assert gateway.credentials.has("acme")
    address, query = unpacked(gateway.bearer())
    assert address.startswith("https://sagemaker.amazonaws.com/?Action=CallWithBearerToken&")
    assert query["X-Amz-Signature"] == [signature_of(address, region)]
    assert query["X-Amz-Credential"] == [f"{ROLE[0]}/20261123/{region}/sagemaker/aws4_request"]
    assert query["X-Amz-Expires"] == ["3600"]
    assert query["X-Amz-Security-Token"] == [ROLE[2]]


def test_a_stored_token_is_preferred() -> None:
    assert Gateway(declared(), {"api_key": "stored-token"}, with_role=True).bearer() == "stored-token"


def test_without_role_and_without_token_there_is_no_way_in() -> None:
    gateway = Gateway(declared())
    assert not gateway.credentials.has("acme")
    with pytest.raises(ProviderError, match="has no key"):
        gateway.bearer()


def test_keys_of_the_secret_serve_where_the_function_has_no_role() -> None:
    held = {"aws_access_key_id": ROLE[0], "aws_secret_access_key": ROLE[1], "aws_session_token": ROLE[2]}
    address, query = unpacked(Gateway(declared(), held, base_url=HOST).bearer())
    assert query["X-Amz-Signature"] == [signature_of(address, "us-west-2")]
