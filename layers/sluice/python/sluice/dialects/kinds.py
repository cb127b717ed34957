"""Sorts provider errors into the canonical kinds of `ProviderError`, by status, by code and, where those are vague,
by words.

One status means many things: 429 may be a rate, capacity, a request that will never fit, or an empty purse.
"""

from __future__ import annotations

import re

_URL = re.compile(r"https?://\S+")

_FILTER_CODES = ("content_filter", "content_policy", "responsibleaipolicy", "moderation", "data_inspection")
_FILTER = re.compile(r"content (management|filter|policy)|content_policy|safety system|was filtered")
_LARGE_CODES = (
    "context_length", "context_size", "context_window", "request_too_large", "payload_too_large", "prompt_too_long",
    "max_context", "string_above_max",
)  # fmt: skip
_LARGE = re.compile(
    r"(maximum|max|available|model'?s?) context|context (length|window|size)|token limit reached"
    r"|(prompt|input|request|message|conversation)s? (is|are|was|were)? ?(too (long|large)|exceeds? the (max|context))"
    r"|too many input tokens|token count.{0,40} exceeds|reduce the length of|request entity too large"
    r"|input length .{0,40}exceed"
)
_NEVER_FITS = re.compile(r"request too large")
_SIZES = re.compile(r"limit:? ([\d,]+),(?: used ([\d,]+),)? requested ([\d,]+)")
_QUOTA_CODES = (
    "insufficient_quota", "quota_exceeded", "billing", "insufficient_balance", "insufficient_credits", "arrearage",
    "payment_required", "insufficient_user_quota", "spend_limit", "no_credits",
)  # fmt: skip
_QUOTA = re.compile(
    r"(exceeded|reached) your (current |monthly |usage )?(quota|spend)|billing (hard )?limit"
    r"|check your plan and billing|insufficient (balance|credit|fund|quota)|(out of|more|no|not enough) credits"
    r"|credit balance is too low|spend(ing)? limit|monthly (spend|budget)|account is not active|overdue"
)
_RATE_CODES = ("rate_limit", "ratelimit", "throttl", "too_many_requests", "toomanyrequests", "resource_exhausted")
_RATE = re.compile(r"rate[- ]?limit|too many requests|throttl|too many tokens|requests? per (minute|second|day)")
_LOADED_CODES = ("overloaded", "capacity", "unavailable", "engine_overloaded", "model_loading", "loading")
_LOADED = re.compile(
    r"overloaded|over capacity|capacity (exceeded|limit)|at capacity|temporarily unavailable|is loading"
)
_KEY_CODES = ("invalid_api_key", "authentication", "unauthorized", "unauthenticated", "invalid_authentication")
_KEY = re.compile(
    r"(invalid|incorrect|missing|wrong|expired) (api[- ]?key|authentication|credential)"
    r"|api[- ]?key (is )?(not valid|invalid|expired|missing|required)|unauthorized|not authenticated"
)
_MISSING_CODES = ("model_not_found", "not_found", "deploymentnotfound", "invalid_model", "unknown_model")
_MISSING = re.compile(
    r"model\b.{0,120}(does not exist|not found|is not available|no longer available)|invalid model|no endpoints found"
)
_SERVER_CODES = ("server_error", "internal", "api_error")

_STATUSES = {
    "bad_request": 400, "content_filter": 400, "authentication": 401, "quota": 402, "permission": 403, "not_found": 404,
    "too_large": 413, "rate_limit": 429, "server": 500, "overloaded": 503, "timeout": 504,
}  # fmt: skip


def status_of(kind: str) -> int:
    """Return the HTTP status that a kind implies, for errors inside a 200 answer."""
    return _STATUSES.get(kind, 502)


def kind_of(status: int, codes: str, message: str, wait: float | None = None) -> str:
    """Return the kind; `codes` holds the provider's types and codes, `message` its text, both in lower case.

    `status` 0 means that only the words tell; `wait` is what the provider asks to wait, in seconds.
    """
    text = _URL.sub(" ", message)
    if _any(_FILTER_CODES, codes) or (status in (0, 400, 403, 451) and _FILTER.search(text)):
        return "content_filter"
    if status == 413 or _any(_LARGE_CODES, codes) or _never_fits(text):
        return "too_large"
    if status not in (401, 403, 404, 429, 503) and status < 500 and _LARGE.search(text):
        return "too_large"
    if status in (0, 402, 403, 429, 400, 503) and _is_quota(codes, text, wait):
        return "quota"
    return _by_status(status, codes, text) if status else _by_words(codes, text) or "server"


def _never_fits(text: str) -> bool:
    if _NEVER_FITS.search(text):
        return True
    sizes = _SIZES.search(text)
    return bool(sizes and int(sizes[3].replace(",", "")) > int(sizes[1].replace(",", "")))


def _is_quota(codes: str, text: str, wait: float | None) -> bool:
    if _any(_QUOTA_CODES, codes):
        return True
    # Gemini says "exceeded your current quota" for rates as well, but then it names a wait.
    return wait is None and _QUOTA.search(text) is not None


def _by_status(status: int, codes: str, text: str) -> str:
    if status == 401:
        return "authentication"
    if status == 402:
        return "quota"
    if status == 429:
        return "overloaded" if _LOADED.search(text) and not _RATE.search(text) else "rate_limit"
    if status == 403:
        return "authentication" if _any(_KEY_CODES, codes) or _KEY.search(text) else "permission"
    if status == 404:
        return "not_found"
    if status in (408, 504, 524):
        return "timeout"
    if status == 503 and _RATE.search(text):
        return "rate_limit"
    if status in (498, 503, 529) or (status >= 500 and (_any(_LOADED_CODES, codes) or _LOADED.search(text))):
        return "overloaded"
    if status >= 500:
        return "server"
    found = _by_words(codes, text)
    return found if found in ("authentication", "not_found", "rate_limit", "overloaded") else "bad_request"


def _by_words(codes: str, text: str) -> str:
    for names, words, kind in (
        (_RATE_CODES, _RATE, "rate_limit"),
        (_LOADED_CODES, _LOADED, "overloaded"),
        (_KEY_CODES, _KEY, "authentication"),
        (_MISSING_CODES, _MISSING, "not_found"),
    ):
        if _any(names, codes) or words.search(text):
            return kind
    if "timeout" in codes or "timed out" in text or "deadline exceeded" in text:
        return "timeout"
    if _any(_SERVER_CODES, codes):
        return "server"
    return "bad_request" if "invalid" in codes or "bad_request" in codes or "tool_use_failed" in codes else ""


def _any(names: tuple[str, ...], codes: str) -> bool:
    return any(name in codes for name in names)
