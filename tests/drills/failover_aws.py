"""AWS of a region under test: a proxy that lets single services fail, and replication of global tables."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections.abc import Mapping
from typing import Any

from sluice.aws.credentials import Credentials, FixedCredentials
from sluice.aws.dynamodb import DynamoClient
from sluice.providers.transport import HttpTransport
from sluice.settings import TABLES, table_name

ERROR = (
    b"HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/x-amz-json-1.0\r\nContent-Length: 33\r\n\r\n"
    b'{"__type": "InternalServerError"}'
)
Item = dict[str, Any]


class AwsProxy:
    """Stands between a region's functions and its emulator, on a port of its own.

    `faults` maps a service ("dynamodb", "secretsmanager") to "hang" (calls are taken and not answered while it lasts)
    or "error" (500 at once).
    """

    def __init__(self, target: str) -> None:
        host, _, port = target.removeprefix("http://").partition(":")
        self._target = (host, int(port))
        self.faults: dict[str, str] = {}
        self.failed_calls = 0
        self.port = 0
        self._server: asyncio.Server | None = None
        self._serving: set[asyncio.Task[Any]] = set()

    @property
    def url(self) -> str:
        """Where functions reach AWS."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Begin to listen."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """End, with every connection."""
        if self._server is not None:
            self._server.close()
        serving = list(self._serving)
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            while request := await _message(reader):
                fault = self.faults.get(_service(request))
                if fault:
                    self.failed_calls += 1
                if fault == "error":
                    writer.write(ERROR)
                    continue
                if fault == "hang":
                    while self.faults.get(_service(request)) == "hang":
                        await asyncio.sleep(0.05)
                    return
                if back is None:
                    back = await asyncio.open_connection(*self._target)
                back[1].write(request)
                answer = await _message(back[0])
                if not answer:
                    return
                writer.write(answer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            return
        finally:
            for end in (writer, *(back[1:] if back else ())):
                end.close()
                with contextlib.suppress(OSError):
                    await end.wait_closed()
            self._serving.discard(task)


def _service(request: bytes) -> str:
    head = request.partition(b"\r\n\r\n")[0].lower()
    target = head.partition(b"x-amz-target:")[2].strip()
    return "dynamodb" if target.startswith(b"dynamodb") else target.partition(b".")[0].decode("latin-1")


async def _message(reader: asyncio.StreamReader) -> bytes:
    """Return the next whole HTTP message, b"" at the end."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return b""
    fields = dict(line.lower().split(b":", 1) for line in head.split(b"\r\n")[1:] if b":" in line)
    if b"chunked" in fields.get(b"transfer-encoding", b""):
        return head + await _chunks(reader)
    length = int(fields.get(b"content-length", b"0"))
    return head + (await reader.readexactly(length) if length else b"")


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    while True:
        line = await reader.readuntil(b"\r\n")
        size = int(line.partition(b";")[0], 16)
        parts += [line, await reader.readexactly(size + 2)]
        if not size:
            return b"".join(parts)


class Replication:
    """Copies what changes in one region's global tables to the other's, both ways, some time later.

    What differs from the last look is copied, and what both changed in the meantime is won by the later look: DynamoDB
    global tables promise no more (last writer wins, for each item).
    """

    def __init__(self, sides: Mapping[str, str], prefix: str) -> None:
        self._transport = HttpTransport(trusted=True)
        source = FixedCredentials(Credentials("test", "test"))
        self._clients = {
            region: DynamoClient(self._transport, source, region=region, endpoint_url=url)
            for region, url in sides.items()
        }
        self._tables = [table_name(prefix, table.name) for table in TABLES if table.replicated]
        self._seen: dict[tuple[str, str], dict[tuple[str, str], str]] = {}
        self.cut: set[str] = set()
        """Regions whose tables are out of reach, also for replication."""
        self.copied = 0
        self._lock = threading.Lock()
        self._closed = False

    async def run(self, delay: float) -> None:
        """Copy until cancelled; an item arrives between one and two `delay` seconds after it was written."""
        while True:
            await asyncio.sleep(delay)
            await asyncio.to_thread(self.copy)

    def copy(self) -> None:
        """Copy once."""
        with self._lock:
            if self.cut or self._closed:
                return
            for table in self._tables:
                for source in self._clients:
                    for target in self._clients:
                        if source != target:
                            self._copy(table, source, target)

    def close(self) -> None:
        """Close the connections when the copying under way is done."""
        with self._lock:
            self._closed = True
            self._transport.drop_connections()

    def _copy(self, table: str, source: str, target: str) -> None:
        now = {(item["pk"]["S"], item["sk"]["S"]): item for item in self._scan(source, table)}
        before = self._seen.setdefault((source, table), {})
        arrived = self._seen.setdefault((target, table), {})
        for key, item in now.items():
            text = json.dumps(item, sort_keys=True)
            if before.get(key) != text:
                before[key] = arrived[key] = text
                self._clients[target].call("PutItem", {"TableName": table, "Item": item})
                self.copied += 1

    def _scan(self, region: str, table: str) -> list[Item]:
        items: list[Item] = []
        payload: dict[str, object] = {"TableName": table}
        while True:
            page = self._clients[region].call("Scan", payload)
            items += page["Items"]
            if "LastEvaluatedKey" not in page:
                return items
            payload["ExclusiveStartKey"] = page["LastEvaluatedKey"]


@contextlib.asynccontextmanager
async def background(coroutine: Any) -> Any:
    """Run something beside the block and cancel it at its end."""
    task = asyncio.ensure_future(coroutine)
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
