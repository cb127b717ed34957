"""Bare pass-throughs: what it costs to stand between a caller and a provider and do nothing.

`python -m benchmarks.floors raw|httpx|aiohttp --upstream PORT` prints its port and serves.
"""

from __future__ import annotations

import asyncio
import sys
from importlib.util import find_spec
from typing import Any

KINDS = ("raw", "httpx", "aiohttp")


def available(kind: str) -> bool:
    """Whether this floor can be run here."""
    needed = {"raw": (), "httpx": ("httpx", "uvicorn"), "aiohttp": ("aiohttp",)}[kind]
    return all(find_spec(name) for name in needed)


class _Copy(asyncio.Protocol):
    """Hands what it receives to the other side."""

    def __init__(self, other: asyncio.Transport | None = None) -> None:
        self.other = other
        self.transport: asyncio.Transport
        self._early = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        if self.other is None:
            self._early += data
        else:
            self.other.write(data)

    def connection_lost(self, _: Exception | None) -> None:
        if self.other is not None:
            self.other.close()

    def join(self, other: asyncio.Transport) -> None:
        self.other = other
        if self._early:
            other.write(self._early)


class _Front(_Copy):
    """The caller's side: opens one connection to the upstream for each of its own."""

    def __init__(self, upstream: int) -> None:
        super().__init__()
        self._upstream = upstream

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self._opening = asyncio.ensure_future(self._open())

    async def _open(self) -> None:
        loop = asyncio.get_running_loop()
        _, back = await loop.create_connection(lambda: _Copy(self.transport), "127.0.0.1", self._upstream)
        self.join(back.transport)


async def _raw(upstream: int) -> None:
    server = await asyncio.get_running_loop().create_server(lambda: _Front(upstream), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


def _httpx(upstream: int) -> None:
    import httpx
    import uvicorn

    from sluice.local.simulator.server import listen

    client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{upstream}", timeout=60)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            body, more = body + message.get("body", b""), message.get("more_body", False)
        headers = [(k, v) for k, v in scope["headers"] if k not in (b"host", b"content-length")]
        async with client.stream("POST", scope["path"], headers=headers, content=body) as answer:
            kept = [(k, v) for k, v in answer.headers.raw if k.lower() != b"transfer-encoding"]
            await send({"type": "http.response.start", "status": answer.status_code, "headers": kept})
            async for part in answer.aiter_raw():
                await send({"type": "http.response.body", "body": part, "more_body": True})
            await send({"type": "http.response.body", "body": b""})

    listener = listen(0)
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(app, log_level="warning", lifespan="off", proxy_headers=False)
    uvicorn.Server(config).run(sockets=[listener])


async def _aiohttp(upstream: int) -> None:
    import aiohttp  # type: ignore[import-not-found]
    from aiohttp import web

    async with aiohttp.ClientSession(f"http://127.0.0.1:{upstream}") as client:

        async def forward(request: web.Request) -> web.StreamResponse:
            sent = {k: v for k, v in request.headers.items() if k.lower() not in ("host", "content-length")}
            body = await request.read()
            async with client.post(request.path, headers=sent, data=body) as answer:
                dropped = ("transfer-encoding", "content-length")
                kept = {k: v for k, v in answer.headers.items() if k.lower() not in dropped}
                response = web.StreamResponse(status=answer.status, headers=kept)
                await response.prepare(request)
                async for part in answer.content.iter_any():
                    await response.write(part)
                await response.write_eof()
                return response

        app = web.Application()
        app.router.add_post("/{path:.*}", forward)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        print(runner.addresses[0][1], flush=True)
        await asyncio.Event().wait()


def main(arguments: list[str]) -> None:
    """Serve one kind of floor."""
    kind, upstream = arguments[0], int(arguments[2])
    if kind == "httpx":
        _httpx(upstream)
    else:
        asyncio.run(_raw(upstream) if kind == "raw" else _aiohttp(upstream))


if __name__ == "__main__":
    main(sys.argv[1:])
