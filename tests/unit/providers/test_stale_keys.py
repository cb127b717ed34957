"""A provider refuses a key that was changed: the environment finds the new one by itself, whoever else is under way."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping

import pytest

from sluice.aws.secretsmanager import SecretsManagerClient, SecretsManagerStore
from sluice.errors import ProviderError
from sluice.ports import UpstreamCall
from sluice.providers.auth import Outgoing
from sluice.providers.credentials import READ_SPACING, Credentials
from sluice.providers.registry import Registry
from tests.fakes import PEPPER, FixedSecrets, Gateway, Scripted, ScriptedTransport
from tests.unit.aws.fakes import CREDENTIALS, FakeAnswer, ok

CHAT = "/v1/chat/completions"
ASK = {"model": "openai/test-gpt", "messages": [{"role": "user", "content": "Hello"}]}
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "test-gpt",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
}


class Vault:
    """Secrets Manager with one bundle; `reads` counts how often anybody asked for it."""

    def __init__(self, **keys: str) -> None:
        self.put(**keys)
        self.reads = 0

    def put(self, **keys: str) -> None:
        self.text = json.dumps({provider: {"api_key": key} for provider, key in keys.items()})

    def send(self, call: UpstreamCall) -> FakeAnswer:
        self.reads += 1
        return ok({"SecretString": self.text})


class Moment:
    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


class StoredSecrets(FixedSecrets):
    """The real store over the vault, where tests expect a fake one."""

    def __init__(self, vault: Vault, now: Moment) -> None:
        super().__init__()
        client = SecretsManagerClient(vault, CREDENTIALS, region="us-east-1")
        self.store = SecretsManagerStore(client, provider_secret="p", gateway_secret="g", now=now)

    def provider_keys(self) -> Mapping[str, Mapping[str, str]]:
        return self.store.provider_keys()

    def refresh(self) -> None:
        self.store.refresh()

    def renew(self) -> None:
        self.store.renew()

    def pepper(self) -> bytes:
        return PEPPER


class Vendor:
    """A provider that takes the keys in `live` alone. The first `together` refusals are given at the same moment."""

    def __init__(self, *live: str, together: int = 1) -> None:
        self.live = set(live)
        self.refused = 0
        self._barrier = threading.Barrier(together)
        self._waiting = together
        self._lock = threading.Lock()

    def send(self, call: UpstreamCall) -> Scripted:
        if call.headers["authorization"].removeprefix("Bearer ") in self.live:
            return Scripted(body=json.dumps(ANSWER).encode())
        with self._lock:
            self.refused += 1
            waits = self._waiting > 0
            self._waiting -= 1
        if waits:
            self._barrier.wait(10)
        return Scripted(401, b'{"error": {"message": "Incorrect API key provided", "code": "invalid_api_key"}}')


def gateway(vendor: Vendor, vault: Vault) -> Gateway:
    made = Gateway(vendor, secrets=StoredSecrets(vault, Moment()))
    made.secrets.provider_keys()
    return made


def test_a_stale_key_costs_one_refused_attempt_and_the_answer_is_charged_once() -> None:
    vendor, vault = Vendor("new"), Vault(openai="old")
    here = gateway(vendor, vault)
    vault.put(openai="new")
    response, _ = here.ask(CHAT, ASK)
    entry = here.ledger.only
    assert response.status == 200
    assert [(a.status, a.outcome) for a in entry.attempts] == [(401, "authentication"), (200, "ok")]
    assert (entry.usage.input, entry.usage.output) == (10, 5)
    assert vault.reads == 2


def test_many_requests_with_a_stale_key_at_once_read_the_secret_once_and_all_succeed() -> None:
    callers = 12
    vendor, vault = Vendor("new", together=callers), Vault(openai="old")
    here = gateway(vendor, vault)
    vault.put(openai="new")
    statuses: list[int] = []

    def call() -> None:
        statuses.append(here.ask(CHAT, ASK)[0].status)

    threads = [threading.Thread(target=call) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert statuses == [200] * callers
    assert vendor.refused == callers
    assert vault.reads == 2


def test_a_key_that_was_put_back_is_found_as_well() -> None:
    vendor, vault = Vendor("old"), Vault(openai="new")
    here = gateway(vendor, vault)
    vault.put(openai="old")
    assert here.ask(CHAT, ASK)[0].status == 200
    assert vendor.refused == 1


def test_keys_that_change_in_quick_succession_are_all_found() -> None:
    vendor, vault = Vendor("new"), Vault(openai="old")
    secrets = StoredSecrets(vault, Moment())
    here = Gateway(vendor, secrets=secrets)
    secrets.provider_keys()
    for key in ("new", "newer", "new", "newest"):
        vault.put(openai=key)
        vendor.live = {key}
        assert here.ask(CHAT, ASK)[0].status == 200
    assert vendor.refused == 4


def test_a_key_that_stays_wrong_is_neither_tried_nor_read_again_for_each_request() -> None:
    vendor, vault = Vendor("another"), Vault(openai="wrong")
    here = gateway(vendor, vault)
    statuses = [here.ask(CHAT, ASK)[0].status for _ in range(5)]
    assert statuses == [401] * 5
    assert vendor.refused == 5
    assert vault.reads == 2


def test_one_provider_s_wrong_key_does_not_hide_another_s_new_one() -> None:
    now, vault = Moment(), Vault(openai="wrong", groq="old")
    store = StoredSecrets(vault, now)
    here = Credentials(store, ScriptedTransport(Scripted()), catalogue=Registry().provider, now=now)
    assert not refused(here, "openai")
    vault.put(openai="wrong", groq="new")
    assert not refused(here, "openai")  # not its turn yet
    assert refused(here, "groq")
    now.seconds += READ_SPACING
    assert not refused(here, "openai")
    assert vault.reads == 4


def test_an_answer_to_a_key_that_has_been_replaced_meanwhile_needs_no_reading() -> None:
    now, vault = Moment(), Vault(openai="old")
    store = StoredSecrets(vault, now)
    here = Credentials(store, ScriptedTransport(Scripted()), catalogue=Registry().provider, now=now)
    headers = vouched(here, "openai")
    vault.put(openai="new")
    now.seconds += 1000  # the store has read again for another request
    assert here.of("openai") == {"api_key": "new"}
    assert here.refresh("openai", headers)
    assert vault.reads == 2


def test_a_secret_out_of_reach_leaves_the_refusal_as_it_is() -> None:
    class Down(FixedSecrets):
        def refresh(self) -> None:
            raise ProviderError("down", provider_status=503, kind="connection")

    here = Credentials(Down(openai="old"), ScriptedTransport(Scripted()), catalogue=Registry().provider)
    assert not refused(here, "openai")


def vouched(credentials: Credentials, name: str) -> Mapping[str, str]:
    provider = Registry().provider(name)
    if provider is None:
        pytest.fail(f"{name} is not in the catalogue")
    return credentials.authorize(Outgoing("POST", f"{provider.base_url}/x", {}, b"{}"), provider)[1]


def refused(credentials: Credentials, name: str) -> bool:
    """Return whether a refused call would be tried again."""
    return credentials.refresh(name, vouched(credentials, name))
