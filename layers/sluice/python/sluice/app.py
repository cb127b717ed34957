"""Request in, Response out: finds the endpoint, runs its use case, renders every error in the caller's dialect."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from sluice.endpoints import Match, find, methods_of
from sluice.errors import GatewayError, InternalError, MethodNotAllowed, NotFound, RequestTooLarge
from sluice.metering.request_ids import new as new_request_id
from sluice.pipeline import envelope, error_headers
from sluice.types.http import Request, Response

UseCase = Callable[[Request, Match], Response]
NOBODY = "unauthenticated"
"""Stands for the team in the ids of requests without a valid key; no team may be called so."""
BODY_LIMIT = 6 * 1024 * 1024


class App:
    """The application. `use_cases` maps an operation to what serves it; `report` logs a defect."""

    def __init__(
        self, use_cases: Mapping[str, UseCase], report: Callable[[str, BaseException], None], now_ms: Callable[[], int]
    ) -> None:
        self._use_cases = use_cases
        self._report = report
        self._now_ms = now_ms

    def handle(self, request: Request) -> Response:
        """Serve one request; every failure becomes an answer."""
        response = self._handle(request)
        if all(value.isascii() and value.isprintable() for value in response.headers.values()):
            return response
        return replace(response, headers={name: in_header(value) for name, value in response.headers.items()})

    def _handle(self, request: Request) -> Response:
        try:
            match = self._match(request)
        except GatewayError as error:
            return self._failed(request, error)
        if len(request.body) > BODY_LIMIT:
            return self._failed(
                request,
                RequestTooLarge(
                    f"The body has {len(request.body)} bytes; the limit is {BODY_LIMIT}. "
                    "Upload large files with POST /v1/uploads and refer to them."
                ),
            )
        try:
            response = self._use_cases[match.endpoint.operation](request, match)
        except GatewayError as error:
            return self._failed(request, error)
        except Exception as error:
            self._report("defect", error)
            return self._failed(request, InternalError("The gateway failed on this request; nothing was charged."))
        if "x-request-id" not in response.headers:
            response = replace(
                response, headers={**response.headers, "x-request-id": new_request_id(self._now_ms(), NOBODY)}
            )
        return response

    def _match(self, request: Request) -> Match:
        match = find(request.method, request.path)
        if match is None:
            methods = methods_of(request.path)
            if methods:
                raise MethodNotAllowed(f"{request.path} takes {', '.join(methods)}, not {request.method[:16]}.")
            raise NotFound(
                f"There is no {request.method[:16]} {request.path[:128]}. Chat is at POST /v1/chat/completions and "
                "POST /v1/messages; GET /v1/models lists the models.",
                code="unknown_endpoint",
            )
        if match.endpoint.operation not in self._use_cases:
            raise NotFound(f"{request.path[:128]} is not served by this function.", code="unknown_endpoint")
        return match

    def _failed(self, request: Request, error: GatewayError) -> Response:
        request_id = new_request_id(self._now_ms(), NOBODY)
        dialect = dialect_of(request)
        headers = {
            "content-type": "application/json",
            "cache-control": "no-store",
            "x-request-id": request_id,
            **error_headers(error, dialect),
        }
        if error.http_status == 405:
            headers["allow"] = ", ".join(methods_of(request.path))
        return Response(error.http_status, headers, envelope(error, dialect, request_id))


def in_header(text: str) -> str:
    """Return a text as it may stand in a header: what callers name (a parameter that was dropped) may hold anything."""
    return "".join(each if " " <= each <= "~" else "?" for each in text)


def dialect_of(request: Request) -> str:
    """Return the dialect in which to answer a request, also where its path is unknown."""
    match = find(request.method, request.path)
    if match is not None and "anthropic-version" not in request.headers:
        return match.endpoint.dialect
    if "anthropic-version" in request.headers or request.path.startswith("/v1/messages"):
        return "anthropic_messages"
    return "gemini" if request.path.startswith("/v1beta/") else "openai_chat"
