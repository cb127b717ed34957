"""Builds the upstream call of one deployment: the caller's own bytes where the dialect is the same, a translated
body where it is not, with the provider's address, key and headers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

from sluice.dialects import accepted, chat_dialect, content_type
from sluice.dialects.base import REMOVED, Body, ChatDialect, Outline
from sluice.dialects.policy import Changes, merged, reports
from sluice.dialects.splice import to_bytes
from sluice.dispatch import Prepared
from sluice.errors import BadRequest, InternalError, UnsupportedParameter
from sluice.providers.addresses import endpoint_url
from sluice.providers.auth import Outgoing
from sluice.types.catalogue import Provider
from sluice.types.http import Request
from sluice.types.routes import Deployment

if TYPE_CHECKING:
    from sluice.references import References
    from sluice.types.chat import ChatRequest

USER_AGENT = "sluice"
_PASSED = ("anthropic-version", "anthropic-beta", "openai-beta", "x-claude-code-session-id")
_PASSED_PREFIX = ("x-codex-", "x-amzn-bedrock-")
"""The latter hold what InvokeModel's bodies cannot: guardrails, the tier, labels."""
_QUERY_KEPT = ("beta",)


@dataclass(frozen=True)
class Incoming:
    """A decoded request: what the caller sent, in its dialect.

    `references` are the uploads it refers to, None where it has no reference; `notes` say how uploads were put in.
    """

    request: Request
    operation: str
    dialect: str
    document: Body
    outline: Outline
    references: References | None = None
    notes: tuple[str, ...] = ()
    _resolved: dict[int, Incoming] = field(default_factory=dict, repr=False)

    @property
    def wire(self) -> ChatDialect:
        """The caller's dialect."""
        return chat_dialect(self.dialect)

    def passed(self, body: bytes) -> bytes:
        """Return a provider's own whole answer as the caller gets it."""
        return body

    @cached_property
    def chat(self) -> ChatRequest:
        """The canonical request, decoded when a translation first needs it. Raises BadRequest."""
        return self.wire.decode_request(self.document.members)

    def resolved(self, deployment: Deployment) -> Incoming:
        """Return the request as one deployment gets it, with its uploads; itself where it refers to none.

        Raises NotFound, BadRequest, UploadTooLarge.
        """
        if self.references is None:
            return self
        body = self.references.resolved(quirks_of(deployment))
        known = self._resolved.get(id(body))  # kept by the references, so no other object can have its id
        if known is None:
            known = self._resolved[id(body)] = replace(self, document=body, references=None, notes=body.notes)
        return known


def quirks_of(deployment: Deployment) -> Mapping[str, object]:
    """Return what is declared for a deployment; the model's own word wins over its provider's (`policy.merged`)."""
    provider, model = deployment.provider.quirks, deployment.model.quirks
    quirks = merged(provider, model) if model else dict(provider)
    if deployment.model.max_output is not None:
        quirks.setdefault("max_output", deployment.model.max_output)
    return quirks


def prepare(
    incoming: Incoming,
    deployment: Deployment,
    *,
    authorize: Callable[[Outgoing, Provider, str], tuple[str, Mapping[str, str]]],
    strict: bool,
    region: str = "",
) -> Prepared:
    """Return the call of one deployment; `region` is where it goes when the deployment names none.

    Raises:
        UnsupportedParameter: its dialect cannot express the request.
        ProviderError: the gateway holds no key for the provider, or got no token with what it holds.
        NotFound, BadRequest: the request refers to an upload that cannot be used.
    """
    incoming = incoming.resolved(deployment)
    endpoint = deployment.endpoint
    same = endpoint.dialect == incoming.dialect
    body, edits = (_same_body if same else _translated_body)(incoming, deployment, strict)
    provider = deployment.provider
    headers = {
        "content-type": content_type(incoming.wire, incoming.request) if same else "application/json",
        "accept": accepted(chat_dialect(endpoint.dialect), incoming.outline.stream),
        "accept-encoding": "identity",
        "user-agent": USER_AGENT,
        **provider.headers,
        **_forwarded(incoming.request.headers, same),
    }
    query = _query(incoming.request.query) if same else ""
    path = (incoming.outline.stream and endpoint.stream_path) or endpoint.path
    if "{model" in path:
        path = path.replace("{model}", _in_path(deployment.upstream_model))
        path = path.replace("{model_segment}", _in_path(deployment.upstream_model, kept="-._~"))
    url = endpoint_url(_in_region(provider.base_url, deployment.region or region), path)
    if query and "?" in path:
        query = "&" + query[1:]
    outgoing = Outgoing("POST", url + query, headers, body)
    address, vouched = authorize(outgoing, provider, deployment.region or "")
    return Prepared(address, vouched, body, (*incoming.notes, *edits), incoming.outline.stream)


def _in_region(base_url: str, region: str) -> str:
    if "{region}" not in base_url:
        return base_url
    if not region:
        raise InternalError("This deployment names no region, and the gateway does not know its own. Set AWS_REGION.")
    return base_url.replace("{region}", region)


def _same_body(incoming: Incoming, deployment: Deployment, strict: bool) -> tuple[bytes, tuple[str, ...]]:
    members = incoming.document.members
    changes = incoming.wire.pass_edits(members, quirks_of(deployment))
    if strict and isinstance(changes, Changes):
        changes.check()
    if "{model" in deployment.endpoint.path:
        if "model" in members and "model" not in incoming.request.members:
            changes["model"] = REMOVED
    elif members.get("model") != deployment.upstream_model:
        changes["model"] = deployment.upstream_model
    own = getattr(incoming.wire, "model_edits", None)
    if own is not None:
        changes.update(own(members, deployment.upstream_model))
    if not changes and not incoming.notes:
        return incoming.request.body, ()
    silent = ("model", "requests", "stream_options", *incoming.request.members)
    edits = changes.reported(silent) if isinstance(changes, Changes) else reports(changes, silent)
    body = incoming.document.edited(changes)
    return body if isinstance(body, bytes) else body.encode(), edits


def _in_path(model: str, kept: str = "-._~/:@") -> str:
    """Return a model's name as it may stand in a path. Raises BadRequest for one that would lead to another path.

    Hosts that take any name get it from callers: `cheap-model/../dear-model` would be priced and allowed as the first
    and served as the second.
    """
    if not {"", ".", ".."}.isdisjoint(model.split("/")):
        raise BadRequest("A model's name has no empty part, '.' or '..' between slashes.", param="model")
    return "".join(c if c.isascii() and (c.isalnum() or c in kept) else _escaped(c) for c in model)


def _escaped(character: str) -> str:
    return "".join(f"%{byte:02X}" for byte in character.encode())


def _translated_body(incoming: Incoming, deployment: Deployment, strict: bool) -> tuple[bytes, tuple[str, ...]]:
    target = chat_dialect(deployment.endpoint.dialect)
    if incoming.chat.bound:
        name, reason = next(iter(incoming.chat.bound.items()))
        raise UnsupportedParameter(f"{deployment.name} cannot serve {name}: {reason}.", param=name)
    chat, left_out = incoming.chat, tuple[str, ...]()
    if getattr(chat, "tools", None):
        from sluice.dialects.portable import portable

        chat, left_out = portable(chat, deployment.endpoint.dialect, strict)
    encoded = target.encode_request(chat, deployment.upstream_model, quirks_of(deployment), strict)
    body = encoded.body
    if "model" in body and "{model" in deployment.endpoint.path:
        body = {name: value for name, value in body.items() if name != "model"}
    return to_bytes(body), (*left_out, *encoded.edits)


def _forwarded(headers: Mapping[str, str], same: bool) -> dict[str, str]:
    """Headers a vendor's own client sends to it, only where the caller speaks that vendor's dialect."""
    if not same:
        return {}
    return {name: value for name, value in headers.items() if name in _PASSED or name.startswith(_PASSED_PREFIX)}


def _query(query: Mapping[str, str]) -> str:
    kept = [f"{name}={query[name]}" for name in _QUERY_KEPT if query.get(name, "").isalnum()]
    return "?" + "&".join(kept) if kept else ""


def follow_up(
    made_by: Deployment,
    request: Request,
    suffix: str,
    *,
    authorize: Callable[[Outgoing, Provider, str], tuple[str, Mapping[str, str]]],
    method: str,
    body: bytes = b"",
    query: str = "",
    stream: bool = False,
    region: str = "",
) -> Prepared:
    """Return a call about what a deployment's endpoint made: to the endpoint's path with `suffix` after it.

    `query` is URL-encoded. Raises ProviderError: the gateway holds no key for the provider.
    """
    provider = made_by.provider
    path, _, own = made_by.endpoint.path.partition("?")
    joined = "&".join(part for part in (own, query) if part)
    headers = {
        "accept": accepted(chat_dialect(made_by.endpoint.dialect), stream),
        "accept-encoding": "identity",
        "user-agent": USER_AGENT,
        **({"content-type": "application/json"} if body else {}),
        **provider.headers,
        **_forwarded(request.headers, True),
    }
    url = endpoint_url(_in_region(provider.base_url, made_by.region or region), path + suffix)
    outgoing = Outgoing(method, f"{url}?{joined}" if joined else url, headers, body)
    address, vouched = authorize(outgoing, provider, made_by.region or "")
    return Prepared(address, vouched, body, stream=stream, method=method)
