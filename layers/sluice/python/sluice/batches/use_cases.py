"""Message batches: handed to one provider, described and listed to the team that created them, and charged once.

All models of a batch must lead to one provider. A batch is charged when its results are first read to their end: one
ledger entry whose request id follows from the batch, so that reading them again writes nothing. What the vendor calls
`results_url` is given without a host, which SDKs resolve against the address they call.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from sluice.batches.charges import entry_of, request_id_of
from sluice.batches.plans import NAME, OPERATION, deployment_of, rewritten, shared_deployments, strict_models
from sluice.dialects import JSON
from sluice.dialects import anthropic_batches as wire
from sluice.dialects.anthropic_batches import Batch
from sluice.dialects.splice import parse_body
from sluice.dispatch import SETTLE_SECONDS
from sluice.errors import BadRequest, NotFound, ProviderError, ProviderGarbled
from sluice.governance.end_user import end_user
from sluice.metering.tally import Tally
from sluice.pipeline import Services, answer_headers, run
from sluice.ports import BatchStore, Transport, UpstreamAnswer, UpstreamCall
from sluice.providers.addresses import endpoint_url
from sluice.providers.auth import Outgoing, scrubbed
from sluice.settle import Closed
from sluice.types.batches import BatchRecord
from sluice.types.clock import NanoUSD
from sluice.types.http import Request, Response
from sluice.types.ledger import Attempt, LedgerEntry
from sluice.types.routes import Deployment, Timeouts
from sluice.types.tenancy import Caller

_FORWARDED = ("anthropic-version", "anthropic-beta")
_MOST = 1000
"""The most batches of one page (Anthropic API reference, "List Message Batches", 2026-11)."""


class Batches:
    """The use cases."""

    def __init__(self, services: Services, store: BatchStore, transport: Transport) -> None:
        self._services = services
        self._store = store
        self._transport = transport

    def create(self, request: Request) -> Response:
        """Hand a batch to its provider. It has a ledger entry of its own, which costs nothing."""
        return run(request, OPERATION, NAME, self._services, step=self._create)

    def show(self, request: Request, batch_id: str) -> Response:
        """Describe a batch as its provider does now. Raises NotFound, ProviderError."""
        record, deployment = self._owned(request, batch_id)
        return self._described(self._send(deployment, "GET", f"/{record.id}", request), record)

    def cancel(self, request: Request, batch_id: str) -> Response:
        """Stop a batch; what is done already is kept and charged. Raises NotFound, ProviderError."""
        record, deployment = self._owned(request, batch_id)
        return self._described(self._send(deployment, "POST", f"/{record.id}/cancel", request), record)

    def delete(self, request: Request, batch_id: str) -> Response:
        """Delete a batch that has ended, with its results, which are charged before. Raises NotFound, ProviderError."""
        record, deployment = self._owned(request, batch_id)
        charged = self._charge_unread(record, deployment, request)
        self._send(deployment, "DELETE", f"/{record.id}", request).read()
        if not charged:
            self._close(record, ())
        self._store.delete(record.team, record.id)
        return _json(wire.encode_deleted(record.id))

    def listed(self, request: Request) -> Response:
        """List the team's batches, the latest first; `limit`, `after_id` and `before_id` as the vendor has them."""
        caller = self._services.authenticator.authenticate(request.headers, principal=request.principal)
        page, more = _paged(self._store.of_team(caller.team), request.query)
        live: dict[str, Batch] = {}
        for provider in dict.fromkeys(record.provider for record in page if not _ended(record)):
            first = next(record for record in page if record.provider == provider)
            answer = self._send(self._deployment(first), "GET", "", request, query=f"?limit={_MOST}")
            live.update((batch.id, batch) for batch in wire.decode_page(_object(answer.read())))
        return _json(wire.encode_page([self._latest(record, live) for record in page], more))

    def results(self, request: Request, batch_id: str) -> Response:
        """Pass the results on as they come, and charge them when all have been read. Raises NotFound, ProviderError."""
        record, deployment = self._owned(request, batch_id)
        answer = self._send(deployment, "GET", f"/{record.id}/results", request)
        meter = wire.ResultMeter()
        whole: list[bool] = []

        def passed() -> Iterator[bytes]:
            chunks = answer.chunks()
            try:
                for chunk in chunks:
                    meter.feed(chunk)
                    yield chunk
            except GeneratorExit:
                for chunk in chunks:  # the caller has left; the batch is charged all the same
                    meter.feed(chunk)
                whole.append(True)
                raise
            finally:
                answer.close()
            whole.append(True)

        def after() -> None:
            if whole:
                self._charge(record, meter)

        charged_as = request_id_of(record)
        headers = {
            "content-type": answer.headers.get("content-type", "application/x-jsonl"),
            "cache-control": "no-store",
            # The entry that charges the batch is found under this id, however often the results are read.
            "x-request-id": charged_as,
            "request-id": charged_as,
        }
        return Response(200, headers, passed(), after)

    def _create(self, request: Request, tally: Tally, closed: Closed, services: Services) -> Response:
        tally.free = True
        document = parse_body(request.body)
        items = wire.decode_create(document.members, len(request.body))
        tally.requested = ", ".join(dict.fromkeys(item.model for item in items))[:256]
        tally.prompt_bytes = len(request.body)
        tally.user = tally.caller.user or end_user(request.headers, NAME, {})
        configuration = services.configuration.current()
        tally.config_version = configuration.version
        deployments = shared_deployments(items, services.router, configuration, tally.caller)
        tally.deployment = deployment = deployments[items[0].model]
        body = rewritten(document, items, deployments, strict_models(items, configuration))
        if (configuration.budgets or configuration.limits) and services.gate is not None:
            from sluice.batches.budgeting import batch_ticket

            tally.ticket = batch_ticket(services.gate(), items, deployments, tally, configuration)
        services.settlement.lines.write(services.open_line(tally))
        answer = self._attempted(tally, deployment, request, request.body if body is None else body)
        # From here on the provider works on it, whatever becomes of this request.
        holds = tally.ticket.keep() if tally.ticket is not None else ()
        raw = answer.read()
        batch = wire.decode_batch(_object(raw))
        record = BatchRecord(
            team=tally.caller.team,
            id=batch.id,
            provider=deployment.provider.name,
            models={found.upstream_model: found.model.id for found in deployments.values()},
            created_ms=tally.wall_ms,
            key_id=tally.caller.key.id,
            config_version=configuration.version,
            tags=tally.caller.tags,
            session=tally.caller.session,
            latest=wire.encode_batch(batch),
            holds=holds,
            user=tally.user,
        )
        self._keep(record, deployment, request, tally)
        closed.line()
        return Response(200, answer_headers(tally, JSON), _with_own_url(raw, batch), closed.after)

    def _keep(self, record: BatchRecord, deployment: Deployment, request: Request, tally: Tally) -> None:
        """Write the record of a new batch; a batch that nobody could find again is stopped."""
        try:
            self._store.put(record)
        except Exception:
            try:
                self._send(deployment, "POST", f"/{record.id}/cancel", request).read()
            except ProviderError as error:
                self._services.settlement.report("batch_orphaned", error)
            else:
                if tally.ticket is not None:
                    tally.ticket.take_back()
            raise

    def _attempted(self, tally: Tally, deployment: Deployment, request: Request, body: bytes) -> UpstreamAnswer:
        clock = self._services.clock
        started, started_ms = clock.monotonic(), int(clock.epoch() * 1000)
        status, outcome, message = 200, "ok", ""
        try:
            return self._send(deployment, "POST", "", request, body=body)
        except ProviderError as error:
            status, outcome, message = error.provider_status, error.kind, error.message[:200]
            raise
        finally:
            spent = clock.monotonic() - started
            tally.waited += spent
            tally.attempts.append(
                Attempt(deployment.name, status, outcome, started_ms, int(spent * 1000), message=message)
            )

    def _send(
        self,
        deployment: Deployment,
        method: str,
        suffix: str,
        request: Request,
        *,
        body: bytes = b"",
        query: str = "",
    ) -> UpstreamAnswer:
        """Return a provider's 2xx answer; a key that it refuses is read again once, and nothing else is repeated."""
        provider = deployment.provider
        refreshed = False
        headers = {
            **({"content-type": JSON} if method == "POST" else {}),
            "accept-encoding": "identity",
            "user-agent": "sluice",
            **provider.headers,
            **{name: request.headers[name] for name in _FORWARDED if name in request.headers},
        }
        url = endpoint_url(provider.base_url, deployment.endpoint.path + suffix) + query
        while True:
            address, vouched = self._services.credentials.authorize(Outgoing(method, url, headers, body), provider)
            call = UpstreamCall(
                method=method,
                url=address,
                headers=vouched,
                body=body,
                timeouts=Timeouts(),
                deadline=None if request.deadline is None else request.deadline - SETTLE_SECONDS,
                allow_loopback=provider.allow_loopback,
            )
            answer = self._transport.send(call)
            if 200 <= answer.status < 300:
                return answer
            error = wire.decode_error(answer.status, answer.headers, scrubbed(answer.read(), vouched))
            error.provider = provider.name
            stale = error.kind == "authentication" and not refreshed
            if not stale or not self._services.credentials.refresh(provider.name, vouched):
                raise error
            refreshed = True

    def _owned(self, request: Request, batch_id: str) -> tuple[BatchRecord, Deployment]:
        caller: Caller = self._services.authenticator.authenticate(request.headers, principal=request.principal)
        record = self._store.find(caller.team, batch_id)
        if record is None:
            raise NotFound(
                f"Team {caller.team} has no message batch {batch_id[:80]!r}. A batch is kept for 30 days, and only the "
                "team that created it can see it.",
                code="batch_not_found",
            )
        return record, self._deployment(record)

    def _deployment(self, record: BatchRecord) -> Deployment:
        return deployment_of(record, self._services.router, self._services.configuration.current())

    def _described(self, answer: UpstreamAnswer, record: BatchRecord) -> Response:
        raw = answer.read()
        batch = wire.decode_batch(_object(raw))
        self._note(record, batch)
        return Response(200, {"content-type": JSON, "cache-control": "no-store"}, _with_own_url(raw, batch))

    def _latest(self, record: BatchRecord, live: Mapping[str, Batch]) -> Batch:
        batch = live.get(record.id)
        if batch is None:
            batch = wire.decode_batch(record.latest)
        else:
            self._note(record, batch)
        return replace(batch, results_url=_own_url(batch))

    def _note(self, record: BatchRecord, batch: Batch) -> None:
        """Remember how a batch stands, so that one that has ended need not be asked about again."""
        if record.latest.get("processing_status") != batch.processing_status:
            if _fruitless(batch):
                self._close(record, ())
            self._store.put(replace(record, latest=wire.encode_batch(batch)))

    def _charge_unread(self, record: BatchRecord, deployment: Deployment, request: Request) -> bool:
        """Charge a batch whose results may never be read: after the deletion nobody could. False: it has none."""
        try:
            answer = self._send(deployment, "GET", f"/{record.id}/results", request)
        except ProviderError as error:
            if error.kind in ("bad_request", "not_found"):
                return False  # it has no results (yet), and the provider has the say on its deletion
            raise
        meter = wire.ResultMeter()
        for chunk in answer.chunks():
            meter.feed(chunk)
        self._charge(record, meter)
        return True

    def _charge(self, record: BatchRecord, meter: wire.ResultMeter) -> None:
        """Enter the batch in the ledger, unless it stands there already, and close its holds with what stands there."""
        meter.close()
        settlement, configuration = self._services.settlement, self._services.configuration.current()
        entry = entry_of(record, meter, self._services.router, configuration, region=self._services.region)
        try:
            fresh = self._services.ledger.put(entry)
        except Exception as error:
            fresh = True  # the line holds the entry; reconcile puts it in
            settlement.report("ledger_failed", error, entry.request_id)
        if fresh:
            settlement.lines.write(settlement.encode(entry, False))
        self._close(record, self._stands(entry) if record.holds and not fresh else entry.holds)

    def _stands(self, entry: LedgerEntry) -> tuple[tuple[str, NanoUSD], ...]:
        """Return what an entry that was written before says about holds."""
        try:
            return (self._services.ledger.get(entry.request_id) or entry).holds
        except Exception as error:
            self._services.settlement.report("ledger_failed", error, entry.request_id)
            return entry.holds

    def _close(self, record: BatchRecord, paid: Iterable[tuple[str, NanoUSD]]) -> None:
        """Close what was set aside for a batch; where it was closed already, nothing changes."""
        if record.holds and self._services.gate is not None:
            self._services.gate().standing.close(record.holds, paid)


def use_cases(
    services: Services, store: Callable[[], BatchStore] | None, transport: Transport
) -> Mapping[str, Callable[[Request, str], Response]]:
    """Return the use cases by operation, each `(request, batch id) -> Response`."""
    if store is None:
        raise NotFound("This gateway keeps no message batches.", code="unknown_endpoint")
    batches = Batches(services, store(), transport)
    return {
        "message_batch_create": lambda request, _: batches.create(request),
        "message_batch_list": lambda request, _: batches.listed(request),
        "message_batch_show": batches.show,
        "message_batch_results": batches.results,
        "message_batch_cancel": batches.cancel,
        "message_batch_delete": batches.delete,
    }


def _paged(records: Sequence[BatchRecord], query: Mapping[str, str]) -> tuple[Sequence[BatchRecord], bool]:
    limit = query.get("limit") or "20"
    if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit[:9]) <= _MOST:
        raise BadRequest(f"'limit' must be a number from 1 to {_MOST}.", param="limit")
    size, ids = int(limit), [record.id for record in records]
    before, after = query.get("before_id"), query.get("after_id")
    if before in ids:
        stop = ids.index(before)
        return records[max(stop - size, 0) : stop], stop > size
    start = ids.index(after) + 1 if after in ids else 0
    return records[start : start + size], start + size < len(records)


def _ended(record: BatchRecord) -> bool:
    return record.latest.get("processing_status") == "ended"


def _fruitless(batch: Batch) -> bool:
    """Return whether a batch has ended without one answer: then nothing of it will ever be charged."""
    counts = batch.counts
    over = counts.errored + counts.canceled + counts.expired
    return batch.processing_status == "ended" and over > 0 == counts.processing + counts.succeeded


def _own_url(batch: Batch) -> str | None:
    return f"/v1/messages/batches/{batch.id}/results" if batch.results_url is not None else None


def _with_own_url(raw: bytes, batch: Batch) -> bytes:
    """Return the provider's bytes, but for the place of the results."""
    if batch.results_url is None:
        return raw
    return str(parse_body(raw).edited({"results_url": _own_url(batch)})).encode()


def _object(raw: bytes) -> Mapping[str, object]:
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise ProviderGarbled("The provider did not answer with a JSON object.")
    return found


def _json(body: object) -> Response:
    return Response(200, {"content-type": JSON, "cache-control": "no-store"}, json.dumps(body).encode())
