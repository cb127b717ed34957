"""An issuer's published keys (JWK Set, RFC 7517), each with what it may verify.

A key says by its own kind which algorithms it is good for, so a token can never choose how its key is used. Keys for
other uses, of other kinds, too weak, or published with their private half are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sluice.governance.identity import ed25519, p256, rsa
from sluice.governance.identity.jwt import SAME, decoded

MOST_KEYS = 100
_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
Verify = Callable[[bytes, bytes], bool]


@dataclass(frozen=True, slots=True)
class PublicKey:
    """One key; `checks` maps each algorithm that it is good for to its check of (message, signature)."""

    key_id: str | None
    material: tuple[object, ...]
    """What makes it this key and no other."""
    checks: Mapping[str, Verify] = field(compare=False, repr=False)


def public_keys(document: object) -> tuple[PublicKey, ...]:
    """Return the usable keys of a JWK Set; a set that cannot be read has none."""
    keys = document.get("keys") if isinstance(document, Mapping) else None
    if not isinstance(keys, list):
        return ()
    found = (_key(each) for each in keys[:MOST_KEYS] if isinstance(each, Mapping))
    return tuple(key for key in found if key is not None)


def _key(jwk: Mapping[str, object]) -> PublicKey | None:
    key_id, uses = jwk.get("kid"), jwk.get("key_ops")
    if jwk.get("use", "sig") != "sig" or (uses is not None and (not isinstance(uses, list) or "verify" not in uses)):
        return None
    if _PRIVATE & jwk.keys() or not (key_id is None or isinstance(key_id, str)):
        return None
    read = {"RSA": _rsa, "EC": _p256, "OKP": _ed25519}.get(str(jwk.get("kty")))
    made = None if read is None else read(jwk)
    if made is None:
        return None
    material, checks = made
    meant = jwk.get("alg")
    if meant is not None:
        checks = {name: check for name, check in checks.items() if name == SAME.get(str(meant), meant)}
    return PublicKey(key_id, material, checks) if checks else None


Made = tuple[tuple[object, ...], dict[str, Verify]] | None


def _rsa(jwk: Mapping[str, object]) -> Made:
    modulus, exponent = _number(jwk, "n"), _number(jwk, "e")
    if rsa.fault_of(modulus, exponent):
        return None
    return ("RSA", modulus, exponent), {
        "RS256": lambda message, signature: rsa.verify_pkcs1(modulus, exponent, message, signature),
        "PS256": lambda message, signature: rsa.verify_pss(modulus, exponent, message, signature),
    }


def _p256(jwk: Mapping[str, object]) -> Made:
    x, y = _bytes(jwk, "x"), _bytes(jwk, "y")
    point = (int.from_bytes(x, "big"), int.from_bytes(y, "big"))
    # Coordinates have their full length (RFC 7518, section 6.2.1.2).
    if jwk.get("crv") != "P-256" or len(x) != 32 or len(y) != 32 or not p256.on_curve(*point):
        return None
    return ("EC", *point), {"ES256": lambda message, signature: p256.verify(point, message, signature)}


def _ed25519(jwk: Mapping[str, object]) -> Made:
    text = _bytes(jwk, "x")
    point = ed25519.decode(text) if jwk.get("crv") == "Ed25519" else None
    if point is None or ed25519.is_weak(point):
        return None
    return ("OKP", text), {"EdDSA": lambda message, signature: ed25519.verify(text, point, message, signature)}


def _number(jwk: Mapping[str, object], member: str) -> int:
    return int.from_bytes(_bytes(jwk, member), "big")


def _bytes(jwk: Mapping[str, object], member: str) -> bytes:
    """Return a member's bytes, b"" where it is missing or malformed: no check above takes an empty one."""
    text = jwk.get(member)
    return (decoded(text) or b"") if isinstance(text, str) and len(text) <= 4096 else b""
