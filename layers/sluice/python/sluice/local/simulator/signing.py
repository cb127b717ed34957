"""Sign thinking, so that a gateway that alters it on the way back is found out."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

_KEY = b"the simulator's thoughts"


def sign(text: str, nonce: str) -> str:
    """Return the signature of a thinking text; `nonce` is hex, so that equal thoughts are signed differently."""
    salt = bytes.fromhex(nonce[:32])
    return base64.b64encode(salt + hmac.digest(_KEY, salt + text.encode(), hashlib.sha512)).decode()


def is_genuine(text: str, signature: object) -> bool:
    """Tell whether the signature was made for exactly this text."""
    if not isinstance(signature, str):
        return False
    try:
        raw = base64.b64decode(signature, validate=True)
    except binascii.Error:
        return False
    return hmac.compare_digest(raw[16:], hmac.digest(_KEY, raw[:16] + text.encode(), hashlib.sha512))


def seal(text: str, nonce: str) -> str:
    """Return redacted thinking: opaque text that only the simulator makes sense of."""
    hidden = base64.b64encode(text.encode()).decode()
    return f"{sign(hidden, nonce)}.{hidden}"


def is_sealed(text: object) -> bool:
    """Tell whether redacted thinking came back as it was given out."""
    if not isinstance(text, str):
        return False
    signature, _, hidden = text.partition(".")
    return is_genuine(hidden, signature)
