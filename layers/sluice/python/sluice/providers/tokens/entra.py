"""Microsoft Entra ID, client credentials with a secret.

The credential holds `tenant_id`, `client_id` and `client_secret`; `authority` names one of Microsoft's sovereign
sign-in hosts and `scope` the resource's own where it is another. Source: Microsoft identity platform, "OAuth 2.0 client
credentials flow", and Azure OpenAI, "managed identity" (scope https://cognitiveservices.azure.com/.default), 2026-11.
"""

from __future__ import annotations

import re

from sluice.providers.tokens import Order, Token
from sluice.providers.tokens.exchange import host_of, post_form, token_of

AUTHORITIES = frozenset({"login.microsoftonline.com", "login.microsoftonline.us", "login.partner.microsoftonline.cn"})
_TENANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,127}")


def mint(order: Order) -> Token:
    """Return an access token. Raises ProviderError."""
    tenant = order.word("tenant_id")
    if not _TENANT.fullmatch(tenant):
        raise order.refused("tenant_id must be the directory's id or one of its domain names.")
    stated = order.word("authority")
    if stated and host_of(stated) not in AUTHORITIES:
        raise order.refused(f"authority must be one of {', '.join(sorted(AUTHORITIES))}.")
    authority = (stated or order.auth.settings["authority"]).rstrip("/")
    members = {
        "grant_type": "client_credentials",
        "client_id": order.word("client_id"),
        "client_secret": order.word("client_secret"),
        "scope": order.word("scope") or order.auth.settings["scope"],
    }
    return token_of(order, post_form(order, f"{authority}/{tenant}/oauth2/v2.0/token", members))
