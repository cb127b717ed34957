"""Credentials come from where Lambda puts them and stay out of every text."""

from __future__ import annotations

import json

import pytest

from sluice.aws.credentials import ContainerCredentials, Credentials, FixedCredentials, credentials_from
from sluice.aws.errors import Unavailable
from sluice.settings import Settings, SettingsError
from tests.unit.aws.fakes import FakeAnswer, FakeTransport, ok

SECRET = "wJalrXUtnFEMI/K7MDENG"
BASE = {
    "stage": "dev",
    "table_prefix": "t",
    "provider_secret": "p",
    "gateway_secret": "g",
    "region": "eu-west-1",
}


def container_answer(key: str, expiration: str) -> FakeAnswer:
    return ok({"AccessKeyId": key, "SecretAccessKey": SECRET, "Token": "session", "Expiration": expiration})


def test_no_part_of_credentials_shows_in_text() -> None:
    credentials = Credentials("AKIDEXAMPLE", SECRET, "session")
    for text in (repr(credentials), str(credentials), f"{credentials}", repr([credentials])):
        assert "hidden" in text
        for part in ("AKIDEXAMPLE", SECRET, "session"):
            assert part not in text


def test_lambda_s_environment_is_the_source() -> None:
    settings = Settings(**BASE, access_key_id="AKID", secret_access_key=SECRET, session_token="session")
    source = credentials_from(settings, FakeTransport())
    assert isinstance(source, FixedCredentials)
    assert source.current().access_key_id == "AKID"
    assert source.current().session_token == "session"


def test_a_restored_environment_asks_its_endpoint() -> None:
    settings = Settings(**BASE, credentials_url="http://127.0.0.1:9001/c", credentials_authorization="token")
    transport = FakeTransport(container_answer("AKIDCONTAINER", "2100-01-01T00:00:00Z"))
    source = credentials_from(settings, transport)
    assert source.current().access_key_id == "AKIDCONTAINER"
    assert transport.calls[0].url == "http://127.0.0.1:9001/c"
    assert transport.calls[0].headers == {"authorization": "token"}


def test_no_credentials_at_all_names_the_variables() -> None:
    with pytest.raises(SettingsError, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
        credentials_from(Settings(**BASE), FakeTransport())


def test_expiring_credentials_are_fetched_again_before_they_expire() -> None:
    transport = FakeTransport(
        container_answer("FIRST", "2026-11-23T12:00:00Z"), container_answer("SECOND", "2026-11-23T18:00:00Z")
    )
    moment = [1_795_435_200.0 - 3600]  # an hour before noon
    source = ContainerCredentials(transport, "http://127.0.0.1:9001/c", "", now=lambda: moment[0])
    assert source.current().access_key_id == "FIRST"
    moment[0] = 1_795_435_200.0 - 301
    assert source.current().access_key_id == "FIRST"
    moment[0] = 1_795_435_200.0 - 299
    assert source.current().access_key_id == "SECOND"
    assert len(transport.calls) == 2


@pytest.mark.parametrize(
    "answer",
    [
        FakeAnswer(500, b"boom"),
        FakeAnswer(200, b"not json " + SECRET.encode()),
        FakeAnswer(200, json.dumps({"AccessKeyId": "a", "SecretAccessKey": SECRET}).encode()),
        FakeAnswer(200, json.dumps([SECRET]).encode()),
        container_answer("AKID", "tomorrow"),
    ],
)
def test_a_broken_endpoint_is_reported_without_what_it_said(answer: FakeAnswer) -> None:
    source = ContainerCredentials(FakeTransport(answer), "http://127.0.0.1:9001/c", "")
    with pytest.raises(Unavailable) as raised:
        source.current()
    assert SECRET not in str(raised.value)
    assert raised.value.__context__ is None
