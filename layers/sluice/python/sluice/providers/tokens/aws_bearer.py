"""Bearer tokens for AWS endpoints that take no signature: a presigned address, packed into one word.

The token is as strong as the role for the one action it is presigned for, so it is made short-lived. The setting `host`
names the service that reads it, `service` its signing name, `prefix` stands before the packed address. Source: Amazon
SageMaker AI, "Invoke endpoints with OpenAI-compatible APIs" and AWS's token generators for SageMaker and Bedrock
(POST, Action=CallWithBearerToken, Version=1 behind the signature, base64), 2026-11.
"""

from __future__ import annotations

from base64 import b64encode

from sluice.providers.sigv4 import source
from sluice.providers.tokens import Order, Token
from sluice.signing import Signer, region_of

LIFE_SECONDS = 3600
"""AWS allows twelve hours; credentials of a role may end before that."""


def mint(order: Order) -> Token:
    """Return a token for the region that the provider's address names. Raises RoleUnavailable."""
    settings = order.auth.settings
    region = region_of(order.provider.base_url) or order.region or order.home
    keys = source(order.held, order.role, order.provider.name)
    signer = Signer(settings["service"], region, keys, now=order.now)
    url = f"https://{settings['host']}/?Action=CallWithBearerToken"
    now = order.now()
    presigned = signer.presign("POST", url, LIFE_SECONDS).partition("://")[2] + "&Version=1"
    return Token(settings["prefix"] + b64encode(presigned.encode()).decode(), now, now + LIFE_SECONDS)
