"""Keys are read or refused with the remedy; what they sign verifies with their public half."""

from __future__ import annotations

import builtins
from collections.abc import Mapping

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from sluice.errors import ProviderError
from sluice.providers.tokens import Order
from sluice.providers.tokens.jwt import fingerprint, private_key, signed
from sluice.providers.transport import HttpTransport
from sluice.types.catalogue import Auth
from tests.unit.providers.tokens.authority import Hands, pem, provider, rsa_key, verified
from tests.unit.providers.tokens.authority import fingerprint as expected_fingerprint

ORDER = Order(provider(Auth("google")), Auth("google"), {}, HttpTransport(), Hands())
PEM = pem(rsa_key())


def elliptic() -> str:
    key = ec.generate_private_key(ec.SECP256R1())
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@pytest.mark.parametrize(
    ("text", "passphrase"),
    [
        (PEM, ""),
        (PEM.replace("\n", "\\n"), ""),
        (f"\n  {PEM}  ".replace("  ", ""), ""),
        (pem(rsa_key(), "open sesame"), "open sesame"),
    ],
)
def test_a_key_is_read_however_it_was_pasted(text: str, passphrase: str) -> None:
    token = signed(private_key(ORDER, text, passphrase), {"sub": "x"}, key_id="k")
    assert verified(token, rsa_key().public_key()) == ({"alg": "RS256", "typ": "JWT", "kid": "k"}, {"sub": "x"})


@pytest.mark.parametrize(
    ("text", "passphrase"),
    [
        ("", ""),
        ("not a key", ""),
        (PEM[:200], ""),
        (pem(rsa_key(), "open sesame"), ""),
        (pem(rsa_key(), "open sesame"), "wrong"),
        (PEM, "a passphrase for a key that has none"),
        (elliptic(), ""),
    ],
    ids=["empty", "text", "cut", "locked", "wrong passphrase", "needless passphrase", "elliptic"],
)
def test_what_is_no_usable_key_is_refused_without_a_word_of_it(text: str, passphrase: str) -> None:
    with pytest.raises(ProviderError, match="must be an RSA key in PEM") as caught:
        private_key(ORDER, text, passphrase)
    assert caught.value.kind == "authentication"
    assert caught.value.__context__ is None
    assert "BEGIN" not in caught.value.message


def test_a_key_that_is_too_short_is_refused() -> None:
    with pytest.raises(ProviderError, match="has 1024 bits; 2048 are the least"):
        private_key(ORDER, pem(rsa_key(1024)))


def test_the_fingerprint_is_that_of_the_public_key() -> None:
    assert fingerprint(rsa_key()) == expected_fingerprint(rsa_key().public_key())


def test_a_function_without_the_library_says_what_to_deploy(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def bare(
        name: str,
        globals_: Mapping[str, object] | None = None,
        locals_: Mapping[str, object] | None = None,
        fromlist: tuple[str, ...] = (),
        level: int = 0,
    ) -> object:
        if name.startswith("cryptography"):
            raise ImportError(name)
        return real(name, globals_, locals_, fromlist, level)

    monkeypatch.setattr(builtins, "__import__", bare)
    with pytest.raises(ProviderError, match=r"ProviderAccess\(private_keys=True\)"):
        private_key(ORDER, PEM)
