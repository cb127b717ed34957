from __future__ import annotations

from pathlib import Path

from sluice.endpoints import ENDPOINTS
from sluice.local.functions import Function, functions, variables
from sluice.local.options import ROOT
from sluice.settings import Settings


def test_every_function_of_the_endpoint_table_is_known() -> None:
    assert {endpoint.function for endpoint in ENDPOINTS} <= set(functions(ROOT / "functions", 32))


def test_only_functions_with_a_handler_are_there(tmp_path: Path) -> None:
    (tmp_path / "routing").mkdir()
    (tmp_path / "routing" / "handler.py").write_text("")
    (tmp_path / "streaming").mkdir()
    assert set(functions(tmp_path, 32)) == {"routing"}


def test_the_cap_is_that_of_the_streaming_function() -> None:
    known = functions(ROOT / "functions", 7)
    assert known["streaming"].limit == 7
    assert known["streaming"].streamed
    assert not known["routing"].streamed


def test_the_variables_are_those_that_settings_reads(tmp_path: Path) -> None:
    settings = Settings.from_environment(variables(ROOT, tmp_path, "http://127.0.0.1:4566"))
    assert settings.local
    assert settings.endpoint_url == "http://127.0.0.1:4566"
    assert settings.table("config") == "sluice-local-config"


def test_a_function_has_its_own_name_and_arn(tmp_path: Path) -> None:
    function = Function("streaming", tmp_path)
    assert function.arn == "arn:aws:lambda:us-east-1:000000000000:function:sluice-local-streaming"
    assert function.environment({}, "stream")["AWS_LAMBDA_LOG_STREAM_NAME"] == "stream"
