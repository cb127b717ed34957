"""RSA signatures, checked with integers alone: PKCS#1 v1.5 and PSS over SHA-256.

Only public values are computed with, so timing tells nothing. A v1.5 signature is compared with the one encoding that
RFC 8017 allows (section 8.2.2), byte by byte, so there is nothing to parse and nothing to forge by parsing loosely. Key
sizes and exponents are those of FIPS 186-5 (section 5.1) and RFC 7518 (section 3.3).
"""

from __future__ import annotations

import hashlib

SMALLEST_BITS = 2048
LARGEST_BITS = 8192
"""Beyond that one check costs tens of milliseconds."""
SMALLEST_EXPONENT = 65_537
LARGEST_EXPONENT = 2**32
_SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")
"""The DER in front of a SHA-256 digest (RFC 8017, section 9.2, note 1)."""
_SALT = 32
"""Bytes of a PSS salt: as many as the digest has (RFC 7518, section 3.5)."""


def fault_of(modulus: int, exponent: int) -> str:
    """Return why a key is not used, "" for one that is good."""
    bits = modulus.bit_length()
    if not SMALLEST_BITS <= bits <= LARGEST_BITS:
        return f"its modulus has {bits} bits; {SMALLEST_BITS} to {LARGEST_BITS} are taken"
    if modulus % 2 == 0:
        return "its modulus is even"
    if not SMALLEST_EXPONENT <= exponent < LARGEST_EXPONENT or exponent % 2 == 0:
        return "its exponent is not an odd number from 65537 up"
    return ""


def verify_pkcs1(modulus: int, exponent: int, message: bytes, signature: bytes) -> bool:
    """Return whether `signature` is RSASSA-PKCS1-v1_5 with SHA-256 of `message` (RS256)."""
    encoded = _opened(modulus, exponent, signature)
    if encoded is None:
        return False
    tail = b"\0" + _SHA256_PREFIX + hashlib.sha256(message).digest()
    return encoded == b"\0\1" + b"\xff" * (len(encoded) - 2 - len(tail)) + tail


def verify_pss(modulus: int, exponent: int, message: bytes, signature: bytes) -> bool:
    """Return whether `signature` is RSASSA-PSS with SHA-256, MGF1 and a salt of 32 bytes (PS256)."""
    encoded = _opened(modulus, exponent, signature)
    if encoded is None:
        return False
    bits = modulus.bit_length() - 1
    if bits % 8 == 0:  # the encoded message is a byte shorter than the modulus (RFC 8017, section 8.1.2)
        if encoded[0] != 0:
            return False
        encoded = encoded[1:]
    split = len(encoded) - 33
    masked, digest, trailer = encoded[:split], encoded[split:-1], encoded[-1]
    unused = 8 * len(encoded) - bits
    if trailer != 0xBC or masked[0] >> (8 - unused):
        return False
    mask = _mask(digest, split)
    block = bytearray(left ^ right for left, right in zip(masked, mask, strict=True))
    block[0] &= 0xFF >> unused
    padding = split - _SALT - 1
    if any(block[:padding]) or block[padding] != 1:
        return False
    inner = bytes(8) + hashlib.sha256(message).digest() + bytes(block[padding + 1 :])
    return hashlib.sha256(inner).digest() == digest


def _opened(modulus: int, exponent: int, signature: bytes) -> bytes | None:
    """Return the encoded message, None for a signature of a wrong length or out of range."""
    length = (modulus.bit_length() + 7) // 8
    number = int.from_bytes(signature, "big")
    if len(signature) != length or number >= modulus:
        return None
    return pow(number, exponent, modulus).to_bytes(length, "big")


def _mask(seed: bytes, length: int) -> bytes:
    """MGF1 with SHA-256 (RFC 8017, section B.2.1)."""
    blocks = [hashlib.sha256(seed + count.to_bytes(4, "big")).digest() for count in range((length + 31) // 32)]
    return b"".join(blocks)[:length]
