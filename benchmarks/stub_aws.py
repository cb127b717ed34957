"""DynamoDB and Secrets Manager from memory, so that the figures are the function's own.

It knows what the request path calls: GetItem, PutItem, Query, BatchGetItem and GetSecretValue; every other write is
taken and forgotten. Started with `python -m benchmarks.stub_aws [certificate.pem]`, it reads one line
from standard input, `{"tables": {name: [typed items]}, "secrets": {name: string}}`, prints its port,
and serves; over TLS when there is a certificate.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

from benchmarks.certificates import Certificates

Item = dict[str, Any]
Key = tuple[str, str, str]


class Store:
    """Items by table, partition and sort key."""

    def __init__(self, tables: dict[str, list[Item]], secrets: dict[str, str]) -> None:
        self._items: dict[Key, Item] = {_key(name, item): item for name, items in tables.items() for item in items}
        self._secrets = secrets

    def serve(self, action: str, body: dict[str, Any]) -> dict[str, Any]:
        """Return the answer to one call."""
        if action == "GetItem":
            item = self._items.get(_key(body["TableName"], body["Key"]))
            return {} if item is None else {"Item": item}
        if action == "PutItem":
            # Ledger entries are not read again here, and kept they would make every run longer than the one before.
            return {}
        if action == "Query":
            values = body["ExpressionAttributeValues"]
            found = [i for (t, p, _), i in self._items.items() if (t, p) == (body["TableName"], values[":p"]["S"])]
            return {"Items": found, "Count": len(found)}
        if action == "BatchGetItem":
            return {"Responses": {t: self._batch(t, r["Keys"]) for t, r in body["RequestItems"].items()}}
        if action == "GetSecretValue":
            return {"Name": body["SecretId"], "SecretString": self._secrets[body["SecretId"]]}
        return {}

    def _batch(self, table: str, keys: list[Item]) -> list[Item]:
        return [self._items[_key(table, key)] for key in keys if _key(table, key) in self._items]


def _key(table: str, item: Item) -> Key:
    return table, item["pk"]["S"], item["sk"]["S"]


class Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._buffer = bytearray()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each call once it is whole."""
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end])
        sized = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        whole = end + 4 + (int(sized[1]) if sized else 0)
        if len(self._buffer) < whole:
            return
        body = json.loads(self._buffer[end + 4 : whole] or b"{}")
        del self._buffer[:whole]
        target = re.search(rb"(?i)\r\nx-amz-target: *[^.\r]*\.(\w+)", head)
        raw = json.dumps(self._store.serve(target[1].decode() if target else "", body)).encode()
        kind = b"content-type: application/x-amz-json-1.0\r\nx-amzn-requestid: bench\r\n"
        self._transport.write(b"HTTP/1.1 200 OK\r\n%bcontent-length: %d\r\n\r\n%b" % (kind, len(raw), raw))


async def _main(certificate: str | None) -> None:
    tls = Certificates(Path(certificate), Path()).context() if certificate else None
    seeds = json.loads(sys.stdin.readline())
    store = Store(seeds["tables"], seeds["secrets"])
    server = await asyncio.get_running_loop().create_server(lambda: Connection(store), "127.0.0.1", 0, ssl=tls)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1] if len(sys.argv) > 1 else None))
