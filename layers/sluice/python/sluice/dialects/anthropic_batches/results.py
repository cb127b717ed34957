"""The results of a batch, one JSON object a line, in any order: the answer, an error, or why there is neither.

`ResultMeter` reads them while their bytes pass by. Only succeeded requests report tokens, so only they are charged.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields

from sluice.dialects.anthropic_messages import usage as counts
from sluice.dialects.base import JsonObject
from sluice.errors import ProviderGarbled
from sluice.types.usage import Usage

KINDS = ("succeeded", "errored", "canceled", "expired")


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one request. `message` is its answer when it succeeded, `error` the envelope when it errored."""

    custom_id: str
    kind: str
    message: JsonObject = field(default_factory=dict)
    error: JsonObject = field(default_factory=dict)

    @property
    def usage(self) -> Usage | None:
        """The tokens of a succeeded request, at the price of batches."""
        found = self.message.get("usage")
        read = counts.read(found if isinstance(found, Mapping) else None)
        return None if read is None else _batched(read)


def decode_result(line: str | bytes) -> Result:
    """Return the result of one line. Raises ProviderGarbled."""
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        raise ProviderGarbled("A line of the batch's results is not JSON.") from None
    result = found.get("result") if isinstance(found, Mapping) else None
    custom_id = found.get("custom_id") if isinstance(found, Mapping) else None
    if not isinstance(result, Mapping) or not isinstance(custom_id, str) or result.get("type") not in KINDS:
        raise ProviderGarbled("A line of the batch's results names no request or no result.")
    message, error = result.get("message"), result.get("error")
    return Result(
        custom_id,
        str(result["type"]),
        message if isinstance(message, Mapping) else {},
        error if isinstance(error, Mapping) else {},
    )


def encode_result(result: Result) -> bytes:
    """Return the line of one result, its line feed included."""
    told: dict[str, object] = {"type": result.kind}
    if result.kind == "succeeded":
        told["message"] = result.message
    elif result.kind == "errored":
        told["error"] = result.error
    line = {"custom_id": result.custom_id, "result": told}
    return json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "backslashreplace") + b"\n"


class ResultMeter:
    """Counts results and gathers their tokens from bytes cut anywhere.

    `kinds` counts the lines by result, `unread` those that could not be read; `charged` holds (model, usage) of each
    succeeded request.
    """

    __slots__ = ("_held", "charged", "kinds", "unread")

    def __init__(self) -> None:
        self._held = bytearray()
        self.kinds: Counter[str] = Counter()
        self.charged: list[tuple[str, Usage]] = []
        self.unread = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._held += chunk
        *lines, rest = self._held.split(b"\n")
        self._held = bytearray(rest)
        for line in lines:
            self._take(line)

    def close(self) -> None:
        """Take the last line, if it came without its end."""
        self._take(self._held)
        self._held = bytearray()

    @property
    def usage(self) -> Usage:
        """All tokens together."""
        whole = Usage(service_tier="batch")
        for _, usage in self.charged:
            whole = _added(whole, usage)
        return whole

    def _take(self, line: bytes | bytearray) -> None:
        if not line.strip():
            return
        try:
            result = decode_result(bytes(line))
        except ProviderGarbled:
            self.unread += 1
            return
        self.kinds[result.kind] += 1
        usage = result.usage
        if result.kind == "succeeded" and usage is not None:
            self.charged.append((str(result.message.get("model", "")), usage))


def _batched(usage: Usage) -> Usage:
    from dataclasses import replace

    return replace(usage, service_tier="batch")


def _added(one: Usage, other: Usage) -> Usage:
    values: dict[str, object] = {"service_tier": "batch", "estimated": one.estimated or other.estimated}
    for spec in fields(Usage):
        old, new = getattr(one, spec.name), getattr(other, spec.name)
        if type(old) is int:
            values[spec.name] = old + new
    return Usage(**values)  # type: ignore[arg-type]
