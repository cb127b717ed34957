"""OpenAI and Anthropic without a stored key: AWS states who this function is, the vendor exchanges that for a token.

The catalogue file says where (`token_url`), for whom (`audience`), by which grant, and under which name the statement
goes (`assertion`); the credential holds only the ids that the vendor's console shows, which are no secrets. Sources:
OpenAI, "Workload identity token exchange" and its AWS guide; Anthropic, "WIF reference", "Use WIF with AWS", 2026-11.
"""

from __future__ import annotations

from sluice.providers.tokens import Order, Token
from sluice.providers.tokens.aws_identity import web_identity_token
from sluice.providers.tokens.exchange import at_provider, post_json, token_of


def mint(order: Order) -> Token:
    """Return the vendor's access token. Raises ProviderError."""
    auth = order.auth
    audience = order.word("audience") or auth.settings["audience"]
    members = {
        "grant_type": auth.settings["grant_type"],
        **auth.token_body,
        auth.settings["assertion"]: web_identity_token(order, audience),
        **{name: order.word(member) for name, member in auth.parts.items() if order.word(member)},
    }
    url = at_provider(order, auth.settings["token_url"])
    return token_of(order, post_json(order, url, members, auth.token_headers))
