"""Uploads in their bucket.

    uploads/<team>/<id>            the file, put by the caller
    uploads/<team>/<id>.declared   what the caller said it would be, as JSON

The record is an object beside the file, so both go with the same lifecycle rule and the functions need no table. A key
begins with the team of the key that asks: another team's upload cannot even be named.
"""

from __future__ import annotations

import binascii
import json
from typing import Any

from sluice.aws.s3 import S3Bucket, read
from sluice.ports import UpstreamAnswer
from sluice.settings import UPLOAD_PREFIX
from sluice.types.uploads import SignedAddress, StoredFile, Upload

RECORD = ".declared"
_RECORD_LIMIT = 16_384


class S3UploadStore:
    """Declares, finds and deletes uploads (`ports.UploadStore`)."""

    def __init__(self, bucket: S3Bucket) -> None:
        self._bucket = bucket

    def declare(self, upload: Upload) -> None:
        """Remember what a caller is going to put."""
        record = {
            "filename": upload.filename,
            "bytes": upload.size,
            "mime_type": upload.mime_type,
            "purpose": upload.purpose,
            "created_ms": upload.created_ms,
            "sha256": upload.sha256,
        }
        body = json.dumps(record).encode()
        self._bucket.put(_key(upload.team, upload.id) + RECORD, body, "application/json")

    def find(self, team: str, upload_id: str) -> Upload | None:
        """Return what was declared, None for an id that the team does not have."""
        content = self._bucket.get(_key(team, upload_id) + RECORD, _RECORD_LIMIT)
        if content is None:
            return None
        record: dict[str, Any] = json.loads(content)
        return Upload(
            upload_id,
            team,
            filename=record["filename"],
            size=record["bytes"],
            mime_type=record["mime_type"],
            purpose=record["purpose"],
            created_ms=record["created_ms"],
            sha256=record["sha256"],
        )

    def stored(self, team: str, upload_id: str) -> StoredFile | None:
        """Return what was put, None while nothing was."""
        headers = self._bucket.head(_key(team, upload_id))
        return None if headers is None else StoredFile(int(headers["content-length"]), headers.get("content-type", ""))

    def open(self, team: str, upload_id: str) -> OpenFile | None:
        """Return the file with its content still to be read or closed; None while nothing was put."""
        answer = self._bucket.open(_key(team, upload_id))
        return None if answer is None else OpenFile(answer)

    def put_address(self, upload: Upload, seconds: int) -> SignedAddress:
        """Return where to put the file: only of the declared size, type and (if one was given) hash."""
        headers = {"content-type": upload.mime_type, "content-length": str(upload.size)}
        if upload.sha256:
            # S3 compares it with what it received (user guide, "Checking object integrity", 2026-11).
            digest = binascii.b2a_base64(bytes.fromhex(upload.sha256), newline=False)
            headers["x-amz-checksum-sha256"] = digest.decode("ascii")
        url = self._bucket.signed_url("PUT", _key(upload.team, upload.id), seconds=seconds, headers=headers)
        return SignedAddress(url, headers)

    def get_address(self, team: str, upload_id: str, seconds: int) -> str:
        """Return a URL from which anybody who holds it may read the file."""
        return self._bucket.signed_url("GET", _key(team, upload_id), seconds=seconds)

    def delete(self, team: str, upload_id: str) -> None:
        """Delete the file and what was declared."""
        self._bucket.delete(_key(team, upload_id))
        self._bucket.delete(_key(team, upload_id) + RECORD)


class OpenFile:
    """A file whose size and type are known and whose content waits on the connection (`ports.OpenUpload`)."""

    def __init__(self, answer: UpstreamAnswer) -> None:
        self._answer = answer
        self.size = int(answer.headers["content-length"])
        self.mime_type = answer.headers.get("content-type", "")

    def read(self) -> bytes:
        """Return the content. Raises AwsError when it breaks off."""
        return read(self._answer, self.size)

    def close(self) -> None:
        """Leave the content unread."""
        self._answer.close()


def _key(team: str, upload_id: str) -> str:
    return f"{UPLOAD_PREFIX}{team}/{upload_id}"
