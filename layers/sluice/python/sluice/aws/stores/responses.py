"""Stored responses in the `cache` table.

    pk=response#<team>#<id>  sk=head         the record, with its compressed content where that fits
    pk=response#<team>#<id>  sk=part#<nnn>   a piece of a longer content
    pk=responses#<team>#<label of the end user>  sk=<id>   says whose it is, where the caller named somebody
    expires_at=<epoch seconds> on each

The team is a part of the key, so no other team's request can even ask for the item. Pieces are written before the head
and deleted after it: whoever finds a head finds all of it. An expired response is gone at once, whenever DynamoDB gets
round to deleting it.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from sluice.aws.attributes import Item
from sluice.aws.dynamodb import DynamoClient, Key, put
from sluice.aws.errors import ConditionalCheckFailed
from sluice.errors import RequestTooLarge
from sluice.types.stored import StoredResponse
from sluice.types.tenancy import label

if TYPE_CHECKING:
    from sluice.types.budgets import StandingHold

PART_BYTES = 350_000
"""Of compressed content in one item; an item may have 400 KB, names included."""
INFLATED_LIMIT = 32 * 1024 * 1024
"""Bytes of content that are read at once. What packs well takes little of the table: without a limit, a few turns of
one letter over and over would fill a function's memory."""
_HEAD = "head"
_PLAIN = ("key_id", "provider", "model", "upstream_model", "created", "region", "native", "background", "charged")


class DynamoResponseStore:
    """Keeps responses (`ports.ResponseStore`). `now` gives epoch seconds."""

    def __init__(self, client: DynamoClient, table: str, now: Callable[[], float] = time.time) -> None:
        self._client = client
        self._table = table
        self._now = now

    def put(self, response: StoredResponse) -> None:
        """Write a response; it stands when this returns."""
        pk = _partition(response.team, response.id)
        packed = zlib.compress(response.content) if response.content else b""
        fits = len(packed) + sum(len(each) + 3 for each in response.chain) <= PART_BYTES
        inside = packed if fits else b""
        pieces = [] if fits else [packed[at : at + PART_BYTES] for at in range(0, len(packed), PART_BYTES)]
        for number, piece in enumerate(pieces):
            item = {"pk": pk, "sk": _part(number), "content": piece, "expires_at": response.expires}
            self._client.put_item(self._table, item)
        head: Item = {"pk": pk, "sk": _HEAD, "expires_at": response.expires, "chain": response.chain}
        head.update({name: getattr(response, name) for name in _PLAIN})
        if response.holds:
            from sluice.aws.stores.standing import to_rows

            head["holds"] = to_rows(response.holds)
        if pieces:
            head["parts"] = len(pieces)
        elif inside:
            head["content"] = inside
        if not response.user:
            self._client.put_item(self._table, head)
            return
        mark = {"pk": _of_user(response.team, response.user), "sk": response.id, "expires_at": response.expires}
        # One round trip for both: a caller waits for it.
        self._client.transact_write([put(self._table, mark), put(self._table, head)])

    def find(self, team: str, response_id: str) -> StoredResponse | None:
        """Return one response of a team, None when it has none of that id."""
        return self.find_all(team, (response_id,)).get(response_id)

    def find_all(self, team: str, response_ids: Iterable[str]) -> dict[str, StoredResponse]:
        """Return those of a team's responses that exist, by id. Raises RequestTooLarge over `INFLATED_LIMIT`."""
        wanted = {(_partition(team, each), _HEAD): each for each in response_ids}
        if len(wanted) == 1:
            (key,) = wanted
            item = self._client.get_item(self._table, key, consistent=True)
            heads = {} if item is None else {key: item}
        else:
            heads = self._client.batch_get(self._table, wanted, consistent=True)
        live = {key: head for key, head in heads.items() if head["expires_at"] > self._now()}
        pieces = self._pieces(live)
        found: dict[str, StoredResponse] = {}
        room = INFLATED_LIMIT
        for key, head in live.items():
            packed = _packed(head, pieces)
            if packed is not None:  # None: it was deleted between the two reads
                content = _inflated(packed, room)
                room -= len(content)
                found[wanted[key]] = _response(team, wanted[key], head, content)
        return found

    def delete(self, team: str, response_id: str) -> bool:
        """Delete a response; False when there is none."""
        key = (_partition(team, response_id), _HEAD)
        head = self._client.get_item(self._table, key, consistent=True)
        if head is None:
            return False
        self._client.delete_item(self._table, key)
        for number in range(head.get("parts", 0)):
            self._client.delete_item(self._table, (key[0], _part(number)))
        return bool(head["expires_at"] > self._now())

    def of_user(self, team: str, user: str) -> list[str]:
        """Return the ids of a team's responses that an end user was named for; some may be gone."""
        return [item["sk"] for item in self._client.query(self._table, _of_user(team, user), consistent=True)]

    def forget(self, team: str, user: str) -> int:
        """Delete the responses that an end user was named for, and what leads to them; return how many there were."""
        count = 0
        for response_id in self.of_user(team, user):
            count += self.delete(team, response_id)
            self._client.delete_item(self._table, (_of_user(team, user), response_id))
        return count

    def charge(self, team: str, response_id: str, *, due: bool = False) -> bool:
        """Note that a background answer is charged; True for the one caller who is to charge it."""
        return self._moved(team, response_id, "SET charged = :yes, due = :due", "charged = :no", {":due": due})

    def paid(self, team: str, response_id: str) -> None:
        """Note that the ledger entry of a background answer stands."""
        self._moved(team, response_id, "SET due = :no", "due = :yes", {})

    def _moved(self, team: str, response_id: str, change: str, condition: str, values: Mapping[str, object]) -> bool:
        values = {":yes": True, ":no": False, **values}
        key = (_partition(team, response_id), _HEAD)
        try:
            self._client.update_item(self._table, key, change, condition=condition, values=values)
        except ConditionalCheckFailed:
            return False
        return True

    def _pieces(self, heads: Mapping[Key, Item]) -> dict[Key, Item]:
        wanted = [(pk, _part(number)) for (pk, _), head in heads.items() for number in range(head.get("parts", 0))]
        return self._client.batch_get(self._table, wanted, consistent=True) if wanted else {}


def _partition(team: str, response_id: str) -> str:
    return f"response#{team}#{response_id}"


def _of_user(team: str, user: str) -> str:
    return f"responses#{team}#{label(user)}"


def _part(number: int) -> str:
    return f"part#{number:03d}"


def _packed(head: Item, pieces: Mapping[Key, Item]) -> bytes | None:
    if "parts" not in head:
        return bytes(head.get("content", b""))
    found = [pieces.get((head["pk"], _part(number))) for number in range(head["parts"])]
    return None if None in found else b"".join(piece["content"] for piece in found if piece is not None)


def _inflated(packed: bytes, room: int) -> bytes:
    """Return what was packed, if there is room for that many bytes. Raises RequestTooLarge."""
    content = zlib.decompressobj().decompress(packed, room + 1) if packed else b""
    if len(content) > room:
        raise RequestTooLarge(
            f"The turns of this conversation have more than {INFLATED_LIMIT} bytes together. Begin another one, with "
            "the turns that matter as its input."
        )
    return content


def _response(team: str, response_id: str, head: Item, content: bytes) -> StoredResponse:
    holds: tuple[StandingHold, ...] = ()
    if head.get("holds"):
        from sluice.aws.stores.standing import from_rows

        holds = from_rows(head["holds"])
    return StoredResponse(
        id=response_id,
        team=team,
        expires=head["expires_at"],
        chain=tuple(head["chain"]),
        content=content,
        holds=holds,
        due=head.get("due", False),
        **{name: head[name] for name in _PLAIN},
    )
