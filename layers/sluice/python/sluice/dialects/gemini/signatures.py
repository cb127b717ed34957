"""Thought signatures on their way through other dialects, and other vendors' reasoning on its way through this one.

Rules: a signature must come back byte for byte, on the part that carried it. In the canonical form it therefore stands
in a `Thinking` part of its own (before a call; after text, since many callers expect text first), sealed as an entry of
`reasoning_details` that says where it belongs, so that callers of other dialects send it back with their reasoning. The
other way round, reasoning of another vendor is packed into a `thoughtSignature`, which is base64 because the vendor's
clients decode and encode it.
"""

from __future__ import annotations

import json
from binascii import Error as Base64Error
from binascii import a2b_base64, b2a_base64
from collections.abc import Mapping

from sluice.dialects.gemini.names import FORMAT, SEAL

_PACKED = "c2x1aWNlMS"
"""How the base64 of `SEAL` begins."""
_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def seal_text(signature: str) -> str:
    """Return a thought part's signature as a caller of another dialect gets it."""
    return _seal({"type": "reasoning.text", "signature": signature, "format": FORMAT})


def seal_part(signature: str, on: str, call_id: str = "") -> str:
    """Return the signature of a part that is no thought: `on` is "call", "text" or "empty" (text without any)."""
    entry = {"type": "reasoning.encrypted", "data": signature, "format": FORMAT, "on": on}
    return _seal({**entry, "id": call_id} if call_id else entry)


def unseal(secret: str | None) -> Mapping[str, object] | None:
    """Return the entry that one of the functions above sealed; None for any other signature."""
    if secret is None or not secret.startswith(SEAL):
        return None
    try:
        entry = json.loads(a2b_base64(secret[len(SEAL) :]))
    except (ValueError, RecursionError):
        return None
    return entry if isinstance(entry, dict) and entry.get("format") == FORMAT else None


def signature_of(entry: Mapping[str, object]) -> str:
    """Return the vendor's signature that an entry holds; "" for none."""
    for name in ("data", "signature"):
        value = entry.get(name)
        if isinstance(value, str):
            return value
    return ""


def pack(signature: str | None, redacted: str | None) -> str:
    """Return another vendor's signature or encrypted thinking as a `thoughtSignature`."""
    kept = {"redacted": redacted} if redacted is not None else {"signature": signature}
    text = SEAL + json.dumps(kept, separators=(",", ":"))
    return b2a_base64(text.encode(), newline=False).translate(_URL_SAFE).decode()


def is_packed(signature: object) -> bool:
    """Return whether a `thoughtSignature` is one that `pack` made."""
    return isinstance(signature, str) and signature.startswith(_PACKED)


def unpack(signature: str) -> tuple[str | None, str | None] | None:
    """Return the (signature, redacted) that were packed; None for one of the vendor's own."""
    if not is_packed(signature):
        return None
    padded = signature.replace("-", "+").replace("_", "/") + "=" * (-len(signature) % 4)
    try:
        kept = json.loads(a2b_base64(padded)[len(SEAL) :])
    except (Base64Error, ValueError, RecursionError):
        return None
    if not isinstance(kept, dict):
        return None
    return _text(kept.get("signature")), _text(kept.get("redacted"))


def _seal(entry: Mapping[str, object]) -> str:
    return SEAL + b2a_base64(json.dumps(entry, separators=(",", ":")).encode(), newline=False).decode()


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
