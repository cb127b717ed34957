"""Each vendor's documented answers become the same kind of statement, whatever their pages, units and clocks."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from sluice.control.invoices.anthropic import Anthropic
from sluice.control.invoices.openai import USAGES, OpenAI
from sluice.control.invoices.openrouter import OpenRouter
from sluice.control.invoices.snowflake import SnowflakeCortex
from sluice.control.invoices.statements import Figures, Statement, VendorFailed
from tests.unit.control.invoices.stubs import SECRET, Answer, Asked, Stub, serving

DAY = date(2026, 11, 20)
START = 1_795_132_800  # 2026-11-20T00:00:00Z
HOURS = 3600


def figures(statement: Statement) -> dict[str, Figures]:
    return {line.name: line.figures for line in statement.lines}


def openai_bucket(results: list[dict[str, Any]], start: int = START) -> dict[str, Any]:
    return {"object": "bucket", "start_time": start, "end_time": start + 24 * HOURS, "results": results}


def openai_page(*buckets: dict[str, Any], following: str | None = None) -> Answer:
    return Answer({"object": "page", "data": list(buckets), "has_more": following is not None, "next_page": following})


def used(model: str, tokens: int, output: int, requests: int) -> dict[str, Any]:
    return {
        "object": "organization.usage.completions.result",
        "input_tokens": tokens,
        "output_tokens": output,
        "input_cached_tokens": tokens // 2,
        "num_model_requests": requests,
        "project_id": None,
        "model": model,
        "batch": None,
    }


def charged(item: str | None, value: float | str, currency: str = "usd") -> dict[str, Any]:
    amount = {"value": value, "currency": currency}
    return {"object": "organization.costs.result", "amount": amount, "line_item": item, "project_id": None}


def openai(asked: Asked) -> Answer:
    """A day with two pages of completions, one of embeddings, pictures, and two pages of costs."""
    what, page = asked.path.rpartition("/")[2], asked.query.get("page", [""])[0]
    if what == "completions":
        if not page:
            return openai_page(openai_bucket([used("gpt-5-2025-08-07", 1000, 500, 5)]), following="AAAA=")
        return openai_page(openai_bucket([used("gpt-5-mini", 10, 5, 1), used("gpt-5-2025-08-07", 1, 1, 1)]))
    if what == "embeddings":
        embedded = {"object": "organization.usage.embeddings.result", "input_tokens": 70, "num_model_requests": 2}
        return openai_page(openai_bucket([{**embedded, "model": "text-embedding-3-small"}]))
    if what == "images":
        made = {"object": "organization.usage.images.result", "images": 2, "num_model_requests": 1}
        return openai_page(openai_bucket([{**made, "model": "gpt-image-1"}]))
    if what == "costs":
        if not page:
            costs = [charged("gpt-5-2025-08-07, input_tokens", 0.1), charged("gpt-5-2025-08-07, output_tokens", 0.2)]
            return openai_page(openai_bucket(costs), following="BBBB=")
        return openai_page(openai_bucket([charged("web search tool calls", "0.03"), charged(None, 0.000000001)]))
    return openai_page(openai_bucket([]))


def test_openai_usage_and_costs_become_one_line_per_model() -> None:
    with serving(openai) as stub:
        statement = OpenAI(stub.caller(), base_url=stub.url).statement(DAY)
    assert figures(statement) == {
        "gpt-5-2025-08-07": Figures(300_000_000, 1001, 501, 6),  # 0.1 + 0.2 to the nano
        "gpt-5-mini": Figures(None, 10, 5, 1),
        "text-embedding-3-small": Figures(None, 70, None, 2),
        "gpt-image-1": Figures(None, None, None, 1),
        "web search tool calls": Figures(30_000_000),
        "": Figures(1),
    }


def test_openai_is_asked_for_exactly_one_utc_day_by_model_and_line_item() -> None:
    with serving(openai) as stub:
        OpenAI(stub.caller(), base_url=stub.url).statement(DAY)
    paths = {request.path for request in stub.asked}
    assert paths == {f"/v1/organization/usage/{what}" for what in USAGES} | {"/v1/organization/costs"}
    for request in stub.asked:
        assert request.query["start_time"] == [str(START)]
        assert request.query["end_time"] == [str(START + 24 * HOURS)]
        assert request.query["bucket_width"] == ["1d"]
        assert request.query["group_by[]"] == ["line_item" if request.path.endswith("costs") else "model"]
        assert request.headers["authorization"] == f"Bearer {SECRET}"


def test_openai_buckets_of_other_days_are_left_out() -> None:
    def around(asked: Asked) -> Answer:
        wanted = used("gpt-5", 1, 1, 1) if "usage" in asked.path else charged("gpt-5, output", 1)
        starts = (START - 24 * HOURS, START, START + 24 * HOURS)
        return openai_page(*(openai_bucket([wanted], start) for start in starts))

    with serving(around) as stub:
        statement = OpenAI(stub.caller(), base_url=stub.url).statement(DAY)
    (line,) = statement.lines
    assert line.figures == Figures(1_000_000_000, len(USAGES), len(USAGES), len(USAGES))


def test_costs_in_another_currency_are_refused() -> None:
    def euros(asked: Asked) -> Answer:
        return openai_page(openai_bucket([charged("gpt-5, output", 1, "eur")] if "costs" in asked.path else []))

    with serving(euros) as stub, pytest.raises(VendorFailed, match="not in USD"):
        OpenAI(stub.caller(), base_url=stub.url).statement(DAY)


def anthropic_page(results: list[dict[str, Any]], following: str | None = None, start: str = "") -> Answer:
    bucket = {"starting_at": start or "2026-11-20T00:00:00Z", "ending_at": "2026-11-21T00:00:00Z", "results": results}
    return Answer({"data": [bucket], "has_more": following is not None, "next_page": following})


def anthropic(asked: Asked) -> Answer:
    if asked.path == "/v1/organizations/usage_report/messages":
        message = {
            "api_key_id": None,
            "cache_creation": {"ephemeral_1h_input_tokens": 1000, "ephemeral_5m_input_tokens": 500},
            "cache_read_input_tokens": 200,
            "context_window": None,
            "model": "claude-sonnet-4-5-20250929",
            "output_tokens": 500,
            "server_tool_use": {"web_search_requests": 10},
            "service_tier": None,
            "uncached_input_tokens": 1500,
            "workspace_id": None,
        }
        return anthropic_page([message])
    cost = {"currency": "USD", "amount": "123.45", "model": "claude-sonnet-4-5-20250929", "description": "Input"}
    if "page" not in asked.query:
        return anthropic_page([cost], following="page_MjAyNS0wNS0xNFQwMDowMDowMFo=")
    return anthropic_page([{**cost, "model": None, "amount": "10", "description": "Code Execution Usage"}])


def test_anthropic_cents_become_dollars_and_all_classes_of_input_one_prompt() -> None:
    with serving(anthropic) as stub:
        caller = stub.caller("anthropic", **{"x-api-key": SECRET, "anthropic-version": "2023-06-01"})
        statement = Anthropic(caller, base_url=stub.url).statement(DAY)
    assert figures(statement) == {
        "claude-sonnet-4-5-20250929": Figures(1_234_500_000, 3200, 500),
        "Code Execution Usage": Figures(100_000_000),
    }
    assert statement.states == {"cost", "input", "output"}
    for request in stub.asked:
        assert request.query["starting_at"] == ["2026-11-20T00:00:00Z"]
        assert request.query["ending_at"] == ["2026-11-21T00:00:00Z"]
        assert request.headers["x-api-key"] == SECRET
    groups = sorted(request.query["group_by[]"] for request in stub.asked)
    assert groups == [["description"], ["description"], ["model"]]


@pytest.mark.parametrize(
    ("start", "counts"),
    [
        ("2026-11-20T00:00:00+00:00", True),
        ("2026-11-20T02:00:00+02:00", True),
        ("2026-11-20T00:00:00+02:00", False),
        ("2026-11-21T00:00:00Z", False),
        ("2026-11-19T00:00:00Z", False),
    ],
)
def test_a_bucket_counts_when_it_begins_within_the_utc_day(start: str, counts: bool) -> None:
    def shifted(asked: Asked) -> Answer:
        used = {"uncached_input_tokens": 1, "output_tokens": 1, "model": "claude-haiku-4-5"}
        return anthropic_page([used] if "usage_report" in asked.path else [], start=start)

    with serving(shifted) as stub:
        statement = Anthropic(stub.caller("anthropic"), base_url=stub.url).statement(DAY)
    assert bool(statement.lines) == counts


def test_a_bucket_without_a_zone_is_malformed() -> None:
    with serving(lambda _: anthropic_page([], start="2026-11-20T00:00:00")) as stub, pytest.raises(VendorFailed):
        Anthropic(stub.caller("anthropic"), base_url=stub.url).statement(DAY)


def activity(**changes: object) -> dict[str, Any]:
    item = {
        "byok_usage_inference": 0.012,
        "completion_tokens": 125,
        "date": "2026-11-20",
        "endpoint_id": "550e8400-e29b-41d4-a716-446655440000",
        "model": "openai/gpt-4.1",
        "model_permaslug": "openai/gpt-4.1-2025-04-14",
        "prompt_tokens": 50,
        "provider_name": "OpenAI",
        "reasoning_tokens": 25,
        "requests": 5,
        "usage": 0.015,
    }
    return {**item, **changes}


def test_openrouter_endpoints_of_one_model_are_added_up_and_other_days_left_out() -> None:
    items = [
        activity(),
        activity(provider_name="Azure", usage=0.1, requests=1, date="2026-11-20 00:00:00"),
        activity(date="2026-11-19"),
        activity(model="anthropic/claude-haiku-4.5", usage=0),
    ]
    with serving(lambda _: Answer({"data": items})) as stub:
        statement = OpenRouter(stub.caller("openrouter"), base_url=f"{stub.url}/api").statement(DAY)
    assert figures(statement) == {
        "openai/gpt-4.1": Figures(115_000_000, 100, 250, 6),
        "anthropic/claude-haiku-4.5": Figures(0, 50, 125, 5),
    }
    (request,) = stub.asked
    assert (request.path, request.query) == ("/api/v1/activity", {"date": ["2026-11-20"]})


HANDLE = "01b2c3d4-0000-1111-0000-000000000001"


def rows(data: list[list[str | None]], parts: int = 1) -> Answer:
    meta = {"numRows": len(data), "partitionInfo": [{"rowCount": 1, "uncompressedSize": 9}] * parts, "rowType": []}
    members = {"code": "090001", "statementHandle": HANDLE, "sqlState": "00000", "message": "Statement executed"}
    return Answer({**members, "resultSetMetaData": meta, "data": data})


def snowflake(stub: Stub, **options: Any) -> SnowflakeCortex:
    return SnowflakeCortex(stub.caller("snowflake_cortex"), base_url=stub.url, request_id=lambda: "id-1", **options)


def test_snowflake_is_waited_for_and_every_partition_read() -> None:
    def answer(asked: Asked) -> Answer:
        if asked.method == "POST":
            return Answer({"code": "333334", "message": "in progress", "statementHandle": HANDLE}, 202)
        if "partition" in asked.query:
            return Answer({"data": [["llama3.1-70b", "1", "30", "10"]]})
        return rows([["claude-sonnet-4-5", "2", "1000", "400"]], parts=2)

    with serving(answer) as stub:
        stub.first = [Answer({"code": "333334", "statementHandle": HANDLE}, 202)] * 2
        statement = snowflake(stub, warehouse="SMALL", role="BILLING").statement(DAY)
    assert figures(statement) == {
        "claude-sonnet-4-5": Figures(None, 600, 400, 2),
        "llama3.1-70b": Figures(None, 20, 10, 1),
    }
    assert "cost" not in statement.states
    first = stub.asked[0]
    assert (first.path, first.query) == ("/api/v2/statements", {"requestId": ["id-1"]})
    assert (first.body["warehouse"], first.body["role"]) == ("SMALL", "BILLING")
    assert "'2026-11-20T00:00:00+00:00'" in first.body["statement"]
    assert "'2026-11-21T00:00:00+00:00'" in first.body["statement"]
    assert stub.asked[-1].path == f"/api/v2/statements/{HANDLE}"
    assert stub.asked[-1].query == {"partition": ["1"]}


def test_snowflake_credits_become_dollars_by_the_configured_rate_and_currency_stands_under_no_model() -> None:
    def answer(asked: Asked) -> Answer:
        statement = asked.body["statement"]
        if "USAGE_IN_CURRENCY_DAILY" in statement:
            return rows([["USD", "12.34"]])
        if "CORTEX_AI_FUNCTIONS_USAGE_HISTORY" in statement:
            return rows([["mistral-large2", "0.5"], [None, "0.1"]])
        return rows([])

    with serving(answer) as stub:
        statement = snowflake(stub, usd_per_credit=Decimal("3.00"), with_currency=True).statement(DAY)
    assert figures(statement) == {
        "": Figures(12_340_000_000),
        "sql:mistral-large2": Figures(1_500_000_000),
        "sql:unnamed": Figures(300_000_000),
    }


def test_an_amount_that_is_not_stated_yet_is_missing_and_not_agreement() -> None:
    def answer(asked: Asked) -> Answer:
        return rows([] if "USAGE_IN_CURRENCY_DAILY" in asked.body["statement"] else [["m", "1", "2", "1"]])

    with serving(answer) as stub, pytest.raises(VendorFailed, match="AI_INFERENCE") as failure:
        snowflake(stub, with_currency=True).statement(DAY)
    assert failure.value.kind == "missing"


@pytest.mark.parametrize(
    "answer",
    [
        rows([["one", "two"]]),
        rows([["m", "x", "y", "z"]]),
        rows([["m", "1", "NaN", "1"]]),
        Answer({"statementHandle": "../../admin"}, 202),
        Answer({"code": "001003", "message": "SQL compilation error", "sqlState": "42000"}, 422),
    ],
)
def test_snowflake_answers_that_make_no_sense_are_refused(answer: Answer) -> None:
    with serving(lambda _: answer) as stub, pytest.raises(VendorFailed):
        snowflake(stub).statement(DAY)


def test_a_snowflake_statement_that_does_not_end_is_left() -> None:
    waiting = Answer({"statementHandle": HANDLE}, 202)
    with serving(lambda _: waiting) as stub, pytest.raises(VendorFailed, match="did not end") as failure:
        snowflake(stub).statement(DAY)
    assert failure.value.kind == "busy"


EMPTY: dict[str, Callable[[Asked], Answer]] = {
    "openai": lambda _: openai_page(openai_bucket([])),
    "anthropic": lambda _: Answer({"data": [], "has_more": False, "next_page": None}),
    "openrouter": lambda _: Answer({"data": []}),
    "snowflake_cortex": lambda _: rows([]),
}


def vendor(name: str, stub: Stub) -> Any:
    made = {
        "openai": lambda: OpenAI(stub.caller(name), base_url=stub.url),
        "anthropic": lambda: Anthropic(stub.caller(name), base_url=stub.url),
        "openrouter": lambda: OpenRouter(stub.caller(name), base_url=stub.url),
        "snowflake_cortex": lambda: snowflake(stub),
    }
    return made[name]()


@pytest.mark.parametrize("name", EMPTY)
def test_a_day_without_traffic_has_no_lines(name: str) -> None:
    with serving(EMPTY[name]) as stub:
        assert vendor(name, stub).statement(DAY).lines == ()


@pytest.mark.parametrize("name", EMPTY)
def test_every_vendor_waits_out_429_and_500(name: str) -> None:
    with serving(EMPTY[name]) as stub:
        stub.first = [Answer({}, 429, {"retry-after": "2"}), Answer(b"oops", 500)]
        assert vendor(name, stub).statement(DAY).lines == ()
        assert stub.slept[0] == 2.0
        assert len(stub.slept) == 2


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("body", [b"<html>", {"data": None}, {"data": [{"results": 1}]}, {"data": [{"usage": "NaN"}]}])
def test_a_malformed_answer_is_a_failure_and_no_figure(name: str, body: object) -> None:
    with serving(lambda _: Answer(body)) as stub, pytest.raises(VendorFailed) as failure:
        vendor(name, stub).statement(DAY)
    assert failure.value.kind == "malformed"
    assert SECRET not in str(failure.value)
