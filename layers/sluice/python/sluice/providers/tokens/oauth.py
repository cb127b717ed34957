"""OAuth 2.0 client credentials (RFC 6749, section 4.4), as Databricks wants for its service principals.

The credential holds `client_id` and `client_secret`, and may hold `token_url` and `scope`. The two are sent as HTTP
Basic, form-encoded first (section 2.3.1), or in the body where the catalogue's setting `client_auth` says "post".
Source: Databricks, "Authorize service principal access with OAuth" (`/oidc/v1/token`, scope all-apis), 2026-11.
"""

from __future__ import annotations

from base64 import b64encode

from sluice.providers.tokens import Order, Token
from sluice.providers.tokens.exchange import at_provider, post_form, token_of
from sluice.signing import query_encoded


def mint(order: Order) -> Token:
    """Return an access token. Raises ProviderError."""
    settings = order.auth.settings
    url = order.word("token_url") or settings.get("token_url", "")
    if not url:
        raise order.refused("the credential states no token_url, and the provider's catalogue file has none.")
    members = {"grant_type": "client_credentials", **order.auth.token_body}
    scope = order.word("scope") or settings.get("scope", "")
    if scope:
        members["scope"] = scope
    client, secret = order.word("client_id"), order.word("client_secret")
    headers = dict(order.auth.token_headers)
    if settings.get("client_auth") == "post":
        members |= {"client_id": client, "client_secret": secret}
    else:
        pair = f"{query_encoded(client)}:{query_encoded(secret)}"
        headers["authorization"] = f"Basic {b64encode(pair.encode()).decode()}"
    return token_of(order, post_form(order, at_provider(order, url), members, headers))
