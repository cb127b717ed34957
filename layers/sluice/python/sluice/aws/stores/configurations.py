"""Configuration versions in the `config` table.

    pk=configuration#<sha256>  sk=version               one immutable document, as its canonical text
    pk=configuration           sk=live                  the pointer: version, previous, revision, layouts
    pk=configuration           sk=history#<revision>    what went live, and when

A version is named by its content, so publishing it twice is publishing it once. Going live is one transaction that
holds only if the version exists and nobody else moved the pointer since its revision was read.

`layouts` are the splits that budgets had before (`governance.layouts`): {budget id: [{until, shares, shards}, ...]}.
They belong to the moment of going live and not to a version, so they stand beside the pointer.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from sluice.aws.dynamodb import DynamoClient, Key, Write, check, put, update
from sluice.aws.errors import AwsError, ConditionalCheckFailed, TransactionCancelled
from sluice.errors import BadRequest
from sluice.routing.configuration import canonical_json, parse
from sluice.types.routes import Configuration

if TYPE_CHECKING:
    from sluice.control.configurations import Conflict, Live
    from sluice.types.audit import Change
    from sluice.types.budgets import Layout

Commit = Callable[[Sequence[Write], "Change"], None]
POINTER: Key = ("configuration", "live")
HISTORY = "history#"
SIZE_LIMIT = 390_000
"""Bytes of a document: an item holds 400 KB."""


class Promotion(NamedTuple):
    """One move of the pointer."""

    revision: int
    version: str
    at_ms: int


class DynamoConfigurationStore:
    """Reads versions for the request path (`ports.ConfigurationStore`) and writes them for the control plane."""

    def __init__(
        self,
        client: DynamoClient,
        table: str,
        *,
        now: Callable[[], float] = time.time,
        commit: Commit | None = None,
    ) -> None:
        self._client = client
        self._table = table
        self._now = now
        self._commit = commit
        """Makes a change together with its audit record; None: changes are not recorded."""
        self._seen: dict[str, Any] = {}

    def current_version(self) -> str | None:
        """Return the live version's hash; None before the first went live."""
        self._seen = self._pointer()
        version: str | None = self._seen.get("version")
        return version

    def load(self, version: str) -> Configuration:
        """Return one version. Raises KeyError for an unknown one, ValueError for one that cannot be read.

        The live one, as `current_version` saw it, has the earlier splits of its budgets.
        """
        found = parse(self.document(version), version)
        layouts = self._seen.get("layouts") if self._seen.get("version") == version else None
        if not found.budgets or not layouts:
            return found
        known = _layouts(layouts)
        budgets = {name: replace(each, layouts=known.get(name, ())) for name, each in found.budgets.items()}
        return replace(found, budgets=budgets)

    def document(self, version: str) -> Mapping[str, object]:
        """Return the document of one version. Raises KeyError."""
        item = self._client.get_item(self._table, _version(version), consistent=True)
        if item is None:
            raise KeyError(version)
        text: str = item["document"]
        if hashlib.sha256(text.encode()).hexdigest() != version:
            raise AwsError(
                "dynamodb", "GetItem", f"Configuration {version[:12]} does not match its hash; republish it."
            )
        document: dict[str, object] = json.loads(text)
        return document

    def publish(self, document: Mapping[str, object], change: Change | None = None) -> str:
        """Store a document under its hash and return that. Raises ValueError for one that cannot be read."""
        text = canonical_json(document)
        encoded = text.encode()
        if len(encoded) > SIZE_LIMIT:
            raise BadRequest(f"The configuration has {len(encoded)} bytes; at most {SIZE_LIMIT} fit. Shorten it.")
        version = hashlib.sha256(encoded).hexdigest()
        parse(document, version)
        pk, sk = _version(version)
        item = {"pk": pk, "sk": sk, "document": text, "created_ms": self._now_ms()}
        try:
            if self._commit is not None and change is not None:
                self._commit([put(self._table, item, condition="attribute_not_exists(pk)")], change)
            else:
                self._client.put_item(self._table, item, condition="attribute_not_exists(pk)")
        except ConditionalCheckFailed:
            return version  # the same content was published before
        except TransactionCancelled as cancelled:
            if cancelled.failed_condition() != 0:
                raise
            self._write([], change)
        return version

    def live(self) -> Live:
        """Return the pointer; revision 0 before the first version went live."""
        from sluice.control.configurations import Live

        pointer = self._pointer()
        return Live(pointer.get("version"), pointer.get("previous"), pointer.get("revision", 0))

    def promote(self, version: str, expected_revision: int, change: Change | None = None) -> Live:
        """Make a version live if the pointer's revision is still the expected one; return the new pointer.

        Raises:
            KeyError: there is no such version.
            Conflict: the pointer was moved in between.
        """
        from sluice.control.configurations import Live

        pointer = self._pointer()
        live = Live(pointer.get("version"), pointer.get("previous"), pointer.get("revision", 0))
        if live.revision != expected_revision:
            raise _conflict(expected_revision)
        if live.version == version:
            self._write([], change)
            return live
        layouts = self._changed_layouts(pointer, version)
        revision = expected_revision + 1
        moment = self._now_ms()
        writes = [
            check(self._table, _version(version), "attribute_exists(pk)"),
            self._flip(version, revision, moment, layouts),
            put(
                self._table,
                {"pk": POINTER[0], "sk": f"{HISTORY}{revision:010d}", "version": version, "at_ms": moment},
            ),
        ]
        try:
            self._write(writes, change)
        except TransactionCancelled as cancelled:
            if cancelled.failed_condition() == 0:
                raise KeyError(version) from None
            if cancelled.failed_condition() == 1:
                raise _conflict(expected_revision) from None
            raise
        return Live(version, live.version, revision)

    def history(self, limit: int = 20) -> list[Promotion]:
        """Return the latest promotions, newest first."""
        items = self._client.query(
            self._table, POINTER[0], begins_with=HISTORY, backwards=True, limit=limit, consistent=True
        )
        return [Promotion(int(item["sk"].removeprefix(HISTORY)), item["version"], item["at_ms"]) for item in items]

    def _write(self, writes: list[Write], change: Change | None) -> None:
        if self._commit is not None and change is not None:
            self._commit(writes, change)
        elif writes:
            self._client.transact_write(writes)

    def _pointer(self) -> dict[str, Any]:
        return self._client.get_item(self._table, POINTER, consistent=True) or {}

    def _changed_layouts(self, pointer: Mapping[str, Any], version: str) -> dict[str, object]:
        """Return the earlier splits of budgets once `version` is live. Raises KeyError for an unknown one."""
        from sluice.governance.layouts import changed

        after = parse(self.document(version), version).budgets
        old = pointer.get("version")
        try:
            before = {} if old is None else parse(self.document(old), old).budgets
        except (KeyError, ValueError):
            before = after  # no request could be served by what is unreadable
        found = changed(_layouts(pointer.get("layouts") or {}), before, after, self._now())
        return {
            name: [{"until": each.until, "shares": dict(each.shares), "shards": each.shards} for each in layouts]
            for name, layouts in found.items()
        }

    def _flip(self, version: str, revision: int, moment: int, layouts: Mapping[str, object]) -> Write:
        names = {"#version": "version", "#revision": "revision"}
        values: dict[str, object] = {":version": version, ":revision": revision, ":at": moment, ":layouts": layouts}
        change = "SET #version = :version, #revision = :revision, at_ms = :at, layouts = :layouts"
        if revision == 1:
            return update(
                self._table, POINTER, change, condition="attribute_not_exists(pk)", names=names, values=values
            )
        # The right-hand side is the item before the change.
        change += ", #previous = #version"
        names["#previous"] = "previous"
        values[":expected"] = revision - 1
        return update(self._table, POINTER, change, condition="#revision = :expected", names=names, values=values)

    def _now_ms(self) -> int:
        return int(self._now() * 1000)


def _version(version: str) -> Key:
    return f"configuration#{version}", "version"


def _layouts(kept: Mapping[str, Any]) -> dict[str, tuple[Layout, ...]]:
    from sluice.types.budgets import Layout  # with the first budget

    return {
        name: tuple(Layout(each["until"], each["shares"], each["shards"]) for each in layouts)
        for name, layouts in kept.items()
    }


def _conflict(expected: int) -> Conflict:
    from sluice.control.configurations import Conflict

    return Conflict(
        f"The live configuration is no longer at revision {expected}: somebody else moved it. Look at it and try again."
    )
