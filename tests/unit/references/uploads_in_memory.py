"""Uploads in memory, and the answers a test wants of them."""

from __future__ import annotations

from sluice.ports import UploadAccess
from sluice.types.uploads import SignedAddress, StoredFile, Upload
from sluice.uploads import new_id

NOW_MS = 1_790_000_000_000
PNG = b"\x89PNG\r\n\x1a\n" + b"picture"
JPEG = b"\xff\xd8\xff" + b"picture"
PDF = b"%PDF-1.7 paper"
TEXT = "a plain text, ü".encode()
WAV = b"RIFF....WAVEfmt "
MP4 = b"\x00\x00\x00\x18ftypmp42"


class MemoryFile:
    def __init__(self, content: bytes, mime_type: str) -> None:
        self.size = len(content)
        self.mime_type = mime_type
        self.content = content
        self.reads = 0
        self.closed = False

    def read(self) -> bytes:
        self.reads += 1
        return self.content

    def close(self) -> None:
        self.closed = True


class MemoryUploads:
    """`ports.UploadStore` over a dictionary; `opened` has every file that was asked for."""

    def __init__(self) -> None:
        self.declarations: dict[tuple[str, str], Upload] = {}
        self.files: dict[tuple[str, str], tuple[bytes, str]] = {}
        self.opened: list[MemoryFile] = []
        self._count = 0

    def access(self, *, days: int = 7, inline_limit: int = 1000) -> UploadAccess:
        return UploadAccess(lambda: self, days, inline_limit)

    def add(
        self,
        content: bytes | None,
        mime_type: str,
        *,
        team: str = "search",
        filename: str = "file.bin",
        at_ms: int = NOW_MS,
    ) -> str:
        """Declare an upload, put it unless `content` is None, and return its reference."""
        self._count += 1
        number = self._count
        upload_id = new_id(at_ms, lambda size: number.to_bytes(size, "big"))
        upload = Upload(upload_id, team, filename, len(content or b"12345"), mime_type, "vision", at_ms)
        self.declare(upload)
        if content is not None:
            self.files[team, upload_id] = (content, mime_type)
        return upload.reference

    def declare(self, upload: Upload) -> None:
        self.declarations[upload.team, upload.id] = upload

    def find(self, team: str, upload_id: str) -> Upload | None:
        return self.declarations.get((team, upload_id))

    def stored(self, team: str, upload_id: str) -> StoredFile | None:
        found = self.files.get((team, upload_id))
        return None if found is None else StoredFile(len(found[0]), found[1])

    def open(self, team: str, upload_id: str) -> MemoryFile | None:
        found = self.files.get((team, upload_id))
        if found is None:
            return None
        self.opened.append(MemoryFile(*found))
        return self.opened[-1]

    def put_address(self, upload: Upload, seconds: int) -> SignedAddress:
        headers = {"content-type": upload.mime_type, "content-length": str(upload.size)}
        return SignedAddress(f"https://store.example/put/{upload.id}?good={seconds}", headers)

    def get_address(self, team: str, upload_id: str, seconds: int) -> str:
        return f"https://store.example/{team}/{upload_id}?good={seconds}"

    def delete(self, team: str, upload_id: str) -> None:
        self.declarations.pop((team, upload_id), None)
        self.files.pop((team, upload_id), None)
