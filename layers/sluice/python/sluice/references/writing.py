"""One pass over a request's members for one kind of deployment: every reference gives way to bytes or to a URL."""

from __future__ import annotations

import binascii
from collections.abc import Callable, Mapping
from typing import Protocol, TypeVar

from sluice.errors import BadRequest, NotFound, UploadTooLarge
from sluice.references.held import Held
from sluice.references.ids import reference_in
from sluice.references.media import family
from sluice.references.shapes import LEFT, LEFT_TYPES, Node, Shape

REFERENCES_LIMIT = 100
"""The most places in one request that may refer to uploads."""
_T = TypeVar("_T")


class Uploads(Protocol):
    """The uploads of the request; see `References`."""

    @property
    def limit(self) -> int:
        """The most bytes that may be written into the request."""

    def held(self, upload_id: str) -> Held:
        """Return an upload of the team."""

    def address(self, upload_id: str) -> str:
        """Return a URL from which a provider may read the upload."""


class Writing:
    """One pass over the members; `urls` are the quirks by which the deployment takes URLs."""

    def __init__(self, references: Uploads, urls: tuple[str, ...]) -> None:
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

        def write(held: Held) -> Attachment:
            self._check_family(held, families)
            if not self._inlines(held):
                raise self._too_large(held)
            raw = binascii.a2b_base64(held.read().data)
            name = path.partition("[")[0]
            return Attachment(name, held.filename(), held.mime_type, len(raw), raw[:HEAD], raw)

        return self._located(path, upload_id, write)

    def _placed(self, path: str, node: Node, shape: Shape, upload_id: str) -> Node:
        def write(held: Held) -> Node:
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

        def write(held: Held) -> str:
            self._check_family(held, ("image",))
            if not self._inlines(held):
                raise self._too_large(held)
            content = held.read()
            return content.data if style == "base64" else content.data_url

        return self._located(path, upload_id, write)

    def _located(self, path: str, upload_id: str, write: Callable[[Held], _T]) -> _T:
        """Run one replacement; a refusal names the place."""
        self._places += 1
        try:
            if self._places > REFERENCES_LIMIT:
                raise BadRequest(f"The request refers to uploads in more than {REFERENCES_LIMIT} places; send fewer.")
            return write(self._references.held(upload_id))
        except (BadRequest, NotFound) as error:
            error.param = path[:256]
            raise

    def _inlines(self, held: Held) -> bool:
        if self._inlined + held.size > self._references.limit:
            return False
        self._inlined += held.size
        self.notes.append(f"inlined:{held.id}")
        return True

    def _address(self, held: Held) -> str:
        self.notes.append(f"presigned:{held.id}")
        return self._references.address(held.id)

    def _too_large(self, held: Held) -> UploadTooLarge:
        return UploadTooLarge(
            f"Upload {held.id} has {held.size} bytes ({self._inlined} bytes of uploads stand in this request already), "
            f"and the gateway writes at most {self._references.limit} into one. This provider does not fetch such a "
            "file by itself: send a smaller one, or choose a model whose provider takes URLs."
        )

    def _check_family(self, held: Held, families: tuple[str, ...]) -> None:
        if family(held.mime_type) not in families:
            raise BadRequest(
                f"Upload {held.id} is {held.mime_type}; this place takes {' or '.join(families)}.",
                code="upload_wrong_type",
            )
