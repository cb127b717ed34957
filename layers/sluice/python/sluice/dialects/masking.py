"""Takes anything that looks like a key out of a text that a provider wrote."""

from __future__ import annotations

import re

_MASK = "[masked]"

_KNOWN = re.compile(
    r"\bsk-[A-Za-z0-9._\-*]{6,}"
    r"|\b(?:gsk|hf|r8|vck|fw|tgp|csk|ghp|pk|rk)_[A-Za-z0-9_*]{16,}"
    r"|\b(?:xai|pplx|nvapi|csk|tgp)-[A-Za-z0-9_\-*]{24,}"
    r"|\bAIza[A-Za-z0-9_\-]{20,}"
    r"|\b(?:AKIA|ASIA)[A-Z0-9]{12,}"
    r"|\beyJ[A-Za-z0-9_\-]{8,}(?:\.[A-Za-z0-9_\-]+){0,2}"
)
_BEARER = re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=\-]{12,}", re.IGNORECASE)
_AFTER_KEY = re.compile(
    r"(\b(?:api|access|secret|subscription)[-_ ]?key\b(?: provided)?\s*[:=]\s*)[\"'<]?[^\s\"'<>,;]{6,}", re.IGNORECASE
)
_LONG = re.compile(r"(?<![A-Za-z0-9_\-/])[A-Za-z0-9_\-+]{32,}={0,2}(?![A-Za-z0-9_\-])")
_RUN = 20
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def masked(text: str) -> str:
    """Return the text with keys, bearer tokens and long random words replaced."""
    text = _BEARER.sub(lambda found: f"{found[1]} {_MASK}", text)
    text = _AFTER_KEY.sub(lambda found: found[1] + _MASK, text)
    text = _KNOWN.sub(_MASK, text)
    return _LONG.sub(lambda found: found[0] if _harmless(found[0]) else _MASK, text)


def _harmless(word: str) -> bool:
    """Ids made of a UUID and words of short pieces (model names) are no keys; a long run of letters and digits is."""
    if _UUID.search(word):
        return True
    return not any(
        len(run) >= _RUN and any(map(str.isdigit, run)) and any(map(str.isalpha, run))
        for run in re.split(r"[-_+]", word)
    )


def masked_line(line: str) -> str:
    """Return a log line without what is surely a key; JSON stays JSON, for no key holds a quotation mark."""
    return _KNOWN.sub(_MASK, _BEARER.sub(lambda found: f"{found[1]} {_MASK}", line))


def masked_keys(body: bytes) -> bytes:
    """Return an error body with only what is surely a key replaced, every other byte as it was."""
    text = body.decode("utf-8", "surrogateescape")
    text = _AFTER_KEY.sub(lambda found: found[1] + _MASK, text)
    return _KNOWN.sub(_MASK, text).encode("utf-8", "surrogateescape")
