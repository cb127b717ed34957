"""How a call shows a provider who is calling; no key ever shows in a `repr`, so neither in a traceback.

A provider's catalogue file declares its ways in, in order of preference; the first one for which the provider's part
of the secret holds what it needs is taken (`chosen`). A way that sends what the secret holds is served here; one that
signs the call or mints a token is served by `providers/sigv4.py` and `providers/tokens/`, imported when first used.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field

from sluice.errors import ProviderError
from sluice.signing import query_encoded
from sluice.types.catalogue import Auth

DIRECT = frozenset({"none", "bearer", "header", "query", "pair"})
"""The schemes that send what the secret holds as it stands."""
STATIC_AWS = ("aws_access_key_id", "aws_secret_access_key")
IDENTITY = "sts:GetCallerIdentity"
"""What any AWS credentials may do, granted or not."""
_OF_THE_ROLE: Mapping[str, str] = {
    "sigv4": "",
    "aws_bearer": "",
    "aws_federation": "sts",
    "google_federation": IDENTITY,
}
"""Schemes that need AWS credentials -> what must be granted to the role; "": the way's own service."""
_KEY = (("api_key",),)
_WANTED: Mapping[str, tuple[tuple[str, ...], ...]] = {
    "bearer": _KEY,
    "header": _KEY,
    "query": _KEY,
    "entra": (("tenant_id", "client_id", "client_secret"),),
    "oauth": (("client_id", "client_secret"),),
    "google": (("service_account",), ("client_email", "private_key")),
    "google_federation": (("audience",),),
    "snowflake": (("account", "user", "private_key"),),
}
"""Scheme -> the sets of members of which one must be held whole."""
_SHORTEST_SECRET = 8
"""Shorter words are too ordinary to be looked for in what a provider wrote."""


class MissingCredential(ProviderError):
    """The gateway holds no usable key for a provider; the message says how to add one."""

    def __init__(self, provider: str, problem: str, members: str = '{"api_key": "..."}') -> None:
        super().__init__(
            f'Provider {provider} {problem}. Add it to the provider secret as {{"{provider}": {members}}}; '
            f"the local stack takes it from {provider.upper()}_API_KEY.",
            provider_status=503,
            kind="authentication",
            provider=provider,
        )
        self.error_code = "provider_key_missing"


class CredentialHeaders(dict[str, str]):
    """Headers that hold a key; `repr` shows their names only. `secrets` are the words that nobody may see.

    `held` is what the secret held for the provider when they were made, None where nobody noted it.
    """

    def __init__(self, headers: Mapping[str, str] | None = None, secrets: tuple[str, ...] = ()) -> None:
        super().__init__(headers or {})
        self.secrets = secrets
        self.held: Mapping[str, str] | None = None

    def __repr__(self) -> str:
        return f"CredentialHeaders({', '.join(sorted(self))})"

    __str__ = __repr__


class KeyedUrl(str):
    """An address whose query holds a key; `repr`, `str` and `format` leave the query out."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"'{self}'"

    def __str__(self) -> str:
        return self.partition("?")[0] + "?..."

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A call that nobody has vouched for yet, with everything that will go over the wire."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


def ways(auth: Auth) -> Iterator[Auth]:
    """Yield the declared ways in, the preferred one first."""
    yield auth
    yield from auth.alternatives


def chosen(auth: Auth, held: Mapping[str, str], granted: Container[str] = ()) -> Auth | None:
    """Return the first way that is open with what is `held`, None when none is.

    `granted` are the AWS services that the function's own role may call, empty where it has none.
    """
    return next((way for way in ways(auth) if _open(way, held, granted)), None)


def wanted(auth: Auth) -> tuple[tuple[str, ...], ...]:
    """Return the sets of members of the credential of which a way needs one whole."""
    if auth.needs:
        return (auth.needs,)
    return (tuple(auth.parts.values()),) if auth.scheme == "pair" else _WANTED.get(auth.scheme, ((),))


def missing(auth: Auth, provider: str) -> MissingCredential:
    """Return the error that tells which members of the credential would open a way."""
    shapes = [members for way in ways(auth) for members in wanted(way) if members]
    shown = " or ".join("{" + ", ".join(f'"{member}": "..."' for member in members) + "}" for members in shapes)
    return MissingCredential(provider, "has no key", shown or "{}")


def credential_headers(auth: Auth, credential: Mapping[str, str] | None, provider: str) -> CredentialHeaders:
    """Return the headers that authenticate the gateway at `provider` in a direct way that needs headers only.

    `credential` is the provider's part of the secret bundle, {"api_key": ...}; None or {} when there is none.
    Raises MissingCredential.
    """
    if auth.scheme in ("none", "query"):
        return CredentialHeaders()
    held = credential or {}
    if auth.scheme == "pair":
        parts = {name: _sendable(held.get(part, ""), provider) for name, part in auth.parts.items()}
        secrets = tuple(parts.values())
        if held.get("api_key"):
            key = _sendable(held["api_key"], provider)
            parts["authorization"], secrets = f"Bearer {key}", (*secrets, key)
        return CredentialHeaders(parts, secrets)
    key = _sendable(held.get("api_key", ""), provider)
    if auth.scheme == "bearer":
        return bearer(key)
    return CredentialHeaders({auth.name.lower(): f"{auth.prefix}{key}"}, (key,))


def bearer(token: str) -> CredentialHeaders:
    """Return the headers that carry a bearer token."""
    return CredentialHeaders({"authorization": f"Bearer {token}"}, (token,))


def keyed(outgoing: Outgoing, auth: Auth, held: Mapping[str, str], provider: str) -> tuple[str, CredentialHeaders]:
    """Return address and headers of a call in a direct way. Raises MissingCredential."""
    vouching = credential_headers(auth, held, provider)
    headers = merged(outgoing.headers, auth, vouching)
    if auth.scheme != "query":
        return outgoing.url, headers
    key = _sendable(held.get("api_key", ""), provider)
    headers.secrets = (key, query_encoded(key))
    joint = "&" if "?" in outgoing.url else "?"
    return KeyedUrl("".join((outgoing.url, joint, auth.name, "=", query_encoded(key)))), headers


def merged(headers: Mapping[str, str], auth: Auth, vouching: CredentialHeaders) -> CredentialHeaders:
    """Return the call's headers with those that vouch for it, and those that its way in wants beside them."""
    whole = CredentialHeaders({**auth.headers, **headers} if auth.headers else headers, vouching.secrets)
    for name, value in auth.appended.items():
        there = whole.get(name, "")
        if value not in [part.strip() for part in there.split(",")]:
            whole[name] = f"{there},{value}" if there else value
    whole.update(vouching)
    return whole


def scrubbed(text: bytes, headers: Mapping[str, str]) -> bytes:
    """Return what a provider wrote without the keys that the call carried; some quote the whole address or header."""
    secrets = headers.secrets if isinstance(headers, CredentialHeaders) else ()
    for secret in secrets:
        if len(secret) >= _SHORTEST_SECRET:
            text = text.replace(secret.encode(), b"[masked]")
    return text


def _open(way: Auth, held: Mapping[str, str], granted: Container[str]) -> bool:
    service = _OF_THE_ROLE.get(way.scheme)
    stored = service is None or all(held.get(member) for member in STATIC_AWS)
    if not stored and (service or way.settings.get("service", "")) not in granted:
        return False
    return any(all(held.get(member, "").strip() for member in members) for members in wanted(way))


def _sendable(text: str, provider: str) -> str:
    key = text.strip()
    if not key:
        raise MissingCredential(provider, "has no key")
    if not key.isascii() or not key.isprintable() or " " in key:
        raise MissingCredential(provider, "has a key that cannot be sent (a space, line break or non-ASCII text)")
    return key
