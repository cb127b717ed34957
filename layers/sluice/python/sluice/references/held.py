"""One upload that a request refers to: its size and type are known, its content is read when it is first written."""

from __future__ import annotations

import binascii
from typing import TYPE_CHECKING, Protocol

from sluice.errors import BadRequest
from sluice.references.media import bare, contradicts
from sluice.references.shapes import Content

if TYPE_CHECKING:
    from sluice.ports import OpenUpload
    from sluice.types.uploads import Upload


class Source(Protocol):
    """Where an upload comes from; see `References`."""

    def reopen(self, upload_id: str) -> OpenUpload:
        """Return an upload that was seen before, its content unread."""

    def declared(self, upload_id: str) -> Upload:
        """Return what was declared of an upload."""


class Held:
    """One upload: size and type are known, the content is read when it is first written somewhere."""

    def __init__(self, upload_id: str, found: OpenUpload, references: Source) -> None:
        self.id = upload_id
        self.size = found.size
        self.mime_type = bare(found.mime_type)
        self._found: OpenUpload | None = found
        self._references = references
        self._data = ""

    def filename(self) -> str:
        """Return the declared name."""
        return self._references.declared(self.id).filename

    def unread(self) -> Content:
        """Return the upload without its bytes."""
        return Content(self.id, self.mime_type, self.filename)

    def leave(self) -> None:
        """Let go of a connection whose content nobody read."""
        if self._found is not None:
            self._found.close()
            self._found = None

    def read(self) -> Content:
        """Return the upload with its bytes. Raises BadRequest when they are not of the declared type."""
        if not self._data:
            found, self._found = self._found or self._references.reopen(self.id), None
            raw = found.read()
            instead = contradicts(self.mime_type, raw)
            if instead is not None:
                raise BadRequest(
                    f"Upload {self.id} was declared {self.mime_type}, but its bytes are {instead}. Upload it again "
                    "with its own type.",
                    code="upload_wrong_type",
                )
            self._data = binascii.b2a_base64(raw, newline=False).decode("ascii")
        return Content(self.id, self.mime_type, self.filename, self._data)
