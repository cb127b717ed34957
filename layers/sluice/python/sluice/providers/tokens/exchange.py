"""Asks a token endpoint for a token (RFC 6749, section 5) and says clearly why it gave none.

Neither what was sent nor what came back is quoted: of an error answer only its `error` word is repeated, which by the
RFC is one of a few words, and Microsoft's number. A redirect is not followed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from sluice.errors import ProviderError
from sluice.ports import UpstreamCall
from sluice.providers.addresses import check_base_url
from sluice.providers.tokens import Order, Token, TokenFailed
from sluice.signing import query_encoded
from sluice.types.routes import Timeouts

TIMEOUTS = Timeouts(connect=3.0, first_byte=10.0, idle=5.0, total=15.0)
ANSWER_LIMIT = 65_536
SHORTEST, LONGEST, UNSTATED = 30.0, 43_200.0, 300.0
"""Seconds: the lives that are believed, and the one of a token whose answer states none."""
_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_.-]{0,63}")
_NUMBER = re.compile(r"AADSTS\d{3,9}")

Document = Mapping[str, object]


def form(members: Mapping[str, str]) -> bytes:
    """Return the members as a form body."""
    return "&".join([f"{query_encoded(name)}={query_encoded(value)}" for name, value in members.items()]).encode()


def at_provider(order: Order, url: str) -> str:
    """Return an absolute token address; one that is only a path is at the provider's own host."""
    if not url.startswith("/"):
        return url
    scheme, _, rest = order.provider.base_url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}{url}"


def post_form(order: Order, url: str, members: Mapping[str, str], headers: Mapping[str, str] | None = None) -> Document:
    """Post a form and return the answer's object. Raises ProviderError."""
    return post(order, url, form(members), {"content-type": "application/x-www-form-urlencoded", **(headers or {})})


def post_json(order: Order, url: str, members: Document, headers: Mapping[str, str] | None = None) -> Document:
    """Post a JSON object and return the answer's object. Raises ProviderError."""
    body = json.dumps(members, separators=(",", ":")).encode()
    return post(order, url, body, {"content-type": "application/json", **(headers or {})})


def post(order: Order, url: str, body: bytes, headers: Mapping[str, str]) -> Document:
    """Post a body to a token endpoint and return the answer's object.

    Raises:
        AddressRefused: the address is not a public one over https.
        TokenFailed: "authentication" when the endpoint refused the credential, else "connection".
    """
    status, _, content = send(order, url, body, {"accept": "application/json", **headers})
    document = _object(content)
    if status == 200 and document is not None:
        return document
    raise _refusal(order, url, status, document or {})


def send(order: Order, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, Mapping[str, str], bytes]:
    """Post a body and return status, headers and body of the answer. Raises AddressRefused, TokenFailed."""
    return _sent(order, check_base_url(url, order.provider.allow_loopback), body, headers)


def send_to_aws(order: Order, url: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """Post a body to an AWS service; only there may the address be the emulator's. Raises TokenFailed."""
    status, _, content = _sent(order, url, body, headers, allow_loopback=bool(order.sts_url))
    return status, content


def token_of(order: Order, document: Document, *, text: str = "access_token") -> Token:
    """Return the token of an answer. Raises TokenFailed."""
    found, kind = document.get(text), str(document.get("token_type") or "bearer").lower()
    sendable = isinstance(found, str) and found.isascii() and found.isprintable() and " " not in found
    if not isinstance(found, str) or not found or not sendable or kind != "bearer":
        raise TokenFailed(order.provider.name, "the token endpoint's answer holds no bearer token.", kind="connection")
    now = order.now()
    return Token(found, now, now + _seconds(document.get("expires_in")))


def host_of(url: str) -> str:
    """Return the host of a URL, with its port."""
    return url.partition("://")[2].partition("/")[0].rpartition("@")[2].lower()


def _sent(
    order: Order, url: str, body: bytes, headers: Mapping[str, str], *, allow_loopback: bool | None = None
) -> tuple[int, Mapping[str, str], bytes]:
    loopback = order.provider.allow_loopback if allow_loopback is None else allow_loopback
    call = UpstreamCall(
        "POST",
        url,
        {"accept-encoding": "identity", "user-agent": "sluice", **headers},
        body,
        TIMEOUTS,
        allow_loopback=loopback,
    )
    try:
        answer = order.transport.send(call)
        return answer.status, answer.headers, answer.read(ANSWER_LIMIT)
    except ProviderError as error:
        problem, kind = f"{host_of(url)}: {error.message}", error.kind
    kind = kind if kind == "permission" else "connection"
    raise TokenFailed(order.provider.name, problem, kind=kind)


def _object(content: bytes) -> Document | None:
    try:
        document = json.loads(content)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _refusal(order: Order, url: str, status: int, document: Document) -> TokenFailed:
    host = host_of(url)
    if status == 200 or 300 <= status < 400 or status == 429 or status >= 500:
        # Not the credential's fault, as far as this answer tells.
        problem = "is no token endpoint" if status < 400 else "cannot serve"
        return TokenFailed(order.provider.name, f"{host} answered {status}: it {problem}.", kind="connection")
    word, number = _reason(document)
    reason = f" ({', '.join(part for part in (word, number) if part)})" if word or number else ""
    return order.refused(
        f"{host} refused the credential with {status}{reason}. Check what the provider secret holds for "
        f"{order.provider.name} and what it is allowed to do there."
    )


def _reason(document: Document) -> tuple[str, str]:
    """Return the error's own word ("invalid_client") and Microsoft's number, "" for what is not plainly one."""
    error = document.get("error")
    if isinstance(error, dict):
        error = error.get("status") or error.get("type") or error.get("code")
    number = _NUMBER.search(str(document.get("error_description") or ""))
    is_word = isinstance(error, str) and _WORD.fullmatch(error) is not None
    return (str(error) if is_word else ""), (number[0] if number else "")


def _seconds(stated: object) -> float:
    try:
        seconds = float(str(stated)) if isinstance(stated, (int, float, str)) else UNSTATED
    except ValueError:
        seconds = UNSTATED
    # Not min/max alone: a NaN compares with nothing.
    return min(max(seconds, SHORTEST), LONGEST) if seconds == seconds else UNSTATED  # noqa: PLR0124
