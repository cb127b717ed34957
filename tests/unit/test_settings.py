"""Settings are read once, from one mapping, and say which variable is wrong."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import sluice.settings
from sluice.settings import TABLES, Settings, SettingsError

COMPLETE = {
    "SLUICE_STAGE": "dev",
    "SLUICE_TABLE_PREFIX": "sluice-dev",
    "SLUICE_PROVIDER_SECRET": "sluice/dev/providers",
    "SLUICE_GATEWAY_SECRET": "sluice/dev/gateway",
    "AWS_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI",
    "AWS_SESSION_TOKEN": "IQoJb3JpZ2luX2Vj",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "container-token",
}
REQUIRED = (
    "SLUICE_STAGE",
    "SLUICE_TABLE_PREFIX",
    "SLUICE_PROVIDER_SECRET",
    "SLUICE_GATEWAY_SECRET",
    "AWS_REGION",
)


def test_a_complete_environment_is_read() -> None:
    settings = Settings.from_environment(COMPLETE)
    assert settings.stage == "dev"
    assert settings.region == "eu-central-1"
    assert settings.endpoint_url is None
    assert settings.local is False
    assert settings.ledger_days == 90
    assert settings.access_key_id == "AKIDEXAMPLE"


@pytest.mark.parametrize("name", REQUIRED)
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_variable_is_named(name: str, value: str | None) -> None:
    environ = {key: text for key, text in COMPLETE.items() if key != name}
    if value is not None:
        environ[name] = value
    with pytest.raises(SettingsError, match=name):
        Settings.from_environment(environ)


@pytest.mark.parametrize("text", ["0", "-1", "ninety", "1.5", "99999999999", "٣"])
def test_a_malformed_number_of_days_is_refused_by_name(text: str) -> None:
    with pytest.raises(SettingsError, match="SLUICE_LEDGER_DAYS"):
        Settings.from_environment({**COMPLETE, "SLUICE_LEDGER_DAYS": text})


def test_uploads_have_their_defaults_and_their_limits() -> None:
    settings = Settings.from_environment(COMPLETE)
    assert (settings.upload_bucket, settings.upload_days, settings.upload_inline_mb) == ("", 7, 16)
    told = {"SLUICE_UPLOAD_BUCKET": "files", "SLUICE_UPLOAD_DAYS": "30", "SLUICE_UPLOAD_INLINE_MB": "64"}
    settings = Settings.from_environment({**COMPLETE, **told})
    assert (settings.upload_bucket, settings.upload_days, settings.upload_inline_mb) == ("files", 30, 64)
    for name, value in (("SLUICE_UPLOAD_DAYS", "31"), ("SLUICE_UPLOAD_INLINE_MB", "65")):
        with pytest.raises(SettingsError, match=name):
            Settings.from_environment({**COMPLETE, name: value})


def test_the_interpreter_s_own_environment_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in COMPLETE.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SLUICE_TABLE_PREFIX", "from-the-environment")
    assert Settings.from_environment().table_prefix == "from-the-environment"


def test_the_local_stack_says_so_and_names_its_endpoint() -> None:
    environ = {**COMPLETE, "SLUICE_LOCAL": "1", "AWS_ENDPOINT_URL": "http://127.0.0.1:4566", "SLUICE_LEDGER_DAYS": "7"}
    settings = Settings.from_environment(environ)
    assert settings.local is True
    assert settings.endpoint_url == "http://127.0.0.1:4566"
    assert settings.ledger_days == 7


def test_credentials_never_appear_in_repr() -> None:
    shown = repr(Settings.from_environment(COMPLETE))
    for name in (
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
    ):
        assert COMPLETE[name] not in shown
    assert "sluice-dev" in shown


def test_table_names_carry_the_prefix() -> None:
    assert Settings.from_environment(COMPLETE).table("ledger") == "sluice-dev-ledger"


def test_the_schema_replicates_configuration_counters_and_records_of_changes() -> None:
    assert {table.name for table in TABLES if table.replicated} == {"config", "usage", "audit"}
    assert {table.name for table in TABLES if not table.replicated} == {"ledger", "cache"}


def test_only_the_ledger_streams_and_configuration_and_its_changes_are_kept_for_ever() -> None:
    assert {table.name: table.stream for table in TABLES if table.stream} == {"ledger": "NEW_AND_OLD_IMAGES"}
    assert {table.name for table in TABLES if table.ttl != "expires_at"} == {"config", "audit"}


def test_settings_import_nothing_of_sluice() -> None:
    tree = ast.parse(Path(sluice.settings.__file__).read_text(encoding="utf-8"))
    imported = [node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    imported += [name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names]
    assert imported
    assert not [name for name in imported if name.startswith("sluice")]


def test_what_the_role_may_call_is_a_list_of_services() -> None:
    assert Settings.from_environment(COMPLETE).role_services == ()
    told = Settings.from_environment({**COMPLETE, "SLUICE_ROLE_SERVICES": "bedrock,sts"})
    assert told.role_services == ("bedrock", "sts")
