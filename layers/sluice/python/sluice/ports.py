"""Protocols for what the core needs from the outside; the adapters are in `sluice.aws` and `sluice.providers`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sluice.types.ledger import LedgerEntry
from sluice.types.routes import Configuration, Timeouts
from sluice.types.tenancy import VirtualKey

if TYPE_CHECKING:
    from sluice.types.batches import BatchRecord
    from sluice.types.budgets import CounterKey, CounterState, Hold
    from sluice.types.stored import StoredResponse
    from sluice.types.uploads import SignedAddress, StoredFile, Upload


@dataclass(frozen=True, slots=True)
class UpstreamCall:
    """One HTTP call to a provider. `url` is absolute; `deadline` a `time.monotonic()` second or None."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    timeouts: Timeouts
    deadline: float | None = None
    allow_loopback: bool = False


class UpstreamAnswer(Protocol):
    """A provider's answer whose head has arrived. Header names are lower-case."""

    status: int
    headers: Mapping[str, str]

    def read(self, limit: int | None = None) -> bytes:
        """Return the whole (rest of the) body and release the connection."""

    def chunks(self, tick: float | None = None) -> Iterator[bytes]:
        """Yield the body as it arrives; b"" each `tick` seconds without bytes.

        Raises:
            ProviderTimeout: no byte within the idle time-out, or the total one is over.
            ProviderUnreachable: the connection was cut before the body's end.
        """

    def close(self) -> None:
        """Release the connection; it is dropped when the body was not read to its end."""


class Transport(Protocol):
    """The only way to a provider."""

    def send(self, call: UpstreamCall) -> UpstreamAnswer:
        """Send and wait for the answer's head.

        Raises:
            ProviderUnreachable: no connection, TLS failure, or the connection broke.
            ProviderTimeout: phase "connect", "first_byte" or "total".
        """


class KeyStore(Protocol):
    """Virtual keys by their id."""

    def find(self, key_id: str) -> VirtualKey | None:
        """Return the key, or None."""


class ConfigurationStore(Protocol):
    """Immutable configuration versions and the pointer to the live one."""

    def current_version(self) -> str | None:
        """Return the live version's hash; None before the first was published."""

    def load(self, version: str) -> Configuration:
        """Return one version.

        Raises:
            KeyError: there is no such version.
        """


class LedgerStore(Protocol):
    """The cost ledger."""

    def put(self, entry: LedgerEntry) -> bool:
        """Write an entry once; False when one with this request id stands already."""

    def get(self, request_id: str) -> LedgerEntry | None:
        """Return the entry, found by its id alone."""

    def versions(self, request_id: str) -> tuple[LedgerEntry, ...]:
        """Return the entry and its later versions, oldest first; empty when there is none."""


class ResponseStore(Protocol):
    """Responses that callers come back to, each found by its own team alone."""

    def put(self, response: StoredResponse) -> None:
        """Write a response; it stands, for every environment of the region, when this returns."""

    def find(self, team: str, response_id: str) -> StoredResponse | None:
        """Return one response of a team, None when it has none of that id."""

    def find_all(self, team: str, response_ids: Iterable[str]) -> dict[str, StoredResponse]:
        """Return those of a team's responses that exist, by id."""

    def delete(self, team: str, response_id: str) -> bool:
        """Delete a response at once; False when there is none."""

    def charge(self, team: str, response_id: str, *, due: bool = False) -> bool:
        """Note that a background answer is charged; True for the one caller who is to charge it.

        With `due` it says so until `paid`: whoever reads it meanwhile sees to its ledger entry.
        """

    def paid(self, team: str, response_id: str) -> None:
        """Note that the ledger entry of a background answer stands."""


class BatchStore(Protocol):
    """Which batch belongs to which team; a record is found with its team only."""

    def put(self, record: BatchRecord) -> None:
        """Write a record, over an older one of the same batch."""

    def find(self, team: str, batch_id: str) -> BatchRecord | None:
        """Return the record of a team's batch, None when the team has none of that id."""

    def of_team(self, team: str) -> tuple[BatchRecord, ...]:
        """Return the records of a team, the latest first."""

    def delete(self, team: str, batch_id: str) -> None:
        """Delete a record; one that is not there is fine."""


class SecretStore(Protocol):
    """Provider keys and the gateway's own pepper."""

    def provider_keys(self) -> Mapping[str, Mapping[str, str]]:
        """Return the bundle: provider -> {"api_key": ...}; never logged."""

    def refresh(self) -> None:
        """Read the bundle again now, as after a 401."""

    def renew(self) -> None:
        """Read the bundle again if what is held is getting old; runs after answers."""

    def pepper(self) -> bytes:
        """Return the key of the HMAC under which virtual keys are stored."""


class PayloadStore(Protocol):
    """Where requests and answers of routes that archive them go."""

    def put(self, key: str, packed: bytes) -> None:
        """Write one object of gzip JSON (`telemetry.payload_keys` has the keys)."""


class LineSink(Protocol):
    """Where structured log lines go (stdout on Lambda)."""

    def write(self, line: str) -> None:
        """Write one line, newline not included."""


class OpenUpload(Protocol):
    """An uploaded file whose size and media type are known and whose content was not read yet."""

    @property
    def size(self) -> int:
        """Its bytes."""

    @property
    def mime_type(self) -> str:
        """Its media type."""

    def read(self) -> bytes:
        """Return the content, once. Raises GatewayError when it breaks off."""

    def close(self) -> None:
        """Leave the content unread."""


class UploadStore(Protocol):
    """Files that callers put beforehand; every one belongs to a team and is found with its team only."""

    def declare(self, upload: Upload) -> None:
        """Remember what a caller is going to put."""

    def find(self, team: str, upload_id: str) -> Upload | None:
        """Return what was declared."""

    def stored(self, team: str, upload_id: str) -> StoredFile | None:
        """Return what was put, None while nothing was."""

    def open(self, team: str, upload_id: str) -> OpenUpload | None:
        """Return the file for reading, None while nothing was put."""

    def put_address(self, upload: Upload, seconds: int) -> SignedAddress:
        """Return where to put the file; it takes the declared size and type only."""

    def get_address(self, team: str, upload_id: str, seconds: int) -> str:
        """Return a URL from which anybody who holds it may read the file."""

    def delete(self, team: str, upload_id: str) -> None:
        """Delete the file and what was declared."""


class UploadAccess(NamedTuple):
    """How the request path comes to uploads: the `store` is made when one is first referred to.

    They live `days` days; `inline_limit` is the most bytes of them that are written into one request.
    """

    store: Callable[[], UploadStore]
    days: int
    inline_limit: int


class Taken(NamedTuple):
    """A counter was changed, now or by an earlier copy of the same call.

    `state` has the sums; of the holds it may have only the one that the call was about.
    """

    state: CounterState


class Refused(NamedTuple):
    """A counter was not changed; `state` is all that stands there."""

    state: CounterState


class CounterStore(Protocol):
    """Budget counters. Every call is one conditional write to one item; sent twice, it takes effect once."""

    def take(self, key: CounterKey, hold: Hold, *, cap: int, slack_cap: int, keep_until: int = 0) -> Taken | Refused:
        """Open a hold if all commitments stay within `cap` and all slack within `slack_cap` (0: no slack was asked).

        `keep_until` (epoch seconds, 0 for ever) is how long the counter is kept.
        """

    def grow(self, key: CounterKey, old: Hold, new: Hold, *, cap: int, slack_cap: int) -> Taken | Refused:
        """Replace a hold by its next revision. One with a smaller amount gives money back and is never over the cap."""

    def close(self, key: CounterKey, hold: Hold, spent: int) -> Taken | Refused:
        """End a hold in this very revision; `spent` of it stays committed. Refused: it does not stand (any more)."""

    def read(self, key: CounterKey) -> CounterState:
        """Return what stands there now; a counter that nobody wrote is empty."""

    def read_all(self, keys: Iterable[CounterKey]) -> Mapping[CounterKey, CounterState]:
        """Return what stands in each of these counters now."""

    def seal(self, key: CounterKey, *, keep_until: int = 0) -> CounterState:
        """Let a counter take no more money from now on, and return what stands there."""

    def parts(self, name: str) -> Mapping[str, CounterState]:
        """Return every part of a counter by its name, those of other regions as this region knows them."""

    def give(self, key: CounterKey, part: str, amount: int, *, before: int, cap: int) -> Taken | Refused:
        """Give `amount` of what is free for another part to spend, which got `before` from this one until now."""

    def correct(self, key: CounterKey, amount: int, *, before: int) -> Taken | Refused:
        """Add to what is spent and committed (less, for a negative amount), as correction number `before` + 1."""

    def prune(self, key: CounterKey, fences: Mapping[str, int]) -> None:
        """Forget fences that still have these numbers."""


class Draw(NamedTuple):
    """What is drawn from one token bucket, in nanoseconds of its flow; it holds `depth` of them at most."""

    cost: int
    depth: int


class Drawn(NamedTuple):
    """A draw took place. `levels` tells for each bucket the moment (epoch nanoseconds) at which it will be full."""

    levels: Mapping[str, int]


class Dry(NamedTuple):
    """Nothing was drawn from any bucket: at least one has too little."""

    levels: Mapping[str, int]


class BucketStore(Protocol):
    """Token buckets; those of one limit stand in one item."""

    def draw(self, key: CounterKey, draws: Mapping[str, Draw], now: int) -> Drawn | Dry:
        """Draw from all these buckets or from none, at the moment `now` (epoch nanoseconds)."""

    def charge(self, key: CounterKey, costs: Mapping[str, int], now: int) -> Mapping[str, int]:
        """Draw whatever is there or not (nanoseconds of flow), and return the levels."""


class UsageReader(Protocol):
    """Usage as the roll-up keeps it (`metering.rollup`)."""

    def cells(self, partition: str, prefix: str = "") -> Iterator[tuple[tuple[str, str], dict[str, int]]]:
        """Yield (partition key, sort key) and columns of a partition's cells whose sort keys begin with `prefix`."""
