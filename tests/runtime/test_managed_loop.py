"""The same handler file on AWS's own loop, which collects what ours streams."""

from __future__ import annotations

import sys

import pytest

from tests.runtime.loop_process import LoopProcess
from tests.runtime.stub_runtime_api import StubRuntimeApi

EVENT = {"httpMethod": "POST", "case": "answer", "chunks": ["data: one\n\n", "data: two\n\n"]}
MANAGED = (sys.executable, "-m", "awslambdaric", "cases.handler")


@pytest.fixture(scope="module")
def managed():
    with StubRuntimeApi() as api, LoopProcess(api, command=MANAGED) as loop:
        yield api, loop


def test_the_same_handler_answers_with_the_same_body(managed, served):
    api, _ = managed
    collected = api.invoke(EVENT)
    streamed = served.http("answer", event=EVENT)
    assert not collected.streamed
    assert collected.json["body"].encode() == streamed.body
    assert collected.json["statusCode"] == streamed.prelude["statusCode"]
    assert collected.json["headers"] == streamed.prelude["headers"]


def test_the_same_handler_sees_the_same_context(managed, served):
    api, _ = managed
    headers = {"Lambda-Runtime-Trace-Id": "Root=1", "Lambda-Runtime-Client-Context": '{"custom": {"a": "b"}}'}
    there = api.invoke({"httpMethod": "POST", "case": "context"}, headers=headers).json
    here = served.http("context", headers=headers).json
    for told in (there, here):
        del told["aws_request_id"], told["remaining"]
    assert here == there


def test_a_handler_error_has_the_same_shape(managed, served):
    api, _ = managed
    there = api.invoke({"httpMethod": "POST", "case": "fail"}).json
    here = served.http("fail").json
    for fault in (there, here):
        assert fault.pop("requestId")
    assert here == there
