"""Google service accounts: a JWT signed with the account's key, exchanged for an access token.

The credential is the account's key file: pasted as the provider's entry, so that its members are the credential's, or
as one text under `service_account`. The file's `token_uri` is followed only to Google's own hosts. Source: Google,
"Using OAuth 2.0 for server to server applications" (assertion, at most an hour), 2026-11.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from sluice.providers.tokens import Order, Token
from sluice.providers.tokens.exchange import host_of, post_form, token_of
from sluice.providers.tokens.jwt import BACKDATED, private_key, signed

HOSTS = frozenset(
    {"oauth2.googleapis.com", "accounts.google.com", "sts.googleapis.com", "iamcredentials.googleapis.com"}
)
LOOPBACK = ("http://127.0.0.1:", "http://localhost:", "http://[::1]:")
TOKEN_URI = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFE_SECONDS = 3600


def mint(order: Order) -> Token:
    """Return an access token of the service account. Raises ProviderError."""
    file = _key_file(order)
    uri = google_url(order, file.get("token_uri", "") or TOKEN_URI, "token_uri")
    key = private_key(order, file.get("private_key", ""))
    issued = int(order.now()) - BACKDATED
    claims: dict[str, object] = {
        "iss": file.get("client_email", ""),
        "scope": order.auth.settings.get("scope", SCOPE),
        "aud": uri,
        "iat": issued,
        "exp": issued + LIFE_SECONDS,
    }
    assertion = signed(key, claims, key_id=file.get("private_key_id", ""))
    return token_of(order, post_form(order, uri, {"grant_type": GRANT, "assertion": assertion}))


def google_url(order: Order, url: str, member: str) -> str:
    """Return `url` if it is one of Google's (or this machine, where the provider may be there). Raises TokenFailed."""
    if order.provider.allow_loopback and url.startswith(LOOPBACK):
        return url
    if not url.startswith("https://") or host_of(url) not in HOSTS:
        raise order.refused(f"{member} must be an https address at one of {', '.join(sorted(HOSTS))}.")
    return url


def _key_file(order: Order) -> Mapping[str, str]:
    text = order.word("service_account")
    if not text:
        return order.held
    try:
        file = json.loads(text)
    except ValueError:
        file = None
    if not isinstance(file, dict):
        # Raised outside the handler: a parser's error would carry the file.
        raise order.refused("service_account is not the JSON text of a service account's key file.")
    return {name: value for name, value in file.items() if isinstance(value, str)}
