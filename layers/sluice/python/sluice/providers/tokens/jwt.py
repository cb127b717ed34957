"""RS256 JSON Web Tokens (RFC 7519), signed by the `cryptography` package, which is imported with the first signature.

What is wrong with a key is said without a word of the key, and outside any handler: a parser's error may carry it.
"""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Mapping
from typing import TYPE_CHECKING

from sluice.providers.tokens import Order

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

LEAST_BITS = 2048
BACKDATED = 30
"""Seconds that `iat` lies in the past, for a receiver whose clock is behind."""


def private_key(order: Order, pem: str, passphrase: str = "") -> RSAPrivateKey:
    """Return the RSA key of a PEM text (PKCS#8, encrypted or not, or PKCS#1). Raises TokenFailed."""
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
        from cryptography.hazmat.primitives.serialization import load_pem_private_key
    except ImportError:
        raise order.refused(
            "this function has no `cryptography` package, which signs with private keys. Deploy its stage with "
            "ProviderAccess(private_keys=True) (infra/settings.py)."
        ) from None
    # Pasted into JSON as text, a PEM often has its line breaks written out.
    text = pem.replace("\\n", "\n").strip() + "\n"
    key: object = None
    try:
        key = load_pem_private_key(text.encode(), passphrase.encode() or None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPrivateKey):
        raise order.refused(
            "private_key must be an RSA key in PEM, and private_key_passphrase what unlocks it if it is encrypted."
        )
    if key.key_size < LEAST_BITS:
        raise order.refused(f"private_key has {key.key_size} bits; {LEAST_BITS} are the least that is safe.")
    return key


def fingerprint(key: RSAPrivateKey) -> str:
    """Return the SHA-256 of the public key (DER, SubjectPublicKeyInfo) in base64."""
    from hashlib import sha256

    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return b64encode(sha256(public).digest()).decode()


def signed(key: RSAPrivateKey, claims: Mapping[str, object], *, key_id: str = "") -> str:
    """Return the claims as a signed token."""
    from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
    from cryptography.hazmat.primitives.hashes import SHA256

    header = {"alg": "RS256", "typ": "JWT", **({"kid": key_id} if key_id else {})}
    text = f"{_part(header)}.{_part(claims)}"
    return f"{text}.{_encoded(key.sign(text.encode(), PKCS1v15(), SHA256()))}"


def _part(members: Mapping[str, object]) -> str:
    return _encoded(json.dumps(members, separators=(",", ":")).encode())


def _encoded(content: bytes) -> str:
    return urlsafe_b64encode(content).rstrip(b"=").decode()
