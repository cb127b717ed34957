"""Ed25519 signatures, checked with integers alone (EdDSA; RFC 8032, section 5.1.7).

Only public values are computed with, so timing tells nothing. Encodings must be the one canonical form: a coordinate
below the prime, S below the group's order. The equation is checked without the cofactor, as most implementations do,
and keys of small order, under which one signature fits many messages, are refused.
"""

from __future__ import annotations

import hashlib

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
_ROOT = pow(2, (P - 1) // 4, P)
"""A square root of -1."""

Point = tuple[int, int, int, int]
"""(X, Y, Z, T) with x = X/Z, y = Y/Z, x*y = T/Z."""
_NEUTRAL: Point = (0, 1, 1, 0)


def decode(text: bytes) -> Point | None:
    """Return the point that 32 bytes stand for, None for bytes that no point is encoded as."""
    if len(text) != 32:
        return None
    number = int.from_bytes(text, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P:
        x = x * _ROOT % P
    if (x * x - square) % P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def is_weak(point: Point) -> bool:
    """Return whether a key's order is small (1, 2, 4 or 8)."""
    return _same(_doubled(_doubled(_doubled(point))), _NEUTRAL)


def verify(key: bytes, point: Point, message: bytes, signature: bytes) -> bool:
    """Return whether `signature` is that of `message` under `key`, which decodes to `point`."""
    if len(signature) != 64:
        return False
    commitment, s = decode(signature[:32]), int.from_bytes(signature[32:], "little")
    if commitment is None or s >= L:
        return False
    challenge = int.from_bytes(hashlib.sha512(signature[:32] + key + message).digest(), "little") % L
    # S * B = R + k * A, with A brought to the other side, where both products are one walk over the bits.
    return _same(_combined(s, _BASE, challenge, _negated(point)), commitment)


def _combined(first: int, base: Point, second: int, point: Point) -> Point:
    """Return first * base + second * point, both read from the highest bit down at once."""
    steps = (_NEUTRAL, base, point, _added(base, point))
    total = _NEUTRAL
    for bit in range(max(first.bit_length(), second.bit_length()) - 1, -1, -1):
        total = _doubled(total)
        choice = (first >> bit & 1) | (second >> bit & 1) << 1
        if choice:
            total = _added(total, steps[choice])
    return total


def _negated(point: Point) -> Point:
    x, y, z, t = point
    return P - x, y, z, P - t


def _doubled(point: Point) -> Point:
    x, y, z, _ = point
    a, b = x * x % P, y * y % P
    h = a + b
    e = h - (x + y) * (x + y)
    g = a - b
    f = 2 * z * z + g
    return e * f % P, g * h % P, f * g % P, e * h % P


def _added(left: Point, right: Point) -> Point:
    x1, y1, z1, t1 = left
    x2, y2, z2, t2 = right
    a, b = (y1 - x1) * (y2 - x2) % P, (y1 + x1) * (y2 + x2) % P
    c, d = 2 * t1 * t2 * D % P, 2 * z1 * z2 % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _same(left: Point, right: Point) -> bool:
    return (left[0] * right[2] - right[0] * left[2]) % P == 0 == (left[1] * right[2] - right[1] * left[2]) % P


_BASE_Y = 4 * pow(5, -1, P) % P
_FOUND = decode(_BASE_Y.to_bytes(32, "little"))
assert _FOUND is not None  # noqa: S101 - the base point of RFC 8032 is a point
_BASE: Point = _FOUND
