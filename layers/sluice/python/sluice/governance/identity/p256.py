"""ECDSA on the curve P-256, checked with integers alone (ES256).

Only public values are computed with, so timing tells nothing. The algorithm is that of FIPS 186-5 (section 6.4.2), the
curve that of SP 800-186 (section 3.2.1.3); points are kept in Jacobian coordinates, so that one inversion is enough. A
signature is the two numbers side by side, 32 bytes each (RFC 7518, section 3.4): there is no DER to encode in two ways.
"""

from __future__ import annotations

import hashlib

P = 2**256 - 2**224 + 2**192 + 2**96 - 1
N = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
G = (
    0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
    0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
)

Affine = tuple[int, int]
Jacobian = tuple[int, int, int]
"""(X, Y, Z) stands for (X / Z^2, Y / Z^3); Z = 0 is the point at infinity."""
_INFINITY: Jacobian = (1, 1, 0)


def on_curve(x: int, y: int) -> bool:
    """Return whether the coordinates are those of a point of the curve."""
    return 0 <= x < P and 0 <= y < P and (y * y - (x * x * x - 3 * x + B)) % P == 0


def verify(point: Affine, message: bytes, signature: bytes) -> bool:
    """Return whether `signature` is ECDSA with SHA-256 of `message` under the public key `point` (on the curve)."""
    if len(signature) != 64:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (0 < r < N and 0 < s < N):
        return False
    digest = int.from_bytes(hashlib.sha256(message).digest(), "big")
    inverse = pow(s, -1, N)
    x, _, z = _combined(digest * inverse % N, r * inverse % N, point)
    if z == 0:
        return False
    return x * pow(z, -2, P) % P % N == r


def _combined(first: int, second: int, point: Affine) -> Jacobian:
    """Return first * G + second * point, both read from the highest bit down at once."""
    both = _added((*G, 1), (*point, 1))
    steps: tuple[Jacobian, ...] = (_INFINITY, (*G, 1), (*point, 1), both)
    total = _INFINITY
    for bit in range(max(first.bit_length(), second.bit_length()) - 1, -1, -1):
        total = _doubled(total)
        choice = (first >> bit & 1) | (second >> bit & 1) << 1
        if choice:
            total = _added(total, steps[choice])
    return total


def _doubled(point: Jacobian) -> Jacobian:
    x, y, z = point
    if z == 0 or y == 0:
        return _INFINITY
    squared, z2 = y * y % P, z * z % P
    slope = 3 * (x - z2) * (x + z2) % P  # the curve's a is -3
    across = 4 * x * squared % P
    new_x = (slope * slope - 2 * across) % P
    return new_x, (slope * (across - new_x) - 8 * squared * squared) % P, 2 * y * z % P


def _added(left: Jacobian, right: Jacobian) -> Jacobian:
    (x1, y1, z1), (x2, y2, z2) = left, right
    if z1 == 0:
        return right
    if z2 == 0:
        return left
    a, b = z1 * z1 % P, z2 * z2 % P
    u1, u2 = x1 * b % P, x2 * a % P
    s1, s2 = y1 * b * z2 % P, y2 * a * z1 % P
    if u1 == u2:
        return _doubled(left) if s1 == s2 else _INFINITY
    h, r = (u2 - u1) % P, (s2 - s1) % P
    h2 = h * h % P
    h3, v = h * h2 % P, u1 * h2 % P
    new_x = (r * r - h3 - 2 * v) % P
    return new_x, (r * (v - new_x) - s1 * h3) % P, h * z1 * z2 % P
