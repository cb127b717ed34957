"""The job as it is deployed: from the ledger's entries and a vendor's answers to items, lines and one metric."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from sluice.aws.dynamodb import DynamoClient
from sluice.aws.invoices import asked, invoices_handler, line, vendor, vendors
from sluice.aws.stores.invoices import CellSums, DynamoInvoiceStore
from sluice.control.invoices.job import Books, Outcome, run
from sluice.control.invoices.ledger import EntrySums
from sluice.control.invoices.matching import compare
from sluice.control.invoices.openai import OpenAI
from sluice.control.invoices.options import InvoiceOptions, options_from
from sluice.control.invoices.snowflake import SnowflakeCortex
from sluice.control.invoices.statements import Figures, Line, Statement, VendorFailed
from sluice.metering.rollup import entry_cells
from sluice.metrics import INVOICE_DRIFT
from sluice.providers.transport import HttpTransport
from sluice.settings import Settings
from sluice.types.usage import Usage
from tests.emulator import Emulator
from tests.unit.aws.entries import NOON, typical
from tests.unit.aws.stores.connected import connected
from tests.unit.control.invoices.stubs import SECRET, Answer, Asked, serving

DAY = date(2026, 11, 23)  # of NOON
ALL = InvoiceOptions(
    providers=("openai", "anthropic", "openrouter", "bedrock", "snowflake_cortex"),
    snowflake={"base_url": "https://org-account.snowflakecomputing.com"},  # type: ignore[arg-type]
)
HELD = {
    "openai": {"admin_key": SECRET},
    "anthropic": {"admin_key": SECRET},
    "openrouter": {"management_key": SECRET},
    "snowflake_cortex": {"usage_token": SECRET},
}


@pytest.fixture
def client(emulator: Emulator) -> Iterator[DynamoClient]:
    with connected(emulator) as made:
        yield made


@pytest.fixture
def told(emulator: Emulator, tables: str) -> Settings:
    return Settings.from_environment(emulator.environment(tables))


def openai(request: Asked) -> Answer:
    """One model, $0.04 and 2030 tokens of which the ledger knows."""
    results: list[dict[str, Any]] = []
    start = int(request.query["start_time"][0])
    if request.path.endswith("/completions"):
        results = [{"model": "gpt-5-2025-08-07", "input_tokens": 2000, "output_tokens": 30, "num_model_requests": 2}]
    if request.path.endswith("/costs"):
        results = [{"line_item": "gpt-5-2025-08-07, output", "amount": {"value": 0.04, "currency": "usd"}}]
    return Answer({"data": [{"start_time": start, "end_time": start + 86_400, "results": results}], "has_more": False})


def test_from_the_roll_ups_cells_to_items_and_a_line(client: DynamoClient, tables: str) -> None:
    entry = typical(
        deployment="openai/gpt-5", provider="openai", model="gpt-5", usage=Usage(input=900, cache_read=100, output=15)
    )
    for region in ("us-east-1", "eu-central-1"):
        for (pk, sk), columns in entry_cells(typical_cost(entry, 19_000_000), region).items():
            client.put_item(f"{tables}-usage", {"pk": pk, "sk": sk, **columns})
    lines: list[str] = []
    store = DynamoInvoiceStore(client, f"{tables}-usage")
    books = Books(
        sums=CellSums(client, f"{tables}-usage"),
        results=store,
        now_ms=lambda: NOON + 3 * 86_400_000,
        told=lambda outcome: lines.append(line(outcome, "Sluice/test")),
    )
    with serving(openai) as stub:
        run([OpenAI(stub.caller(), base_url=stub.url)], books, [DAY])
    summary, model = store.day("openai", DAY)
    assert (model["model"], model["side"], model["drift_bp"], model["token_drift_bp"]) == ("gpt-5", "both", -500, 0)
    assert summary["ours"]["cost"] == 38_000_000
    (told,) = map(json.loads, lines)
    assert (told[INVOICE_DRIFT.name], told["Provider"], told["drift_bp"]) == (500, "openai", -500)
    assert SECRET not in "".join(lines)


def typical_cost(entry: Any, cost: int) -> Any:
    return dataclasses.replace(entry, cost=cost)


def test_the_roll_ups_cells_say_what_the_entries_say(client: DynamoClient, tables: str) -> None:
    entries = [
        typical(
            deployment=f"anthropic/{model}",
            model=model,
            usage=Usage(input=number, cache_write_1h=2, output=number),
            cost=number,
        )
        for number, model in enumerate(("claude-opus-5", "claude-haiku-4-5", "claude-opus-5"))
    ]
    for number, entry in enumerate(entries):
        for (pk, sk), columns in entry_cells(entry, f"region-{number}").items():
            client.put_item(f"{tables}-usage", {"pk": pk, "sk": sk, **columns})
    assert CellSums(client, f"{tables}-usage").sums("anthropic", DAY) == EntrySums(entries).sums("anthropic", DAY)


def compared(ours: int, theirs: int, state: Any = "final") -> Outcome:
    statement = Statement("openai", DAY, (Line("m", Figures(theirs, 1, 1, 1)),))
    return Outcome("openai", DAY, state, 7, compare([Line("m", Figures(ours, 1, 1, 1))], statement))


def test_a_line_is_one_metric_with_the_provider_as_its_only_dimension() -> None:
    told = json.loads(line(compared(99, 100), "Sluice/prod"))
    (directive,) = told["_aws"]["CloudWatchMetrics"]
    assert directive == {
        "Namespace": "Sluice/prod",
        "Dimensions": [["Provider"]],
        "Metrics": [{"Name": "InvoiceDrift", "Unit": "None"}],
    }
    assert (told["Provider"], told["InvoiceDrift"], told["drift_bp"]) == ("openai", 100, -100)


@pytest.mark.parametrize(
    "outcome",
    [compared(1, 2, "provisional"), Outcome("openai", DAY, "failed", 7, failure="x", kind="busy"), compared(999, 998)],
)
def test_what_is_not_final_failed_or_was_too_little_money_is_no_metric(outcome: Outcome) -> None:
    told = json.loads(line(outcome, "Sluice/prod", floor=1000))
    assert told["kind"] == "invoice"
    assert "_aws" not in told
    assert INVOICE_DRIFT.name not in told


@pytest.mark.parametrize("name", ALL.providers)
def test_a_vendor_whose_credential_is_missing_fails_alone_and_says_what_it_lacks(name: str, told: Settings) -> None:
    made = vendor(name, ALL, {}, told)
    assert made.provider == name
    if name != "bedrock":  # which has none: the function's role is let in
        with pytest.raises(VendorFailed, match="provider secret holds no") as failure:
            made.statement(DAY)
        assert failure.value.kind == "credential"


def test_snowflakes_views_may_be_read_with_a_key_pair(told: Settings) -> None:
    pem = generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    held = {"account": "ORG-ACCOUNT", "usage_user": "AUDITOR", "usage_private_key": pem.decode()}
    made = vendor("snowflake_cortex", ALL, held, told)
    assert isinstance(made, SnowflakeCortex)
    broken = vendor("snowflake_cortex", ALL, {**held, "usage_private_key": SECRET}, told)
    with pytest.raises(VendorFailed, match="RSA key in PEM") as failure:
        broken.statement(DAY)
    assert SECRET not in str(failure.value)


def test_snowflake_without_an_account_says_so(told: Settings) -> None:
    made = vendor("snowflake_cortex", InvoiceOptions(providers=("snowflake_cortex",)), HELD["snowflake_cortex"], told)
    with pytest.raises(VendorFailed, match="base_url"):
        made.statement(DAY)


def test_no_vendor_shows_its_key(told: Settings) -> None:
    secrets: Any = SimpleNamespace(provider_keys=lambda: HELD)
    made = list(vendors(list(ALL.providers), ALL, secrets, told))
    assert [one.provider for one in made] == list(ALL.providers)
    for one in made:
        assert SECRET not in repr(one)
        assert SECRET not in repr(vars(one))


def test_an_event_may_ask_for_a_provider_and_days() -> None:
    assert asked({}, ALL) == (list(ALL.providers), None)
    assert asked({"provider": "openai", "days": ["2026-11-20"]}, ALL) == (["openai"], [date(2026, 11, 20)])
    assert asked({"provider": "", "days": []}, ALL) == (list(ALL.providers), None)
    with pytest.raises(ValueError, match="not among those of the stage"):
        asked({"provider": "cohere"}, ALL)
    with pytest.raises(ValueError, match="Invalid isoformat"):
        asked({"days": ["yesterday"]}, ALL)


@pytest.mark.parametrize(
    "text", ['{"providers": ["cohere"]}', '{"snowflake": {"base_url": "http://x"}}', '{"more": 1}']
)
def test_options_that_mean_nothing_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="validation error"):
        options_from(text)


def test_the_handler_writes_a_failure_where_the_secret_holds_no_key(
    emulator: Emulator, told: Settings, client: DynamoClient, tables: str, capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"{tables}-providers"
    emulator.call("secretsmanager.CreateSecret", {"Name": name, "SecretString": '{"openai": {"api_key": "sk-x"}}'})
    settings = dataclasses.replace(told, provider_secret=name, invoices='{"providers":["openai"]}')
    transport = HttpTransport(trusted=True)
    answer = invoices_handler(settings, transport)({"days": ["2026-11-20"]}, SimpleNamespace())
    transport.drop_connections()
    (card,) = answer["data"]
    assert (card["state"], card["failed"]) == ("failed", "credential")
    assert "admin_key" in card["failure"]
    assert json.loads(capsys.readouterr().out)["kind"] == "invoice"
    assert DynamoInvoiceStore(client, f"{tables}-usage").state("openai", date(2026, 11, 20)) == "failed"
