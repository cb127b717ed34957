"""Tokens taken apart: compact JWS with JSON claims (RFC 7515, section 7.1; RFC 7519), in their one strict form.

Nothing is trusted here. A text that could be read in two ways (padding, stray bits, a member named twice, NaN) is
refused, so that what is cached and what is checked can never be two things.
"""

from __future__ import annotations

import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from sluice.errors import AuthenticationFailed

LONGEST = 8192
"""Characters of a token; API Gateway takes 10,240 bytes of headers in all (quotas page, 2026-11)."""
TYPES = ("jwt", "at+jwt", "application/jwt", "application/at+jwt")
"""What a header may call itself (RFC 7519, section 5.1; RFC 9068, section 2.1)."""
SAME = {"Ed25519": "EdDSA"}
"""Two names of one algorithm (RFC 9864, section 2.2)."""
_PART = re.compile(r"[A-Za-z0-9_-]+")
_TO_STANDARD = str.maketrans("-_", "+/")


@dataclass(frozen=True, slots=True)
class Token:
    """A token's parts: `signed` are the bytes that the signature is of. Nothing of it was verified."""

    algorithm: str
    key_id: str | None
    claims: Mapping[str, object]
    signed: bytes
    signature: bytes


class TokenRefused(AuthenticationFailed):
    """A token that is not taken; the message never quotes it."""

    code = "invalid_token"


def read(text: str) -> Token:
    """Take a token apart. Raises TokenRefused."""
    if len(text) > LONGEST:
        raise TokenRefused(f"The token has {len(text)} characters; at most {LONGEST} are taken. Ask for fewer claims.")
    head, _, rest = text.partition(".")
    body, _, signature = rest.partition(".")
    header, claims = _object(head, "header"), _object(body, "body")
    if "crit" in header:
        raise TokenRefused("The token's header demands extensions (crit) that this gateway does not know.")
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower() not in TYPES:
        raise TokenRefused("The token's type (typ) is not JWT or at+jwt: send an access token.")
    algorithm, key_id = header.get("alg"), header.get("kid")
    algorithm = SAME.get(algorithm, algorithm) if isinstance(algorithm, str) else None
    if algorithm is None:
        raise TokenRefused("The token's header names no algorithm (alg).")
    if key_id is not None and (not isinstance(key_id, str) or not 0 < len(key_id) <= 256):
        raise TokenRefused("The token's key id (kid) is not a text of 1 to 256 characters.")
    return Token(algorithm, key_id, claims, f"{head}.{body}".encode("ascii"), _bytes(signature, "signature"))


def decoded(text: str) -> bytes | None:
    """Return the bytes of unpadded base64url (RFC 7515, section 2), None for any other text."""
    if not _PART.fullmatch(text) or len(text) % 4 == 1:
        return None
    found = binascii.a2b_base64(text.translate(_TO_STANDARD) + "=" * (-len(text) % 4))
    # The last character may carry bits that stand for nothing; only zeros are canonical.
    canonical = binascii.b2a_base64(found, newline=False).decode("ascii").rstrip("=")
    return found if canonical == text.translate(_TO_STANDARD) else None


def _bytes(text: str, part: str) -> bytes:
    found = decoded(text)
    if found is None:
        raise TokenRefused(f"The token is malformed: its {part} is not base64url without padding.")
    return found


def _object(text: str, part: str) -> dict[str, object]:
    content = _bytes(text, part)
    found: object = None
    try:
        found = json.loads(content.decode("utf-8"), object_pairs_hook=_once, parse_constant=_refuse)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise TokenRefused(f"The token is malformed: its {part} is not one JSON object with each member once.")
    return found


def _once(pairs: list[tuple[str, object]]) -> dict[str, object]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member stands there twice")
    return members


def _refuse(text: str) -> object:
    raise ValueError(f"{text} is no JSON")
