"""What happens around the last byte: the canonical log line before it, ledger and refreshes after it.

The line is written first, so that an environment that dies before the ledger entry stands leaves enough to rebuild
it (`reconcile`). Nothing here can fail the request: it has been answered.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from sluice.metering.tally import Tally
from sluice.ports import LedgerStore, LineSink
from sluice.types.ledger import LedgerEntry
from sluice.types.routes import Deployment


def _unwatched(deployment: Deployment, outcome: str, kind: str) -> None:
    """Learn nothing from how an answer ended."""


@dataclass(frozen=True)
class Settlement:
    """Closes requests. `encode` turns an entry into its log line; `refreshes` run after each request.

    `attempts` gives the further lines of a request that went to several providers, `fault` the line of a fault: what
    happened, the error's class, and the request's id or "".
    """

    ledger: LedgerStore
    lines: LineSink
    encode: Callable[[LedgerEntry, bool], str]
    monotonic: Callable[[], float]
    refreshes: tuple[Callable[[], None], ...] = ()
    watch: Callable[[Deployment, str, str], None] = _unwatched
    """Is told how a deployment's answer ended: the outcome and the error kind of its entry."""
    attempts: Callable[[LedgerEntry], Iterable[str]] | None = None
    fault: Callable[[str, str, str], str] | None = None

    def close(self, tally: Tally, cold_start: bool) -> Closed:
        """Return the pair of steps for one request."""
        return Closed(self, tally, cold_start)

    def refresh(self) -> None:
        """Renew snapshots that are getting old; a failure is logged and tried again after the next request."""
        for step in self.refreshes:
            try:
                step()
            except Exception as error:
                self.report("refresh_failed", error)

    def report(self, event: str, error: BaseException, request_id: str = "") -> None:
        """Write one line about a fault of the gateway's own; only the error's class is named."""
        named = type(error).__name__
        if self.fault is not None:
            self.lines.write(self.fault(event, named, request_id))
            return
        self.lines.write(f'{{"kind":"fault","event":"{event}","error":"{named}","request_id":"{request_id}"}}')


class Closed:
    """`line` before the last byte, `after` behind it; both may be called more than once and act once."""

    __slots__ = ("_cold", "_entry", "_put", "_settlement", "_tally")

    def __init__(self, settlement: Settlement, tally: Tally, cold_start: bool) -> None:
        self._settlement = settlement
        self._tally = tally
        self._cold = cold_start
        self._entry: LedgerEntry | None = None
        self._put = False

    def line(self) -> None:
        """Write the canonical line of the request."""
        if self._entry is not None:
            return
        now = self._settlement.monotonic()
        if self._tally.ticket is not None:
            self._settle(now)
        if self._tally.deployment is not None:
            self._settlement.watch(self._tally.deployment, self._tally.outcome, self._tally.error_kind)
        self._entry = self._tally.entry(now)
        try:
            self._settlement.lines.write(self._settlement.encode(self._entry, self._cold))
            if len(self._entry.attempts) > 1 and self._settlement.attempts is not None:
                for line in self._settlement.attempts(self._entry):
                    self._settlement.lines.write(line)
        except Exception as error:
            self._settlement.report("line_failed", error, self._tally.request_id)

    def _settle(self, now: float) -> None:
        ticket = self._tally.ticket
        try:
            self._tally.holds = ticket.settle(self._tally, now) if ticket is not None else ()
        except Exception as error:
            # The lease behind it lapses, and what the entry says is taken from it then.
            self._settlement.report("settle_failed", error, self._tally.request_id)

    def after(self) -> None:
        """Write the ledger entry and renew snapshots."""
        self.line()
        if self._put or self._entry is None:
            return
        self._put = True
        try:
            self._settlement.ledger.put(self._entry)
        except Exception as error:
            # The line above holds the entry; reconcile puts it in.
            self._settlement.report("ledger_failed", error, self._tally.request_id)
        self._settlement.refresh()
