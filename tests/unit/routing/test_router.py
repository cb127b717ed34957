"""From a name to a plan: resolution, rejection, order and allow-lists."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from sluice.dialects import translates
from sluice.errors import BadRequest, NoHealthyUpstream, NotFound, PermissionDenied
from sluice.routing.router import Router
from sluice.types.catalogue import Auth, Model, Price, PriceTier, Provider, ProviderEndpoint
from sluice.types.routes import Configuration, Plan, ProviderSettings, Route, RouteTarget
from sluice.types.tenancy import Caller, VirtualKey

PRICE = (Price("", (PriceTier(0, {"input": 1}),)),)
CHAT = ProviderEndpoint("chat", "openai_chat", "/chat/completions")
MESSAGES = ProviderEndpoint("chat", "anthropic_messages", "/v1/messages")


def provider(
    name: str, *models: Model, endpoints: tuple[ProviderEndpoint, ...] = (CHAT,), **changes: object
) -> Provider:
    values: dict[str, object] = {"base_url": f"https://{name}.example", "auth": Auth("bearer"), "title": name}
    return Provider(name=name, endpoints=endpoints, models={m.id: m for m in models}, **{**values, **changes})  # type: ignore[arg-type]


class Catalogue:
    def __init__(self, *providers: Provider) -> None:
        self.providers = {p.name: p for p in providers}
        self.resolved = 0

    def provider(self, name: str) -> Provider | None:
        return self.providers.get(name)

    def resolve(self, name: str) -> list[tuple[Provider, Model]]:
        self.resolved += 1
        head, _, rest = name.partition("/")
        if head in self.providers:
            model = self.providers[head].models.get(rest)
            return [(self.providers[head], model)] if model else []
        return [(p, p.models[name]) for p in self.providers.values() if name in p.models]

    def unlisted(self, provider: Provider, name: str) -> Model:
        return Model(name, provider.name, operations=tuple(endpoint.operation for endpoint in provider.endpoints))


A = provider("a", Model("m1", "a", PRICE), Model("shared", "a", PRICE))
B = provider("b", Model("m2", "b", PRICE), Model("shared", "b", PRICE), endpoints=(MESSAGES,))
CALLER = Caller(VirtualKey("k1", "search", "n", "d"))


def limited(*models: str) -> Caller:
    return Caller(VirtualKey("k1", "search", "n", "d", models=models))


def router(*providers: Provider, keyed: bool = True, draws: Iterator[float] | None = None) -> Router:
    source = draws or iter([0.0] * 1000)
    return Router(Catalogue(*(providers or (A, B))), lambda name: keyed, translates, lambda: next(source))


def plan(
    name: str,
    *,
    live: Configuration | None = None,
    caller: Caller = CALLER,
    dialect: str = "openai_chat",
    using: Router | None = None,
) -> Plan:
    return (using or router()).plan(name, "chat", dialect, live or Configuration("v"), caller)


def names(found: Plan) -> list[str]:
    return [choice.deployment.name for choice in found.choices]


def test_a_full_name_and_a_bare_id_lead_to_the_same_deployment() -> None:
    assert names(plan("a/m1")) == names(plan("m1")) == ["a/m1"]


def test_a_bare_id_of_several_providers_is_refused_with_their_names() -> None:
    with pytest.raises(BadRequest, match="a/shared, b/shared"):
        plan("shared")


def test_a_bare_id_goes_to_the_only_provider_that_can_serve_it() -> None:
    live = Configuration("v", providers={"b": ProviderSettings(enabled=False)})
    assert names(plan("shared", live=live)) == ["a/shared"]


def test_a_deployment_is_found_whoever_asks_or_the_reason_is_told() -> None:
    live = Configuration("v", providers={"b": ProviderSettings(enabled=False)})
    assert router().deployment("a/m1", "chat", "openai_chat", live).name == "a/m1"
    with pytest.raises(NoHealthyUpstream, match=r"b/m2 cannot be asked .*not enabled"):
        router().deployment("b/m2", "chat", "openai_chat", live)
    with pytest.raises(NotFound):
        router().deployment("a/none", "chat", "openai_chat", live)


def test_an_unknown_name_is_not_found_and_names_the_list() -> None:
    with pytest.raises(NotFound, match="/v1/models"):
        plan("a/nothing")


def test_the_callers_own_dialect_is_preferred_and_others_are_translated() -> None:
    both = provider("c", Model("m", "c", PRICE), endpoints=(CHAT, MESSAGES))
    using = router(both, B)
    assert plan("c/m", dialect="anthropic_messages", using=using).choices[0].deployment.endpoint is MESSAGES
    assert plan("c/m", using=using).choices[0].deployment.endpoint is CHAT
    translated = plan("b/m2", using=using).choices[0]
    assert (translated.deployment.endpoint.dialect, "translated" in translated.reason) == ("anthropic_messages", True)


def test_a_model_may_be_limited_to_some_dialects() -> None:
    both = provider("c", Model("m", "c", PRICE, dialects=("anthropic_messages",)), endpoints=(CHAT, MESSAGES))
    assert plan("c/m", using=router(both)).choices[0].deployment.endpoint is MESSAGES


ROUTE = Route("fast", (RouteTarget("a/m1", 1), RouteTarget("b/m2", 3), RouteTarget("a/gone", 1)))


def test_an_ordered_route_keeps_its_order_and_says_why_one_is_missing() -> None:
    found = plan("fast", live=Configuration("v", routes={"fast": ROUTE}))
    assert names(found) == ["a/m1", "b/m2"]
    assert [(r.name, "no provider" in r.reason) for r in found.rejected] == [("a/gone", True)]
    assert (found.route, found.config_version) == ("fast", "v")


def test_a_weighted_route_draws_by_weight_and_keeps_the_rest_as_fallback() -> None:
    weighted = Route("split", (RouteTarget("a/m1", 1), RouteTarget("b/m2", 3)), strategy="weighted")
    live = Configuration("v", routes={"split": weighted})
    draws = iter([i / 1000 for i in range(1000)])
    using = router(draws=draws)
    firsts = Counter(tuple(names(plan("split", live=live, using=using))) for _ in range(1000))
    assert firsts == {("a/m1", "b/m2"): 250, ("b/m2", "a/m1"): 750}


@pytest.mark.parametrize(
    ("live", "keyed", "reason"),
    [
        (Configuration("v", providers={"a": ProviderSettings(enabled=False)}), True, "not enabled"),
        (Configuration("v"), False, "holds no key for a"),
    ],
)
def test_what_rules_a_deployment_out_is_said(live: Configuration, keyed: bool, reason: str) -> None:
    with pytest.raises(NoHealthyUpstream, match=reason):
        plan("a/m1", live=live, using=router(keyed=keyed))


def test_a_missing_price_rules_a_model_out() -> None:
    with pytest.raises(NoHealthyUpstream, match="no price"):
        plan("c/m", using=router(provider("c", Model("m", "c"))))


def test_a_provider_without_address_is_ruled_out() -> None:
    with pytest.raises(NoHealthyUpstream, match="no base URL"):
        plan("c/m", using=router(provider("c", Model("m", "c", PRICE), base_url="")))


def test_an_operation_a_model_lacks_is_said() -> None:
    with pytest.raises(NoHealthyUpstream, match="does not serve embeddings"):
        router().plan("a/m1", "embeddings", "openai_embeddings", Configuration("v"), CALLER)


def test_a_key_may_call_a_route_without_its_models_or_some_of_its_models() -> None:
    live = Configuration("v", routes={"fast": ROUTE})
    assert names(plan("fast", live=live, caller=limited("fast"))) == ["a/m1", "b/m2"]
    assert names(plan("fast", live=live, caller=limited("b/*"))) == ["b/m2"]
    with pytest.raises(PermissionDenied, match="k1 may not call"):
        plan("a/m1", caller=limited("b/*"))


def test_custom_models_and_settings_come_from_the_configuration() -> None:
    live = Configuration(
        "v",
        models={"a/tuned": Model("tuned", "a", PRICE)},
        providers={"a": ProviderSettings(base_url="https://own.example", headers={"x": "1"})},
    )
    found = plan("tuned", live=live).choices[0].deployment
    assert (found.name, found.provider.base_url, found.provider.headers) == (
        "a/tuned",
        "https://own.example",
        {"x": "1"},
    )


def test_any_model_of_a_provider_can_be_let_through_at_a_ceiling() -> None:
    live = Configuration("v", providers={"a": ProviderSettings(any_model=True)}, unpriced_ceiling={"input": 1})
    assert names(plan("a/org/new-model", live=live)) == ["a/org/new-model"]
    with pytest.raises(NotFound):
        plan("b/org/new-model", live=live)


def test_what_depends_on_the_configuration_alone_is_worked_out_once() -> None:
    catalogue = Catalogue(A, B)
    using = Router(catalogue, lambda name: True, translates)
    for _ in range(5):
        plan("m1", using=using)
    assert catalogue.resolved == 1
    plan("m1", live=Configuration("w"), using=using)
    assert catalogue.resolved == 2


def test_a_credential_that_arrives_later_is_noticed() -> None:
    held: set[str] = set()
    using = Router(Catalogue(A, B), held.__contains__, translates)
    with pytest.raises(NoHealthyUpstream):
        plan("m1", using=using)
    held.add("a")
    assert names(plan("m1", using=using)) == ["a/m1"]


COMPLETIONS = ProviderEndpoint("completions", "openai_completions", "/completions")


@pytest.mark.parametrize(
    ("operations", "operation", "dialect", "path"),
    [
        (("chat", "completions"), "completions", "openai_completions", "/completions"),
        (("chat",), "completions", "openai_completions", "/chat/completions"),
        (("completions",), "completions", "openai_completions", "/completions"),
        (("chat", "completions"), "chat", "openai_chat", "/chat/completions"),
        (("completions",), "chat", "openai_chat", "/completions"),
    ],
)
def test_a_text_is_completed_where_it_can_be_and_else_in_a_chat(
    operations: tuple[str, ...], operation: str, dialect: str, path: str
) -> None:
    host = provider("h", Model("m", "h", PRICE, operations=operations), endpoints=(CHAT, COMPLETIONS))
    found = router(host).plan("h/m", operation, dialect, Configuration("v"), CALLER)
    assert [choice.deployment.endpoint.path for choice in found.choices] == [path]


def test_no_other_operation_stands_in_for_one_that_a_model_lacks() -> None:
    host = provider("h", Model("m", "h", PRICE, operations=("embeddings",)), endpoints=(CHAT, COMPLETIONS))
    with pytest.raises(NoHealthyUpstream, match="does not serve completions"):
        router(host).plan("h/m", "completions", "openai_completions", Configuration("v"), CALLER)


def test_the_configuration_may_say_how_long_a_host_takes_to_wake_up() -> None:
    sleepy = provider("s", Model("m1", "s", PRICE), first_byte_seconds=300.0)
    routes = {"r": Route("r", (RouteTarget("s/m1"),), cold_starts=False)}
    for stated, expected in ((None, 300.0), (90.0, 90.0), (0.0, 0.0)):
        settings = ProviderSettings(first_byte_seconds=stated)
        configuration = Configuration(f"v{stated}", providers={"s": settings}, routes=routes)
        planned = router(sleepy).plan("s/m1", "chat", "openai_chat", configuration, CALLER)
        assert planned.choices[0].deployment.provider.first_byte_seconds == expected
        assert planned.cold_starts
        assert not router(sleepy).plan("r", "chat", "openai_chat", configuration, CALLER).cold_starts


def test_a_custom_price_leaves_what_the_catalogue_says_of_a_model() -> None:
    fragile = Model("m1", "a", PRICE, context=9, max_output=5, quirks={"drop": ["seed"], "max_stop": 4})
    there = provider("a", fragile)
    cheap = (Price("", (PriceTier(0, {"input": 0}),)),)
    own = Model("m1", "a", cheap, context=7, quirks={"max_stop": 2})
    configuration = Configuration("v", models={"a/m1": own})
    model = router(there).plan("a/m1", "chat", "openai_chat", configuration, CALLER).choices[0].deployment.model
    assert (model.prices, model.context, model.max_output) == (cheap, 7, 5)
    assert model.quirks == {"drop": ["seed"], "max_stop": 2}
