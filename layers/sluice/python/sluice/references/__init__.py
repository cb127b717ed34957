"""Puts uploads where a request refers to them: the bytes in the caller's own dialect, or a signed URL.

It works on the members of the caller's document, before anything is decoded: a pass-through then needs only the touched
members replaced, and a translation finds what that dialect's decoder reads anyway. So each dialect is described once
(`shapes`), whatever is on the other side. What is taken depends on the deployment: bytes where they are few or where
the provider takes no URLs (quirk `input_urls`), else a URL that is good for `ADDRESS_SECONDS`.

Every refusal comes before the provider is called. One error tells of an upload that another team has, that was deleted
or that never was.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from sluice.dialects.base import JsonObject
from sluice.errors import BadRequest, NotFound, UploadTooLarge
from sluice.metering.request_ids import ALPHABET
from sluice.references.media import bare, contradicts, family
from sluice.references.shapes import FIELDS, LEFT, LEFT_TYPES, LISTS, SHAPES, Content, Node, Shape
from sluice.types.uploads import SCHEME

if TYPE_CHECKING:
    from sluice.dialects.base import Body
    from sluice.ports import OpenUpload, UploadAccess, UploadStore
    from sluice.types.clock import Millis
    from sluice.types.uploads import Upload

ADDRESS_SECONDS = 900
ID_PREFIX = "upl_"
ID_LENGTH = 30
REFERENCES_LIMIT = 100
"""The most places in one request that may refer to uploads."""
_ID_CHARACTERS = frozenset(ALPHABET)
_TIME_LENGTH = 10
DAY_MS = 86_400_000
_T = TypeVar("_T")


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
        self._held: dict[str, _Held] = {}
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
        writing = _Writing(self, urls)
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

    def held(self, upload_id: str) -> _Held:
        """Return an upload of the team. Raises NotFound, BadRequest."""
        held = self._held.get(upload_id)
        if held is None:
            if created_ms(upload_id) < self._now_ms - self._offered.days * DAY_MS:
                raise missing(upload_id)
            found = self._store.open(self._team, upload_id)
            if found is None:
                raise self._missing(upload_id)
            held = self._held[upload_id] = _Held(upload_id, found, self)
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


class _Held:
    """One upload: size and type are known, the content is read when it is first written somewhere."""

    def __init__(self, upload_id: str, found: OpenUpload, references: References) -> None:
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


class _Writing:
    """One pass over the members for one kind of deployment."""

    def __init__(self, references: References, urls: tuple[str, ...]) -> None:
        self._references = references
        self._urls = urls
        self._inlined = 0
        self._places = 0
        self.notes: list[str] = []

    def member(
        self, path: str, value: object, shapes: tuple[Shape, ...], lists: Mapping[str, str], name: str = ""
    ) -> object:
        """Return a value with its references replaced; the same object where it has none."""
        if isinstance(value, list):
            style = lists.get(name or path)
            new = [
                self._text(f"{path}[{at}]", item, style)
                if style is not None and isinstance(item, str)
                else self.member(f"{path}[{at}]", item, shapes, lists, "-")
                for at, item in enumerate(value)
            ]
            return value if all(one is other for one, other in zip(new, value, strict=True)) else new
        if not isinstance(value, dict) or value.get("type") in LEFT_TYPES:
            return value
        for shape in shapes:
            upload_id = reference_in(shape.find(value))
            if upload_id is not None:
                return self._placed(f"{path}.{shape.path}", value, shape, upload_id)
        changed = {}
        for key, item in value.items():
            if key not in LEFT and isinstance(item, (dict, list)):
                new_item = self.member(f"{path}.{key}", item, shapes, lists, key)
                if new_item is not item:
                    changed[key] = new_item
        return {**value, **changed} if changed else value

    def field(self, name: str, value: object, families: tuple[str, ...]) -> object:
        """Return the file, or the list of files, that a field of a form refers to."""
        if isinstance(value, list):
            return [self._attachment(f"{name}[{at}]", item, families) for at, item in enumerate(value)]
        return self._attachment(name, value, families)

    def _attachment(self, path: str, value: object, families: tuple[str, ...]) -> object:
        from sluice.dialects.multipart import HEAD, Attachment

        upload_id = reference_in(value)
        if upload_id is None:
            raise BadRequest(
                "A field holds files and references to uploads; send either all files or all references.",
                param=path,
                code="invalid_form",
            )

        def write(held: _Held) -> Attachment:
            self._check_family(held, families)
            if not self._inlines(held):
                raise self._too_large(held)
            raw = binascii.a2b_base64(held.read().data)
            name = path.partition("[")[0]
            return Attachment(name, held.filename(), held.mime_type, len(raw), raw[:HEAD], raw)

        return self._located(path, upload_id, write)

    def _placed(self, path: str, node: Node, shape: Shape, upload_id: str) -> Node:
        def write(held: _Held) -> Node:
            self._check_family(held, shape.families)
            if self._inlines(held):
                return shape.inline(node, held.read())
            if shape.address is None or shape.quirk not in self._urls:
                raise self._too_large(held)
            return shape.address(node, held.unread(), self._address(held))

        return self._located(path, upload_id, write)

    def _text(self, path: str, text: str, style: str) -> str:
        upload_id = reference_in(text)
        if upload_id is None:
            return text

        def write(held: _Held) -> str:
            self._check_family(held, ("image",))
            if not self._inlines(held):
                raise self._too_large(held)
            content = held.read()
            return content.data if style == "base64" else content.data_url

        return self._located(path, upload_id, write)

    def _located(self, path: str, upload_id: str, write: Callable[[_Held], _T]) -> _T:
        """Run one replacement; a refusal names the place."""
        self._places += 1
        try:
            if self._places > REFERENCES_LIMIT:
                raise BadRequest(f"The request refers to uploads in more than {REFERENCES_LIMIT} places; send fewer.")
            return write(self._references.held(upload_id))
        except (BadRequest, NotFound) as error:
            error.param = path[:256]
            raise

    def _inlines(self, held: _Held) -> bool:
        if self._inlined + held.size > self._references.limit:
            return False
        self._inlined += held.size
        self.notes.append(f"inlined:{held.id}")
        return True

    def _address(self, held: _Held) -> str:
        self.notes.append(f"presigned:{held.id}")
        return self._references.address(held.id)

    def _too_large(self, held: _Held) -> UploadTooLarge:
        return UploadTooLarge(
            f"Upload {held.id} has {held.size} bytes ({self._inlined} bytes of uploads stand in this request already), "
            f"and the gateway writes at most {self._references.limit} into one. This provider does not fetch such a "
            "file by itself: send a smaller one, or choose a model whose provider takes URLs."
        )

    def _check_family(self, held: _Held, families: tuple[str, ...]) -> None:
        if family(held.mime_type) not in families:
            raise BadRequest(
                f"Upload {held.id} is {held.mime_type}; this place takes {' or '.join(families)}.",
                code="upload_wrong_type",
            )


def reference_in(text: object) -> str | None:
    """Return the id that a text refers to; None for any other value. Raises NotFound for an id that none can have."""
    if not isinstance(text, str) or not text.startswith(SCHEME):
        return None
    upload_id = text[len(SCHEME) :]
    if not is_id(upload_id):
        raise missing(upload_id)
    return upload_id


def refers(value: object) -> bool:
    """Return whether a field of a form refers to an upload, or is a list in which some item does."""
    return any(
        isinstance(item, str) and item.startswith(SCHEME) for item in (value if isinstance(value, list) else [value])
    )


def is_id(text: str) -> bool:
    """Return whether a text is formed like the id of an upload."""
    return len(text) == ID_LENGTH and text.startswith(ID_PREFIX) and _ID_CHARACTERS.issuperset(text[len(ID_PREFIX) :])


def created_ms(upload_id: str) -> Millis:
    """Return when an upload was declared (epoch milliseconds), which its id tells."""
    moment = 0
    for character in upload_id[len(ID_PREFIX) :][:_TIME_LENGTH]:
        moment = moment << 5 | ALPHABET.index(character)
    return moment


def missing(upload_id: str) -> NotFound:
    """Return the one error for uploads that are not the caller's, were deleted, have expired or never were."""
    return NotFound(
        f"There is no upload {upload_id[:64]!r} here. It was deleted, its days are over, or another team has it; "
        "POST /v1/uploads makes one.",
        code="upload_not_found",
    )


def not_offered() -> NotFound:
    """Return the error of a gateway that takes no uploads."""
    return NotFound(
        "This gateway takes no uploads: its function has no SLUICE_UPLOAD_BUCKET. Send the file in the request, or ask "
        "the gateway's owner to deploy the bucket.",
        code="uploads_not_offered",
    )
