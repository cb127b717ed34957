"""The REST API as the template declares it: paths, integrations, limits, logs and its own error answers."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from infra.settings import stage_named
from sluice import errors
from sluice.endpoints import ENDPOINTS, SIGNED_PREFIX
from tests.infra.conftest import PRIMARY, SECONDARY, Assembly, synthesized

STREAMED = {"streaming", "completion"}
HELD_TEXT = 'no "quotes" harm'


def routes(assembly: Assembly, region: str = PRIMARY, *, stage: str = "prod") -> dict[tuple[str, str], dict[str, Any]]:
    """Return the integration of every method, by method and full path."""
    parts = assembly.resources("api", "AWS::ApiGateway::Resource", region=region, stage=stage)

    def path(reference: dict[str, Any]) -> str:
        properties = parts[reference["Ref"]]["Properties"]
        parent = properties["ParentId"]
        return ("" if "Fn::GetAtt" in parent else path(parent)) + "/" + properties["PathPart"]

    methods = assembly.resources("api", "AWS::ApiGateway::Method", region=region, stage=stage).values()
    return {
        (method["Properties"]["HttpMethod"], path(method["Properties"]["ResourceId"])): method["Properties"]
        for method in methods
    }


def refusals(assembly: Assembly) -> dict[str, dict[str, Any]]:
    found = assembly.resources("api", "AWS::ApiGateway::GatewayResponse").values()
    return {item["Properties"]["ResponseType"]: item["Properties"] for item in found}


def rendered(template: str) -> dict[str, Any]:
    """Fill a gateway response's template as API Gateway does: variables are replaced as text."""
    text = template.replace("$context.error.messageString", json.dumps(HELD_TEXT))
    return dict(json.loads(text.replace("$context.requestId", "c6af9ac6-7b61")))


@contextmanager
def answering(status: int, body: dict[str, Any]) -> Iterator[str]:
    """Serve one answer to every request; return the server's URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            text = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class's name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def openai_client(url: str) -> openai.OpenAI:
    return openai.OpenAI(api_key="sk-none", base_url=f"{url}/v1", max_retries=0)


def anthropic_client(url: str) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="sk-none", base_url=url, max_retries=0)


@pytest.mark.parametrize("region", [PRIMARY, SECONDARY])
def test_the_api_has_exactly_the_endpoints_of_the_table(assembly: Assembly, region: str) -> None:
    declared = routes(assembly, region)
    signed = {(e.method, SIGNED_PREFIX + e.path): e for e in ENDPOINTS if not e.public}
    plain = {(e.method, e.path): e for e in ENDPOINTS}
    assert set(declared) == set(plain) | set(signed)
    for place, endpoint in {**plain, **signed}.items():
        uri = json.dumps(declared[place]["Integration"]["Uri"])
        assert re.search(rf'"{endpoint.function.capitalize()}Live\w+"', uri), endpoint


@pytest.mark.parametrize("region", [PRIMARY, SECONDARY])
def test_api_gateway_checks_a_signature_under_the_signed_prefix_and_nowhere_else(
    assembly: Assembly, region: str
) -> None:
    for (_, path), method in routes(assembly, region).items():
        signed = path.startswith(SIGNED_PREFIX + "/")
        assert method["AuthorizationType"] == ("AWS_IAM" if signed else "NONE"), path
        assert "ApiKeyRequired" not in method


def test_a_stage_may_do_without_signed_callers(tmp_path: Path) -> None:
    stage = replace(stage_named("pr-3"), signed_callers=False)
    declared = routes(synthesized(tmp_path, stage), stage="pr-3")
    assert set(declared) == {(e.method, e.path) for e in ENDPOINTS}


def test_a_signed_path_is_served_as_its_plain_one(assembly: Assembly) -> None:
    declared = routes(assembly)
    for endpoint in ENDPOINTS:
        if not endpoint.public:
            plain, signed = (declared[(endpoint.method, path + endpoint.path)] for path in ("", SIGNED_PREFIX))
            assert signed["Integration"] == plain["Integration"]


def test_each_function_has_one_statement_for_the_api_so_that_its_policy_stays_small(assembly: Assembly) -> None:
    found = assembly.resources("api", "AWS::Lambda::Permission").values()
    names = [item["Properties"]["FunctionName"]["Ref"] for item in found]
    assert len(names) == len(set(names)) == len({e.function for e in ENDPOINTS})
    for item in found:
        assert "RestApi" in json.dumps(item["Properties"]["SourceArn"])


def test_a_stack_stays_under_the_500_resources_that_cloudformation_takes(assembly: Assembly) -> None:
    for name, template in assembly.templates().items():
        assert len(template["Resources"]) <= 450, name


def test_streaming_functions_are_integrated_with_stream_and_fifteen_minutes(assembly: Assembly) -> None:
    declared = routes(assembly)
    streamed = [endpoint for endpoint in ENDPOINTS if endpoint.function in STREAMED]
    assert len(streamed) >= 6
    for endpoint in streamed:
        integration = declared[(endpoint.method, endpoint.path)]["Integration"]
        assert integration["ResponseTransferMode"] == "STREAM"
        assert integration["TimeoutInMillis"] == 900_000
        head, _, tail = integration["Uri"]["Fn::Join"][1]
        assert head.endswith(":lambda:path/2021-11-15/functions/")
        assert tail == "/response-streaming-invocations"


def test_the_other_functions_are_integrated_buffered(assembly: Assembly) -> None:
    declared = routes(assembly)
    for endpoint in ENDPOINTS:
        if endpoint.function not in STREAMED:
            integration = declared[(endpoint.method, endpoint.path)]["Integration"]
            assert integration["ResponseTransferMode"] == "BUFFERED"
            assert integration["TimeoutInMillis"] == 29_000
            assert integration["Uri"]["Fn::Join"][1][-1] == "/invocations"


def test_the_api_is_regional_because_an_edge_endpoint_cuts_idle_streams(assembly: Assembly) -> None:
    (api,) = assembly.resources("api", "AWS::ApiGateway::RestApi").values()
    assert api["Properties"]["EndpointConfiguration"] == {"Types": ["REGIONAL"]}


def test_forms_reach_the_functions_in_base64_and_chats_as_text(assembly: Assembly) -> None:
    (api,) = assembly.resources("api", "AWS::ApiGateway::RestApi").values()
    assert api["Properties"]["BinaryMediaTypes"] == ["multipart/form-data", "application/octet-stream"]


def test_pictures_and_sound_are_streamed_so_that_no_answer_needs_base64() -> None:
    media = [e for e in ENDPOINTS if "/images/" in e.path or "/audio/" in e.path]
    assert {e.function for e in media} == {"streaming"}
    assert {e.path.removeprefix("/v1") for e in media} == {
        "/images/generations",
        "/images/edits",
        "/audio/transcriptions",
        "/audio/translations",
        "/audio/speech",
    }


def test_the_stage_limits_requests_and_traces_no_bodies(assembly: Assembly) -> None:
    (stage,) = assembly.resources("api", "AWS::ApiGateway::Stage").values()
    (settings,) = stage["Properties"]["MethodSettings"]
    assert (settings["HttpMethod"], settings["ResourcePath"]) == ("*", "/*")
    assert (settings["ThrottlingRateLimit"], settings["ThrottlingBurstLimit"]) == (1_000, 2_000)
    assert settings["DataTraceEnabled"] is False


def test_the_access_log_is_json_and_can_hold_neither_keys_nor_prompts(assembly: Assembly) -> None:
    (stage,) = assembly.resources("api", "AWS::ApiGateway::Stage").values()
    line = stage["Properties"]["AccessLogSetting"]["Format"]
    members = json.loads(line)
    assert members["resource"] == "$context.resourcePath"
    assert members["status"] == "$context.status"
    for worded_by_callers in ("$input", "header", "body", "querystring", "$context.path", "userAgent", "authorizer"):
        assert worded_by_callers not in line


def test_refusals_by_api_gateway_itself_read_as_openai_errors(assembly: Assembly) -> None:
    for kind, properties in refusals(assembly).items():
        body = rendered(properties["ResponseTemplates"]["application/json"])
        status = int(properties.get("StatusCode", 400))
        with (
            answering(status, body) as url,
            openai_client(url) as client,
            pytest.raises(openai.APIStatusError) as raised,
        ):
            client.models.list()
        assert raised.value.type == body["error"]["type"], kind
        assert raised.value.code == body["error"]["code"], kind


def test_refusals_by_api_gateway_itself_read_as_anthropic_errors(assembly: Assembly) -> None:
    for kind, properties in refusals(assembly).items():
        body = rendered(properties["ResponseTemplates"]["application/json"])
        status = int(properties.get("StatusCode", 400))
        with (
            answering(status, body) as url,
            anthropic_client(url) as client,
            pytest.raises(anthropic.APIStatusError) as raised,
        ):
            client.models.list()
        assert raised.value.type == body["error"]["type"], kind
        assert body["type"] == "error"
        assert body["request_id"] == "c6af9ac6-7b61"


def test_refusals_use_the_statuses_types_and_codes_of_the_error_tree(assembly: Assembly) -> None:
    declared = refusals(assembly)
    expected = {
        "REQUEST_TOO_LARGE": errors.RequestTooLarge,
        "THROTTLED": errors.RateLimited,
        "MISSING_AUTHENTICATION_TOKEN": errors.NotFound,
    }
    for kind, error in expected.items():
        body = rendered(declared[kind]["ResponseTemplates"]["application/json"])["error"]
        retry = declared[kind]["ResponseParameters"]["gatewayresponse.header.x-should-retry"]
        assert (declared[kind]["StatusCode"], body["type"], body["code"]) == (str(error.status), error.type, error.code)
        assert retry == f"'{str(error.retryable).lower()}'"
    assert {"DEFAULT_4XX", "DEFAULT_5XX"} <= set(declared)


def test_the_message_of_api_gateway_is_passed_on_where_there_is_no_better_one(assembly: Assembly) -> None:
    body = rendered(refusals(assembly)["DEFAULT_4XX"]["ResponseTemplates"]["application/json"])
    assert body["error"]["message"] == HELD_TEXT
