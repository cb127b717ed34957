"""Vectors on the wire: lists of numbers, or the base64 of little-endian 32-bit floats.

Rules: a vector that stays in its form is not touched. Numbers read from base64 have nine significant digits, which is
what a 32-bit float holds: packed again they give the same bytes.
"""

from __future__ import annotations

import base64
import binascii
import struct

from sluice.errors import ProviderGarbled
from sluice.types.embeddings import Vector


def read(found: object) -> Vector:
    """Return a vector as it came. Raises ProviderGarbled for what is none."""
    if isinstance(found, str) and found:
        return found
    if isinstance(found, list) and found and type(found[0]) in (int, float):
        return tuple(found)
    raise ProviderGarbled("The provider's answer holds an embedding that is neither numbers nor base64.")


def read_all(found: object) -> tuple[Vector, ...]:
    """Return a list of vectors. Raises ProviderGarbled."""
    if not isinstance(found, list):
        raise ProviderGarbled("The provider's answer holds no list of embeddings.")
    return tuple(read(vector) for vector in found)


def numbers(vector: Vector) -> list[float]:
    """Return a vector's numbers. Raises ProviderGarbled for base64 that holds no 32-bit floats."""
    if not isinstance(vector, str):
        return list(vector)
    try:
        raw = base64.b64decode(vector, validate=True)
        values = struct.unpack(f"<{len(raw) // 4}f", raw)
    except (binascii.Error, ValueError, struct.error):
        raise ProviderGarbled("The provider's answer holds an embedding that is not base64 of 32-bit floats.") from None
    return [float(f"{value:.9g}") for value in values]


def packed(vector: Vector) -> str:
    """Return a vector as base64. Raises ProviderGarbled for numbers that no 32-bit float holds."""
    if isinstance(vector, str):
        return vector
    try:
        return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    except (struct.error, OverflowError):
        raise ProviderGarbled("The provider's answer holds an embedding that is not 32-bit floats.") from None


def written(vector: Vector, encoding: str) -> list[float] | str:
    """Return a vector in the encoding a caller asked for: "float" or "base64"."""
    return packed(vector) if encoding == "base64" else numbers(vector)
