"""DynamoDB for the request path: its JSON protocol, signed, over pooled connections.

boto3 costs 400 ms to import and 1.1 ms of CPU a call; this client imports in about a millisecond. Items are dicts of
Python values (`sluice.aws.attributes`), keys are (partition, sort) pairs of text. A failed condition always brings the
item as it stands, so nobody reads it again.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sluice.aws.attributes import Item, marshal, marshal_item, unmarshal_item
from sluice.aws.credentials import CredentialSource
from sluice.aws.errors import AwsError, ConditionalCheckFailed, Throttled, TransactionCancelled
from sluice.aws.service import BUDGET, JsonService
from sluice.ports import Transport
from sluice.settings import PARTITION_KEY, SORT_KEY

Key = tuple[str, str]
Write = dict[str, Any]
"""One write of a transaction: {"Put": {...}}; made by `put`, `update`, `delete` and `check`."""

BATCH = 100
"""Keys in one BatchGetItem; writes in one transaction."""
_BATCH_TRIES = 8
_UNWRITTEN = frozenset({"TransactionConflict", "ProvisionedThroughputExceeded", "ThrottlingError", "None"})


class DynamoClient:
    """The calls that the stores need. `attempts` bounds the tries of one call, `budget` its seconds."""

    def __init__(
        self,
        transport: Transport,
        credentials: CredentialSource,
        *,
        region: str,
        endpoint_url: str | None = None,
        attempts: int = 4,
        budget: float = BUDGET,
        now: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] | None = None,
    ) -> None:
        self._sleep = sleep
        self._service = JsonService(
            transport,
            credentials,
            service="dynamodb",
            target="DynamoDB_20120810",
            region=region,
            endpoint_url=endpoint_url,
            attempts=attempts,
            budget=budget,
            explain=_explain,
            now=now,
            sleep=sleep,
            random=random,
        )

    def call(self, action: str, payload: Mapping[str, object], *, repeatable: bool = True) -> dict[str, Any]:
        """Send any action with its wire payload; see `JsonService.call`."""
        return self._service.call(action, payload, repeatable=repeatable)

    def get_item(self, table: str, key: Key, *, consistent: bool = False) -> Item | None:
        """Return one item, None when there is none. `consistent` reads what the last write left."""
        payload: dict[str, object] = {"TableName": table, "Key": _key(key)}
        if consistent:
            payload["ConsistentRead"] = True
        found = self._service.call("GetItem", payload).get("Item")
        return unmarshal_item(found) if found is not None else None

    def put_item(
        self,
        table: str,
        item: Mapping[str, object],
        *,
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
        values: Mapping[str, object] | None = None,
        repeatable: bool = True,
    ) -> None:
        """Write a whole item. Raises ConditionalCheckFailed."""
        payload = put(table, item, condition=condition, names=names, values=values)["Put"]
        self._service.call("PutItem", payload, repeatable=repeatable)

    def update_item(
        self,
        table: str,
        key: Key,
        expression: str,
        *,
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
        values: Mapping[str, object] | None = None,
        returning: str = "NONE",
        repeatable: bool = True,
    ) -> Item:
        """Change an item and return the attributes that `returning` asks for ("ALL_NEW", "UPDATED_NEW", ...).

        Say `repeatable=False` for an ADD: a try whose answer was lost may have counted already.

        Raises:
            ConditionalCheckFailed: `condition` does not hold.
            OutcomeUnknown: not repeatable, and the answer was lost.
        """
        payload = update(table, key, expression, condition=condition, names=names, values=values)["Update"]
        payload["ReturnValues"] = returning
        return unmarshal_item(self._service.call("UpdateItem", payload, repeatable=repeatable).get("Attributes") or {})

    def delete_item(
        self,
        table: str,
        key: Key,
        *,
        condition: str | None = None,
        names: Mapping[str, str] | None = None,
        values: Mapping[str, object] | None = None,
    ) -> None:
        """Delete an item; one that is not there is fine. Raises ConditionalCheckFailed."""
        self._service.call("DeleteItem", delete(table, key, condition=condition, names=names, values=values)["Delete"])

    def query(
        self,
        table: str,
        partition: str,
        *,
        begins_with: str = "",
        backwards: bool = False,
        limit: int | None = None,
        consistent: bool = False,
        after: str = "",
        before: str = "",
    ) -> Iterator[Item]:
        """Yield the items of a partition in order of their sort keys, page by page, at most `limit` of them.

        `after` leaves out what stands up to that sort key, `before` what stands from it on; neither goes with the other
        or with `begins_with`.
        """
        condition, values = "#p = :p", {":p": marshal(partition)}
        names = {"#p": PARTITION_KEY}
        if after or before:
            condition += " AND #s > :s" if after else " AND #s < :s"
            values[":s"] = marshal(after or before)
            names["#s"] = SORT_KEY
        if begins_with:
            condition += " AND begins_with(#s, :s)"
            values[":s"] = marshal(begins_with)
            names["#s"] = SORT_KEY
        payload: dict[str, object] = {
            "TableName": table,
            "KeyConditionExpression": condition,
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": not backwards,
            "ConsistentRead": consistent,
        }
        return self._pages(payload, limit)

    def batch_get(self, table: str, keys: Iterable[Key], *, consistent: bool = False) -> dict[Key, Item]:
        """Return the items that exist, by key. Raises Throttled when some stay unread after several tries."""
        wanted = list(dict.fromkeys(keys))
        found: dict[Key, Item] = {}
        for start in range(0, len(wanted), BATCH):
            self._read_batch(table, wanted[start : start + BATCH], consistent, found)
        return found

    def transact_write(self, writes: Sequence[Write], token: str | None = None) -> None:
        """Do all writes or none (1 to 100, in one region).

        `token` (up to 36 characters) makes the same transaction, sent again within ten minutes, take effect once;
        without one a fresh token covers the tries of this call.

        Raises:
            TransactionCancelled: a condition did not hold; nothing was written.
        """
        payload = {"TransactItems": list(writes), "ClientRequestToken": token or os.urandom(18).hex()}
        self._service.call("TransactWriteItems", payload)

    def _pages(self, payload: dict[str, object], limit: int | None) -> Iterator[Item]:
        left = limit
        while left is None or left > 0:
            if left is not None:
                payload["Limit"] = left
            page = self._service.call("Query", payload)
            items = page.get("Items", [])
            for item in items:
                yield unmarshal_item(item)
            if left is not None:
                left -= len(items)
            last = page.get("LastEvaluatedKey")
            if not last:
                return
            payload["ExclusiveStartKey"] = last

    def _read_batch(self, table: str, keys: list[Key], consistent: bool, found: dict[Key, Item]) -> None:
        request: Any = {table: {"Keys": [_key(key) for key in keys], "ConsistentRead": consistent}}
        for attempt in range(_BATCH_TRIES):
            answer = self._service.call("BatchGetItem", {"RequestItems": request})
            for typed in answer.get("Responses", {}).get(table, []):
                item = unmarshal_item(typed)
                found[(item[PARTITION_KEY], item[SORT_KEY])] = item
            request = answer.get("UnprocessedKeys")
            if not request:
                return
            self._sleep(min(0.025 * 2**attempt, 1.0))
        raise Throttled("dynamodb", "BatchGetItem", f"dynamodb.BatchGetItem left keys unread {_BATCH_TRIES} times.")


def put(
    table: str,
    item: Mapping[str, object],
    *,
    condition: str | None = None,
    names: Mapping[str, str] | None = None,
    values: Mapping[str, object] | None = None,
) -> Write:
    """Return the write of a whole item."""
    return {"Put": {"TableName": table, "Item": marshal_item(item), **_conditions(condition, names, values)}}


def update(
    table: str,
    key: Key,
    expression: str,
    *,
    condition: str | None = None,
    names: Mapping[str, str] | None = None,
    values: Mapping[str, object] | None = None,
) -> Write:
    """Return a change of an item by an update expression."""
    rest = _conditions(condition, names, values)
    return {"Update": {"TableName": table, "Key": _key(key), "UpdateExpression": expression, **rest}}


def delete(
    table: str,
    key: Key,
    *,
    condition: str | None = None,
    names: Mapping[str, str] | None = None,
    values: Mapping[str, object] | None = None,
) -> Write:
    """Return the deletion of an item."""
    return {"Delete": {"TableName": table, "Key": _key(key), **_conditions(condition, names, values)}}


def check(
    table: str,
    key: Key,
    condition: str,
    *,
    names: Mapping[str, str] | None = None,
    values: Mapping[str, object] | None = None,
) -> Write:
    """Return a condition on an item that the transaction does not write."""
    return {"ConditionCheck": {"TableName": table, "Key": _key(key), **_conditions(condition, names, values)}}


def _conditions(
    condition: str | None, names: Mapping[str, str] | None, values: Mapping[str, object] | None
) -> dict[str, Any]:
    members: dict[str, Any] = {}
    if condition is not None:
        members["ConditionExpression"] = condition
        members["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
    if names:
        members["ExpressionAttributeNames"] = names
    if values:
        members["ExpressionAttributeValues"] = marshal_item(values)
    return members


def _key(key: Key) -> dict[str, Any]:
    return {PARTITION_KEY: {"S": key[0]}, SORT_KEY: {"S": key[1]}}


def _explain(action: str, code: str, document: Mapping[str, Any]) -> AwsError | None:
    if code == "ConditionalCheckFailedException":
        return ConditionalCheckFailed("dynamodb", action, _item_of(document))
    if code != "TransactionCanceledException":
        return None
    reasons = tuple((str(reason.get("Code")), _item_of(reason)) for reason in document.get("CancellationReasons") or [])
    if reasons and all(name in _UNWRITTEN for name, _ in reasons):
        # Another transaction had the items, or their partition was busy: nothing was written, so try again.
        return Throttled("dynamodb", action, "dynamodb.TransactWriteItems met another one on its items.", aws_code=code)
    return TransactionCancelled("dynamodb", action, reasons)


def _item_of(document: Mapping[str, Any]) -> Item | None:
    item = document.get("Item")
    return unmarshal_item(item) if item else None
