"""Bounds the tokens of a text by what its bytes are, without a tokenizer.

Rules. Every token covers at least one byte, so what is not a Latin letter, a space or a common script is counted byte
for byte: digits and punctuation (some tokenizers split them singly), line breaks, and the bytes of rare scripts and
emoji (tokenizers that lack a character fall back to its bytes). Two lower-case ASCII letters are at most one token in
running text; in runs of twelve or more, which are names, keys, base64 or other noise rather than words, one and a half
letters are. A space belongs to the word behind it; other spaces count by their runs. Characters of two and three bytes
count as in the tokenizers with the smallest vocabularies still served (32,000 entries). `certain` is the bound that
holds even for text made to be dear: one token a byte.
"""

from __future__ import annotations

_LOWER, _UPPER, _DIGIT, _SPACE, _BREAK, _MARK, _TAIL, _TWO, _ALPHABET, _THREE, _RARE, _FOUR = b"aA0 np.2b3r4"
_COMMON_ALPHABETS = (0xC3, 0xC4, 0xC5, 0xD0, 0xD1)
"""First bytes of accented Latin and of Cyrillic letters."""
_EAST_ASIAN = range(0xE3, 0xEE)
"""First bytes of kana, CJK ideographs and Hangul."""


def _classes() -> bytes:
    found = bytearray(256)
    for value in range(256):
        character = chr(value)
        if value >= 0xF0:
            found[value] = _FOUR
        elif value >= 0xE0:
            found[value] = _THREE if value in _EAST_ASIAN else _RARE
        elif value >= 0xC0:
            found[value] = _ALPHABET if value in _COMMON_ALPHABETS else _TWO
        elif value >= 0x80:
            found[value] = _TAIL
        elif character.islower():
            found[value] = _LOWER
        elif character.isupper():
            found[value] = _UPPER
        elif character.isdigit():
            found[value] = _DIGIT
        else:
            found[value] = _SPACE if character == " " else _BREAK if character in "\t\n\r" else _MARK
    return bytes(found)


_CLASSES = _classes()
_LOWER_LETTERS = bytes(range(ord("a"), ord("z") + 1))
_WORDS = bytes(_LOWER if value in (_LOWER, _UPPER) else value for value in _CLASSES)
_AFTER_SPACE = bytes((_SPACE, _LOWER))
_NOISE = bytes((_LOWER,)) * 12
_NO_MARKS = bytes(value for value in range(256) if _CLASSES[value] != _MARK)
_GRAIN = 20
"""Weights are in twentieths of a token."""
_LOWER_WEIGHT = 10
_ASCII = tuple((bytes((kind,)), weight) for kind, weight in ((_UPPER, 15), (_DIGIT, 20), (_BREAK, 20), (_MARK, 20)))
_OTHERS = tuple(
    (bytes((kind,)), weight) for kind, weight in ((_ALPHABET, 30), (_TWO, 40), (_THREE, 40), (_RARE, 60), (_FOUR, 80))
)
_SPACE_WEIGHT, _JOINED = 14, 12
"""A space that a word follows costs less by the latter: its token is the word's."""
_SPELLED = 5
"""What a letter in a long run is dearer by."""


_CLUSTERED = 7
"""What a mark is cheaper by in JSON, whose marks stand in clusters such as `":"` and `"},{"`."""


def json_tokens(text: str) -> tuple[int, int]:
    """Return the same for JSON."""
    close, certain = text_tokens(text)
    marks = len(text.encode("utf-8", "surrogatepass").translate(_CLASSES, _NO_MARKS))
    return close - _CLUSTERED * marks // _GRAIN, certain


def text_tokens(text: str) -> tuple[int, int]:
    """Return (a bound of the tokens of `text`, the bound that no text can exceed). Linear in its length."""
    raw = text.encode("utf-8", "surrogatepass")
    words = raw.translate(_WORDS)
    rest = raw.translate(_CLASSES, _LOWER_LETTERS)
    parts = _LOWER_WEIGHT * (len(raw) - len(rest)) + _SPACE_WEIGHT * rest.count(b" ")
    for kind, weight in _ASCII if raw.isascii() else _ASCII + _OTHERS:
        parts += weight * rest.count(kind)
    parts += _SPELLED * len(_NOISE) * words.count(_NOISE) - _JOINED * words.count(_AFTER_SPACE)
    return min(-(-parts // _GRAIN), len(raw)), len(raw)
