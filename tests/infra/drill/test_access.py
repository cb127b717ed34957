"""What calls to AWS need, in IAM's words."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest

from infra.drill.access import Access, Call, needed

REGION, ACCOUNT = "us-east-1", "000000000000"


def call(service: str, method: str, path: str, *, query: str = "", target: str = "", body: bytes = b"") -> Call:
    return Call(method, path, query, target, body, REGION, service)


@pytest.mark.parametrize(
    ("method", "path", "query", "action", "resource"),
    [
        ("GET", "/exports/focus/a.gz", "", "s3:GetObject", "arn:aws:s3:::exports/focus/a.gz"),
        ("HEAD", "/exports/focus/a.gz", "", "s3:GetObject", "arn:aws:s3:::exports/focus/a.gz"),
        ("PUT", "/exports/focus/a.gz", "x-id=PutObject", "s3:PutObject", "arn:aws:s3:::exports/focus/a.gz"),
        ("DELETE", "/uploads/upl_1", "", "s3:DeleteObject", "arn:aws:s3:::uploads/upl_1"),
        ("GET", "/exports", "list-type=2", "s3:ListBucket", "arn:aws:s3:::exports"),
    ],
)
def test_a_call_of_s3_needs_an_action_on_its_object_or_bucket(
    method: str, path: str, query: str, action: str, resource: str
) -> None:
    assert needed(call("s3", method, path, query=query), ACCOUNT) == [Access(action, resource)]


@pytest.mark.parametrize(("method", "path", "query"), [("GET", "/a/b", "acl"), ("PUT", "/a", ""), ("POST", "/a/b", "")])
def test_a_call_of_s3_that_its_method_does_not_tell_is_an_error(method: str, path: str, query: str) -> None:
    with pytest.raises(ValueError, match="does not know"):
        needed(call("s3", method, path, query=query), ACCOUNT)


def test_a_message_needs_the_right_to_publish_to_its_topic() -> None:
    topic = f"arn:aws:sns:{REGION}:{ACCOUNT}:sluice-pr-1-alerts"
    body = urlencode({"Action": "Publish", "TopicArn": topic, "Message": "Budget"}).encode()
    assert needed(call("sns", "POST", "/", body=body), ACCOUNT) == [Access("sns:Publish", topic)]


def test_a_queue_is_known_by_the_end_of_its_address() -> None:
    asked = call(
        "sqs", "POST", "/", target="AmazonSQS.SendMessage", body=b'{"QueueUrl": "http://here/000000000000/left"}'
    )
    assert needed(asked, ACCOUNT) == [Access("sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:left")]


def test_a_random_password_is_nobodys() -> None:
    asked = call("secretsmanager", "POST", "/", target="secretsmanager.GetRandomPassword", body=b"{}")
    assert needed(asked, ACCOUNT) == [Access("secretsmanager:GetRandomPassword", "*")]


def test_a_service_that_the_guard_does_not_know_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not know"):
        needed(call("kinesis", "POST", "/"), ACCOUNT)
