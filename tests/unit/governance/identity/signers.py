"""Keys and tokens of issuers, signed by the `cryptography` library: another implementation than the one tested."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

Private = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def whole(number: int) -> str:
    return b64(number.to_bytes((number.bit_length() + 7) // 8, "big"))


@cache
def rsa_key(name: str = "one", bits: int = 2048) -> rsa.RSAPrivateKey:
    """Return the key called `name`; making one takes long, so each is made once."""
    return rsa.generate_private_key(65_537, bits)


@cache
def ec_key(name: str = "one") -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


@cache
def ed_key(name: str = "one") -> ed25519.Ed25519PrivateKey:
    return ed25519.Ed25519PrivateKey.generate()


def jwk(key: Private, kid: str | None = "k1", **more: object) -> dict[str, object]:
    """Return the public half as a JWK (RFC 7517)."""
    found: dict[str, object]
    if isinstance(key, rsa.RSAPrivateKey):
        numbers = key.public_key().public_numbers()
        found = {"kty": "RSA", "n": whole(numbers.n), "e": whole(numbers.e)}
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        point = key.public_key().public_numbers()
        found = {
            "kty": "EC",
            "crv": "P-256",
            "x": b64(point.x.to_bytes(32, "big")),
            "y": b64(point.y.to_bytes(32, "big")),
        }
    else:
        found = {"kty": "OKP", "crv": "Ed25519", "x": b64(key.public_key().public_bytes_raw())}
    return {**found, **({} if kid is None else {"kid": kid}), **more}


def signature(key: Private, message: bytes, *, pss: bool = False) -> bytes:
    """Return a signature as JWS has it (RFC 7518, section 3)."""
    if isinstance(key, rsa.RSAPrivateKey):
        scheme: Any = padding.PSS(padding.MGF1(hashes.SHA256()), 32) if pss else padding.PKCS1v15()
        return key.sign(message, scheme, hashes.SHA256())
    if isinstance(key, ec.EllipticCurvePrivateKey):
        r, s = utils.decode_dss_signature(key.sign(message, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return key.sign(message)


ALGORITHMS = {rsa.RSAPrivateKey: "RS256", ec.EllipticCurvePrivateKey: "ES256", ed25519.Ed25519PrivateKey: "EdDSA"}


def algorithm_of(key: Private) -> str:
    return next(name for kind, name in ALGORITHMS.items() if isinstance(key, kind))


def token(key: Private, claims: Mapping[str, object], kid: str | None = "k1", **header: object) -> str:
    """Return a signed token; `header` adds to its header or replaces there."""
    head: dict[str, object] = {
        "alg": algorithm_of(key),
        "typ": "JWT",
        **({} if kid is None else {"kid": kid}),
        **header,
    }
    signed = b64(json.dumps(head).encode()) + "." + b64(json.dumps(claims).encode())
    return signed + "." + b64(signature(key, signed.encode(), pss=head["alg"] == "PS256"))
