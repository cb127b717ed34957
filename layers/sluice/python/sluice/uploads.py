"""The use cases of uploads: declare a file and learn where to put it, see whether it is there, delete it.

An upload belongs to the team of the key that declared it; to every other team it does not exist. The file goes from the
caller straight to the store, by a signed URL that takes that one size, type and hash. How requests then refer to it:
`sluice.references`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping

from sluice.dialects.splice import parse_body
from sluice.errors import BadRequest, RequestTooLarge
from sluice.governance.authentication import Authenticator
from sluice.metering.request_ids import ALPHABET
from sluice.ports import UploadAccess, UploadStore
from sluice.references.ids import DAY_MS, ID_PREFIX, created_ms, is_id, missing, not_offered
from sluice.references.media import bare
from sluice.types.clock import Millis
from sluice.types.http import Request, Response
from sluice.types.uploads import SignedAddress, StoredFile, Upload

SIZE_LIMIT = 512 * 1024 * 1024
"""Bytes of one upload; one PUT to S3 could carry 5 GB, no provider takes a file over this (2026-11)."""
PUT_SECONDS = 3600
NAME_LIMIT = 255
PURPOSE_LIMIT = 64
_TOKEN = frozenset("abcdefghijklmnopqrstuvwxyz0123456789!#$&-^_.+")
_HEX = frozenset("0123456789abcdef")
_CODE_LENGTH = 26


class Uploads:
    """The use cases, each `request -> Response`. `now_ms` gives epoch milliseconds, `random` that many bytes.

    `admit` raises for a team whose files must not be kept in this region.
    """

    def __init__(
        self,
        authenticator: Authenticator,
        access: UploadAccess | None,
        now_ms: Callable[[], Millis],
        random: Callable[[int], bytes] = os.urandom,
        admit: Callable[[str], None] = lambda team: None,  # noqa: ARG005 - everybody is admitted
    ) -> None:
        self._authenticator = authenticator
        self._access = access
        self._now_ms = now_ms
        self._random = random
        self._admit = admit

    def create(self, request: Request) -> Response:
        """Declare a file and return where to put it. Raises BadRequest, RequestTooLarge, PermissionDenied."""
        team = self._authenticator.authenticate(request.headers, principal=request.principal).team
        self._admit(team)
        store, now_ms = self._store(), self._now_ms()
        upload = declared(parse_body(request.body).members, team, new_id(now_ms, self._random), now_ms)
        store.declare(upload)
        address = store.put_address(upload, PUT_SECONDS)
        return _json({**self._card(upload, None), "upload": _address_card(address, now_ms)})

    def show(self, request: Request, upload_id: str) -> Response:
        """Say whether a declared file is there. Raises NotFound."""
        upload = self._found(request, upload_id)
        return _json(self._card(upload, self._store().stored(upload.team, upload.id)))

    def delete(self, request: Request, upload_id: str) -> Response:
        """Delete a file. Raises NotFound."""
        upload = self._found(request, upload_id)
        self._store().delete(upload.team, upload.id)
        return _json({"id": upload.id, "object": "upload", "deleted": True})

    def _found(self, request: Request, upload_id: str) -> Upload:
        team = self._authenticator.authenticate(request.headers, principal=request.principal).team
        store = self._store()
        gone = not is_id(upload_id) or created_ms(upload_id) < self._now_ms() - self._days() * DAY_MS
        found = None if gone else store.find(team, upload_id)
        if found is None:
            raise missing(upload_id)
        return found

    def _store(self) -> UploadStore:
        if self._access is None:
            raise not_offered()
        return self._access.store()

    def _days(self) -> int:
        return 0 if self._access is None else self._access.days

    def _card(self, upload: Upload, stored: StoredFile | None) -> dict[str, object]:
        return {
            "id": upload.id,
            "object": "upload",
            "reference": upload.reference,
            "state": "waiting" if stored is None else "ready",
            # OpenAI's own Uploads call the two states so, and its SDKs read them.
            "status": "pending" if stored is None else "completed",
            "filename": upload.filename,
            "bytes": upload.size if stored is None else stored.size,
            "mime_type": upload.mime_type if stored is None else bare(stored.mime_type),
            "purpose": upload.purpose,
            "created_at": upload.created_ms // 1000,
            "expires_at": (upload.created_ms + self._days() * DAY_MS) // 1000,
        }


def declared(members: Mapping[str, object], team: str, upload_id: str, now_ms: Millis) -> Upload:
    """Return what a caller declares. Raises BadRequest naming the member, RequestTooLarge over the limit."""
    size = members.get("bytes")
    if not isinstance(size, int) or isinstance(size, bool) or size < 1:
        raise BadRequest("'bytes' must be the exact size of the file, a whole number from 1.", param="bytes")
    if size > SIZE_LIMIT:
        raise RequestTooLarge(f"'bytes' is {size}; an upload may have up to {SIZE_LIMIT}.", param="bytes")
    digest = members.get("sha256") or ""
    if not isinstance(digest, str) or (digest and (len(digest) != 64 or not _HEX.issuperset(digest.lower()))):
        raise BadRequest("'sha256' must be the 64 hex digits that sha256sum prints, or left out.", param="sha256")
    return Upload(
        upload_id,
        team,
        filename=_filename(members.get("filename")),
        size=size,
        mime_type=_mime_type(members.get("mime_type")),
        purpose=_text(members, "purpose", "user_data", PURPOSE_LIMIT),
        created_ms=now_ms,
        sha256=digest.lower(),
    )


def new_id(now_ms: Millis, random: Callable[[int], bytes]) -> str:
    """Return `upl_` and 26 characters of Crockford's base 32: ten of the time, sixteen random (80 bits)."""
    code = now_ms << 80 | int.from_bytes(random(10), "big")
    return ID_PREFIX + "".join(ALPHABET[code >> shift & 31] for shift in range(5 * (_CODE_LENGTH - 1), -1, -5))


def _filename(value: object) -> str:
    if not isinstance(value, str) or not value or len(value) > NAME_LIMIT or not value.isprintable():
        raise BadRequest(f"'filename' must be a name of 1 to {NAME_LIMIT} printable characters.", param="filename")
    return value.replace("\\", "/").rpartition("/")[2] or "file"


def _mime_type(value: object) -> str:
    kind = bare(value) if isinstance(value, str) else ""
    first, slash, second = kind.partition("/")
    if not (slash and first and second and len(kind) <= 127 and _TOKEN.issuperset(first + second)):
        raise BadRequest("'mime_type' must be a media type such as image/png or application/pdf.", param="mime_type")
    return kind


def _text(members: Mapping[str, object], name: str, default: str, limit: int) -> str:
    value = members.get(name, default)
    if not isinstance(value, str) or not value or len(value) > limit or not value.isprintable():
        raise BadRequest(f"{name!r} must be a text of 1 to {limit} printable characters.", param=name)
    return value


def _address_card(address: SignedAddress, now_ms: Millis) -> dict[str, object]:
    return {
        "method": "PUT",
        "url": address.url,
        "headers": dict(address.headers),
        "expires_at": now_ms // 1000 + PUT_SECONDS,
    }


def _json(body: object) -> Response:
    return Response(200, {"content-type": "application/json", "cache-control": "no-store"}, json.dumps(body).encode())
