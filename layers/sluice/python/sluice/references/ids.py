"""The ids of uploads, the texts that refer to them, and what is said of those that cannot be used."""

from __future__ import annotations

from sluice.errors import NotFound
from sluice.metering.request_ids import ALPHABET
from sluice.types.clock import Millis
from sluice.types.uploads import SCHEME

ID_PREFIX = "upl_"
ID_LENGTH = 30
DAY_MS = 86_400_000
_ID_CHARACTERS = frozenset(ALPHABET)
_TIME_LENGTH = 10


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
