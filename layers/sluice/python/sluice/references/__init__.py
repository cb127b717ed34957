"""Puts uploads where a request refers to them: the bytes in the caller's own dialect, or a signed URL.

It works on the members of the caller's document, before anything is decoded: a pass-through then needs only the touched
members replaced, and a translation finds what that dialect's decoder reads anyway. So each dialect is described once
(`shapes`), whatever is on the other side. What is taken depends on the deployment: bytes where they are few or where
the provider takes no URLs (quirk `input_urls`), else a URL that is good for `ADDRESS_SECONDS`.

Every refusal comes before the provider is called. One error tells of an upload that another team has, that was deleted
or that never was.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING

from sluice.dialects.base import JsonObject
from sluice.errors import BadRequest, NotFound
from sluice.references.held import Held
from sluice.references.ids import DAY_MS, created_ms, missing, not_offered, refers
from sluice.references.shapes import FIELDS, LEFT, LISTS, SHAPES
from sluice.references.writing import Writing

if TYPE_CHECKING:
    from sluice.dialects.base import Body
    from sluice.ports import OpenUpload, UploadAccess, UploadStore
    from sluice.types.clock import Millis
    from sluice.types.uploads import Upload

ADDRESS_SECONDS = 900


class Resolved:
    """A body with uploads in it (`dialects.base.Body`); `notes` says how they went in."""

    def __init__(self, document: Body, touched: Mapping[str, object], notes: tuple[str, ...]) -> None:
        self._document = document
        self._touched = touched
        self.notes = notes
        self.members: dict[str, object] = {**document.members, **touched}

    def edited(self, edits: Mapping[str, object]) -> str | bytes:
        """Return the body with the uploads and the edits."""
        return self._document.edited({**self._touched, **edits})


class References:
    """The uploads that one request refers to, each fetched at most once for all deployments of its plan.

    Uploads that have had their days at `now_ms` are gone, whether or not the store has removed them yet.
    """

    def __init__(self, access: UploadAccess | None, team: str, dialect: str, document: Body, *, now_ms: Millis) -> None:
        self._access = access
        self._team = team
        self._dialect = dialect
        self._document = document
        self._now_ms = now_ms
        self._held: dict[str, Held] = {}
        self._bodies: dict[tuple[str, ...], Resolved] = {}

    def resolved(self, quirks: JsonObject) -> Resolved:
        """Return the body for a deployment with these quirks; one object for all that take the same URLs.

        Raises:
            NotFound: the team has no such upload.
            BadRequest: nothing was put yet, or its type does not belong there.
            UploadTooLarge: it neither fits into a request nor can the provider fetch it.
        """
        urls = tuple(name for name in ("file_urls", "input_urls") if quirks.get(name) is True)
        if urls not in self._bodies:
            try:
                self._bodies[urls] = self._written(urls)
            finally:
                for held in self._held.values():
                    held.leave()
        return self._bodies[urls]

    def _written(self, urls: tuple[str, ...]) -> Resolved:
        writing = Writing(self, urls)
        shapes, lists = SHAPES.get(self._dialect, ()), LISTS.get(self._dialect, {})
        touched = {}
        fields = FIELDS.get(self._dialect, {})
        for name, value in self._document.members.items():
            new = value
            if name in fields and refers(value):
                new = writing.field(name, value, fields[name])
            elif name not in LEFT:
                new = writing.member(name, value, shapes, lists)
            if new is not value:
                touched[name] = new
        return Resolved(self._document, touched, tuple(dict.fromkeys(writing.notes)))

    def held(self, upload_id: str) -> Held:
        """Return an upload of the team. Raises NotFound, BadRequest."""
        held = self._held.get(upload_id)
        if held is None:
            if created_ms(upload_id) < self._now_ms - self._offered.days * DAY_MS:
                raise missing(upload_id)
            found = self._store.open(self._team, upload_id)
            if found is None:
                raise self._missing(upload_id)
            held = self._held[upload_id] = Held(upload_id, found, self)
        return held

    def reopen(self, upload_id: str) -> OpenUpload:
        """Return an upload that was seen before, its content unread. Raises NotFound where it is gone."""
        found = self._store.open(self._team, upload_id)
        if found is None:
            raise missing(upload_id)
        return found

    def declared(self, upload_id: str) -> Upload:
        """Return what was declared of an upload. Raises NotFound."""
        found = self._store.find(self._team, upload_id)
        if found is None:
            raise missing(upload_id)
        return found

    def address(self, upload_id: str) -> str:
        """Return a URL from which a provider may read the upload."""
        return self._store.get_address(self._team, upload_id, ADDRESS_SECONDS)

    @property
    def limit(self) -> int:
        """The most bytes that may be written into the request."""
        return self._offered.inline_limit

    @property
    def _offered(self) -> UploadAccess:
        if self._access is None:
            raise not_offered()
        return self._access

    @cached_property
    def _store(self) -> UploadStore:
        return self._offered.store()

    def _missing(self, upload_id: str) -> NotFound | BadRequest:
        declared = self._store.find(self._team, upload_id)
        if declared is None:
            return missing(upload_id)
        return BadRequest(
            f"Upload {upload_id} was declared with {declared.size} bytes and nothing was put yet. PUT the file to its "
            "upload.url first; GET /v1/uploads/{id} says when it is ready.",
            code="upload_not_ready",
        )
