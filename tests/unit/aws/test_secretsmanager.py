"""Secrets are read seldom, kept through outages, and never shown."""

from __future__ import annotations

import json
import traceback

import pytest

from sluice.aws.credentials import Credentials, FixedCredentials
from sluice.aws.errors import Refused
from sluice.aws.secretsmanager import SecretsManagerClient, SecretsManagerStore, SecretUnusable
from sluice.errors import ProviderUnreachable
from sluice.providers.transport import HttpTransport
from tests.emulator import Emulator
from tests.unit.aws.fakes import CREDENTIALS, FakeAnswer, FakeTransport, Pauses, ok, refused

SECRET = "sk-proj-classified"
BUNDLE = {"openai": {"api_key": SECRET}, "anthropic": {"api_key": f"{SECRET}-2"}}


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000_000.0

    def __call__(self) -> float:
        return self.seconds


def secret(value: object) -> FakeAnswer:
    return ok({"SecretString": value if isinstance(value, str) else json.dumps(value)})


def store_with(*answers: FakeAnswer | Exception) -> tuple[SecretsManagerStore, FakeTransport, Clock]:
    transport, clock = FakeTransport(*answers), Clock()
    client = SecretsManagerClient(transport, CREDENTIALS, region="eu-west-1", now=clock, sleep=Pauses())
    return (
        SecretsManagerStore(client, provider_secret="the-bundle", gateway_secret="the-pepper", now=clock),
        transport,
        clock,
    )


def outage() -> list[Exception]:
    return [ProviderUnreachable("down")] * 4


def test_one_call_reads_all_provider_keys() -> None:
    store, transport, _ = store_with(secret(BUNDLE))
    assert store.provider_keys()["openai"]["api_key"] == SECRET
    assert store.provider_keys()["anthropic"]["api_key"] == f"{SECRET}-2"
    assert len(transport.calls) == 1
    assert transport.document() == {"SecretId": "the-bundle", "VersionStage": "AWSCURRENT"}
    assert transport.calls[0].url == "https://secretsmanager.eu-west-1.amazonaws.com/"
    assert transport.calls[0].headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert transport.calls[0].headers["content-type"] == "application/x-amz-json-1.1"


def test_a_warm_environment_reads_again_only_after_an_answer_and_when_the_bundle_is_old() -> None:
    store, transport, clock = store_with(secret(BUNDLE), secret({"openai": {"api_key": "new"}}))
    store.provider_keys()
    clock.seconds += 700
    store.renew()
    assert len(transport.calls) == 1
    clock.seconds += 30
    store.renew()
    assert len(transport.calls) == 2
    assert store.provider_keys()["openai"]["api_key"] == "new"


def test_renewing_reads_nothing_before_the_first_use() -> None:
    store, transport, _ = store_with()
    store.renew()
    assert transport.calls == []


def test_an_environment_that_slept_past_the_ttl_reads_before_it_serves() -> None:
    store, _, clock = store_with(secret(BUNDLE), secret({"openai": {"api_key": "new"}}))
    store.provider_keys()
    clock.seconds += 901
    assert store.provider_keys()["openai"]["api_key"] == "new"


def test_an_outage_of_secrets_manager_leaves_the_old_keys_in_force() -> None:
    store, transport, clock = store_with(
        secret(BUNDLE), *outage(), ProviderUnreachable("still down"), secret({"openai": {"api_key": "new"}})
    )
    store.provider_keys()
    clock.seconds += 901
    assert store.provider_keys()["openai"]["api_key"] == SECRET
    calls = len(transport.calls)
    assert store.provider_keys()["openai"]["api_key"] == SECRET
    assert len(transport.calls) == calls  # not asked again for every request
    clock.seconds += 2
    with pytest.raises(SecretUnusable):
        store.renew()
    clock.seconds += 31
    assert store.provider_keys()["openai"]["api_key"] == "new"


def test_a_401_reads_again_at_once() -> None:
    store, transport, _ = store_with(secret(BUNDLE), secret({"openai": {"api_key": "new"}}))
    store.provider_keys()
    store.refresh()
    assert store.provider_keys()["openai"]["api_key"] == "new"
    assert len(transport.calls) == 2


def test_a_failed_refresh_keeps_what_is_held() -> None:
    store, _, _ = store_with(secret(BUNDLE), secret("not json"))
    store.provider_keys()
    with pytest.raises(SecretUnusable):
        store.refresh()
    assert store.provider_keys()["openai"]["api_key"] == SECRET


def test_an_empty_secret_is_an_empty_bundle() -> None:
    for value in ("", "{}"):
        store, _, _ = store_with(secret(value))
        assert store.provider_keys() == {}


def test_one_malformed_entry_does_not_take_the_others_down() -> None:
    store, _, _ = store_with(secret({**BUNDLE, "groq": SECRET, "mistral": {"api_key": 1, "region": "eu"}}))
    keys = store.provider_keys()
    assert set(keys) == {"openai", "anthropic", "mistral"}
    assert keys["mistral"] == {"region": "eu"}


def test_the_pepper_is_read_once() -> None:
    store, transport, clock = store_with(secret({"pepper": "salt-and-pepper"}))
    assert store.pepper() == b"salt-and-pepper"
    clock.seconds += 100_000
    assert store.pepper() == b"salt-and-pepper"
    assert transport.document()["SecretId"] == "the-pepper"


@pytest.mark.parametrize("value", ["", "{}", {"pepper": ""}, {"pepper": 5}, [SECRET], "not json " + SECRET])
def test_a_gateway_secret_without_a_pepper_names_its_variable_and_no_value(value: object) -> None:
    store, _, _ = store_with(secret(value))
    with pytest.raises(SecretUnusable, match="SLUICE_GATEWAY_SECRET") as raised:
        store.pepper()
    assert SECRET not in "".join(traceback.format_exception(raised.value))


def test_a_missing_secret_is_a_clear_error() -> None:
    store, _, _ = store_with(refused("ResourceNotFoundException", message="Secrets Manager can't find it"))
    with pytest.raises(SecretUnusable, match=r"SLUICE_PROVIDER_SECRET.*ResourceNotFoundException") as raised:
        store.provider_keys()
    assert raised.value.aws_code == "ResourceNotFoundException"


def test_no_secret_shows_in_any_text() -> None:
    store, _, _ = store_with(secret(BUNDLE), secret({"pepper": SECRET}))
    keys = store.provider_keys()
    store.pepper()
    shown = [repr(store), str(store), repr(keys), str(keys), f"{keys}", f"{keys['openai']}", repr(list(keys.values()))]
    shown.append("%s %r" % (keys, keys["openai"]))  # noqa: UP031 - the old formatting is part of the test
    assert not [text for text in shown if SECRET in text]


@pytest.mark.parametrize("text", [f'{{"openai": {{"api_key": "{SECRET}"}}', f'["{SECRET}"]', f'"{SECRET}"', SECRET])
def test_a_malformed_bundle_is_reported_without_its_text(text: str) -> None:
    store, _, _ = store_with(secret(text))
    with pytest.raises(SecretUnusable) as raised:
        store.provider_keys()
    error: BaseException | None = raised.value
    while error is not None:
        assert SECRET not in f"{error!r}{error}{vars(error)}"
        error = error.__context__
    assert SECRET not in "".join(traceback.format_exception(raised.value))


def test_the_emulated_service_answers_the_same_client(emulator: Emulator) -> None:
    emulator.put_secret("client-bundle", BUNDLE)
    emulator.put_secret("client-pepper", {"pepper": "p"})
    transport = HttpTransport(trusted=True)
    credentials = FixedCredentials(Credentials("test", "test"))
    client = SecretsManagerClient(transport, credentials, region=emulator.region, endpoint_url=emulator.url)
    store = SecretsManagerStore(client, provider_secret="client-bundle", gateway_secret="client-pepper")
    assert store.provider_keys() == BUNDLE
    assert store.pepper() == b"p"
    with pytest.raises(Refused, match="ResourceNotFoundException"):
        client.get_secret_value("no-such-secret")
    transport.drop_connections()
