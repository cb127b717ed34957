"""Bedrock's lines in a Data Export and in Cost Explorer become statements; what cannot be read is refused."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Iterable, Iterator
from datetime import date
from typing import Any

import pytest

from sluice.control.invoices.bedrock import BedrockCosts, BedrockExport, model_of
from sluice.control.invoices.export_rows import COLUMNS
from sluice.control.invoices.statements import Figures, Statement, VendorFailed

DAY = date(2026, 11, 20)
EXTRA = ("pricing_unit", "product", "line_item_line_item_description", "bill_payer_account_id")
CLAUDE = json.dumps({"product_name": "Claude Haiku 4.5 (Amazon Bedrock Edition)", "region": "us-east-1"})


def row(usage_type: str, amount: str, cost: str, **changes: str) -> dict[str, str]:
    made = {
        "line_item_usage_start_date": "2026-11-20T05:00:00.000Z",
        "line_item_usage_end_date": "2026-11-20T06:00:00.000Z",
        "line_item_line_item_type": "Usage",
        "line_item_product_code": "AmazonBedrock",
        "line_item_usage_type": usage_type,
        "line_item_usage_amount": amount,
        "line_item_unblended_cost": cost,
        "line_item_currency_code": "USD",
        "pricing_unit": "1K tokens",
        "product": "{}",
        "line_item_line_item_description": "",
        "bill_payer_account_id": "123456789012",
    }
    return {**made, **changes}


def written(rows: list[dict[str, str]], columns: tuple[str, ...] = (*COLUMNS, *EXTRA)) -> bytes:
    text = io.StringIO()
    table = csv.DictWriter(text, columns, extrasaction="ignore")
    table.writeheader()
    table.writerows(rows)
    return gzip.compress(text.getvalue().encode())


class Export:
    """An export whose files are in memory, read in pieces of seven bytes."""

    def __init__(self, **files: bytes) -> None:
        self.files = {f"s3://bills/cur/data/{name}.csv.gz": content for name, content in files.items()}
        self.months: list[str] = []
        self.listing: bytes | None = json.dumps({"dataFiles": list(self.files)}).encode()

    def manifest(self, month: str) -> bytes | None:
        self.months.append(month)
        return self.listing

    def file(self, uri: str) -> Iterable[bytes]:
        content = self.files[uri]
        return (content[at : at + 7] for at in range(0, len(content), 7))


def figures(statement: Statement) -> dict[str, Figures]:
    return {line.name: line.figures for line in statement.lines}


def test_all_four_classes_of_tokens_and_their_money_are_added_up_over_files() -> None:
    sonnet = "USW2-Claude4.5Sonnet"
    first = [
        row(f"{sonnet}-input-tokens", "29.481", "0.0972873"),
        row(f"{sonnet}-output-tokens-cross-region-global", "31.102", "0.513183"),
        row(f"{sonnet}-cache-read-input-token-count", "5372.659", "1.77297747"),
    ]
    second = [
        row(f"{sonnet}-cache-write-input-token-count", "433.893", "1.789808625"),
        row("USE1-Guardrail-Units", "1", "0.5"),
    ]
    export = Export(one=written(first), two=written(second))
    statement = BedrockExport(export).statement(DAY)
    assert figures(statement) == {
        "Claude4.5Sonnet": Figures(4_173_256_395, 29_481 + 5_372_659 + 433_893, 31_102),
        "Guardrail-Units": Figures(500_000_000),
    }
    assert export.months == ["2026-11"]


def test_marketplace_models_have_their_name_in_the_product_and_count_millions() -> None:
    sold = {"line_item_product_code": "5tq8example", "product": CLAUDE, "pricing_unit": "Units"}
    rows = [
        row(
            "USE1-MP:USE1_InputTokenCount-Units",
            "1.5",
            "1.5",
            line_item_line_item_description="Million Input Tokens",
            **sold,
        ),
        row(
            "USE1-MP:USE1_output_tokens_global_standard-Units",
            "2",
            "10",
            line_item_line_item_description="Million",
            **sold,
        ),
        row("USE1-MP:USE1_CacheReadInputTokenCount_Global-Units", "7", "1", **sold),
        row("USE1-MP:USE1_hours-Units", "1", "9", line_item_product_code="somebody-else"),
    ]
    statement = BedrockExport(Export(one=written(rows))).statement(DAY)
    # The cache's line says in no unit how much it counts: its money is taken, its tokens are not guessed.
    assert figures(statement) == {"Claude Haiku 4.5": Figures(12_500_000_000, 1_500_000, 2_000_000)}


@pytest.mark.parametrize(
    ("start", "end", "counts"),
    [
        ("2026-11-20T00:00:00.000Z", "2026-11-21T00:00:00.000Z", True),
        ("2026-11-20 23:00:00", "2026-11-21 00:00:00", True),
        ("2026-11-19T23:00:00.000Z", "2026-11-20T00:00:00.000Z", False),
        ("2026-11-21T00:00:00.000Z", "2026-11-21T01:00:00.000Z", False),
    ],
)
def test_a_line_belongs_to_the_utc_day_on_which_it_begins(start: str, end: str, counts: bool) -> None:
    line = row("USE1-NovaLite-input-tokens", "1", "1", line_item_usage_start_date=start, line_item_usage_end_date=end)
    assert bool(BedrockExport(Export(one=written([line]))).statement(DAY).lines) == counts


def test_discounts_count_as_money_and_taxes_credits_and_fees_do_not() -> None:
    kinds = ("Usage", "EdpDiscount", "PrivateRateDiscount", "Tax", "Credit", "Refund", "Fee")
    rows = [
        row("USE1-NovaLite-input-tokens", "10", "5" if kind == "Usage" else "-1", line_item_line_item_type=kind)
        for kind in kinds
    ]
    statement = BedrockExport(Export(one=written(rows))).statement(DAY)
    assert figures(statement) == {"NovaLite": Figures(3_000_000_000, 10_000, 0)}


def test_a_day_without_bedrock_has_no_lines() -> None:
    other = row("BoxUsage:t3.micro", "1", "1", line_item_product_code="AmazonEC2", pricing_unit="Hrs")
    assert BedrockExport(Export(one=written([other]))).statement(DAY).lines == ()


def test_a_month_that_is_not_delivered_yet_is_missing() -> None:
    export = Export()
    export.listing = None
    with pytest.raises(VendorFailed, match="2026-11") as failure:
        BedrockExport(export).statement(DAY)
    assert failure.value.kind == "missing"


WHOLE = written([row("USE1-NovaLite-input-tokens", "1", "1")])
BROKEN = {
    "not gzip": b"line_item_usage_start_date",
    "cut": WHOLE[:-9],
    "a column is missing": written([row("x", "1", "1")], COLUMNS[1:]),
    "no number": written([row("USE1-NovaLite-input-tokens", "1", "much")]),
    "infinite": written([row("USE1-NovaLite-input-tokens", "Infinity", "1")]),
    "no time": written([row("x", "1", "1", line_item_usage_start_date="yesterday")]),
    "a month in one line": written([row("x", "1", "1", line_item_usage_end_date="2026-12-01T00:00:00Z")]),
    "euros": written([row("x", "1", "1", line_item_currency_code="EUR")]),
    "not utf-8": gzip.compress(gzip.decompress(WHOLE) + b"\xff\xfe,\n"),
    "a short line": gzip.compress(gzip.decompress(WHOLE) + b"2026\n"),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_file_that_cannot_be_read_to_its_end_gives_no_figures(content: bytes) -> None:
    with pytest.raises(VendorFailed) as failure:
        BedrockExport(Export(one=content)).statement(DAY)
    assert failure.value.kind == "malformed"


@pytest.mark.parametrize(
    "listing", [b"", b"[]", b"{}", b'{"dataFiles": 3}', b'{"dataFiles": ["s3://bills/cur/data/x.parquet"]}']
)
def test_a_manifest_that_makes_no_sense_is_malformed(listing: bytes) -> None:
    export = Export()
    export.listing = listing
    with pytest.raises(VendorFailed):
        BedrockExport(export).statement(DAY)


@pytest.mark.parametrize(
    ("usage_type", "product", "model"),
    [
        ("USE1-Nova2.0Lite-cache-write-input-token-count", "", "Nova2.0Lite"),
        ("USE1-gpt-oss-120b-mantle-input-tokens-standard", "", "gpt-oss-120b"),
        ("EUC1-NovaPro-output-tokens-batch", "", "NovaPro"),
        ("NovaPro-input-tokens", "", "NovaPro"),
        ("USE1-CreatedImage-T2I-1024", "", "CreatedImage-T2I-1024"),
        ("USE1-MP:USE1_InputTokenCount-Units", "Claude Opus 5 (Amazon Bedrock Edition)", "Claude Opus 5"),
        ("input-tokens", "", "input-tokens"),
    ],
)
def test_a_usage_type_tells_its_model(usage_type: str, product: str, model: str) -> None:
    assert model_of(usage_type, product) == model


class Explorer:
    """Cost Explorer with pages from a list."""

    def __init__(self, *pages: dict[str, Any]) -> None:
        self.answers = pages

    def pages(self, day: date) -> Iterator[dict[str, Any]]:
        yield from self.answers


def explored(groups: list[tuple[str, str, str]], start: str = "2026-11-20", unit: str = "USD") -> dict[str, Any]:
    made = [
        {"Keys": [service, usage], "Metrics": {"UnblendedCost": {"Amount": amount, "Unit": unit}}}
        for service, usage, amount in groups
    ]
    return {"ResultsByTime": [{"TimePeriod": {"Start": start, "End": "x"}, "Groups": made, "Estimated": True}]}


def test_cost_explorer_states_money_by_model_and_nothing_else() -> None:
    first = explored([("Amazon Bedrock", "USE1-NovaLite-input-tokens", "0.1"), ("Amazon EC2", "BoxUsage", "9")])
    second = explored(
        [
            ("Amazon Bedrock Service", "USE1-NovaLite-output-tokens", "0.2"),
            ("Claude Opus 5 (Amazon Bedrock Edition)", "USE1-MP:USE1_InputTokenCount-Units", "3"),
        ]
    )
    statement = BedrockCosts(Explorer(first, second, explored([("Amazon Bedrock", "x", "9")], "2026-11-19"))).statement(
        DAY
    )
    assert figures(statement) == {"NovaLite": Figures(300_000_000), "Claude Opus 5": Figures(3_000_000_000)}
    assert statement.states == {"cost"}


@pytest.mark.parametrize(
    "page", [{}, {"ResultsByTime": [{"Groups": []}]}, explored([("Amazon Bedrock", "x", "1")], unit="EUR")]
)
def test_cost_explorer_answers_that_make_no_sense_are_refused(page: dict[str, Any]) -> None:
    with pytest.raises(VendorFailed):
        BedrockCosts(Explorer(page)).statement(DAY)
