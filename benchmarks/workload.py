"""The requests: a 1 KB prompt, answered whole or streamed, in the shape of the SDKs' own requests."""

from __future__ import annotations

import json
from dataclasses import dataclass

PROMPT = "Summarise what follows in one paragraph. " + "The river takes its time through the valley. " * 22
BURST = "[[chunks=100 gap_ms=0]]"
PACED = "[[chunks=200 gap_ms=1]]"
SINGLE = "[[chunks=1 gap_ms=1]]"
PACED_CHUNKS = 199
"""By how many chunks PACED is longer than SINGLE."""
_SDK_HEADERS = {
    "accept": "application/json",
    "accept-encoding": "gzip, deflate",
    "content-type": "application/json",
    "user-agent": "OpenAI/Python 3.54.0",
    "x-stainless-arch": "x64",
    "x-stainless-async": "false",
    "x-stainless-lang": "python",
    "x-stainless-os": "Linux",
    "x-stainless-package-version": "3.54.0",
    "x-stainless-read-timeout": "600",
    "x-stainless-retry-count": "0",
    "x-stainless-runtime": "CPython",
    "x-stainless-runtime-version": "3.13.0",
}
PATHS = {"openai": "/v1/chat/completions", "anthropic": "/v1/messages"}


@dataclass(frozen=True, slots=True)
class Caller:
    """How one target wants to be called. `headers` are added to those of the SDKs."""

    key: str
    model: str
    path: str = PATHS["openai"]
    headers: tuple[tuple[str, str], ...] = ()

    def sent_headers(self) -> dict[str, str]:
        """All request headers but Host and Content-Length."""
        return {**_SDK_HEADERS, "authorization": f"Bearer {self.key}", **dict(self.headers)}

    def body(self, wish: str | None) -> bytes:
        """The request's body; `wish` asks for a stream, None for a whole answer."""
        content = PROMPT if wish is None else f"{PROMPT} {wish}"
        body: dict[str, object] = {"model": self.model, "messages": [{"role": "user", "content": content}]}
        body["max_tokens"] = 300
        if wish is not None:
            body["stream"] = True
        return json.dumps(body, separators=(",", ":")).encode()

    def http(self, port: int, wish: str | None) -> bytes:
        """The whole HTTP request."""
        body = self.body(wish)
        lines = [f"POST {self.path} HTTP/1.1", f"host: 127.0.0.1:{port}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in self.sent_headers().items()]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def event(self, wish: str | None) -> bytes:
        """The REST proxy event (payload 1.0) that API Gateway makes of that request."""
        headers = {
            **self.sent_headers(),
            "Host": "bench.execute-api.us-east-1.amazonaws.com",
            "X-Forwarded-Proto": "https",
        }
        headers |= {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Port": "443", "X-Amzn-Trace-Id": "Root=1-0-0"}
        identity = {"sourceIp": "192.0.2.7", "userAgent": headers["user-agent"]}
        context = {
            "accountId": "000000000000",
            "apiId": "bench",
            "domainName": headers["Host"],
            "domainPrefix": "bench",
            "extendedRequestId": "bench=",
            "httpMethod": "POST",
            "identity": identity,
            "path": f"/live{self.path}",
            "protocol": "HTTP/1.1",
            "requestId": "00000000-0000-4000-8000-000000000000",
            "requestTimeEpoch": 1767225600000,
            "resourceId": "bench",
            "resourcePath": self.path,
            "stage": "live",
        }
        event = {
            "resource": self.path,
            "path": self.path,
            "httpMethod": "POST",
            "headers": headers,
            "multiValueHeaders": {name: [value] for name, value in headers.items()},
            "queryStringParameters": None,
            "multiValueQueryStringParameters": None,
            "pathParameters": None,
            "stageVariables": None,
            "requestContext": context,
            "body": self.body(wish).decode(),
            "isBase64Encoded": False,
        }
        return json.dumps(event).encode()
