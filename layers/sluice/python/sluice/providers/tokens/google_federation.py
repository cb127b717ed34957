"""Google Cloud without a stored key: workload identity federation from AWS.

A signed, never sent GetCallerIdentity request of the function's role is the proof that Google's token service checks
with AWS; where the credential names a service account, its token is asked for with the federated one. The credential
holds `audience` (//iam.googleapis.com/projects/.../providers/...) and, optionally, `service_account_impersonation_url`,
as in the configuration file that Google makes for a pool. Source: Google AIP-4117 and "Configure Workload Identity
Federation with AWS", 2026-11.
"""

from __future__ import annotations

import json
from datetime import datetime

from sluice.providers.sigv4 import source
from sluice.providers.tokens import Order, Token, TokenFailed
from sluice.providers.tokens.exchange import post_form, post_json, token_of
from sluice.providers.tokens.google import LIFE_SECONDS, SCOPE, google_url
from sluice.signing import Signer, query_encoded

STS = "https://sts.googleapis.com/v1/token"
GRANT = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 - the name of a kind
AWS_REQUEST = "urn:ietf:params:aws:token-type:aws4_request"


def mint(order: Order) -> Token:
    """Return a token of the federated identity, or of the service account that it may act as. Raises ProviderError."""
    audience, scope = order.word("audience"), order.auth.settings.get("scope", SCOPE)
    members = {
        "grant_type": GRANT,
        "audience": audience,
        "scope": scope,
        "requested_token_type": ACCESS_TOKEN,
        "subject_token_type": AWS_REQUEST,
        "subject_token": _caller_identity(order, audience),
    }
    url = google_url(order, order.word("token_url") or STS, "token_url")
    federated = token_of(order, post_form(order, url, members))
    impersonation = order.word("service_account_impersonation_url")
    if not impersonation:
        return federated
    url = google_url(order, impersonation, "service_account_impersonation_url")
    asked = {"scope": [scope], "lifetime": f"{LIFE_SECONDS}s"}
    document = post_json(order, url, asked, {"authorization": f"Bearer {federated.text}"})
    seconds = _until(order, document.get("expireTime"))
    return token_of(order, {"access_token": document.get("accessToken"), "expires_in": seconds})


def _caller_identity(order: Order, audience: str) -> str:
    """Return the signed request as Google reads it: JSON, percent-encoded."""
    host = f"sts.{order.home}.amazonaws.com"
    url = f"https://{host}?Action=GetCallerIdentity&Version=2011-06-15"
    signer = Signer("sts", order.home, source(order.held, order.role, order.provider.name), now=order.now)
    signed = {**signer.sign("POST", url, {"x-goog-cloud-target-resource": audience}, b""), "host": host}
    headers = [{"key": name, "value": value} for name, value in sorted(signed.items())]
    return query_encoded(json.dumps({"url": url, "method": "POST", "headers": headers}, separators=(",", ":")))


def _until(order: Order, stated: object) -> float:
    try:
        return datetime.fromisoformat(str(stated)).timestamp() - order.now()
    except ValueError:
        problem = "the service account's token has no time at which it ends."
    raise TokenFailed(order.provider.name, problem, kind="connection")
