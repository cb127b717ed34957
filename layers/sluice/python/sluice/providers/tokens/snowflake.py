"""Snowflake key pairs: a JWT that the gateway signs itself, good for an hour at most, with nobody to exchange it.

The credential holds `account` (the identifier, or a locator, whose region is left out), `user` and `private_key`, with
`private_key_passphrase` where it is encrypted. Source: Snowflake, "Authenticating Snowflake REST APIs" (iss, sub, the
header X-Snowflake-Authorization-Token-Type), 2026-11.
"""

from __future__ import annotations

from sluice.providers.tokens import Order, Token
from sluice.providers.tokens.jwt import BACKDATED, fingerprint, private_key, signed

LIFE_SECONDS = 3600


def mint(order: Order) -> Token:
    """Return a token signed with the user's key. Raises TokenFailed."""
    key = private_key(order, order.word("private_key"), order.held.get("private_key_passphrase", ""))
    account = order.word("account").partition(".")[0].upper()
    subject = f"{account}.{order.word('user').upper()}"
    now = order.now()
    issued = int(now) - BACKDATED
    claims: dict[str, object] = {
        "iss": f"{subject}.SHA256:{fingerprint(key)}",
        "sub": subject,
        "iat": issued,
        "exp": issued + LIFE_SECONDS,
    }
    return Token(signed(key, claims), now, float(issued + LIFE_SECONDS))
