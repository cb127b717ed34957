"""Signatures are taken exactly when they are right: published vectors, another implementation, and forgeries."""

from __future__ import annotations

import base64
import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sluice.governance.identity import ed25519, p256, rsa
from tests.unit.governance.identity.signers import ec_key, ed_key, rsa_key, signature

MESSAGE = b"header.payload"


def raw(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def number(text: str) -> int:
    return int.from_bytes(raw(text), "big")


# --- published vectors -------------------------------------------------------------------------------------------

RFC7515_RSA_N = (
    "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yR"
    "T-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXB"
    "dQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9ia"
    "GNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"
)
RFC7515_PAYLOAD = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
RFC7515_RS256 = (
    "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9"
    "uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB"
    "_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rq"
    "Vt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
)
RFC7515_EC = ("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0")
RFC7515_ES256 = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
RFC8032 = (
    (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
)
RFC8037 = (
    "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc",
    "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
)


def test_the_rsa_signature_of_rfc_7515_is_taken() -> None:
    message = ("eyJhbGciOiJSUzI1NiJ9." + RFC7515_PAYLOAD).encode()
    assert rsa.verify_pkcs1(number(RFC7515_RSA_N), 65_537, message, raw(RFC7515_RS256))
    assert not rsa.verify_pkcs1(number(RFC7515_RSA_N), 65_537, message + b"x", raw(RFC7515_RS256))


def test_the_ecdsa_signature_of_rfc_7515_is_taken() -> None:
    message = ("eyJhbGciOiJFUzI1NiJ9." + RFC7515_PAYLOAD).encode()
    point = (number(RFC7515_EC[0]), number(RFC7515_EC[1]))
    assert p256.on_curve(*point)
    assert p256.verify(point, message, raw(RFC7515_ES256))
    assert not p256.verify(point, message + b"x", raw(RFC7515_ES256))


@pytest.mark.parametrize(("key", "message", "signed"), RFC8032)
def test_the_ed25519_signatures_of_rfc_8032_are_taken(key: str, message: str, signed: str) -> None:
    point = ed25519.decode(bytes.fromhex(key))
    assert point is not None
    assert ed25519.verify(bytes.fromhex(key), point, bytes.fromhex(message), bytes.fromhex(signed))
    assert not ed25519.verify(bytes.fromhex(key), point, bytes.fromhex(message) + b"x", bytes.fromhex(signed))


def test_the_token_of_rfc_8037_is_taken() -> None:
    key, message, signed = RFC8037
    point = ed25519.decode(raw(key))
    assert point is not None
    assert ed25519.verify(raw(key), point, message, raw(signed))


# --- against another implementation ------------------------------------------------------------------------------


@settings(max_examples=15, deadline=None)
@given(st.binary(max_size=200))
def test_what_another_implementation_signs_is_taken_and_nothing_else(message: bytes) -> None:
    numbers = rsa_key().public_key().public_numbers()
    point = ec_key().public_key().public_numbers()
    edwards = ed_key().public_key().public_bytes_raw()
    decoded = ed25519.decode(edwards)
    assert decoded is not None
    pairs = (
        (lambda m, s: rsa.verify_pkcs1(numbers.n, numbers.e, m, s), signature(rsa_key(), message)),
        (lambda m, s: rsa.verify_pss(numbers.n, numbers.e, m, s), signature(rsa_key(), message, pss=True)),
        (lambda m, s: p256.verify((point.x, point.y), m, s), signature(ec_key(), message)),
        (lambda m, s: ed25519.verify(edwards, decoded, m, s), signature(ed_key(), message)),
    )
    for verify, signed in pairs:
        assert verify(message, signed)
        assert not verify(message + b"\0", signed)
        for place in (0, len(signed) // 2, len(signed) - 1):
            turned = bytearray(signed)
            turned[place] ^= 1
            assert not verify(message, bytes(turned))
        for wrong in (b"", signed[:-1], signed + b"\0", b"\0" + signed, bytes(len(signed)), b"\xff" * len(signed)):
            assert not verify(message, wrong)


def test_a_signature_of_another_key_is_refused() -> None:
    numbers = rsa_key("two").public_key().public_numbers()
    point = ec_key("two").public_key().public_numbers()
    edwards = ed_key("two").public_key().public_bytes_raw()
    decoded = ed25519.decode(edwards)
    assert decoded is not None
    assert not rsa.verify_pkcs1(numbers.n, numbers.e, MESSAGE, signature(rsa_key(), MESSAGE))
    assert not rsa.verify_pss(numbers.n, numbers.e, MESSAGE, signature(rsa_key(), MESSAGE, pss=True))
    assert not p256.verify((point.x, point.y), MESSAGE, signature(ec_key(), MESSAGE))
    assert not ed25519.verify(edwards, decoded, MESSAGE, signature(ed_key(), MESSAGE))


# --- RSA: forgeries by loose parsing, malleable encodings, weak keys -----------------------------------------------

PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


def rsa_forged(block: bytes) -> bytes:
    """Sign any block with the private exponent, as one who finds a way round the padding would."""
    key = rsa_key().private_numbers()
    n = key.public_numbers.n
    length = (n.bit_length() + 7) // 8
    return pow(int.from_bytes(block, "big"), key.d, n).to_bytes(length, "big")


def rsa_taken(block: bytes) -> bool:
    numbers = rsa_key().public_key().public_numbers()
    return rsa.verify_pkcs1(numbers.n, numbers.e, MESSAGE, rsa_forged(block))


DIGEST = hashlib.sha256(MESSAGE).digest()


def test_only_the_one_encoding_of_pkcs1_is_taken() -> None:
    tail = b"\0" + PREFIX + DIGEST
    assert rsa_taken(b"\0\1" + b"\xff" * (254 - len(tail)) + tail)


@pytest.mark.parametrize(
    "block",
    [
        # Bleichenbacher's: short padding, rubbish behind the digest
        b"\0\1" + b"\xff" * 8 + b"\0" + PREFIX + DIGEST + b"\xab" * (256 - 11 - len(PREFIX) - 32),
        b"\0\1" + b"\xff" * 201 + b"\0" + PREFIX + DIGEST + b"\xab",
        # the block type of encryption, a digest without its DER, DER without the NULL, BER lengths, another hash's name
        b"\0\2" + b"\xff" * 202 + b"\0" + PREFIX + DIGEST,
        b"\0\1" + b"\xff" * 221 + b"\0" + DIGEST,
        b"\0\1" + b"\xff" * 204 + b"\0" + bytes.fromhex("302f300b0609608648016503040201") + b"\x04\x20" + DIGEST,
        b"\0\1" + b"\xff" * 201 + b"\0" + bytes.fromhex("308131300d060960864801650304020105000420") + DIGEST,
        b"\0\1" + b"\xff" * 202 + b"\0" + bytes.fromhex("3031300d060960864801650304020405000420") + DIGEST,
        b"\0\1" + b"\xff" * 201 + b"\xfe\0" + PREFIX + DIGEST,
    ],
)
def test_blocks_that_a_loose_parser_would_take_are_refused(block: bytes) -> None:
    assert len(block) == 256
    assert not rsa_taken(block)


def test_an_rsa_signature_is_below_the_modulus_and_exactly_as_long() -> None:
    numbers = rsa_key().public_key().public_numbers()
    signed = int.from_bytes(signature(rsa_key(), MESSAGE), "big")
    assert rsa.verify_pkcs1(numbers.n, numbers.e, MESSAGE, signed.to_bytes(256, "big"))
    assert not rsa.verify_pkcs1(numbers.n, numbers.e, MESSAGE, (signed + numbers.n).to_bytes(257, "big"))
    assert not rsa.verify_pkcs1(numbers.n, numbers.e, MESSAGE, signed.to_bytes(257, "big"))


def test_pss_and_pkcs1_are_not_taken_for_each_other() -> None:
    numbers = rsa_key().public_key().public_numbers()
    assert not rsa.verify_pss(numbers.n, numbers.e, MESSAGE, signature(rsa_key(), MESSAGE))
    assert not rsa.verify_pkcs1(numbers.n, numbers.e, MESSAGE, signature(rsa_key(), MESSAGE, pss=True))


@pytest.mark.parametrize("bits", [2048, 2050, 2054, 3072])
def test_pss_is_read_for_moduli_of_any_length(bits: int) -> None:
    key = rsa_key("odd", bits)
    numbers = key.public_key().public_numbers()
    assert numbers.n.bit_length() == bits
    signed = signature(key, MESSAGE, pss=True)
    assert rsa.verify_pss(numbers.n, numbers.e, MESSAGE, signed)
    assert not rsa.verify_pss(numbers.n, numbers.e, MESSAGE + b"x", signed)
    assert rsa.verify_pkcs1(numbers.n, numbers.e, MESSAGE, signature(key, MESSAGE))


def test_another_salt_length_of_pss_is_refused() -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    numbers = rsa_key().public_key().public_numbers()
    for salt in (0, 20, 64):
        signed = rsa_key().sign(MESSAGE, padding.PSS(padding.MGF1(hashes.SHA256()), salt), hashes.SHA256())
        assert not rsa.verify_pss(numbers.n, numbers.e, MESSAGE, signed)


@pytest.mark.parametrize(
    ("modulus", "exponent", "said"),
    [
        (2**1023 + 1, 65_537, "1024 bits"),
        (2**8192 + 1, 65_537, "8193 bits"),
        (2**2047, 65_537, "even"),
        (2**2047 + 1, 3, "exponent"),
        (2**2047 + 1, 1, "exponent"),
        (2**2047 + 1, 65_538, "exponent"),
        (2**2047 + 1, 2**33 + 1, "exponent"),
        (2**2047 + 1, 65_537, ""),
    ],
)
def test_rsa_keys_that_are_too_small_too_large_or_malformed_are_named(modulus: int, exponent: int, said: str) -> None:
    fault = rsa.fault_of(modulus, exponent)
    assert (said in fault) if said else fault == ""


# --- P-256 -------------------------------------------------------------------------------------------------------


def test_points_off_the_curve_or_out_of_range_are_refused() -> None:
    point = ec_key().public_key().public_numbers()
    assert p256.on_curve(point.x, point.y)
    for x, y in ((0, 0), (point.x, point.y + 1), (point.x + p256.P, point.y), (point.x, -point.y), (1, 1)):
        assert not p256.on_curve(x, y)


@pytest.mark.parametrize(
    ("r", "s"), [(0, 1), (1, 0), (0, 0), (p256.N, 1), (1, p256.N), (p256.N + 1, 1), (2**256 - 1, 2**256 - 1), (1, 1)]
)
def test_signatures_out_of_range_are_refused(r: int, s: int) -> None:
    # r = s = 0 is what passed as a signature of everything in a well-known library (CVE-2022-21449).
    point = ec_key().public_key().public_numbers()
    assert not p256.verify((point.x, point.y), MESSAGE, r.to_bytes(32, "big") + s.to_bytes(32, "big"))


def test_a_der_signature_is_refused() -> None:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec

    point = ec_key().public_key().public_numbers()
    assert not p256.verify((point.x, point.y), MESSAGE, ec_key().sign(MESSAGE, ec.ECDSA(hashes.SHA256())))


def test_sums_that_meet_the_same_or_the_opposite_point_are_right() -> None:
    # A key equal to the base point, and its opposite, force the special cases of the addition.
    for secret in (1, p256.N - 1, 2):
        from cryptography.hazmat.primitives.asymmetric import ec

        key = ec.derive_private_key(secret, ec.SECP256R1())
        point = key.public_key().public_numbers()
        signed = signature(key, MESSAGE)
        assert p256.verify((point.x, point.y), MESSAGE, signed)
        assert not p256.verify((point.x, point.y), MESSAGE + b"x", signed)


# --- Ed25519 -----------------------------------------------------------------------------------------------------

SMALL_ORDER = (
    "0100000000000000000000000000000000000000000000000000000000000000",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0000000000000000000000000000000000000000000000000000000000000080",
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
)


@pytest.mark.parametrize("text", SMALL_ORDER)
def test_keys_of_small_order_are_weak(text: str) -> None:
    point = ed25519.decode(bytes.fromhex(text))
    assert point is not None
    assert ed25519.is_weak(point)


def test_a_usual_key_is_not_weak() -> None:
    point = ed25519.decode(ed_key().public_key().public_bytes_raw())
    assert point is not None
    assert not ed25519.is_weak(point)


@pytest.mark.parametrize(
    "text",
    [
        # the prime itself and more, one with a sign where x is 0, one that is no point, wrong lengths
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0100000000000000000000000000000000000000000000000000000000000080",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
        "0200000000000000000000000000000000000000000000000000000000000000",
        "01",
        "01" * 33,
    ],
)
def test_encodings_that_are_not_the_canonical_one_are_refused(text: str) -> None:
    assert ed25519.decode(bytes.fromhex(text)) is None


def test_a_signature_with_the_group_order_added_is_refused() -> None:
    # Without the check of S every signature could be written in two ways (RFC 8032, section 5.1.7).
    edwards = ed_key().public_key().public_bytes_raw()
    point = ed25519.decode(edwards)
    assert point is not None
    signed = signature(ed_key(), MESSAGE)
    other = int.from_bytes(signed[32:], "little") + ed25519.L
    assert ed25519.verify(edwards, point, MESSAGE, signed)
    assert not ed25519.verify(edwards, point, MESSAGE, signed[:32] + other.to_bytes(32, "little"))
