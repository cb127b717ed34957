"""The simulator's HTTP side: one ASGI callable that routes, checks the key and lets the directives loose."""

from __future__ import annotations

import hashlib
import json
import socket
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any
from urllib.parse import parse_qsl

from sluice.local.simulator import (
    anthropic_answer,
    anthropic_request,
    directives,
    embeddings,
    media,
    moderations,
    openai_answer,
    openai_request,
    rerank,
    script,
    shape,
)
from sluice.local.simulator.batches import Batches
from sluice.local.simulator.conversation import Ask, Refused
from sluice.local.simulator.directives import Attempts, Directive
from sluice.local.simulator.models import CREATED, MODELS, Model
from sluice.local.simulator.playback import Playback, Reply
from sluice.local.simulator.responses import Responses
from sluice.local.simulator.shape import Json, Object
from sluice.local.simulator.weather import Weather

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_LARGEST_BODY = 32 * 1024 * 1024
_OPENAI, _ANTHROPIC = "openai", "anthropic"
_DIALECTS: dict[str, Any] = {_OPENAI: openai_answer, _ANTHROPIC: anthropic_answer}
_BATCHES = "messages/batches"
_RESPONSES = "responses"
_FAULTS = {
    429: "The simulator was told to answer 429: rate limit reached.",
    529: "Overloaded",
}


class Simulator:
    """The ASGI application. `pace` scales every wait: 1 is real time, 0 none."""

    def __init__(self, pace: float = 1.0) -> None:
        self._pace = pace
        self._attempts = Attempts()
        self._weather = Weather()
        self._batches = Batches(self._alone, pace)
        self._responses = Responses(self._asked)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event of uvicorn; only HTTP is spoken."""
        if scope["type"] != "http":
            return
        body = await _body(receive)
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        query = dict(parse_qsl(scope.get("query_string", b"").decode("latin-1")))
        reply = self.reply(scope["method"], scope["path"], headers, body, query)
        ending = await Playback(reply, receive, send).play()
        if scope["method"] == "POST":
            self._weather.tally[ending] += 1

    def reply(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | None,
        query: Mapping[str, str] | None = None,
    ) -> Reply:
        """Return what is to be answered, and how slowly. `body` None stands for one that is too large."""
        if path == "/health":
            return Reply(200, {}, {"status": "ok"})
        if path in ("/weather", "/tally"):
            return self._observed(method, path, body or b"")
        dialect, _, operation = path.strip("/").partition("/v1/")
        if dialect not in _DIALECTS:
            return Reply(404, {}, {"error": {"message": f"Not found: {method} {path}"}})
        request_id = hashlib.sha256(body or b"").hexdigest()
        try:
            if body is None:
                raise Refused(413, f"The body is over {_LARGEST_BODY // 2**20} MB.")
            _check_caller(dialect, headers)
            if dialect == _ANTHROPIC and operation.startswith(_BATCHES):
                reply = self._batches.reply(method, operation.removeprefix(_BATCHES), query or {}, body)
            elif dialect == _OPENAI and operation.partition("/")[0] == _RESPONSES:
                place = operation.removeprefix(_RESPONSES)
                reply = self._responses.reply(method, place, query or {}, body, headers)
                reply = reply.slowed(self._pace if reply.directive.pace is None else reply.directive.pace)
            else:
                reply = self._served(dialect, method, operation, headers, body)
        except Refused as refused:
            reply = _error_reply(dialect, refused)
        reply.headers.update(_DIALECTS[dialect].headers(request_id))
        return reply

    def _observed(self, method: str, path: str, body: bytes) -> Reply:
        if path == "/weather" and method == "PUT":
            try:
                self._weather.change(body)
            except ValueError as unreadable:
                return Reply(400, {}, {"error": {"message": str(unreadable)}})
        return Reply(200, {}, dict(self._weather.tally))

    def _served(self, dialect: str, method: str, operation: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if operation == "models" or operation.startswith("models/"):
            _check_method(method, "GET")
            return Reply(200, {}, _models(dialect, operation.removeprefix("models").strip("/")))
        served = _POSTS.get((dialect, operation))
        if served is None:
            raise Refused(404, f"Unknown request URL: {method} /{dialect}/v1/{operation}.", code="unknown_url")
        _check_method(method, "POST")
        request = media.parsed(body, headers)
        model = _model(dialect, request, _SERVED.get(operation, "chat"))
        directive = self._directive(dialect, model, headers, request)
        reply = _fault(dialect, directive) or served(request, model, directive)
        return reply.slowed(self._pace if directive.pace is None else directive.pace)

    def _asked(self, request: Object, headers: Mapping[str, str]) -> Ask | Reply:
        """Return what a Responses request asks for, told as a chat request, or the fault it wants."""
        model = _model(_OPENAI, request, "chat")
        directive = self._directive(_OPENAI, model, headers, request)
        return _fault(_OPENAI, directive) or openai_request.read(request, model, directive)

    def _alone(self, params: Object) -> tuple[int, Any]:
        """Return what a request of a batch answers: status and JSON body."""
        try:
            model = _model(_ANTHROPIC, params, "chat")
            directive = self._directive(_ANTHROPIC, model, {}, params)
            reply = _fault(_ANTHROPIC, directive) or _messages(params, model, directive)
        except Refused as refused:
            reply = _error_reply(_ANTHROPIC, refused)
        return reply.status, json.loads(reply.payload)

    def _directive(self, dialect: str, model: Model, headers: Mapping[str, str], request: Object) -> Directive:
        in_header = [headers["x-simulate"]] if "x-simulate" in headers else []
        said = directives.found_in(anthropic_request.last_user_text(request)) or embeddings.texts(request)
        said = said or media.texts(request)
        try:
            return self._attempts.settle([*self._weather.draw(), *said, *in_header], model=model.id, dialect=dialect)
        except ValueError as unreadable:
            raise Refused(400, str(unreadable)) from None


async def _body(receive: Receive) -> bytes | None:
    parts, size = [], 0
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > _LARGEST_BODY:
            parts.clear()
        if not message.get("more_body"):
            return b"".join(parts) if size <= _LARGEST_BODY else None


def _check_caller(dialect: str, headers: Mapping[str, str]) -> None:
    bearer = headers.get("authorization", "")
    key = bearer[7:] if bearer.lower().startswith("bearer ") else ""
    if dialect == _ANTHROPIC:
        key = headers.get("x-api-key") or key
    if not key.startswith("sim-"):
        where = "x-api-key" if dialect == _ANTHROPIC else "Authorization: Bearer"
        told = "invalid" if key else "missing"
        raise Refused(401, f"The API key is {told}: send `{where}` with a key that starts with 'sim-'.")
    if dialect == _ANTHROPIC and "anthropic-version" not in headers:
        raise Refused(400, "anthropic-version: header is required")


def _check_method(method: str, allowed: str) -> None:
    if method != allowed:
        raise Refused(405, f"Method {method} is not allowed here; use {allowed}.", code="method_not_allowed")


def _model(dialect: str, request: Object, wanted: str) -> Model:
    if "model" not in request:
        raise Refused(400, "model: Field required" if dialect == _ANTHROPIC else "you must provide a model parameter")
    name = shape.typed(request["model"], str, "model")
    model = MODELS.get(name)
    if model is None:
        known = ", ".join(MODELS)
        message = f"model: {name}" if dialect == _ANTHROPIC else f"The model '{name}' does not exist."
        raise Refused(404, f"{message} (The simulator has: {known}.)", param="model", code=_unknown_model(dialect))
    if model.serves != wanted:
        raise Refused(
            404, f"The model '{name}' does not serve this endpoint.", param="model", code=_unknown_model(dialect)
        )
    return model


def _unknown_model(dialect: str) -> str | None:
    return "model_not_found" if dialect == _OPENAI else None


def _models(dialect: str, name: str) -> Object:
    if not name:
        listed = [_openai_model(m) for m in MODELS.values()]
        return anthropic_answer.models() if dialect == _ANTHROPIC else {"object": "list", "data": listed}
    model = MODELS.get(name)
    if model is None:
        raise Refused(404, f"The model '{name}' does not exist.", param="model", code=_unknown_model(dialect))
    return anthropic_answer.described(model) if dialect == _ANTHROPIC else _openai_model(model)


def _openai_model(model: Model) -> Object:
    return {"id": model.id, "object": "model", "created": CREATED, "owned_by": "simulator"}


def _fault(dialect: str, directive: Directive) -> Reply | None:
    """Return the error that was asked for."""
    if directive.status is None:
        return None
    told = _FAULTS.get(directive.status, f"The simulator was told to answer {directive.status}.")
    refused = Refused(directive.status, told, told=directive.code, retry_after=directive.retry_after)
    reply = _error_reply(dialect, refused, directive)
    if directive.body == "html":
        return reply.with_body(b"<html><body><h1>Bad gateway</h1></body></html>", "text/html")
    return reply.with_body(b"", "text/plain") if directive.body == "empty" else reply


def _error_reply(dialect: str, refused: Refused, directive: Directive | None = None) -> Reply:
    headers = {"retry-after": f"{refused.retry_after:g}"} if refused.retry_after is not None else {}
    return Reply(refused.status, headers, _DIALECTS[dialect].error(refused), directive=directive or Directive())


def _chat(request: Object, model: Model, directive: Directive) -> Reply:
    return _answered(_OPENAI, openai_request.read(request, model, directive))


def _messages(request: Object, model: Model, directive: Directive) -> Reply:
    return _answered(_ANTHROPIC, anthropic_request.read(request, model, directive))


def _answered(dialect: str, ask: Ask) -> Reply:
    if ask.prompt.total > ask.model.context:
        told = f"prompt is too long: {ask.prompt.total} tokens > {ask.model.context} maximum"
        raise Refused(400, told, code="context_length_exceeded" if dialect == _OPENAI else None)
    module, answers = _DIALECTS[dialect], script.answers(ask)
    output = sum(a.output for a in answers)
    reply = Reply(200, {}, None, model=ask.model, directive=ask.directive, output=output, broken=module.error_event)
    if ask.stream:
        reply.events = module.events(ask, answers)
    else:
        reply.body = json.dumps(module.body(ask, answers), ensure_ascii=False).encode()
    return reply


def _count(request: Object, model: Model, directive: Directive) -> Reply:
    return Reply(200, {}, {"input_tokens": anthropic_request.count(request)}, model=model, directive=directive)


def _embeddings(request: Object, model: Model, directive: Directive) -> Reply:
    inputs, dimensions, packed = embeddings.read(request, model)
    vectors: list[Json] = [embeddings.vector(words, dimensions) for words in inputs]
    prompt_tokens = sum(map(len, inputs))
    body = openai_answer.embeddings(
        model.id, [embeddings.packed(v) for v in vectors] if packed else vectors, prompt_tokens
    )
    return Reply(200, {}, body, model=model, directive=directive, broken=openai_answer.error_event)


def _rerank(request: Object, model: Model, directive: Directive) -> Reply:
    body = rerank.answer(request, model)
    return Reply(200, {}, body, model=model, directive=directive, broken=openai_answer.error_event)


def _moderations(request: Object, model: Model, directive: Directive) -> Reply:
    body = moderations.answer(request, model)
    return Reply(200, {}, body, model=model, directive=directive, broken=openai_answer.error_event)


_POSTS: dict[tuple[str, str], Callable[[Object, Model, Directive], Reply]] = {
    (_OPENAI, "chat/completions"): _chat,
    (_OPENAI, "embeddings"): _embeddings,
    (_OPENAI, "rerank"): _rerank,
    (_OPENAI, "moderations"): _moderations,
    **{(_OPENAI, path): answer for path, (_, answer) in media.OPERATIONS.items()},
    (_ANTHROPIC, "messages"): _messages,
    (_ANTHROPIC, "messages/count_tokens"): _count,
}

_SERVED = {path: serves for path, (serves, _) in media.OPERATIONS.items()} | {
    operation: operation for operation in ("embeddings", "rerank", "moderations")
}
"""Operation -> what a model must serve for it; the others are chats."""


def listen(port: int) -> socket.socket:
    """Return a listening socket on loopback; port 0 takes a free one.

    Raises:
        OSError: the port is in use.
    """
    # asyncio sets TCP_NODELAY on what it accepts only where the listener names TCP; without it tokens wait for 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(512)
    except OSError:
        listener.close()
        raise
    return listener


def serve(listener: socket.socket, *, pace: float) -> None:
    """Serve until SIGTERM or SIGINT; open streams are cut after a second."""
    import uvicorn

    config = uvicorn.Config(
        Simulator(pace),
        log_level="warning",
        lifespan="off",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
        timeout_keep_alive=75,
    )
    uvicorn.Server(config).run(sockets=[listener])
