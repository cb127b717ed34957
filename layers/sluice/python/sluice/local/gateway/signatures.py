"""Checks signatures (SigV4) under `/iam` as API Gateway does with IAM authorisation, for the emulator's own accounts.

The emulator lets in any access key with the secret "test", so here that secret signs for everybody: access key NAME is
a session of the role NAME of the emulated account. On AWS it is IAM that knows the keys.
"""

from __future__ import annotations

import hmac
import re
import time
from calendar import timegm
from collections.abc import Callable, Iterable

from sluice.endpoints import SIGNED_PREFIX
from sluice.signing import Credentials, FixedCredentials, Signer

SECRET = "test"  # noqa: S105 - the emulator's, which everybody knows
ACCOUNT = "000000000000"
SKEW_SECONDS = 300
"""How old a signature may be (IAM User Guide, "Signing AWS API requests", 2026-11)."""
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([\w.-]{1,128})/(\d{8})/([a-z0-9-]+)/execute-api/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})",
    re.ASCII,
)


def is_signed_path(path: str) -> bool:
    """Return whether a path is one of those that demand a signature."""
    return path.startswith(SIGNED_PREFIX + "/")


def verified_principal(
    method: str,
    target: str,
    headers: Iterable[tuple[bytes, bytes]],
    body: bytes,
    now: Callable[[], float] = time.time,
) -> str:
    """Return the ARN of who signed a request, "" when nobody did; `target` is its raw path with the query."""
    sent = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
    found = _AUTHORIZATION.fullmatch(sent.get("authorization", ""))
    moment = _moment(sent.get("x-amz-date", ""))
    if found is None or moment is None or abs(now() - moment) > SKEW_SECONDS:
        return ""
    key_id, day, region, listed, signature = found.groups()
    names = listed.split(";")
    if day != sent["x-amz-date"][:8] or not {"host", "x-amz-date"} <= set(names) or not set(names) <= set(sent):
        return ""
    credentials = FixedCredentials(Credentials(key_id, SECRET, sent.get("x-amz-security-token", "")))
    signer = Signer("execute-api", region, credentials, now=lambda: moment)
    again = signer.sign(
        method,
        f"http://{sent['host']}{target}",
        {name: sent[name] for name in names if name not in ("host", "x-amz-date", "x-amz-security-token")},
        body,
    )
    if not hmac.compare_digest(again["authorization"].rpartition("=")[2], signature):
        return ""
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{key_id}/local"


def _moment(stamp: str) -> float | None:
    try:
        return float(timegm(time.strptime(stamp, "%Y%m%dT%H%M%SZ")))
    except ValueError:
        return None
