"""What a batch's requests become on their way to the provider."""

from __future__ import annotations

import json

import pytest

from sluice.batches.plans import rewritten, strict_models
from sluice.dialects.anthropic_batches import Item
from sluice.dialects.splice import parse_body
from sluice.errors import UnsupportedParameter
from sluice.types.catalogue import Auth, Provider, ProviderEndpoint
from sluice.types.routes import Configuration, Deployment, Route, RouteTarget
from tests.fakes import custom

ENDPOINT = ProviderEndpoint("batches", "anthropic_batches", "/v1/messages/batches")
PARAMS = {"model": "strict", "max_tokens": 5, "top_k": 3, "messages": [{"role": "user", "content": "x"}]}
BODY = {"requests": [{"custom_id": "one", "params": PARAMS}]}
ITEMS = [Item("one", PARAMS)]


def deployments() -> dict[str, Deployment]:
    model = custom("anthropic/claude", quirks={"drop": ["top_k"]})
    provider = Provider("anthropic", "A", "https://a.example", Auth("bearer"), (ENDPOINT,), {})
    return {"strict": Deployment(provider, model, ENDPOINT, "claude")}


def test_a_lenient_batch_loses_what_its_model_does_not_take() -> None:
    body = rewritten(parse_body(json.dumps(BODY).encode()), ITEMS, deployments())
    assert body is not None
    (request,) = json.loads(body)["requests"]
    assert request["params"] == {name: value for name, value in PARAMS.items() if name != "top_k"} | {"model": "claude"}


def test_a_strict_route_refuses_a_batch_that_would_lose_something() -> None:
    routes = {"strict": Route("strict", (RouteTarget("anthropic/claude"),), strict_parameters=True)}
    strict = strict_models(ITEMS, Configuration("v1", routes=routes))
    assert strict == {"strict"}
    with pytest.raises(UnsupportedParameter, match="top_k"):
        rewritten(parse_body(json.dumps(BODY).encode()), ITEMS, deployments(), strict)
