"""Bedrock-shaped calls through the whole gateway, made and read by Amazon's own client."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError, EventStreamError

from sluice.dialects import eventstream
from sluice.endpoints import find
from sluice.errors import BadRequest, NotFound
from sluice.inbound_bedrock import bedrock_call, unescaped
from sluice.types.http import Request, Response
from sluice.types.routes import ProviderSettings, Route, RouteTarget
from tests.fakes import KEY, FixedSecrets, Gateway, Scripted, ScriptedTransport, configuration, custom, events
from tests.unit.test_pipeline import ANSWER, STREAM

ASK: dict[str, Any] = {"messages": [{"role": "user", "content": [{"text": "Hello"}]}]}
CONVERSED = json.dumps(
    {
        "output": {"message": {"role": "assistant", "content": [{"text": "Hi"}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": 10, "outputTokens": 5, "totalTokens": 15},
        "metrics": {"latencyMs": 3},
    }
).encode()
MODEL = "us.test-claude-v1:0"
INVOKED = {"messages": [{"role": "user", "content": "Hello"}], "max_tokens": 9}


def frame(name: str, **members: Any) -> bytes:
    return eventstream.event(name, json.dumps({**members, "p": "abcd"}).encode())


CONVERSED_STREAM = (
    frame("messageStart", role="assistant"),
    frame("contentBlockDelta", delta={"text": "Hel"}, contentBlockIndex=0),
    frame("contentBlockDelta", delta={"text": "lo"}, contentBlockIndex=0),
    frame("contentBlockStop", contentBlockIndex=0),
    frame("messageStop", stopReason="end_turn"),
    frame("metadata", usage={"inputTokens": 10, "outputTokens": 5, "totalTokens": 15}, metrics={"latencyMs": 1}),
)


class Raw:
    """What botocore reads an answer from."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield from self._pieces

    def read(self, *_: Any) -> bytes:
        return b"".join(self._pieces)

    def close(self) -> None:
        return


def client(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Amazon's client, whose calls end in the gateway instead of a socket."""
    monkeypatch.setenv("AWS_BEARER_TOKEN_BEDROCK", KEY)
    made = boto3.client(
        "bedrock-runtime", region_name="us-east-1", config=Config(retries={"total_max_attempts": 1})
    )  # fmt: skip

    def send(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        headers = {str(name).lower(): text(value) for name, value in request.headers.items()}
        body = request.body or b""
        answer = gateway.app.handle(Request(request.method, urlsplit(request.url).path, headers, body))
        return AWSResponse(request.url, answer.status, dict(answer.headers), Raw(settled(answer)))

    made.meta.events.register("before-send.bedrock-runtime", send)
    return made


def settled(answer: Response) -> Iterator[bytes]:
    """The pieces of an answer; what follows it is done when the last one was read."""
    yield from [answer.body] if isinstance(answer.body, bytes) else answer.body
    if answer.after is not None:
        answer.after()


def text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def bedrock(*answers: Scripted) -> tuple[Gateway, ScriptedTransport]:
    """A gateway in front of a scripted Amazon Bedrock."""
    transport = ScriptedTransport(*answers)
    live = configuration(
        providers={"bedrock": ProviderSettings(base_url="https://bedrock-runtime.{region}.amazonaws.example")},
        models={
            f"bedrock/{MODEL}": custom(f"bedrock/{MODEL}", operations=("chat", "invoke", "count_tokens")),
        },
    )
    return Gateway(transport, live=live, secrets=FixedSecrets(bedrock="bedrock-api-key-secret")), transport


def streamed(*parts: bytes | Exception) -> Scripted:
    return Scripted(headers={"content-type": "application/vnd.amazon.eventstream"}, parts=list(parts))


def test_amazons_client_is_served_by_a_chat_model(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway(ScriptedTransport(Scripted(body=ANSWER)))
    answer = client(gateway, monkeypatch).converse(modelId="openai/test-gpt", **ASK)
    assert answer["output"]["message"] == {"role": "assistant", "content": [{"text": "Hi"}]}
    assert answer["stopReason"] == "end_turn"
    assert answer["usage"]["inputTokens"] == 10
    assert answer["usage"]["totalTokens"] == 15


def test_amazons_client_reads_a_stream_of_a_chat_model(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway(ScriptedTransport(events(*STREAM)))
    told = list(client(gateway, monkeypatch).converse_stream(modelId="openai/test-gpt", **ASK)["stream"])
    said = "".join(event["contentBlockDelta"]["delta"]["text"] for event in told if "contentBlockDelta" in event)
    assert (said, next(iter(told[0])), next(iter(told[-1]))) == ("Hello", "messageStart", "metadata")
    assert told[-1]["metadata"]["usage"]["outputTokens"] == 5
    assert gateway.ledger.only.cost == 20_000


def test_amazons_client_reads_tool_calls_and_sends_their_results(monkeypatch: pytest.MonkeyPatch) -> None:
    called = {
        "id": "c", "object": "chat.completion", "created": 1, "model": "test-gpt",
        "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {"role": "assistant", "content": None,
            "tool_calls": [{"id": "call_1", "type": "function",
                            "function": {"name": "look", "arguments": '{"city":"Rome"}'}}]}}],
        "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15},
    }  # fmt: skip
    transport = ScriptedTransport(Scripted(body=json.dumps(called).encode()), Scripted(body=ANSWER))
    sdk = client(Gateway(transport), monkeypatch)
    tools = {"tools": [{"toolSpec": {"name": "look", "inputSchema": {"json": {"type": "object"}}}}]}
    first = sdk.converse(modelId="openai/test-gpt", toolConfig=tools, **ASK)
    call = first["output"]["message"]["content"][0]["toolUse"]
    assert (first["stopReason"], call["name"], call["input"]) == ("tool_use", "look", {"city": "Rome"})
    result = {"toolUseId": call["toolUseId"], "content": [{"json": {"degrees": 21}}, {"text": "warm"}]}
    image = {"format": "png", "source": {"bytes": b"\x89PNG"}}
    turns = [
        *ASK["messages"],
        first["output"]["message"],
        {"role": "user", "content": [{"toolResult": result}, {"image": image}]},
    ]
    second = sdk.converse(modelId="openai/test-gpt", messages=turns, toolConfig=tools)
    assert second["stopReason"] == "end_turn"
    sent: Any = transport.sent()["messages"]
    assert [turn["role"] for turn in sent] == ["user", "assistant", "tool", "user"]
    assert sent[2]["tool_call_id"] == "call_1"
    assert "degrees" in json.dumps(sent[2]["content"])
    assert sent[3]["content"][0]["image_url"]["url"] == "data:image/png;base64,iVBORw=="


def test_a_converse_call_passes_to_bedrock_and_its_answer_back(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway, transport = bedrock(Scripted(body=CONVERSED))
    sdk = client(gateway, monkeypatch)
    answer = sdk.converse(modelId=MODEL, guardrailConfig={"guardrailIdentifier": "g", "guardrailVersion": "1"}, **ASK)
    assert answer["metrics"]["latencyMs"] == 3
    assert transport.calls[0].url.endswith("/model/us.test-claude-v1%3A0/converse")
    assert transport.sent() == {**ASK, "guardrailConfig": {"guardrailIdentifier": "g", "guardrailVersion": "1"}}
    assert transport.calls[0].headers["authorization"] == "Bearer bedrock-api-key-secret"
    assert gateway.ledger.only.cost == 20_000


def test_a_call_is_signed_for_the_region_that_its_route_names() -> None:
    transport = ScriptedTransport(Scripted(body=CONVERSED))
    target = RouteTarget("bedrock/eu.anthropic.claude-haiku-4-5-20251001-v1:0", region="eu-west-1")
    secrets = FixedSecrets()
    secrets.bundle = {"bedrock": {"aws_access_key_id": "AKIAIOSFODNN7EXAMPLE", "aws_secret_access_key": "secret"}}
    gateway = Gateway(transport, live=configuration(routes={"eu": Route("eu", (target,))}), secrets=secrets)
    response, _ = gateway.ask("/model/eu/converse", ASK)
    assert response.status == 200
    sent = transport.calls[0]
    assert sent.url == (
        "https://bedrock-runtime.eu-west-1.amazonaws.com/model/eu.anthropic.claude-haiku-4-5-20251001-v1%3A0/converse"
    )
    assert "/eu-west-1/bedrock/aws4_request" in sent.headers["authorization"]
    assert gateway.ledger.only.cost == 10 * 1_100 + 5 * 5_500


def test_a_stream_passes_byte_for_byte_and_is_metered() -> None:
    whole = b"".join(CONVERSED_STREAM)
    gateway, transport = bedrock(streamed(whole[:7], whole[7:150], whole[150:]))
    response, body = gateway.ask(f"/model/{MODEL}/converse-stream", ASK)
    assert (response.headers["content-type"], body) == ("application/vnd.amazon.eventstream", whole)
    assert transport.calls[0].url.endswith("/converse-stream")
    assert transport.calls[0].headers["accept"] == "application/vnd.amazon.eventstream"
    assert gateway.ledger.only.cost == 20_000


def test_an_openai_caller_is_served_by_bedrock_with_and_without_stream() -> None:
    asked = {"model": f"bedrock/{MODEL}", "messages": [{"role": "user", "content": "Hello"}]}
    gateway, transport = bedrock(Scripted(body=CONVERSED), streamed(*CONVERSED_STREAM))
    _, body = gateway.ask("/v1/chat/completions", asked)
    answer = json.loads(body)
    assert (answer["choices"][0]["message"]["content"], answer["model"]) == ("Hi", MODEL)
    assert answer["id"] == f"chatcmpl-{next(iter(gateway.ledger.entries))}"
    _, body = gateway.ask("/v1/chat/completions", {**asked, "stream": True})
    chunks = [json.loads(line[6:]) for line in body.splitlines() if line.startswith(b"data: {")]
    assert "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks if c["choices"]) == "Hello"
    assert {("req_" in chunk["id"], chunk["model"]) for chunk in chunks} == {(True, MODEL)}
    assert transport.sent() == ASK
    assert [entry.cost for entry in gateway.ledger.entries.values()] == [20_000, 20_000]


def test_a_stream_that_breaks_raises_in_amazons_client(monkeypatch: pytest.MonkeyPatch) -> None:
    cut = eventstream.exception("throttlingException", b'{"message":"Too many tokens, please wait."}')
    gateway, _ = bedrock(streamed(*CONVERSED_STREAM[:2], cut))
    stream = client(gateway, monkeypatch).converse_stream(modelId=MODEL, **ASK)["stream"]
    with pytest.raises(EventStreamError, match="Too many tokens"):
        list(stream)
    gateway = Gateway(ScriptedTransport(events(*STREAM[:2])))
    stream = client(gateway, monkeypatch).converse_stream(modelId="openai/test-gpt", **ASK)["stream"]
    with pytest.raises(EventStreamError) as raised:
        list(stream)
    assert raised.value.response["Error"]["Code"] == "modelStreamErrorException"


def test_an_error_frame_before_the_answer_is_told_as_an_http_error() -> None:
    gone = eventstream.exception("validationException", b'{"message":"The model is not known."}')
    gateway, _ = bedrock(streamed(gone))
    response, body = gateway.ask(f"/model/{MODEL}/converse-stream", ASK)
    assert response.status == 400
    assert response.headers["x-amzn-errortype"] == "ValidationException"
    assert gateway.ledger.only.outcome == "error"
    assert b"not known" in body


@pytest.mark.parametrize(
    ("model", "answer", "code", "status"),
    [
        ("nobody/nothing", None, "ResourceNotFoundException", 404),
        ("openai/test-gpt", (429, b'{"error":{"message":"slow","type":"rate_limit"}}'), "ThrottlingException", 429),
        ("openai/test-gpt", (401, b'{"error":{"message":"bad key"}}'), "AccessDeniedException", 401),
        ("openai/test-gpt", (500, b'{"error":{"message":"oh"}}'), "InternalServerException", 500),
        ("openai/test-gpt", (503, b'{"error":{"message":"oh"}}'), "ServiceUnavailableException", 503),
    ],
)
def test_errors_have_the_types_that_amazons_client_knows(
    model: str, answer: tuple[int, bytes] | None, code: str, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = Scripted(status=answer[0], body=answer[1]) if answer else Scripted(body=ANSWER)
    with pytest.raises(ClientError) as raised:
        client(Gateway(ScriptedTransport(told)), monkeypatch).converse(modelId=model, **ASK)
    assert raised.value.response["Error"]["Code"] == code
    assert raised.value.response["Error"]["Message"]
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == status


def test_bedrocks_own_error_passes_with_its_type(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {
        "content-type": "application/json",
        "x-amzn-errortype": "ValidationException:http://internal.amazon.com/coral/com.amazon.bedrock/",
    }
    refused = Scripted(status=400, body=b'{"message":"Operation not allowed"}', headers=headers)
    gateway, _ = bedrock(refused)
    with pytest.raises(ClientError, match="Operation not allowed") as raised:
        client(gateway, monkeypatch).converse(modelId=MODEL, **ASK)
    assert raised.value.response["Error"]["Code"] == "ValidationException"


def test_a_model_is_invoked_with_its_own_body(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = Scripted(
        body=b'{"outputs":[{"text":"Hi"}]}',
        headers={
            "content-type": "application/json",
            "x-amzn-bedrock-input-token-count": "10",
            "x-amzn-bedrock-output-token-count": "5",
        },
    )
    gateway, transport = bedrock(answered)
    response, body = gateway.ask(f"/model/{MODEL}/invoke", json.dumps(INVOKED, indent=1).encode())
    assert (response.status, body) == (200, answered.body)
    assert transport.calls[0].body == json.dumps(INVOKED, indent=1).encode()
    assert response.headers["x-amzn-bedrock-output-token-count"] == "5"
    assert gateway.ledger.only.cost == 20_000
    sdk = client(gateway, monkeypatch)
    guarded = sdk.invoke_model(modelId=MODEL, body=json.dumps(INVOKED), guardrailIdentifier="g", guardrailVersion="1")
    assert guarded["body"].read() == answered.body
    assert transport.calls[1].headers["x-amzn-bedrock-guardrailidentifier"] == "g"


def test_amazons_client_reads_an_invoked_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    told = [
        b'{"outputs":[{"text":"Hi"}]}',
        b'{"amazon-bedrock-invocationMetrics":{"inputTokenCount":10,"outputTokenCount":5}}',
    ]
    frames = [eventstream.event("chunk", json.dumps({"bytes": base64.b64encode(c).decode()}).encode()) for c in told]
    gateway, _ = bedrock(streamed(*frames))
    sdk = client(gateway, monkeypatch)
    answer = sdk.invoke_model_with_response_stream(modelId=MODEL, body=json.dumps(INVOKED))
    assert [event["chunk"]["bytes"] for event in answer["body"]] == told
    assert gateway.ledger.only.usage.prompt == 10


def test_tokens_are_counted_free_of_charge(monkeypatch: pytest.MonkeyPatch) -> None:
    gateway, transport = bedrock(Scripted(body=b'{"inputTokens":11}'))
    sdk = client(gateway, monkeypatch)
    assert sdk.count_tokens(modelId=MODEL, input={"converse": ASK})["inputTokens"] == 11
    assert transport.sent() == {"input": {"converse": ASK}}
    assert (gateway.ledger.only.operation, gateway.ledger.only.cost) == ("count_tokens", 0)


@pytest.mark.parametrize(
    ("path", "model", "operation", "stream"),
    [
        ("/model/us.a.b-v1%3A0/converse", "us.a.b-v1:0", "chat", False),
        ("/model/openai%2Ftest/converse-stream", "openai/test", "chat", True),
        ("/model/openai/test/invoke", "openai/test", "invoke", False),
        ("/model/a/invoke-with-response-stream", "a", "invoke", True),
        ("/model/a/count-tokens", "a", "count_tokens", False),
        ("/model/arn:aws:bedrock:us-east-1::foundation-model/a.b-v1:0/converse", "a.b-v1:0", "chat", False),
        ("/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.a.b/converse", "us.a.b", "chat", False),
        (
            "/model/arn:aws:bedrock:us-east-1:1:application-inference-profile%2Fxyz/converse",
            "bedrock/arn:aws:bedrock:us-east-1:1:application-inference-profile/xyz", "chat", False,
        ),
    ],
)  # fmt: skip
def test_the_path_says_model_action_and_stream(path: str, model: str, operation: str, stream: bool) -> None:
    match = find("POST", path)
    assert match is not None
    request, action = bedrock_call(Request("POST", path, {}), match)
    assert (request.members, action.operation) == ({"model": model, "stream": stream}, operation)


@pytest.mark.parametrize("path", ["/model/a/compress", "/model/converse"])
def test_another_action_is_not_found(path: str) -> None:
    match = find("POST", path)
    assert match is not None
    with pytest.raises(NotFound, match="converse"):
        bedrock_call(Request("POST", path, {}), match)


@pytest.mark.parametrize(("sent", "model"), [("a%3", "a%3"), ("a%zz", "a%zz"), ("%C3%A9", "é"), ("plain", "plain")])
def test_escapes_are_undone_where_they_are_any(sent: str, model: str) -> None:
    assert unescaped(sent) == model


def test_a_model_that_is_no_utf_8_is_refused() -> None:
    with pytest.raises(BadRequest):
        unescaped("%ff")
