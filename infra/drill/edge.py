"""Serves a deployed definition: its routes, and each function's own code, layers and variables on the real runtimes.

The emulator runs Python functions itself, but knows neither streamed integrations nor the exec wrapper. So here the
functions run as Lambda would run them: /var/task is the unpacked code; streaming functions are started through their
wrapper out of the layers, the others by awslambdaric. Layers are used from where they were unpacked, not mounted at
/opt, so this needs no privileges. Every call to AWS goes through the guard.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import sys
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn

from infra.drill.definition import DeployedFunction, Route
from infra.drill.guard import Receive, Scope, Send
from sluice.endpoints import Endpoint, Match
from sluice.local import children
from sluice.local.environments import Settings, Tell
from sluice.local.functions import Function
from sluice.local.gateway.application import Gateway
from sluice.local.pool import Pool
from sluice.local.server import Server, bind

BOOTSTRAP = "/var/runtime/bootstrap.py"
"""What Lambda hands the wrapper as the program to start; the wrapper replaces it, so it need not exist."""


class RouteTable:
    """The API's routes as API Gateway picks them: literal segments win over `{name}`, and that over `{name+}`."""

    def __init__(self, routes: Iterable[Route]) -> None:
        ranked = sorted(routes, key=lambda route: ("+}" in route.path, "{" in route.path))
        self._routes = [(route, _pattern(route.path)) for route in ranked]

    def __call__(self, method: str, path: str) -> Match | None:
        """Return the route of a request, None when there is none."""
        for route, pattern in self._routes:
            found = pattern.fullmatch(path)
            if found is not None and route.method in (method, "ANY"):
                params = tuple(zip(_names(route.path), found.groups(), strict=True))
                return Match(Endpoint(route.method, route.path, "", "", route.function), params)
        return None


class Edge:
    """An ASGI application: the deployed API. `refusal` is what it answers where it has no route: status and body."""

    def __init__(self, routes: RouteTable, pools: Mapping[str, Pool], refusal: tuple[int, bytes], tell: Tell) -> None:
        self._routes = routes
        self._refusal = refusal
        self._gateway = Gateway(pools, tell, routes=routes)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http" and self._routes(scope["method"], scope["path"]) is None:
            status, body = self._refusal
            await send(
                {"type": "http.response.start", "status": status, "headers": [(b"content-type", b"application/json")]}
            )
            await send({"type": "http.response.body", "body": body})
            return
        await self._gateway(scope, receive, send)


def pool_of(function: DeployedFunction, variables: Mapping[str, str], logs: Path, tell: Tell) -> Pool:
    """Return the environments of a deployed function; `variables` are the platform's own, on top of its own."""
    wrapper = function.variables.get("AWS_LAMBDA_EXEC_WRAPPER", "")
    own = Function(
        name=function.name,
        folder=function.task,
        timeout=function.timeout,
        memory_mb=function.memory_mb,
        streamed=bool(wrapper),
        limit=2,
    )
    shared = {
        **children.base_environment(os.environ),
        **function.variables,
        **variables,
        # Each function signs with a key of its own, by which the guard knows its role.
        "AWS_ACCESS_KEY_ID": function.role,
        "AWS_SECRET_ACCESS_KEY": "test",
        "PYTHONPATH": str(function.opt / "python"),
    }
    interpreter = _starter(function, wrapper)
    return Pool(own, Settings(shared, logs, tell, interpreter=str(interpreter)))


async def invoke(pool: Pool, event: object) -> Any:
    """Invoke a function as the Lambda API does; return its result. Raises FunctionFailed."""
    return json.loads(await pool.invoke(json.dumps(event).encode()).whole())


@asynccontextmanager
async def running(pools: Iterable[Pool]) -> AsyncIterator[None]:
    """End all environments at the end."""
    try:
        yield
    finally:
        await asyncio.gather(*(pool.close() for pool in pools))


@asynccontextmanager
async def serving(application: Any) -> AsyncIterator[str]:
    """Serve an ASGI application on a free port of 127.0.0.1; yield its URL."""
    config = uvicorn.Config(
        application,
        loop="asyncio",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=3,
    )
    http = Server(config)
    async with AsyncExitStack() as exits:
        listener = bind(0)
        exits.callback(listener.close)
        listener.listen(128)
        task = asyncio.ensure_future(http.serve(sockets=[listener]))

        async def stop() -> None:
            http.should_exit = True
            await task

        exits.push_async_callback(stop)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


def _starter(function: DeployedFunction, wrapper: str) -> Path:
    """Write the program that starts one environment, whatever arguments it is given."""
    program: Sequence[str]
    if wrapper:
        inside = Path(wrapper).relative_to("/opt")
        program = [str(function.opt / inside), sys.executable, BOOTSTRAP]
    else:
        program = [sys.executable, "-m", "awslambdaric", function.handler]
    path = function.task.parent / "start"
    path.write_text(f"#!/bin/sh\nexec {shlex.join(program)}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def _pattern(path: str) -> re.Pattern[str]:
    segments = [_segment(segment) for segment in path.split("/")]
    return re.compile("/".join(segments))


def _segment(segment: str) -> str:
    if segment.endswith("+}"):
        return "(.+)"
    return "([^/]+)" if segment.startswith("{") else re.escape(segment)


def _names(path: str) -> list[str]:
    return [segment.strip("{}").rstrip("+") for segment in path.split("/") if segment.startswith("{")]
