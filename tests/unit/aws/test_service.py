"""Calls of AWS's JSON protocol: what is sent, what is tried again, and what an error may say."""

from __future__ import annotations

import pytest

from sluice.aws.errors import AwsError, OutcomeUnknown, Refused, Throttled, Unavailable
from sluice.aws.service import JsonService, endpoint_of, error_code
from sluice.errors import ProviderTimeout, ProviderUnreachable
from tests.unit.aws.fakes import CREDENTIALS, FakeAnswer, FakeTransport, Pauses, ok, refused

ENDPOINT = "http://127.0.0.1:4566"


def service(transport: FakeTransport, pauses: Pauses | None = None, endpoint: str | None = ENDPOINT) -> JsonService:
    return JsonService(
        transport,
        CREDENTIALS,
        service="dynamodb",
        target="DynamoDB_20120810",
        region="eu-west-1",
        endpoint_url=endpoint,
        sleep=pauses or Pauses(),
        random=lambda: 1.0,
    )


def test_a_call_is_a_signed_post_to_the_region_s_endpoint() -> None:
    transport = FakeTransport(ok({"Item": {}}))
    assert service(transport, endpoint=None).call("GetItem", {"TableName": "t"}) == {"Item": {}}
    call = transport.calls[0]
    assert (call.method, call.url) == ("POST", "https://dynamodb.eu-west-1.amazonaws.com/")
    assert call.body == b'{"TableName":"t"}'
    assert call.allow_loopback is False
    assert call.headers["x-amz-target"] == "DynamoDB_20120810.GetItem"
    assert call.headers["content-type"] == "application/x-amz-json-1.0"
    assert call.headers["x-amz-security-token"] == "session-token-text"
    assert call.headers["authorization"].startswith("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")
    assert "host" not in call.headers


def test_the_emulator_s_endpoint_replaces_aws_s() -> None:
    transport = FakeTransport(ok())
    service(transport).call("GetItem", {})
    assert transport.calls[0].url == "http://127.0.0.1:4566/"
    assert transport.calls[0].allow_loopback is True


def test_each_partition_has_its_own_domain() -> None:
    assert endpoint_of("dynamodb", "cn-north-1", None) == "https://dynamodb.cn-north-1.amazonaws.com.cn/"
    assert endpoint_of("dynamodb", "us-gov-west-1", None) == "https://dynamodb.us-gov-west-1.amazonaws.com/"
    assert endpoint_of("dynamodb", "us-east-1", "http://h:1/") == "http://h:1/"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("com.amazonaws.dynamodb.v20120810#ThrottlingException", "ThrottlingException"),
        ("ResourceNotFoundException:http://internal.amazon.com/x", "ResourceNotFoundException"),
        ("Throttling", "Throttling"),
        ("", ""),
    ],
)
def test_the_error_code_is_bare(kind: str, code: str) -> None:
    assert error_code(kind) == code


@pytest.mark.parametrize(
    "trouble",
    [
        refused("ProvisionedThroughputExceededException"),
        refused("ThrottlingException"),
        refused("TransactionInProgressException"),
        FakeAnswer(429, b""),
        FakeAnswer(500, b'{"__type":"InternalServerError"}'),
        FakeAnswer(503, b"<html>"),
        FakeAnswer(200, b"not json"),
        FakeAnswer(200, b"[]"),
        ProviderUnreachable("reset"),
        ProviderTimeout("slow", phase="first_byte"),
    ],
)
def test_a_passing_trouble_is_tried_again(trouble: FakeAnswer | Exception) -> None:
    transport = FakeTransport(trouble, trouble, ok({"done": True}))
    assert service(transport).call("GetItem", {}) == {"done": True}
    assert len(transport.calls) == 3


def test_each_wait_may_be_twice_as_long_as_the_one_before() -> None:
    pauses = Pauses()
    transport = FakeTransport(*[refused("ThrottlingException")] * 4)
    with pytest.raises(Throttled):
        service(transport, pauses).call("GetItem", {})
    assert pauses.seconds == [0.05, 0.1, 0.2]


def test_waits_are_drawn_from_the_whole_range() -> None:
    pauses = Pauses()
    transport = FakeTransport(*[refused("ThrottlingException")] * 2, ok())
    drawn = iter([0.0, 0.5])
    JsonService(
        transport,
        CREDENTIALS,
        service="dynamodb",
        target="T",
        region="eu-west-1",
        sleep=pauses,
        random=lambda: next(drawn),
    ).call("GetItem", {})
    assert pauses.seconds == [0.0, 0.05]


def test_tries_end_with_the_budget() -> None:
    transport = FakeTransport(*[refused("ThrottlingException")] * 4)
    impatient = JsonService(
        transport, CREDENTIALS, service="dynamodb", target="T", region="eu-west-1", budget=0.0, sleep=Pauses()
    )
    with pytest.raises(Throttled):
        impatient.call("GetItem", {})
    assert len(transport.calls) == 1


def test_trouble_that_stays_is_reported_with_its_kind() -> None:
    with pytest.raises(Unavailable, match=r"GetItem failed with 500 InternalServerError") as raised:
        service(FakeTransport(*[refused("InternalServerError", 500)] * 4)).call("GetItem", {})
    assert raised.value.http_status == 503
    assert raised.value.may_retry
    with pytest.raises(Unavailable, match=r"no answer \(provider_unreachable\)"):
        service(FakeTransport(*[ProviderUnreachable("reset")] * 4)).call("GetItem", {})


@pytest.mark.parametrize("trouble", [FakeAnswer(500, b""), ProviderUnreachable("reset")])
def test_a_write_that_must_happen_once_is_not_repeated_after_a_lost_answer(trouble: FakeAnswer | Exception) -> None:
    transport = FakeTransport(trouble, ok())
    with pytest.raises(OutcomeUnknown):
        service(transport).call("UpdateItem", {}, repeatable=False)
    assert len(transport.calls) == 1


def test_a_write_that_must_happen_once_is_repeated_after_a_throttle() -> None:
    transport = FakeTransport(refused("ThrottlingException"), ok({"done": True}))
    assert service(transport).call("UpdateItem", {}, repeatable=False) == {"done": True}


def test_a_refusal_is_not_tried_again_and_keeps_aws_s_words_for_the_log() -> None:
    transport = FakeTransport(refused("ResourceNotFoundException", message="Requested resource not found"))
    with pytest.raises(Refused, match=r"dynamodb.GetItem failed with 400 ResourceNotFoundException") as raised:
        service(transport).call("GetItem", {})
    assert raised.value.aws_code == "ResourceNotFoundException"
    assert raised.value.detail == "Requested resource not found"
    assert not raised.value.may_retry


def test_a_signature_error_never_repeats_the_request_that_aws_quotes() -> None:
    quoted = "The Canonical String should have been 'POST x-amz-security-token:session-token-text'"
    transport = FakeTransport(refused("InvalidSignatureException", message=quoted))
    with pytest.raises(Refused) as raised:
        service(transport).call("GetItem", {})
    assert "session-token-text" not in raised.value.detail + str(raised.value) + repr(raised.value)


def test_no_error_holds_the_payload() -> None:
    for trouble in (refused("ValidationException"), FakeAnswer(500, b""), ProviderUnreachable("reset")):
        with pytest.raises(AwsError) as raised:
            service(FakeTransport(*[trouble] * 4)).call("PutItem", {"secret": "classified"})
        assert "classified" not in f"{raised.value}{raised.value.detail}{vars(raised.value)}"


def test_half_a_surrogate_pair_in_a_text_does_not_fail_the_call() -> None:
    transport = FakeTransport(ok())
    service(transport).call("PutItem", {"text": "a\ud800b"})
    assert transport.calls[0].body == b'{"text":"a?b"}'


class Moment:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def resting(transport: FakeTransport, moment: Moment) -> JsonService:
    return JsonService(
        transport, CREDENTIALS, service="dynamodb", target="T", region="eu-west-1", now=moment, sleep=Pauses()
    )


HANGS = ProviderTimeout("slow", phase="first_byte")


def test_a_service_that_hangs_is_not_called_for_a_while() -> None:
    transport, moment = FakeTransport(*[HANGS] * 20), Moment()
    called = resting(transport, moment)
    with pytest.raises(Unavailable):
        called.call("GetItem", {})
    before = len(transport.calls)
    for _ in range(10):
        with pytest.raises(Unavailable, match="called again in"):
            called.call("GetItem", {})
    assert (before, len(transport.calls)) == (4, 4)


def test_the_first_call_after_a_rest_has_one_try_and_rests_grow_up_to_five_seconds() -> None:
    transport, moment = FakeTransport(*[HANGS] * 20), Moment()
    called = resting(transport, moment)
    tried: list[float] = []
    while moment.now < 1_020.0:
        before = len(transport.calls)
        with pytest.raises(Unavailable):
            called.call("GetItem", {})
        if len(transport.calls) > before:
            tried.append(moment.now - 1_000.0)
        moment.now += 0.5
    assert tried == [0, 1, 3, 7, 12, 17]
    assert len(transport.calls) == 4 + 5


def test_an_answer_ends_the_rest_whatever_it_says() -> None:
    told = refused("ValidationException")
    transport, moment = FakeTransport(*[HANGS] * 4, told, ok({})), Moment()
    called = resting(transport, moment)
    with pytest.raises(Unavailable):
        called.call("GetItem", {})
    moment.now += 1.0
    with pytest.raises(Refused):
        called.call("GetItem", {})
    assert called.call("GetItem", {}) == {}


def test_throttles_are_no_reason_to_rest() -> None:
    throttled = refused("ThrottlingException")
    transport, moment = FakeTransport(*[throttled] * 4, ok({})), Moment()
    called = resting(transport, moment)
    with pytest.raises(Throttled):
        called.call("GetItem", {})
    assert called.call("GetItem", {}) == {}


def test_a_write_that_must_not_be_repeated_is_not_sent_while_the_service_rests() -> None:
    transport, moment = FakeTransport(*[HANGS] * 20), Moment()
    called = resting(transport, moment)
    with pytest.raises(OutcomeUnknown):
        called.call("UpdateItem", {}, repeatable=False)
    with pytest.raises(Unavailable) as caught:
        called.call("UpdateItem", {}, repeatable=False)
    assert not isinstance(caught.value, OutcomeUnknown)
    assert len(transport.calls) == 1
