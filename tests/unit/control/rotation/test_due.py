"""What is due, what is told about it, and that no value is ever part of it."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from sluice.control.rotation.due import DAY, due
from sluice.control.rotation.options import RotationOptions, options_from
from sluice.control.rotation.status import oldest, status, wants_rotation
from tests.unit.control.rotation.fakes import ADMIN, OPENAI, Scene

NOW = 2_000_000_000.0


def options(**providers: object) -> RotationOptions:
    return options_from(json.dumps({"providers": providers}))


def kind(name: str, entry: dict[str, str], chosen: RotationOptions, *, age_days: float = 0) -> str:
    return due(name, entry, chosen, since=NOW - age_days * DAY, now=NOW).kind


@pytest.mark.parametrize(
    ("days_ago", "expected"), [(0.5, "fresh"), (20, "fresh"), (29.4, "fresh"), (29.6, "due"), (31, "due"), (400, "due")]
)
def test_a_key_is_due_once_it_has_its_age(days_ago: float, expected: str) -> None:
    entry = {"api_key": "k", "rotated_at": str(int(NOW - days_ago * DAY))}
    assert kind("openai", entry, options(openai=OPENAI)) == expected


def test_a_key_that_no_rotation_made_is_due_at_once() -> None:
    assert kind("openai", {"api_key": "k", "admin_key": "a"}, options(openai=OPENAI)) == "due"


def test_a_key_that_only_a_person_can_make_is_overdue_and_never_due() -> None:
    assert kind("anthropic", {"api_key": "k"}, options(), age_days=89) == "fresh"
    assert kind("anthropic", {"api_key": "k"}, options(), age_days=90) == "overdue"


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"admin_key": "a", "rotated_at": "1"},
        {"identity_provider_id": "idp_1", "service_account_id": "sa_1"},
        {"audience": "//iam.example", "service_account_impersonation_url": "https://iam.example"},
    ],
)
def test_what_holds_no_secret_that_calls_use_has_nothing_to_rotate(entry: dict[str, str]) -> None:
    assert kind("anything", entry, options(), age_days=1000) == "nothing"


@pytest.mark.parametrize("member", ["api_key", "client_secret", "private_key", "service_account", "token_secret"])
def test_what_calls_use_grows_old(member: str) -> None:
    assert kind("anything", {member: "x"}, options(), age_days=1000) == "overdue"


def test_calls_with_the_function_s_own_role_have_nothing_to_rotate() -> None:
    found = due("bedrock", {}, options(bedrock={"strategy": "role"}), since=0, now=NOW)
    assert found.kind == "nothing"
    assert "role" in found.words


def test_options_that_nobody_knows_are_refused() -> None:
    with pytest.raises(ValidationError):
        options(openai={**OPENAI, "dayz": 3})
    with pytest.raises(ValidationError):
        options(openai={"strategy": "hope"})
    with pytest.raises(ValidationError):
        options(openai={**OPENAI, "admin_url": "http://elsewhere.example/v1"})


def test_the_status_has_ages_and_labels_and_no_value() -> None:
    scene = Scene(providers={"bedrock": {"strategy": "role"}}, openai={"api_key": "sk-by-hand", "admin_key": ADMIN})
    scene.rotate()
    scene.now.seconds += 40 * DAY
    scene.stage(groq={"api_key": "gsk-staged"})
    told = status(scene.vault, scene.options, scene.now())
    cards = {card["provider"]: card for card in told["providers"]}
    assert cards["openai"]["age"] == 40 * DAY
    assert (cards["openai"]["state"], cards["groq"]["staged"], cards["bedrock"]["age"]) == ("due", True, None)
    assert oldest(told, scene.options) == 40 * DAY
    assert wants_rotation(told) == ["groq", "openai"]
    shown = json.dumps(told)
    for value in (ADMIN, scene.key, "sk-by-hand", "gsk-staged"):
        assert value not in shown


def test_an_empty_secret_has_a_status() -> None:
    scene = Scene()
    scene.vault.write({}, "AWSCURRENT")
    told = status(scene.vault, scene.options, scene.now())
    assert [card["provider"] for card in told["providers"]] == ["openai"]
    assert (oldest(told, scene.options), wants_rotation(told)) == (None, [])


def test_only_the_keys_that_the_stage_lists_count_for_the_age() -> None:
    scene = Scene(groq={"api_key": "gsk"}, openai={"api_key": "sk", "admin_key": ADMIN})
    scene.now.seconds += 50 * DAY
    scene.vault.write({"groq": {"api_key": "gsk"}}, "AWSCURRENT")
    scene.now.seconds += 50 * DAY
    assert oldest(status(scene.vault, scene.options, scene.now()), scene.options) is None
