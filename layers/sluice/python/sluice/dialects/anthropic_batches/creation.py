"""The request that creates a batch: {"requests": [{"custom_id", "params"}, ...]}.

Checked is what the vendor checks at once: how many requests, their size, their ids, and what no batch may ask for. The
rest of each `params` it checks while the batch runs; such a request ends as "errored" (guide "Batch processing",
2026-11).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sluice.dialects.base import JsonObject
from sluice.errors import BadRequest, RequestTooLarge

MOST_REQUESTS = 100_000
MOST_BYTES = 256 * 1024 * 1024
_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Item:
    """One request of a batch; `params` is a Messages request."""

    custom_id: str
    params: Mapping[str, object]

    @property
    def model(self) -> str:
        """The model it names."""
        return str(self.params["model"])


def decode_create(body: JsonObject, size: int) -> tuple[Item, ...]:
    """Return the requests of a batch whose body has `size` bytes.

    Raises:
        BadRequest: names the request at fault, as in `requests.3.custom_id`.
        RequestTooLarge: the batch is over the vendor's limits.
    """
    if size > MOST_BYTES:
        raise RequestTooLarge(f"The batch has {size} bytes; the most is {MOST_BYTES}. Send it in several batches.")
    requests = body.get("requests")
    if not isinstance(requests, list) or not requests:
        raise _bad("requests", "must be a list of at least one request with its custom_id and params")
    if len(requests) > MOST_REQUESTS:
        raise RequestTooLarge(
            f"The batch has {len(requests)} requests; the most is {MOST_REQUESTS}. Send it in several batches."
        )
    items = tuple(_item(raw, f"requests.{position}") for position, raw in enumerate(requests))
    places: dict[str, int] = {}
    for position, item in enumerate(items):
        first = places.setdefault(item.custom_id, position)
        if first != position:
            raise _bad(
                f"requests.{position}.custom_id", f"is the same as that of requests.{first}; each must be unique"
            )
    return items


def encode_create(items: Iterable[Item]) -> list[dict[str, object]]:
    """Return the member `requests` of a batch."""
    return [{"custom_id": item.custom_id, "params": dict(item.params)} for item in items]


def _item(raw: object, place: str) -> Item:
    if not isinstance(raw, Mapping):
        raise _bad(place, "must be an object with custom_id and params")
    custom_id, params = raw.get("custom_id"), raw.get("params")
    if not isinstance(custom_id, str) or not _ID.fullmatch(custom_id):
        raise _bad(f"{place}.custom_id", "must have 1 to 64 letters, digits, dashes or underscores")
    if not isinstance(params, Mapping):
        raise _bad(f"{place}.params", "must be an object: the request as it would be sent to /v1/messages")
    model, bound = params.get("model"), params.get("max_tokens")
    if not isinstance(model, str) or not model.strip():
        raise _bad(f"{place}.params.model", "must be a string that names a model")
    if not isinstance(params.get("messages"), list):
        raise _bad(f"{place}.params.messages", "must be a list of messages")
    if params.get("stream") is True:
        raise _bad(f"{place}.params.stream", "is true, and a batch cannot stream; leave it out")
    if bound == 0 and not isinstance(bound, bool):
        raise _bad(f"{place}.params.max_tokens", "is 0, which only warms a cache; a batch needs at least 1")
    return Item(custom_id, params)


def _bad(param: str, problem: str) -> BadRequest:
    return BadRequest(f"{param}: {problem}.", param=param)
