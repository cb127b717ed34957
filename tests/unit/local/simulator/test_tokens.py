"""Tokens, and signatures of thinking."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sluice.local.simulator import signing, tokens

NONCE = "0123456789abcdef" * 4


@given(st.text())
def test_tokens_joined_are_the_text_again(text: str) -> None:
    assert "".join(tokens.split(text)) == text
    assert tokens.count(text) == len(tokens.split(text))


def test_cut_keeps_whole_tokens() -> None:
    assert tokens.cut("one two three", 2) == "one two"
    assert tokens.cut("one", -1) == ""


@given(st.text(), st.text())
def test_signature_holds_for_its_text_alone(text: str, other: str) -> None:
    signature = signing.sign(text, NONCE)
    assert signing.is_genuine(text, signature)
    assert signing.is_genuine(other, signature) == (other == text)


@given(st.text())
def test_sealed_thinking_is_known_again(text: str) -> None:
    sealed = signing.seal(text, NONCE)
    assert signing.is_sealed(sealed)
    assert not signing.is_sealed(sealed[:-1] + "!")
    assert not signing.is_sealed(None)


def test_what_is_no_signature_is_not_genuine() -> None:
    assert not signing.is_genuine("text", None)
    assert not signing.is_genuine("text", "not base64!")
