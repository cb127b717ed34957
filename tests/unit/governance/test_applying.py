"""Which budgets and limits apply to a request, and in which counter."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest

from sluice.governance.applying import NOTHING, Applicable, Applied, Applying
from sluice.types.budgets import Budget, Limit, Rate, Scope, Window
from sluice.types.routes import Configuration
from sluice.types.tenancy import Caller
from tests.fakes import KEY, virtual_key

NOW = 1_795_478_000.0  # 2026-11-23 23:53:20 UTC
CALLER = Caller(virtual_key(KEY), tags=(("env", "prod"), ("app", "chat")))
TEAM, KEY_ID = CALLER.team, CALLER.key.id


def budget(name: str, scope: Scope, window: Window | None = None) -> Budget:
    return Budget(name, scope, 1000, window or Window("month"))


def limit(name: str, scope: Scope) -> Limit:
    return Limit(name, scope, requests=Rate(60))


def names(applied: Applied) -> list[str]:
    return [each.name for each in applied.budgets] + [each.name for each in applied.limits]


@pytest.mark.parametrize(
    ("scope", "value"),
    [
        (Scope("organisation"), "organisation"),
        (Scope("team", TEAM), TEAM),
        (Scope("team"), TEAM),
        (Scope("team", "another"), None),
        (Scope("key", KEY_ID), KEY_ID),
        (Scope("key"), KEY_ID),
        (Scope("user", "ann"), "ann"),
        (Scope("user"), "ann"),
        (Scope("user", "bob"), None),
        (Scope("tag", "prod", "env"), "env=prod"),
        (Scope("tag", "*", "app"), "app=chat"),
        (Scope("tag", "test", "env"), None),
        (Scope("tag", "*", "cost-centre"), None),
        (Scope("route", "fast"), "fast"),
        (Scope("route"), "fast"),
        (Scope("route", "slow"), None),
        (Scope("provider", "openai"), None),
        (Scope("model"), None),
    ],
)
def test_a_scope_applies_to_what_it_names(scope: Scope, value: str | None) -> None:
    rules = Applicable([budget("b", scope)], [limit("l", scope)])
    found = names(rules.to_request(CALLER, user="ann", route="fast", now=NOW))
    assert found == ([] if value is None else [f"budget#b#{value}#2026-11", f"limit#l#{value}"])


@pytest.mark.parametrize(
    ("scope", "value"),
    [
        (Scope("provider", "openai"), "openai"),
        (Scope("provider"), "openai"),
        (Scope("provider", "anthropic"), None),
        (Scope("model", "openai/gpt-4o"), "openai/gpt-4o"),
        (Scope("model"), "openai/gpt-4o"),
        (Scope("model", "gpt-4o"), "gpt-4o"),
        (Scope("model", "azure_openai/gpt-4o"), None),
        (Scope("team"), None),
    ],
)
def test_provider_and_model_apply_to_each_deployment(scope: Scope, value: str | None) -> None:
    rules = Applicable([budget("b", scope)], [limit("l", scope)])
    found = names(rules.to_deployment("openai", "gpt-4o", now=NOW))
    assert found == ([] if value is None else [f"budget#b#{value}#2026-11", f"limit#l#{value}"])
    assert rules.by_deployment == (scope.kind in ("provider", "model"))


def test_a_model_of_a_reseller_is_not_mistaken_for_the_vendors_own() -> None:
    rules = Applicable([budget("b", Scope("model", "anthropic/claude-sonnet-4-5"))], [])
    assert rules.to_deployment("anthropic", "claude-sonnet-4-5", now=NOW)
    assert not rules.to_deployment("openrouter", "anthropic/claude-sonnet-4-5", now=NOW)


def test_all_that_applies_applies_at_once_in_the_order_of_ids() -> None:
    rules = Applicable(
        [budget("z", Scope("organisation")), budget("a", Scope("team")), budget("m", Scope("key"), Window("day"))],
        [limit("l", Scope("user"))],
    )
    applied = rules.to_request(CALLER, user="u#1", now=NOW)
    assert names(applied) == [
        f"budget#a#{TEAM}#2026-11",
        f"budget#m#{KEY_ID}#2026-11-23",
        "budget#z#organisation#2026-11",
        "limit#l#u%231",
    ]
    assert applied.budgets[1].window.end == 1_795_478_400


def test_a_request_without_a_user_or_a_route_is_not_counted_by_them() -> None:
    rules = Applicable([budget("b", Scope("user")), budget("c", Scope("route"))], [])
    assert rules.to_request(CALLER, now=NOW) is NOTHING
    assert rules.by_user
    assert not Applicable([budget("b", Scope("team"))], []).by_user


def test_a_tag_that_is_sent_twice_counts_once() -> None:
    caller = replace(CALLER, tags=(("env", "prod"), ("env", "test")))
    rules = Applicable([budget("b", Scope("tag", "*", "env"))], [])
    assert names(rules.to_request(caller, now=NOW)) == ["budget#b#env=prod#2026-11"]


def test_the_next_window_has_a_counter_of_its_own() -> None:
    rules = Applicable([budget("b", Scope("team"), Window("day"))], [])
    days = [names(rules.to_request(CALLER, now=NOW + seconds))[0][-10:] for seconds in (0, 399, 400, 401)]
    assert days == ["2026-11-23", "2026-11-23", "2026-11-24", "2026-11-24"]


def test_a_rolling_window_names_the_counters_that_count_with_it() -> None:
    rules = Applicable([budget("b", Scope("team"), Window("rolling", seconds=24 * 3600))], [])
    (applied,) = rules.to_request(CALLER, now=NOW).budgets
    start = applied.window.start
    assert applied.name == f"budget#b#{TEAM}#r7200-{start}"
    assert applied.before == tuple(f"budget#b#{TEAM}#r7200-{start - back * 7200}" for back in range(1, 13))
    assert Applicable([budget("b", Scope("team"))], []).to_request(CALLER, now=NOW).budgets[0].before == ()


def test_rules_are_sorted_once_for_each_version() -> None:
    applying = Applying()
    first = Configuration("1", budgets={"b": budget("b", Scope("team"))})
    assert applying.rules(first) is applying.rules(first)
    second = Configuration("2", budgets={"b": budget("b", Scope("team", "another"))})
    rules = applying.rules(second)
    assert rules is not None
    assert not rules.to_request(CALLER, now=NOW)
    assert applying.rules(Configuration("3")) is None


def test_a_configuration_without_budgets_loads_nothing_of_them() -> None:
    code = (
        "import sys; from sluice.routing.configuration import parse; import sluice.wiring; "
        "parse({'routes': {'r': {'targets': [{'model': 'openai/gpt-4o'}]}}, 'budgets': {}}, 'v'); "
        "print([name for name in sys.modules if 'budget' in name or 'governed' in name or 'applying' in name "
        "or name in ('zoneinfo', 'sluice.governance.windows')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_utc_windows_load_no_time_zones() -> None:
    code = (
        "import sys; from sluice.governance.applying import Applicable; "
        "from sluice.types.budgets import Budget, Scope, Window; "
        "windows = [Window(kind) for kind in ('day', 'week', 'month')]; "
        "rules = Applicable([Budget('b', Scope('provider'), 1, window) for window in windows], []); "
        "assert len(rules.to_deployment('openai', 'x', now=1e9).budgets) == 3; "
        "print([name for name in ('zoneinfo', 'datetime', 'pydantic') if name in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"
