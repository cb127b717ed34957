"""The rows of a Data Export's files, read as they come: gzip/csv, whose columns the CUR 2.0 table dictionary names."""

from __future__ import annotations

import csv
import io
import zlib
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from sluice.control.invoices.statements import VendorFailed

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

COLUMNS = (
    "line_item_usage_start_date",
    "line_item_usage_end_date",
    "line_item_line_item_type",
    "line_item_product_code",
    "line_item_usage_type",
    "line_item_usage_amount",
    "line_item_unblended_cost",
    "line_item_currency_code",
)


def rows(uri: str, opened: Callable[[str], Iterable[bytes]]) -> Iterator[dict[str, str]]:
    """Yield a file's rows by column. Raises VendorFailed for what is not such a file."""
    if not uri.endswith((".csv.gz", ".csv")):
        raise _malformed("the export is not gzip/csv. Make one with format text/csv and compression GZIP.")
    content = _inflated(opened(uri)) if uri.endswith(".gz") else iter(opened(uri))
    text = io.TextIOWrapper(io.BufferedReader(_Stream(content)), encoding="utf-8", newline="")
    table = csv.DictReader(text)
    missing = [name for name in COLUMNS if name not in (table.fieldnames or ())]
    if missing:
        raise _malformed(f"the export lacks the column {missing[0]}.")
    try:
        for row in table:
            if None in row or None in row.values():
                raise _malformed("a line of the export has more or fewer columns than its head.")
            yield row
    except (csv.Error, UnicodeDecodeError):
        raise _malformed("a file of the export is not CSV in UTF-8.") from None


def _inflated(chunks: Iterable[bytes]) -> Iterator[bytes]:
    machine = zlib.decompressobj(wbits=31)
    try:
        for chunk in chunks:
            yield machine.decompress(chunk)
    except zlib.error:
        raise _malformed("a file of the export is not gzip.") from None
    if not machine.eof:
        raise _malformed("a file of the export breaks off.")


class _Stream(io.RawIOBase):
    """Bytes as they come, to be read as text: an export may be larger than the function's memory."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: WriteableBuffer, /) -> int:
        while not self._rest:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._rest = chunk
        view = memoryview(buffer).cast("B")
        taken = self._rest[: len(view)]
        view[: len(taken)] = taken
        self._rest = self._rest[len(taken) :]
        return len(taken)


def moment(text: str) -> datetime:
    """Return a time of the export, which is UTC, without a zone. Raises VendorFailed."""
    try:
        return datetime.fromisoformat(text.strip().replace(" ", "T").replace("Z", "")).replace(tzinfo=None)
    except ValueError:
        raise _malformed("a line's time is not a time.") from None


def number(text: str) -> Decimal:
    """Return an amount, 0 for an empty one. Raises VendorFailed."""
    try:
        number = Decimal(text or "0")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise _malformed("an amount is not a number.")
    return number


def _malformed(problem: str) -> VendorFailed:
    return VendorFailed("bedrock", "malformed", problem)
