"""What a handler learns from its context and the environment."""

from __future__ import annotations

import json


def test_the_context_tells_all_about_the_invocation(served):
    client = {
        "custom": {"a": "b"},
        "client": {"app_title": "Bücher"},
        "w3c": {"traceparent": "00-1-2-00", "other": "x"},
    }
    headers = {
        "Lambda-Runtime-Client-Context": json.dumps(client, ensure_ascii=False),
        "Lambda-Runtime-Cognito-Identity": json.dumps({"cognitoIdentityId": "id", "cognitoIdentityPoolId": "pool"}),
        "Lambda-Runtime-Aws-Tenant-Id": "acme",
        "Lambda-Runtime-Trace-Id": "Root=1-5bef4de7;Parent=9a91;Sampled=1",
    }
    invocation = served.api.submit({"httpMethod": "POST", "case": "context"}, headers=headers)
    told = invocation.wait().json
    assert 0 < told.pop("remaining") <= 60_000
    assert told == {
        "aws_request_id": invocation.request_id,
        "invoked_function_arn": "arn:aws:lambda:eu-central-1:123456789012:function:streaming:live",
        "tenant_id": "acme",
        "function_name": "streaming",
        "function_version": "7",
        "memory_limit_in_mb": "512",
        "log_group_name": "/aws/lambda/streaming",
        "log_stream_name": "2026/11/23/[7]abc",
        "custom": {"a": "b"},
        "app_title": "Bücher",
        "cognito": ["id", "pool"],
        "w3c": {"traceparent": "00-1-2-00"},
        "trace": "Root=1-5bef4de7;Parent=9a91;Sampled=1",
    }


def test_what_one_invocation_had_is_gone_in_the_next(served):
    served.http("context", headers={"Lambda-Runtime-Trace-Id": "Root=1", "Lambda-Runtime-Aws-Tenant-Id": "acme"})
    told = served.http("context").json
    assert told["trace"] is None
    assert told["tenant_id"] is None
    assert told["custom"] is None
    assert told["cognito"] == [None, None]
    assert told["w3c"] == {}


def test_no_time_remains_after_the_deadline(served):
    assert served.http("context", timeout_ms=-5000).json["remaining"] == 0


def test_the_invocation_id_is_handed_back_with_every_kind_of_answer(served):
    for case, event in [("any_event", {}), ("answer", {"chunks": ["x"]}), ("fail", {})]:
        received = served.http(case, event=event, headers={"Lambda-Runtime-Invocation-Id": "inv-1"})
        assert received.headers["lambda-runtime-invocation-id"] == "inv-1"
    assert "lambda-runtime-invocation-id" not in served.http("any_event").headers
