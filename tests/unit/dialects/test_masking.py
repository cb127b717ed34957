"""Keys are taken out of a provider's words; names and ids stay."""

from __future__ import annotations

import pytest

from sluice.dialects.masking import masked


@pytest.mark.parametrize(
    "secret",
    [
        "sk-abc123",
        "sk-ant-api03-AbCdEfGhIjKl",
        "sk-or-v1-0123456789abcdef",
        "gsk_AbCdEfGhIjKlMnOpQrSt",
        "hf_AbCdEfGhIjKlMnOpQrStUvWx",
        "xai-AbCdEfGhIjKlMnOpQrStUvWxYz012345",
        "AIzaSyA1234567890abcdefghijklmnopqrstu",
        "AKIAIOSFODNN7EXAMPLE",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc",
        "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        "pXl3kUqZ8nB2vW7cR5tY1mA4dS6fG9hJ",
    ],
)
def test_what_looks_like_a_key_is_masked(secret: str) -> None:
    text = masked(f"The key {secret} was refused.")
    assert secret not in text
    assert text.endswith("was refused.")


def test_what_stands_behind_the_word_key_or_bearer_is_masked() -> None:
    assert masked("Incorrect API key provided: hunter22. Check it.") == "Incorrect API key provided: [masked] Check it."
    assert masked("api_key='short1'") == "api_key=[masked]'"
    assert masked("Authorization: Bearer abcdefghijkl") == "Authorization: Bearer [masked]"


@pytest.mark.parametrize(
    "text",
    [
        "The model `meta-llama/Llama-4-Maverick-17B-128E-Instruct-FP8` does not exist.",
        "The model Llama-4-Maverick-17B-128E-Instruct-FP8 does not exist.",
        "Request chatcmpl-9e97f9ca-9626-4ef8-8543-6e3ee7cef659 failed.",
        "Max tokens: 131072 is too high; sk-learn is a library.",
        "Unexpected token at position 12345678901234567890123456789012345.",
        "See https://platform.openai.com/account/api-keys for your key.",
    ],
)
def test_ordinary_words_and_ids_stay(text: str) -> None:
    assert masked(text) == text
