"""The failover drill in short: seconds of each outage; `make failover` plays three minutes."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from sluice.types.ledger import Attempt, LedgerEntry
from sluice.types.usage import Usage
from tests.drills.chaos_callers import CHAT, Told, Wish
from tests.drills.failover import CAPPED, SHORT, Result, judge, run
from tests.drills.failover_aws import AwsProxy, Replication
from tests.drills.failover_front import Outcome
from tests.emulator import Emulator, missing


@pytest.mark.stack
@pytest.mark.skipif(missing() is not None, reason=str(missing()))
@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at processes in /proc")
def test_the_other_region_serves_while_one_loses_tables_secrets_or_functions(tmp_path: Path) -> None:
    result = run(tmp_path, SHORT)
    assert result.wrong == []
    assert result.figures["overspend_nano_usd"] == 0
    assert result.figures["moves_by_health_checks"] != 0


def told(verdict: str = "whole", request_id: str = "req_1", tags: str = "") -> Outcome:
    wish = Wish(CHAT, "simulator/sim-fast", "x", True, tags=tags)
    return Outcome(Told(wish, verdict, 200, request_id, 0.1), verdict, verdict, 1, "r", 0.0, (request_id,))


def entry(request_id: str = "req_1", **changes: object) -> LedgerEntry:
    plain = LedgerEntry(
        request_id=request_id,
        team="t",
        key_id="k",
        operation="chat",
        dialect="openai_chat",
        requested_model="m",
        deployment="simulator/sim-fast",
        provider="simulator",
        model="sim-fast",
        status=200,
        outcome="ok",
        usage=Usage(input=1, output=1),
        cost=500,
        price_version="",
        config_version="",
        stream=True,
        started_ms=0,
        duration_ms=1,
        first_byte_ms=1,
        overhead_us=1,
        attempts=(Attempt("simulator/sim-fast", 200, "ok", 0, 1),),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


REFUSED = told("status 402", "req_2", CAPPED)


@pytest.mark.parametrize(
    ("outcomes", "entries", "answered", "found"),
    [
        ([told("status 503")], [entry()], 1, "success"),
        ([told("status 402")], [entry()], 1, "success"),
        ([told()], [], 0, "without an entry"),
        ([told()], [entry(), entry()], 2, "two entries"),
        ([told()], [entry(outcome="lost")], 1, "not entered as paid"),
        ([told()], [entry()], 0, "1 answers were charged"),
        ([told()], [entry()], 2, "2 answers given"),
        ([told()], [entry(cost=1_001, tags=(("job", CAPPED),))], 1, "overspent by 1"),
    ],
)
def test_the_drill_sees(outcomes: list[Outcome], entries: list[LedgerEntry], answered: int, found: str) -> None:
    result = Result([*outcomes, REFUSED], {"r": entries})
    judge(result, 1_000, answered)
    assert any(found in wrong for wrong in result.wrong), result.wrong


def test_the_drill_passes_what_is_right_and_wants_the_cap_to_be_tried() -> None:
    result = Result([told(), REFUSED], {"r": [entry(tags=(("job", CAPPED),))]})
    judge(result, 1_000, 1)
    assert result.wrong == []
    never = Result([told()], {"r": [entry()]})
    judge(never, 1_000, 1)
    assert never.wrong == ["the small budget was never spent, so nothing was tried"]


@pytest.mark.stack
def test_what_one_region_writes_arrives_in_the_other_and_does_not_come_back(emulator: Emulator, tmp_path: Path) -> None:
    from tests.emulator import started

    with started(tmp_path) as opened:
        second = replace(opened, region="eu-west-1")
        for side in (emulator, second):
            side.create_tables("twin")
        copies = Replication({"us-east-1": emulator.url, "eu-west-1": second.url}, "twin")
        item = {"pk": {"S": "a"}, "sk": {"S": "us-east-1#0"}, "n": {"N": "1"}}
        emulator.call("DynamoDB_20120810.PutItem", {"TableName": "twin-usage", "Item": item})
        copies.copy()
        copies.copy()
        page = second.call("DynamoDB_20120810.Scan", {"TableName": "twin-usage"})
        copies.close()
        assert (page["Items"], copies.copied) == ([item], 1)


@pytest.mark.stack
def test_the_proxy_lets_one_service_fail_and_passes_the_other(emulator: Emulator) -> None:
    async def statuses() -> list[int]:
        proxy = AwsProxy(emulator.url)
        await proxy.start()
        proxy.faults["secretsmanager"] = "error"
        found = []
        for target in ("DynamoDB_20120810.ListTables", "secretsmanager.ListSecrets"):
            reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
            head = f"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: {target}\r\nContent-Length: 2\r\n"
            sign = "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request\r\n"
            writer.write(f"{head}{sign}\r\n{{}}".encode())
            found.append(int((await reader.readline()).split()[1]))
            writer.close()
            await writer.wait_closed()
        await proxy.close()
        return found

    assert asyncio.run(statuses()) == [200, 500]
