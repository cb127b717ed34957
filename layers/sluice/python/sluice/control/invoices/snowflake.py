"""Snowflake Cortex: usage views, asked through the SQL API.

Sources: Snowflake docs, "Snowflake SQL API reference", "Handling responses", "CORTEX_REST_API_USAGE_HISTORY view",
"CORTEX_AI_FUNCTIONS_USAGE_HISTORY view" and "USAGE_IN_CURRENCY_DAILY view", read 2026-11.

* Calls of the Cortex REST API, which are all that a gateway makes, stand in CORTEX_REST_API_USAGE_HISTORY: one row per
  request with model and tokens, and no amount. They are billed in currency: USAGE_IN_CURRENCY_DAILY has the amount of
  a UTC day for the whole account (up to 72 hours late), under no model, for contracts that Snowflake itself holds.
* AI functions in SQL stand in CORTEX_AI_FUNCTIONS_USAGE_HISTORY, in credits, which the configured rate makes USD. They
  never pass the gateway, so with a rate they show as what only the vendor knows, under `sql:<model>`.
* `POST /api/v2/statements` answers 200 with rows, or 202 with a handle to ask again with; further partitions are read
  with `?partition=n`; 422 is an SQL error; 429 asks for patience. `requestId` tells a repeated request from a new one;
  statements only read, so one that runs twice does no harm.

Times in the views carry the account's zone, so the statements compare them with moments in UTC and name the zone.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from pydantic import BaseModel, Field

from sluice.control.invoices.calls import Caller
from sluice.control.invoices.names import Key, plain
from sluice.control.invoices.statements import Figures, Line, Statement, VendorFailed, bounds, lines_of

REST = """
SELECT MODEL_NAME, COUNT(*), SUM(TOKENS), SUM(COALESCE(TOKENS_GRANULAR:output, 0)::NUMBER)
FROM SNOWFLAKE.ACCOUNT_USAGE.CORTEX_REST_API_USAGE_HISTORY
WHERE START_TIME >= '{start}'::TIMESTAMP_TZ AND START_TIME < '{end}'::TIMESTAMP_TZ
GROUP BY MODEL_NAME ORDER BY MODEL_NAME"""
CURRENCY = """
SELECT CURRENCY, SUM(USAGE_IN_CURRENCY) FROM SNOWFLAKE.ORGANIZATION_USAGE.USAGE_IN_CURRENCY_DAILY
WHERE USAGE_DATE = '{day}' AND SERVICE_TYPE = '{service}' AND ACCOUNT_LOCATOR = CURRENT_ACCOUNT()
GROUP BY CURRENCY"""
FUNCTIONS = """
SELECT MODEL_NAME, SUM(CREDITS) FROM SNOWFLAKE.ACCOUNT_USAGE.CORTEX_AI_FUNCTIONS_USAGE_HISTORY
WHERE START_TIME >= '{start}'::TIMESTAMP_TZ AND START_TIME < '{end}'::TIMESTAMP_TZ
GROUP BY MODEL_NAME ORDER BY MODEL_NAME"""
SERVICE = "AI_INFERENCE"
"""The service type of Cortex REST calls in USAGE_IN_CURRENCY_DAILY, whose list of types is "many of, but not all"; so
dbt Labs, "AI/Cortex Spend Optimization" (2026-06), has it. A stage can name another."""
POLLS = 60
POLL_SECONDS = 5.0
_HANDLE = re.compile(r"[A-Za-z0-9-]{1,100}")

Row = list[str | None]


class _Partition(BaseModel):
    row_count: int = Field(default=0, alias="rowCount")


class _Meta(BaseModel):
    partitions: list[_Partition] = Field(default_factory=list, alias="partitionInfo")


class _Result(BaseModel):
    handle: str = Field(default="", alias="statementHandle")
    meta: _Meta = Field(default_factory=_Meta, alias="resultSetMetaData")
    data: list[Row]


class _Waiting(BaseModel):
    handle: str = Field(alias="statementHandle")


class _Rows(BaseModel):
    data: list[Row]


class SnowflakeCortex:
    """Asks for one day at a time. `base_url` is the account's, without a trailing slash.

    `usd_per_credit` also reads what AI functions in SQL used; `with_currency` reads the day's amount, for which the
    role needs ORGANIZATION_BILLING_VIEWER beside USAGE_VIEWER.
    """

    provider = "snowflake_cortex"
    lag_hours = 72

    def __init__(
        self,
        caller: Caller,
        *,
        base_url: str,
        warehouse: str = "",
        role: str = "",
        usd_per_credit: Decimal | None = None,
        with_currency: bool = False,
        service: str = SERVICE,
        request_id: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        self._caller = caller
        self._url = f"{base_url}/api/v2/statements"
        self._session = {name: value for name, value in (("warehouse", warehouse), ("role", role)) if value}
        self._rate = usd_per_credit
        self._with_currency = with_currency
        self._service = service
        self._request_id = request_id

    def key(self, name: str) -> Key:
        """Return what a model's name means here."""
        return plain(name)

    def statement(self, day: date) -> Statement:
        """Return the day's figures. Raises VendorFailed."""
        start, end = (f"{moment:%Y-%m-%dT%H:%M:%S+00:00}" for moment in bounds(day))
        costs: dict[str, Decimal] = {}
        tokens = []
        for model, requests, total, output in self._rows(REST.format(start=start, end=end), 4):
            used = self._whole(total) - self._whole(output)
            tokens.append(Line(model or "", Figures(None, used, self._whole(output), self._whole(requests))))
        if self._with_currency:
            amounts = list(self._rows(CURRENCY.format(day=day.isoformat(), service=self._service), 2))
            if tokens and not amounts:  # silence would pass for agreement
                raise VendorFailed(
                    self.provider, "missing", f"no amount of service type {self._service} is stated yet."
                )
            for currency, amount in amounts:
                if currency != "USD":
                    raise VendorFailed(self.provider, "malformed", "its amounts are not in USD.")
                costs[""] = self._number(amount)
        if self._rate is not None:
            for model, credit in self._rows(FUNCTIONS.format(start=start, end=end), 2):
                costs[f"sql:{model or 'unnamed'}"] = self._number(credit) * self._rate
        return Statement(self.provider, day, lines_of(costs, tokens), frozenset({"input", "output", "requests"}))

    def _rows(self, statement: str, width: int) -> Iterator[Row]:
        body: dict[str, Any] = {
            "statement": statement.strip(),
            "timeout": 300,
            "parameters": {"TIMEZONE": "UTC"},
            **self._session,
        }
        answer = self._caller.send("POST", self._url, [("requestId", self._request_id())], body)
        for _ in range(POLLS):
            if answer.status_code != 202:
                break
            handle = self._handle(self._caller.read(answer, _Waiting).handle)
            self._caller.sleep(POLL_SECONDS)
            answer = self._caller.send("GET", f"{self._url}/{handle}", [])
        else:
            raise VendorFailed(self.provider, "busy", f"a statement did not end within {POLLS * POLL_SECONDS:.0f} s.")
        result = self._caller.read(answer, _Result)
        yield from self._checked(result.data, width)
        for number in range(1, len(result.meta.partitions)):
            url = f"{self._url}/{self._handle(result.handle)}"
            answer = self._caller.send("GET", url, [("partition", str(number))])
            yield from self._checked(self._caller.read(answer, _Rows).data, width)

    def _checked(self, rows: list[Row], width: int) -> Iterator[Row]:
        for row in rows:
            if len(row) != width:
                raise VendorFailed(self.provider, "malformed", f"a row has {len(row)} columns, not {width}.")
            yield row

    def _handle(self, handle: str) -> str:
        if not _HANDLE.fullmatch(handle):
            raise VendorFailed(self.provider, "malformed", "its statement handle is not one.")
        return handle

    def _number(self, text: str | None) -> Decimal:
        try:
            number = Decimal(text or "0")
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite():
            raise VendorFailed(self.provider, "malformed", "a sum is not a number.")
        return number

    def _whole(self, text: str | None) -> int:
        return int(self._number(text))
