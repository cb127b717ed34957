"""No stored key: AWS says who the function is, the vendor checks AWS's signature and gives a token for it."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from sluice.errors import ProviderError
from sluice.providers.auth import Outgoing
from sluice.providers.registry import Registry
from sluice.types.catalogue import Auth
from tests.unit.providers.tokens.authority import (
    NOON,
    REGION,
    ROLE,
    Answer,
    Authority,
    Gateway,
    Received,
    authority,
    is_current,
    resigned,
    rsa_key,
    verified,
)

ISSUER = "https://abc.tokens.sts.global.api.aws"
ARN = "arn:aws:iam::123456789012:role/sluice-streaming"
OPENAI_IDS = {"identity_provider_id": "idp_1", "service_account_id": "svc_1"}
ANTHROPIC_IDS = {"federation_rule_id": "fdrl_1", "organization_id": "org-uuid", "service_account_id": "svac_1"}


def declared(vendor: str, server: Authority) -> Auth:
    """Return what the catalogue declares; a token address outside the provider's own host becomes the stub's."""
    provider = Registry().provider(vendor)
    assert provider is not None
    (federation,) = [way for way in provider.auth.alternatives if way.scheme == "aws_federation"]
    url = federation.settings["token_url"]
    if not url.startswith("/"):
        assert url == "https://auth.openai.com/oauth/token"
        url = f"{server.url}/oauth/token"
    settings = {**federation.settings, "token_url": url}
    return replace(provider.auth, alternatives=(replace(federation, settings=settings),))


def encoded(members: dict[str, Any]) -> str:
    return urlsafe_b64encode(json.dumps(members).encode()).rstrip(b"=").decode()


class Sts:
    """AWS STS: checks the signature of the role, answers with a statement that is signed with AWS's key."""

    def __init__(self, server: Authority, *, now: float = NOON) -> None:
        self.url = server.url
        self.now = now
        self.issued = 0

    def __call__(self, request: Received) -> Answer:
        again = resigned("POST", f"{self.url}/", request.headers, request.body, keys=ROLE, scope=("sts", REGION))
        if request.headers["authorization"] != again or request.headers["x-amz-security-token"] != ROLE[2]:
            return 403, b"<ErrorResponse><Error><Code>SignatureDoesNotMatch</Code></Error></ErrorResponse>"
        form = request.form
        assert (form["Action"], form["Version"], form["SigningAlgorithm"]) == (
            "GetWebIdentityToken",
            "2011-06-15",
            "RS256",
        )
        self.issued += 1
        claims = {
            "iss": ISSUER,
            "sub": ARN,
            "aud": form["Audience.member.1"],
            "iat": int(self.now),
            "exp": int(self.now) + int(form["DurationSeconds"]),
            "jti": f"statement-{self.issued}",
        }
        text = f"{encoded({'alg': 'RS256'})}.{encoded(claims)}"
        signature = rsa_key().sign(text.encode(), padding.PKCS1v15(), hashes.SHA256())
        token = f"{text}.{urlsafe_b64encode(signature).rstrip(b'=').decode()}"
        return 200, (
            '<GetWebIdentityTokenResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetWebIdentityTokenResult>'
            f"<WebIdentityToken>{token}</WebIdentityToken><Expiration>2026-11-23T12:05:00Z</Expiration>"
            "</GetWebIdentityTokenResult></GetWebIdentityTokenResponse>"
        ).encode()


class Vendor:
    """A vendor's token endpoint: issuer, audience, role, window, and each statement only once."""

    def __init__(self, audience: str, member: str, expected: dict[str, str]) -> None:
        self.audience = audience
        self.member = member
        self.expected = expected
        self.used: set[str] = set()
        self.seconds = 600
        self.now = NOON

    def __call__(self, request: Received) -> Answer:
        body = request.json
        statement = body.pop(self.member)
        if body != self.expected:
            return 400, {"error": "invalid_request"}
        try:
            _, claims = verified(statement, rsa_key().public_key())
        except InvalidSignature:
            return 401, {"error": "invalid_grant"}
        known = (claims["iss"], claims["aud"], claims["sub"]) == (ISSUER, self.audience, ARN)
        if not known or claims["jti"] in self.used or not is_current(claims, self.now, longest=300):
            return 401, {"error": "invalid_grant"}
        self.used.add(claims["jti"])
        return 200, {
            "access_token": f"sk-short-lived-{len(self.used)}",
            "token_type": "Bearer",
            "expires_in": self.seconds,
        }


def openai_endpoint() -> Vendor:
    return Vendor(
        "https://api.openai.com/v1",
        "subject_token",
        {
            "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
            "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
            **OPENAI_IDS,
        },
    )


def anthropic_endpoint() -> Vendor:
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    return Vendor("https://api.anthropic.com", "assertion", {"grant_type": grant, **ANTHROPIC_IDS})


def test_openai_gives_a_token_for_the_role() -> None:
    with authority() as server:
        server.answers = {"/": Sts(server), "/oauth/token": openai_endpoint()}
        gateway = Gateway(declared("openai", server), OPENAI_IDS, sts_url=server.url, with_role=True)
        assert gateway.credentials.has("acme")
        assert gateway.sent() == {"authorization": "Bearer sk-short-lived-1"}
        assert gateway.bearer() == "sk-short-lived-1"
    assert server.paths == ["/", "/oauth/token"]


def test_anthropic_gives_a_token_at_its_own_host_and_both_calls_name_its_betas() -> None:
    with authority() as server:
        server.answers = {"/": Sts(server), "/v1/oauth/token": anthropic_endpoint()}
        gateway = Gateway(
            declared("anthropic", server), ANTHROPIC_IDS, base_url=server.url, sts_url=server.url, with_role=True
        )
        headers = gateway.sent(headers={"anthropic-beta": "context-1m-2025-08-07"})
    assert headers == {
        "anthropic-beta": "context-1m-2025-08-07,oauth-2025-04-20",
        "authorization": "Bearer sk-short-lived-1",
    }
    exchange = server.received[1]
    assert exchange.headers["anthropic-beta"] == "oauth-2025-04-20,oidc-federation-2026-04-01"


def test_a_workspace_is_named_where_the_secret_names_one() -> None:
    with authority() as server:
        vendor = anthropic_endpoint()
        vendor.expected["workspace_id"] = "wrkspc_1"
        server.answers = {"/": Sts(server), "/v1/oauth/token": vendor}
        held = {**ANTHROPIC_IDS, "workspace_id": "wrkspc_1"}
        gateway = Gateway(declared("anthropic", server), held, base_url=server.url, sts_url=server.url, with_role=True)
        assert gateway.bearer() == "sk-short-lived-1"


def test_the_function_asks_the_sts_of_its_own_region_whatever_the_deployment_calls_its() -> None:
    with authority() as server:
        server.answers = {"/": Sts(server), "/oauth/token": openai_endpoint()}
        gateway = Gateway(declared("openai", server), OPENAI_IDS, sts_url=server.url, with_role=True)
        call = Outgoing("POST", "https://eu.api.openai.com/v1/responses", {}, b"{}")
        _, headers = gateway.credentials.authorize(call, gateway.provider, "eu")
    assert headers["authorization"] == "Bearer sk-short-lived-1"


def test_a_stored_key_is_preferred_and_nobody_is_asked() -> None:
    with authority() as server:
        gateway = Gateway(declared("openai", server), {**OPENAI_IDS, "api_key": "sk-stored"}, with_role=True)
        assert gateway.bearer() == "sk-stored"
    assert not server.received


def test_every_exchange_shows_a_new_statement() -> None:
    with authority() as server:
        sts, vendor = Sts(server), openai_endpoint()
        server.answers = {"/": sts, "/oauth/token": vendor}
        gateway = Gateway(declared("openai", server), OPENAI_IDS, sts_url=server.url, with_role=True)
        gateway.bearer()
        gateway.clock.now = sts.now = vendor.now = NOON + 700
        assert gateway.bearer() == "sk-short-lived-2"
    assert vendor.used == {"statement-1", "statement-2"}


def test_a_statement_for_another_audience_is_refused() -> None:
    with authority() as server:
        server.answers = {"/": Sts(server), "/oauth/token": openai_endpoint()}
        held = {**OPENAI_IDS, "audience": "https://other.example.com"}
        gateway = Gateway(declared("openai", server), held, sts_url=server.url, with_role=True)
        with pytest.raises(ProviderError, match=r"refused the credential with 401 \(invalid_grant\)"):
            gateway.bearer()


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        ("AccessDenied", "federation_audiences in infra/settings.py"),
        ("OutboundWebIdentityFederationDisabledException", "aws iam enable-outbound-web-identity-federation"),
        ("JWTPayloadSizeExceededException", "JWTPayloadSizeExceeded"),
    ],
)
def test_what_aws_refuses_comes_with_its_remedy(code: str, remedy: str) -> None:
    quoted = f"<ErrorResponse><Error><Code>{code}</Code><Message>{ROLE[2]}</Message></Error></ErrorResponse>"
    with authority() as server:
        server.answers["/"] = lambda _: (403, quoted.encode())
        gateway = Gateway(declared("openai", server), OPENAI_IDS, sts_url=server.url, with_role=True)
        with pytest.raises(ProviderError) as caught:
            gateway.bearer()
    assert caught.value.kind == "authentication"
    assert remedy in caught.value.message
    assert ROLE[2] not in caught.value.message


@pytest.mark.parametrize(("status", "content"), [(503, b""), (200, b"<html>"), (429, b"")])
def test_aws_out_of_order_is_no_fault_of_the_credential(status: int, content: bytes) -> None:
    with authority() as server:
        server.answers["/"] = lambda _: (status, content)
        gateway = Gateway(declared("openai", server), OPENAI_IDS, sts_url=server.url, with_role=True)
        with pytest.raises(ProviderError) as caught:
            gateway.bearer()
    assert caught.value.kind == "connection"


def test_ids_without_a_role_or_without_the_others_open_no_way_in() -> None:
    with authority() as server:
        auth = declared("openai", server)
    assert not Gateway(auth, OPENAI_IDS).credentials.has("acme")
    assert not Gateway(auth, {"service_account_id": "svc_1"}, with_role=True).credentials.has("acme")
    assert not Gateway(auth, with_role=True).credentials.has("acme")
    assert not Gateway(auth, OPENAI_IDS, with_role=True, granted=("bedrock",)).credentials.has("acme")


def test_openai_s_own_sdk_sends_the_same_exchange() -> None:
    from openai.auth._workload import WorkloadIdentityAuth

    with authority() as server:
        sts = Sts(server)
        server.answers = {"/": sts, "/oauth/token": lambda _: (200, {"access_token": "t", "expires_in": 60})}
        Gateway(declared("openai", server), OPENAI_IDS, sts_url=server.url, with_role=True).bearer()
        ours = server.received[-1]
        WorkloadIdentityAuth(
            workload_identity={
                "identity_provider_id": OPENAI_IDS["identity_provider_id"],
                "service_account_id": OPENAI_IDS["service_account_id"],
                "provider": {"token_type": "jwt", "get_token": lambda: str(ours.json["subject_token"])},
            },
            token_exchange_url=f"{server.url}/oauth/token",
        ).get_token()
        theirs = server.received[-1]
    assert theirs is not ours
    assert ours.json == theirs.json
    assert ours.headers["content-type"] == theirs.headers["content-type"]


def test_anthropic_s_own_sdk_sends_the_same_exchange_and_the_same_call() -> None:
    import anthropic

    with authority() as server:
        token = {"access_token": "t-1", "expires_in": 600, "token_type": "Bearer"}
        server.answers = {
            "/": Sts(server),
            "/v1/oauth/token": lambda _: (200, token),
            "/v1/messages": lambda _: (
                400,
                {"type": "error", "error": {"type": "invalid_request_error", "message": ""}},
            ),
        }
        gateway = Gateway(
            declared("anthropic", server), ANTHROPIC_IDS, base_url=server.url, sts_url=server.url, with_role=True
        )
        sent = gateway.sent()
        ours = server.received[-1]
        credentials = anthropic.WorkloadIdentityCredentials(
            identity_token_provider=lambda: str(ours.json["assertion"]),
            federation_rule_id=ANTHROPIC_IDS["federation_rule_id"],
            organization_id=ANTHROPIC_IDS["organization_id"],
            service_account_id=ANTHROPIC_IDS["service_account_id"],
        )
        client = anthropic.Anthropic(credentials=credentials, base_url=server.url, max_retries=0)
        with client, pytest.raises(anthropic.BadRequestError):
            client.messages.create(model="m", max_tokens=1, messages=[{"role": "user", "content": "Hi"}])
        exchange, call = server.received[-2:]
    assert exchange.json == ours.json
    assert exchange.headers["anthropic-beta"] == ours.headers["anthropic-beta"]
    assert {name: call.headers[name] for name in sent} == sent
