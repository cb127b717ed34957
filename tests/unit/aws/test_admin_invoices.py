"""Comparisons with invoices through the admin API."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import date
from types import SimpleNamespace
from typing import Any

import pytest
from aws_lambda_powertools.event_handler import APIGatewayRestResolver

from sluice.aws.admin_invoices import PROVIDERS, invoice_routes
from sluice.errors import BadRequest
from tests.unit.aws.entries import NOON


class Shelf:
    """Says what it was asked."""

    def day(self, provider: str, day: date) -> list[dict[str, Any]]:
        return [{"provider": provider, "day": day.isoformat()}]

    def summaries(self, providers: Iterable[str], days: Iterable[date]) -> list[dict[str, Any]]:
        return [{"providers": list(providers), "days": [day.isoformat() for day in days]}]


def answered(**query: str) -> Any:
    app = APIGatewayRestResolver(enable_validation=True)
    invoice_routes(app, Shelf(), lambda: NOON)
    event = {
        "path": "/admin/invoices",
        "httpMethod": "GET",
        "headers": {},
        "queryStringParameters": query or None,
        "multiValueQueryStringParameters": {name: [value] for name, value in query.items()} or None,
        "requestContext": {"requestId": "r", "httpMethod": "GET", "path": "/admin/invoices", "stage": "x"},
        "body": None,
        "isBase64Encoded": False,
    }
    answer = app.resolve(event, SimpleNamespace(aws_request_id="r"))
    return answer["statusCode"], json.loads(answer["body"])


def test_without_a_question_the_last_week_of_every_provider_is_listed() -> None:
    status, body = answered()
    (asked,) = body["data"]
    assert status == 200
    assert asked["providers"] == list(PROVIDERS)
    assert (asked["days"][0], asked["days"][-1], len(asked["days"])) == ("2026-11-22", "2026-11-16", 7)


def test_a_day_of_a_provider_is_listed_model_by_model() -> None:
    _, body = answered(provider="openai", day="2026-11-20")
    assert body["data"] == [{"provider": "openai", "day": "2026-11-20"}]


def test_a_day_alone_is_listed_for_every_provider() -> None:
    _, body = answered(day="2026-11-20")
    assert body["data"] == [{"providers": list(PROVIDERS), "days": ["2026-11-20"]}]


@pytest.mark.parametrize("query", [{"provider": "cohere"}, {"day": "yesterday"}, {"provider": "openai", "day": "20"}])
def test_what_cannot_be_meant_is_refused_with_what_can(query: dict[str, str]) -> None:
    with pytest.raises(BadRequest, match=r"Compared are openai|write it as"):
        answered(**query)


@pytest.mark.parametrize("days", ["0", "93", "many"])
def test_days_out_of_reach_are_refused(days: str) -> None:
    status, _ = answered(days=days)
    assert status == 422
