"""Token endpoints on loopback that check what they are sent for real, and the parts of a deployment around them."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

from botocore import auth as botocore_auth
from botocore import awsrequest
from botocore.credentials import Credentials as BotocoreCredentials
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from sluice.providers.credentials import Credentials
from sluice.providers.transport import HttpTransport
from sluice.signing import Credentials as AwsKeys
from sluice.signing import FixedCredentials
from sluice.types.catalogue import Auth, Provider

NOON = 1_795_435_200.0
Keys = tuple[str, str, str]
"""Access key id, secret, session token or ""."""
ROLE: Keys = ("ASIAROLEEXAMPLE", "role-secret-wJalrXUtnFEMI", "role-session-token-IQoJb3JpZ2luX2Vj")
REGION = "eu-west-1"
GRANTED = ("bedrock", "bedrock-mantle", "sagemaker", "sts")
"""What the role may call unless a test says otherwise."""


@dataclass(frozen=True)
class Received:
    """One request as an endpoint got it."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        assert self.headers["content-type"] == "application/x-www-form-urlencoded"
        return dict(parse_qsl(self.body.decode(), strict_parsing=True))

    @property
    def json(self) -> dict[str, Any]:
        assert self.headers["content-type"] == "application/json"
        return dict(json.loads(self.body))


Answer = tuple[int, object]
"""Status and body: bytes as they are, anything else as JSON."""


@dataclass
class Authority:
    """A server; `answers` maps a path to what answers there. It keeps what it received."""

    url: str = ""
    answers: dict[str, Callable[[Received], Answer]] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.received]


@contextmanager
def authority() -> Iterator[Authority]:
    """Run an authority on an ephemeral port."""
    here = Authority()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", "0"))
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Received(self.path, headers, self.rfile.read(length))
            here.received.append(request)
            status, content = here.answers[self.path.partition("?")[0]](request)
            body = content if isinstance(content, bytes) else json.dumps(content).encode()
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.send_header("connection", "close")  # leave no socket in the pool of a finished test
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *words: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    here.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield here
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@dataclass
class Hands:
    """A clock that tests move."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now


@dataclass
class Vault:
    """A secret store whose bundle tests replace."""

    bundle: dict[str, dict[str, str]] = field(default_factory=dict)
    next: dict[str, dict[str, str]] | None = None
    reads: int = 0

    def provider_keys(self) -> Mapping[str, Mapping[str, str]]:
        return self.bundle

    def refresh(self) -> None:
        self.reads += 1
        self.bundle = self.next if self.next is not None else self.bundle


def provider(auth: Auth, base_url: str = "https://api.example.com/v1", *, loopback: bool = True) -> Provider:
    return Provider("acme", "Acme", base_url, auth, (), {}, allow_loopback=loopback)


def role() -> FixedCredentials:
    return FixedCredentials(AwsKeys(*ROLE))


@dataclass
class Gateway:
    """The credentials of a gateway that knows one provider, over the real transport."""

    auth: Auth
    held: dict[str, str] = field(default_factory=dict)
    base_url: str = "https://api.example.com/v1"
    sts_url: str = ""
    with_role: bool = False
    granted: tuple[str, ...] | None = None
    loopback: bool = True

    def __post_init__(self) -> None:
        self.clock = Hands()
        self.vault = Vault({"acme": self.held} if self.held else {})
        self.provider = provider(self.auth, self.base_url, loopback=self.loopback)
        self.transport = HttpTransport()
        self.credentials = Credentials(
            self.vault,
            self.transport,
            catalogue={"acme": self.provider}.get,
            role=role() if self.with_role else None,
            granted=GRANTED if self.granted is None else self.granted,
            region=REGION,
            sts_url=self.sts_url,
            now=self.clock,
        )

    def sent(self, url: str = "", headers: Mapping[str, str] | None = None, body: bytes = b"{}") -> dict[str, str]:
        """Return the headers of a call as they would be sent."""
        from sluice.providers.auth import Outgoing

        outgoing = Outgoing("POST", url or self.provider.base_url, headers or {}, body)
        return dict(self.credentials.authorize(outgoing, self.provider)[1])

    def bearer(self) -> str:
        """Return the token that a call would carry."""
        kind, _, token = self.sent()["authorization"].partition(" ")
        assert kind == "Bearer"
        return token


@cache
def rsa_key(bits: int = 2048, which: int = 0) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, bits)


def pem(key: rsa.RSAPrivateKey, passphrase: str = "") -> str:
    locked: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if passphrase:
        locked = serialization.BestAvailableEncryption(passphrase.encode())
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked).decode()


def fingerprint(key: rsa.RSAPublicKey) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(sha256(key.public_bytes(serialization.Encoding.DER, form)).digest()).decode()


def verified(token: str, key: rsa.RSAPublicKey) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return header and claims of an RS256 token; raises InvalidSignature when the key did not sign it."""
    head, claims, signature = token.split(".")
    key.verify(_decoded(signature), f"{head}.{claims}".encode(), padding.PKCS1v15(), hashes.SHA256())
    return json.loads(_decoded(head)), json.loads(_decoded(claims))


def is_current(claims: Mapping[str, Any], now: float, *, skew: float = 0.0, longest: int = 3600) -> bool:
    """Return whether a strict receiver takes the token at `now` by its own clock."""
    issued, expires = int(claims["iat"]), int(claims["exp"])
    return issued <= now + skew < expires and expires - issued <= longest


def resigned(
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    keys: Keys,
    scope: tuple[str, str],
) -> str:
    """Return the Authorization header that botocore makes of what was received."""
    kept = {
        name: value
        for name, value in headers.items()
        if name in headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0].split(";")
    }
    request = awsrequest.AWSRequest(method, url, kept, body)
    signer = botocore_auth.SigV4Auth(BotocoreCredentials(keys[0], keys[1], keys[2] or None), *scope)
    request.context["timestamp"] = headers["x-amz-date"]
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    del request.headers["host"]
    signer._inject_signature_to_request(request, signature)
    return str(request.headers["Authorization"])


def _decoded(part: str) -> bytes:
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
