"""A virtual key with a new secret: the old one works until the overlap ends, here, through the API and the gateway."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterable
from typing import Any

import pytest
from pydantic import ValidationError

from sluice.cli.main import _hours, _rotate_key
from sluice.cli.session import CommandFailed, Session
from sluice.control.keys import Keys, NewKey, NewSecret
from sluice.errors import AuthenticationFailed, BadRequest, NotFound, PermissionDenied
from sluice.governance.authentication import MISFIT_SECONDS, Authenticator, fitting
from sluice.types.audit import Actor, Change
from sluice.types.tenancy import VirtualKey
from tests.fakes import KEY, PEPPER, Gateway, Scripted, ScriptedTransport, virtual_key
from tests.unit.aws.test_admin_api import Api

HOUR = 3600.0
ASK = {"model": "openai/test-gpt", "messages": [{"role": "user", "content": "Hello"}]}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "test-gpt",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}


class Store:
    """Keys in memory, as the table keeps them; `reads` counts."""

    def __init__(self) -> None:
        self.keys: dict[str, VirtualKey] = {}
        self.changes: list[Change] = []
        self.reads = 0
        self.down = False

    def create(self, key: VirtualKey, change: Change | None = None) -> None:
        self.keys[key.id] = key

    def find(self, key_id: str) -> VirtualKey | None:
        self.reads += 1
        if self.down:
            raise OSError
        return self.keys.get(key_id)

    def revoke(self, key_id: str, at_ms: int, change: Change | None = None) -> VirtualKey | None:
        raise AssertionError

    def rotate(self, key: VirtualKey, before: str, change: Change | None = None) -> bool:
        if self.keys[key.id].digest != before:
            return False
        self.keys[key.id] = key
        self.changes += [change] if change is not None else []
        return True

    def list_keys(self, team: str | None = None) -> Iterable[VirtualKey]:
        return self.keys.values()


class Scene:
    """One key in a store, its administration and an environment that checks it."""

    def __init__(self, **wanted: Any) -> None:
        self.seconds = 1_000_000.0
        self.store = Store()
        self.keys = Keys(self.store, lambda: PEPPER, lambda: int(self.seconds * 1000))
        self.environment = Authenticator(self.store, lambda: PEPPER, lambda: self.seconds)
        created = self.keys.create(NewKey(team="search", **wanted))
        self.id, self.first = created.key.id, created.text

    def rotate(self, hours: float = 24) -> str:
        return self.keys.rotate(self.id, NewSecret(overlap_hours=hours)).text

    def lets_in(self, text: str) -> bool:
        try:
            return self.environment.authenticate({"x-api-key": text}).key.id == self.id
        except AuthenticationFailed:
            return False


def wrong(text: str) -> str:
    """Return the text with another last character."""
    return text[:-1] + ("x" if text[-1] != "x" else "y")


def test_both_secrets_work_until_the_overlap_ends_and_then_the_new_one_alone() -> None:
    scene = Scene()
    second = scene.rotate(24)
    assert second != scene.first
    assert second.startswith(f"sk-sluice-{scene.id}")
    assert scene.lets_in(scene.first)
    assert scene.lets_in(second)
    scene.seconds += 24 * HOUR - 1
    assert scene.lets_in(scene.first)
    scene.seconds += 1
    assert not scene.lets_in(scene.first)
    assert scene.lets_in(second)


def test_the_old_secret_says_why_it_is_refused_to_those_who_hold_it_alone() -> None:
    scene = Scene()
    scene.rotate(0)
    with pytest.raises(AuthenticationFailed, match="given a new secret") as raised:
        scene.environment.authenticate({"x-api-key": scene.first})
    assert raised.value.error_code == "rotated_api_key"
    with pytest.raises(AuthenticationFailed, match="not known"):
        scene.environment.authenticate({"x-api-key": wrong(scene.first)})


def test_a_second_rotation_ends_the_first_secret_at_once() -> None:
    scene = Scene()
    second = scene.rotate()
    third = scene.rotate()
    assert [scene.lets_in(text) for text in (scene.first, second, third)] == [False, True, True]


def test_an_environment_that_remembers_the_key_takes_the_new_secret_at_once() -> None:
    scene = Scene()
    assert scene.lets_in(scene.first)
    scene.seconds += MISFIT_SECONDS + 1
    second = scene.rotate()
    reads = scene.store.reads
    assert scene.lets_in(second)
    assert scene.lets_in(second)
    assert scene.store.reads == reads + 1


def test_guessing_secrets_of_a_known_key_costs_a_read_every_other_second_at_most() -> None:
    scene = Scene()
    scene.lets_in(scene.first)
    scene.seconds += MISFIT_SECONDS + 1
    reads = scene.store.reads
    assert not any(scene.lets_in(wrong(scene.first)) for _ in range(10))
    assert scene.store.reads == reads + 1


def test_a_wrong_secret_stays_wrong_while_the_store_is_out_of_reach() -> None:
    scene = Scene()
    scene.lets_in(scene.first)
    scene.seconds += MISFIT_SECONDS + 1
    scene.store.down = True
    assert not scene.lets_in(wrong(scene.first))
    assert scene.lets_in(scene.first)


def test_both_comparisons_run_in_constant_time_whatever_is_presented() -> None:
    compared: list[int] = []

    def counting(one: str, other: str) -> bool:
        compared.append(len(other))
        return one == other

    plain, rotated = virtual_key(KEY), virtual_key(KEY, previous_digest="e" * 64, previous_until_ms=1)
    found = [fitting(key, digest, counting) for key in (None, plain, rotated) for digest in ("e" * 64, plain.digest)]
    assert found == ["", "", "", "current", "previous", "current"]
    assert compared == [64] * 12


def test_a_rotation_is_recorded_without_any_secret() -> None:
    scene = Scene()
    second = scene.rotate()
    (change,) = scene.store.changes
    assert (change.action, change.subject, change.team) == ("keys.rotate", f"keys/{scene.id}", "search")
    assert change.after is not None
    assert change.after["previous_until_ms"] == int((scene.seconds + 24 * HOUR) * 1000)
    shown = repr(change)
    key = scene.store.keys[scene.id]
    assert not [word for word in (second, scene.first, key.digest, key.previous_digest) if word in shown]


def test_a_key_that_works_no_more_gets_no_new_secret() -> None:
    scene = Scene(expires_in_days=1)
    scene.seconds += 25 * HOUR
    with pytest.raises(BadRequest, match="expired"):
        scene.rotate()
    with pytest.raises(NotFound, match="sluice keys list"):
        scene.keys.rotate("nothing", NewSecret())


def test_of_two_rotations_at_once_one_wins() -> None:
    scene = Scene()
    stale = scene.store.keys[scene.id]
    scene.rotate()
    found, scene.store.find = scene.store.find, lambda key_id: stale  # type: ignore[method-assign]
    with pytest.raises(BadRequest, match="somebody else"):
        scene.rotate()
    scene.store.find = found  # type: ignore[method-assign]


def test_who_may_not_grant_a_scope_may_not_take_a_key_that_has_it() -> None:
    scene = Scene(scopes=["admin", "inference"])
    by = Actor("key", "somebodyelse", "search", ("keys:write",))
    with pytest.raises(PermissionDenied):
        scene.keys.rotate(scene.id, NewSecret(), by)
    bound = Actor("key", "somebodyelse", "ads", ("keys:write",), team_bound=True)
    with pytest.raises(NotFound):
        scene.keys.rotate(scene.id, NewSecret(), bound)


@pytest.mark.parametrize("hours", [-1, 24 * 30 + 1])
def test_an_overlap_has_limits(hours: float) -> None:
    with pytest.raises(ValidationError):
        NewSecret(overlap_hours=hours)


def test_through_the_gateway_both_secrets_are_one_caller() -> None:
    transport = ScriptedTransport(Scripted(body=json.dumps(ANSWER).encode()))
    gateway = Gateway(transport)
    second = KEY[:-1] + "z"
    old, new = virtual_key(KEY), virtual_key(second)
    gateway.keys.stored[old.id] = virtual_key(second, previous_digest=old.digest, previous_until_ms=1 << 50)
    assert [gateway.ask("/v1/chat/completions", ASK, key=text)[0].status for text in (KEY, second)] == [200, 200]
    assert {(entry.key_id, entry.team) for entry in gateway.ledger.entries.values()} == {(new.id, "search")}
    gateway.keys.stored[old.id] = virtual_key(second, previous_digest=old.digest, previous_until_ms=1)
    fresh = Gateway(transport, keys=(gateway.keys.stored[old.id],))
    response, body = fresh.ask("/v1/chat/completions", ASK, key=KEY)
    assert (response.status, b"rotated_api_key" in body) == (401, True)


def test_the_admin_api_shows_the_new_secret_once() -> None:
    api = Api()
    status, made = api.call("POST", f"/admin/keys/{KEY[10:22]}/rotate", {"overlap_hours": 2})
    assert (status, made["rotated_ms"], made["previous_until_ms"]) == (200, 1_000_000, 1_000_000 + 2 * 3_600_000)
    assert made["key"].startswith(f"sk-sluice-{KEY[10:22]}")
    assert made["key"] not in json.dumps(api.call("GET", "/admin/keys"))
    assert api.call("POST", f"/admin/keys/{KEY[10:22]}/rotate", {"overlap": 2})[0] == 400
    assert api.call("POST", f"/admin/keys/{KEY[10:22]}/rotate", {}, key=KEY)[0] == 403
    assert api.call("POST", "/admin/keys/aaaaaaaaaaaa/rotate", {})[0] == 404


@pytest.mark.parametrize(("text", "hours"), [("24h", 24), ("90m", 1.5), ("7d", 168), ("0", 0), ("12", 12)])
def test_the_command_line_reads_an_overlap(text: str, hours: float) -> None:
    assert _hours(text) == hours


def test_the_command_line_says_when_the_old_secret_ends() -> None:
    api, printed = Api(), list[str]()

    class Terminal(Session):
        def call(self, method: str, path: str, body: object = None, query: object = None) -> Any:
            return api.call(method, path, body)[1]

    session = Terminal("http://gateway", "key", False, printed.append)
    _rotate_key(session, argparse.Namespace(id=KEY[10:22], overlap="24h"))
    assert printed[0].startswith(f"sk-sluice-{KEY[10:22]}")
    assert "1970-01-02 00:16 UTC" in printed[0]
    with pytest.raises(CommandFailed, match="no time"):
        _rotate_key(session, argparse.Namespace(id=KEY[10:22], overlap="soon"))
